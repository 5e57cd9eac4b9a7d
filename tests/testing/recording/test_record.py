"""Recording through the proxy: clients with another key, what the file keeps, and what is refused."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest
import requests

from otagw.testing.recording import proxy
from otagw.testing.recording.front import Key
from tests import signer
from tests.conftest import ROOT
from tests.iotda import signer as iotda_signer
from tests.patience import HANG_SECONDS, eventually
from tests.ports import free_port
from tests.testing.recording.conftest import CLIENT, REAL
from tests.web import answer

# The SDKs never close their connections: the garbage collector does.
_quiet = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


def sdks(test):
    """Mark a test that runs a vendor's SDK."""
    return pytest.mark.live(_quiet(test))


PRODUCT = {"app_id": "app1", "name": "Lock", "device_type": "Lock", "protocol_type": "MQTT", "data_format": "json"}
PRODUCT |= {"product_id": "lock", "service_capabilities": []}


@sdks
def test_the_first_sdk_of_alibaba_is_recorded_with_a_key_that_the_cloud_does_not_know(recorder):
    from aliyunsdkiot.request.v20180120.CreateOTAFirmwareRequest import CreateOTAFirmwareRequest

    request = CreateOTAFirmwareRequest()
    request.set_FirmwareName("door")
    request.set_DestVersion("2.0")
    made = json.loads(recorder.sdk.aliyun().do_action_with_exception(request))
    assert made["Success"] is True
    entry = recorder.entries[0]
    assert (entry["operation"], entry["scheme"], entry["status"]) == ("CreateOTAFirmware", "v1", 200)
    given = {name: value for group in entry["parameters"].values() for name, value in group.items()}
    assert given["FirmwareName"] == "door"
    assert entry["body"]["Data"]["FirmwareId"] == made["Data"]["FirmwareId"]


@sdks
@pytest.mark.parametrize(("algorithm", "scheme"), [(None, "v3"), ("v2", "v1")])
def test_the_second_sdk_of_alibaba_is_recorded_in_both_schemes(recorder, algorithm, scheme):
    from alibabacloud_iot20180120 import models

    client = recorder.sdk.tea(**({"signature_algorithm": algorithm} if algorithm else {}))
    made = client.create_otafirmware(models.CreateOTAFirmwareRequest(firmware_name="door", dest_version="2.0")).body
    assert made.success
    shown = client.query_otafirmware(models.QueryOTAFirmwareRequest(firmware_id=made.data.firmware_id)).body
    assert shown.firmware_info.dest_version == "2.0"
    assert [(entry["operation"], entry["scheme"]) for entry in recorder.entries] == [
        ("CreateOTAFirmware", scheme),
        ("QueryOTAFirmware", scheme),
    ]


@sdks
@pytest.mark.parametrize("scheme", ["SDK-HMAC-SHA256", "V11-HMAC-SHA256"])
def test_the_sdk_of_huawei_is_recorded_in_both_schemes(recorder, scheme):
    from huaweicloudsdkiotda import v5

    from tests.iotda.test_sdk import connect

    client = connect(recorder, scheme.partition("-")[0], key=CLIENT)
    body = v5.AddProduct(
        **{name: value for name, value in PRODUCT.items() if name != "device_type"}, device_type="Lock"
    )
    assert client.create_product(v5.CreateProductRequest(body=body)).product_id == "lock"
    assert client.show_product(v5.ShowProductRequest(product_id="lock")).name == "Lock"
    made, shown = recorder.entries
    assert (made["operation"], made["status"], made["scheme"]) == ("CreateProduct", 201, scheme)
    assert made["parameters"]["body"]["name"] == "Lock"
    assert (shown["path"], shown["parameters"]["path"]["product_id"]) == (
        "/v5/iot/{project_id}/products/{product_id}",
        "lock",
    )


def test_a_form_stays_a_form(recorder):
    assert recorder.post("CreateOTAFirmware", FirmwareName="door", DestVersion="2").json()["Success"] is True
    assert recorder.entries[0]["parameters"]["form"]["FirmwareName"] == "door"


def test_a_client_with_a_token_is_signed_for_and_never_sees_a_token_of_the_cloud(recorder):
    pair = {"access": {"key": CLIENT.id}, "secret": {"key": CLIENT.secret}}
    login = {"auth": {"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": pair}}}
    answered = recorder.send("POST", "/v3/auth/tokens", json=login)
    assert (answered.status_code, answered.headers["X-Subject-Token"]) == (201, "REDACTED")
    path = f"/v5/iot/{iotda_signer.PROJECT}/products"
    listed = recorder.send("GET", path, headers={"X-Auth-Token": "REDACTED"})
    assert listed.status_code == 200
    assert [entry["operation"] for entry in recorder.entries] == ["CreateToken", "ListProducts"]
    assert CLIENT.id not in recorder.file.read_text(encoding="utf-8")


def test_a_login_by_password_is_refused(recorder):
    login = {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "x", "password": "y"}}}}}
    answered = recorder.send("POST", "/v3/auth/tokens", json=login)
    assert (answered.status_code, answered.json()["error_code"]) == (401, "APIGW.0301")
    assert recorder.entries == []


def test_a_security_token_of_the_client_is_not_passed_on(make_recorder, web):
    web.pages["/"] = answer(b'{"Success":true}', Content_Type="application/json")
    recorder = make_recorder(f"http://127.0.0.1:{web.port}")
    recorder.get("ListOTAFirmware", SecurityToken="token-of-the-client")
    host = recorder.url.removeprefix("http://")
    extra = {"x-acs-security-token": "token-of-the-client", "x-acs-region-id": "cn-shanghai"}
    headers = signer.v3(CLIENT, "ListOTAFirmware", host, extra=extra)
    recorder.send("POST", "/", headers=headers)
    (first, _), (_, second, _) = web.seen[0], web.posted[0]
    assert "token-of-the-client" not in first + str(second)
    assert CLIENT.id not in first + str(second)
    assert second["x-acs-region-id"] == "cn-shanghai"
    assert "token-of-the-client" not in recorder.file.read_text(encoding="utf-8")


def test_the_file_holds_nothing_secret(cloud, recorder):
    seen = {*REAL, *CLIENT}
    product = recorder.ok("CreateProduct", ProductName="Lock", NodeType="0")["Data"]
    made = recorder.ok("RegisterDevice", ProductKey=product["ProductKey"], DeviceName="door1")["Data"]
    form = recorder.ok("GenerateOTAUploadURL")["Data"]
    recorder.ok("QueryDeviceDetail", ProductKey=product["ProductKey"], DeviceName="door1")
    seen |= {product["ProductSecret"], made["DeviceSecret"], form["Policy"], form["Signature"]}
    recorder.iotda("POST", "/products", PRODUCT)
    auth = {"auth_type": "SECRET", "secret": "chosen-device-secret-1"}
    added = recorder.iotda("POST", "/devices", {"node_id": "n1", "product_id": "lock", "auth_info": auth})
    assert added.status_code == 201, added.text
    seen.add("chosen-device-secret-1")
    link = "https://cdn.example.com/a.bin?Expires=1&Signature=abcdefgh%3D"
    firmware = recorder.ok("CreateOTAFirmware", FirmwareName="x", DestVersion="1", FirmwareUrl=link)["Data"]
    shown = recorder.ok("QueryOTAFirmware", FirmwareId=firmware["FirmwareId"])
    assert shown["FirmwareInfo"]["FirmwareUrl"].endswith("abcdefgh%3D")
    seen |= recorder.secrets | {"abcdefgh", "Expires="}
    text = recorder.file.read_text(encoding="utf-8")
    assert len(recorder.entries) == 8
    assert [secret for secret in seen if secret in text] == []
    assert "https://cdn.example.com/a.bin" in text


def test_a_refusal_that_quotes_what_was_signed_is_recorded_without_it(cloud, make_recorder):
    wrong = Key(REAL.id, "not-the-secret-of-the-real-key")
    recorder = make_recorder(cloud.url, keys={"aliyun": wrong, "iotda": wrong})
    answered = recorder.get("ListOTAFirmware", CurrentPage="1", PageSize="1")
    assert answered.json()["Code"] == "SignatureDoesNotMatch"
    nonce = re.search(r"SignatureNonce%3D([0-9a-f]+)", answered.json()["Message"])[1]
    text = recorder.file.read_text(encoding="utf-8")
    assert recorder.entries[0]["code"] == "SignatureDoesNotMatch"
    assert not [secret for secret in (nonce, REAL.id, wrong.secret) if secret in text]


def test_answers_in_xml_are_recorded_as_data(recorder):
    passed = recorder.get("ListOTAFirmware", Format="XML", CurrentPage="1", PageSize="5")
    assert passed.text.startswith("<?xml")
    assert recorder.entries[0]["body"]["ListOTAFirmwareResponse"]["Success"] == "true"


def test_what_is_neither_json_nor_xml_is_passed_on_and_kept_without_its_body(make_recorder, web):
    web.pages["/"] = answer(b"<html>down</html>", "502 Bad Gateway", Content_Type="text/html")
    recorder = make_recorder(f"http://127.0.0.1:{web.port}")
    passed = recorder.get("ListOTAFirmware")
    assert (passed.status_code, passed.text, passed.headers["Content-Type"]) == (502, "<html>down</html>", "text/html")
    (entry,) = recorder.entries
    assert (entry["status"], entry["type"], entry["body"]) == (502, "text/html", None)


def test_redirects_are_passed_on_and_not_followed(make_recorder, web):
    web.pages["/"] = answer(b"{}", "302 Found", Content_Type="application/json", Location="http://127.0.0.1:1/")
    recorder = make_recorder(f"http://127.0.0.1:{web.port}")
    passed = recorder.get("ListOTAFirmware")
    assert (passed.status_code, passed.headers["Location"]) == (302, "http://127.0.0.1:1/")
    assert len(web.seen) == 1


def test_without_a_key_a_request_is_refused_in_the_words_of_its_front(cloud, make_recorder):
    recorder = make_recorder(cloud.url, keys={"aliyun": None, "iotda": None})
    answered = recorder.get("ListOTAFirmware")
    assert (answered.status_code, answered.json()["Code"]) == (503, "Recording.MissingKey")
    assert "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET" in answered.json()["Message"]
    answered = recorder.iotda("GET", "/products")
    assert (answered.status_code, answered.json()["error_code"]) == (503, "Recording.MissingKey")
    assert "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK" in answered.json()["error_msg"]
    assert recorder.entries == []


def test_a_cloud_that_gives_no_answer_is_a_refusal_and_not_recorded(make_recorder):
    recorder = make_recorder(f"http://127.0.0.1:{free_port()}")
    answered = recorder.get("ListOTAFirmware", Format="XML")
    assert (answered.status_code, "<Code>ServiceUnavailable</Code>" in answered.text) == (503, True)
    answered = recorder.iotda("GET", "/products")
    assert (answered.status_code, answered.json()["error_code"]) == (503, "IOTDA.900503")
    assert "gives no answer" in answered.json()["error_msg"]
    assert recorder.entries == []


def test_an_answer_that_breaks_off_is_a_refusal_and_not_recorded(make_recorder, web):
    web.pages["/"] = answer(b'{"Success":true}', Content_Type="application/json", Content_Length=100)
    recorder = make_recorder(f"http://127.0.0.1:{web.port}")
    assert recorder.get("ListOTAFirmware").status_code == 503
    assert recorder.entries == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/admin", 404),
        ("GET", "/device/v1/p/d/update", 404),
        ("PUT", "/", 405),
        ("GET", "/?Version=2018-01-20", 400),
        ("GET", "/?Action=A&Action=B", 400),
        ("GET", "/?Action=A&Version=1999-01-01", 400),
    ],
)
def test_what_no_front_reads_is_refused_and_not_recorded(recorder, method, path, status):
    answered = recorder.send(method, path)
    assert (answered.status_code, "Code" in answered.json()) == (status, True)
    assert recorder.entries == []


def test_a_body_over_the_limit_is_refused_and_not_recorded(recorder):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answered = recorder.send("POST", "/?Action=CreateOTAFirmware", headers=form, data=b"a" * (4 * 1024 * 1024 + 1))
    assert answered.status_code == 413
    assert recorder.entries == []


@pytest.mark.parametrize("header", [{"Origin": "https://example.com"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_page_in_a_browser_cannot_use_the_key(recorder, header):
    answered = recorder.send("GET", "/?Action=DeleteProduct&ProductKey=lock", headers=header)
    assert (answered.status_code, answered.json()["Code"]) == (403, "Recording.Browser")
    assert recorder.entries == []


def test_more_requests_than_may_be_under_way_are_refused(make_recorder, web):
    held, come = threading.Event(), threading.Semaphore(0)

    def hold(stream):
        come.release()
        held.wait(HANG_SECONDS)
        stream.write(answer(b'{"Success":true}', Content_Type="application/json"))

    web.pages["/"] = hold
    recorder = make_recorder(f"http://127.0.0.1:{web.port}")
    callers = [threading.Thread(target=recorder.get, args=("ListOTAFirmware",)) for _ in range(proxy.MOST)]
    for caller in callers:
        caller.start()
    try:
        for _ in callers:
            assert come.acquire(timeout=HANG_SECONDS)
        answered = recorder.get("ListOTAFirmware")
        assert (answered.status_code, answered.json()["Code"]) == (503, "ServiceUnavailable")
    finally:
        held.set()
        for caller in callers:
            caller.join()
    assert recorder.get("ListOTAFirmware").status_code == 200
    assert len(recorder.entries) == proxy.MOST + 1


def test_uploads_and_downloads_of_a_gateway_pass_through_and_are_not_recorded(recorder):
    form = recorder.ok("GenerateOTAUploadURL")["Data"]
    data = os.urandom(300_000)
    fields = {"key": form["Key"], "OSSAccessKeyId": form["OSSAccessKeyId"]}
    fields |= {"policy": form["Policy"], "Signature": form["Signature"]}
    assert recorder.send("POST", "/oss", data=fields, files={"file": ("a.bin", data)}).status_code == 204
    recorder.ok("CreateOTAFirmware", FirmwareName="x", DestVersion="1", FirmwareUrl=form["FirmwareUrl"])
    made = recorder.ok("ListOTAFirmware", CurrentPage="1", PageSize="1")["FirmwareInfo"]["SimpleFirmwareInfo"][0]
    link = recorder.ok("QueryOTAFirmware", FirmwareId=made["FirmwareId"])["FirmwareInfo"]["FirmwareUrl"]
    path = "/oss" + link.partition("/oss")[2]
    loaded = recorder.send("GET", path, headers={"Range": "bytes=10-19"})
    assert (loaded.status_code, loaded.content) == (206, data[10:20])
    assert recorder.send("GET", path).content == data
    assert recorder.send("GET", path.partition("?")[0]).status_code == 403
    assert len(recorder.entries) == 4
    assert recorder.application.unrecorded == 4
    assert base64.b64encode(data[:30]).decode() not in recorder.file.read_text(encoding="utf-8")


def test_a_body_that_is_no_json_is_passed_on_and_not_recorded(make_recorder, web):
    path = f"/v5/iot/{iotda_signer.PROJECT}/batchtask-files"
    web.pages[path] = answer(b"{}", "201 Created", Content_Type="application/json")
    recorder = make_recorder(f"http://127.0.0.1:{web.port}")
    signed = iotda_signer.headers(CLIENT, "POST", path, body=b"--x")
    signed["Content-Type"] = "multipart/form-data; boundary=x"
    assert recorder.send("POST", path, headers=signed, data=b"--x").status_code == 201
    assert web.posted[0][2] == b"--x"
    assert (recorder.entries, recorder.application.unrecorded) == ([], 1)


def test_an_operation_that_the_gateway_does_not_have_is_recorded_under_its_path(make_recorder, web):
    path = f"/v5/iot/{iotda_signer.PROJECT}/rules"
    web.pages[path] = answer(b'{"rules":[]}', Content_Type="application/json")
    recorder = make_recorder(f"http://127.0.0.1:{web.port}")
    assert recorder.iotda("GET", "/rules", params={"limit": "3"}).json() == {"rules": []}
    (entry,) = recorder.entries
    assert (entry["operation"], entry["parameters"]) == (f"GET {path}", {"query": {"limit": "3"}})


class Process:
    """`otagw record` as it is run."""

    def __init__(self, folder, to, **environ):
        self.out, self.port_file = folder / "out.jsonl", folder / "port"
        words = ["record", "--to", to, "--out", str(self.out), "--port-file", str(self.port_file)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "otagw", *words],
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
            stderr=subprocess.PIPE,
            text=True,
        )
        eventually(lambda: self.port_file.exists() or self.process.poll() is not None)
        self.url = f"http://127.0.0.1:{self.port_file.read_text(encoding='ascii').strip()}"

    def end(self, number):
        self.process.send_signal(number)
        said = self.process.communicate(timeout=HANG_SECONDS)[1]
        return self.process.returncode, said


KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": REAL.id, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": REAL.secret}


def call(url, action, **params):
    return requests.get(f"{url}/?{signer.query(signer.v1(CLIENT, action, **params))}", timeout=HANG_SECONDS)


@pytest.mark.live
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_records_until_it_is_told_to_end(cloud, tmp_path, number):
    process = Process(tmp_path, cloud.url, **KEYS)
    assert call(process.url, "CreateOTAFirmware", FirmwareName="x", DestVersion="1").status_code == 200
    status, said = process.end(number)
    assert (status, process.port_file.exists()) == (0, False)
    assert "set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK" in said
    assert f"{process.url} records {cloud.url}" in said
    assert f"1 exchange in {process.out}" in said
    assert REAL.secret not in said
    assert REAL.secret not in process.out.read_text(encoding="utf-8")


@pytest.mark.live
def test_a_killed_recorder_has_kept_what_was_answered(cloud, tmp_path):
    process = Process(tmp_path, cloud.url, **KEYS)
    for number in range(3):
        call(process.url, "CreateOTAFirmware", FirmwareName=f"x{number}", DestVersion="1")
    process.end(signal.SIGKILL)
    names = [json.loads(line)["operation"] for line in process.out.read_text(encoding="utf-8").splitlines()[1:]]
    assert names == ["CreateOTAFirmware"] * 3


def test_a_gateway_in_production_loads_nothing_of_it():
    program = "import sys, otagw.cli, otagw.app; print([m for m in sys.modules if m.startswith('otagw.testing')])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("target", ["v5/iot/p/products", "http://127.0.0.1:1/v5/iot/p/products"])
def test_a_target_cannot_lead_to_another_host(make_recorder, web, target):
    """A raw target that is appended to the URL of the cloud could continue its host."""
    recorder = make_recorder(f"http://127.0.0.1:{web.port}")
    with socket.create_connection(("127.0.0.1", int(recorder.url.rpartition(":")[2])), HANG_SECONDS) as raw:
        raw.sendall(f"GET {target} HTTP/1.0\r\nHost: h\r\n\r\n".encode())
        head = raw.recv(1000).split(b"\r\n")[0]
    assert head.split()[1] == b"404"
    assert {path for path, _ in web.seen} <= {"/v5/iot/p/products"}
