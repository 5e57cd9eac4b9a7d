"""Playing a recording against a gateway: nothing to report where it is as the cloud was, and each way to differ."""

import json

import pytest
from click.testing import CliRunner

from otagw.cli import main
from otagw.testing import Gateway
from tests.ports import free_port
from tests.testing.recording.conftest import REAL
from tests.testing.recording.test_record import PRODUCT

KEYS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": REAL.id,
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": REAL.secret,
    "HUAWEICLOUD_SDK_AK": REAL.id,
    "HUAWEICLOUD_SDK_SK": REAL.secret,
}


def compare(recorder, *words, status, **environ):
    done = CliRunner().invoke(main, ["compare", str(recorder.file), *words], env=environ)
    assert done.exit_code == status, (done.output, done.exception)
    assert "Traceback" not in done.output
    return done.output


def differences(recorder, *words, **environ):
    """Return kind, member and both sides of each difference, of which there must be some."""
    found = json.loads(compare(recorder, "--json", *words, status=1, **environ))
    assert found["count"] == len(found["differences"])
    return [(d["operation"], d["kind"], d["member"], d["recorded"], d["here"]) for d in found["differences"]]


def story(recorder):
    """Record a release: most of it names ids that earlier answers gave."""
    product = recorder.ok("CreateProduct", ProductName="Lock", NodeType="0")["Data"]["ProductKey"]
    for name in ("door1", "door2"):
        recorder.ok("RegisterDevice", ProductKey=product, DeviceName=name)
    made = recorder.ok("RegisterDevice", ProductKey=product)["Data"]  # whose name the cloud makes up
    recorder.ok("QueryDeviceDetail", ProductKey=product, DeviceName=made["DeviceName"])
    params = {"FirmwareName": "fw", "DestVersion": "2", "ProductKey": product, "FirmwareSize": "100"}
    params |= {"FirmwareSign": "0" * 32, "FirmwareUrl": "https://cdn.example.com/a.bin?Signature=x"}
    firmware = recorder.ok("CreateOTAFirmware", **params)["Data"]["FirmwareId"]
    recorder.ok("QueryOTAFirmware", FirmwareId=firmware)
    targets = {"TargetSelection": "SPECIFIC", "TargetDeviceName.1": "door1", "SrcVersion.1": "1"}
    job = recorder.get("CreateOTAStaticUpgradeJob", FirmwareId=firmware, ProductKey=product, **targets).json()
    recorder.get("QueryOTAJob", JobId=job.get("Data", {}).get("JobId", "1"))
    recorder.ok("ListOTAFirmware", CurrentPage="1", PageSize="5")
    recorder.get("QueryOTAFirmware", FirmwareId="404404404")
    recorder.iotda("POST", "/products", PRODUCT)
    auth = {"auth_type": "SECRET", "secret": "a-secret-of-then"}
    device = recorder.iotda("POST", "/devices", {"node_id": "n1", "product_id": "lock", "auth_info": auth}).json()
    recorder.iotda("GET", f"/devices/{device['device_id']}")
    recorder.iotda("GET", "/products", params={"limit": "5"})
    recorder.iotda("GET", "/products/none")
    recorder.iotda("DELETE", f"/devices/{device['device_id']}")


def test_a_gateway_of_its_own_answers_as_another_one_did(recorder):
    story(recorder)
    assert compare(recorder, status=0) == "17 requests: 17 equal, 0 differ; 0 differences.\n"


def test_a_gateway_elsewhere_answers_as_another_one_did(recorder):
    story(recorder)
    with Gateway(seed=7) as other:
        other.accounts.add("company", key_id=REAL.id, secret=REAL.secret)
        assert "17 equal, 0 differ" in compare(recorder, "--to", other.url, status=0, **KEYS)


def test_a_token_is_asked_for_with_the_key_of_the_gateway(recorder):
    pair = {"access": {"key": "a" * 20}, "secret": {"key": "b" * 20}}
    login = {"auth": {"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": pair}}}
    assert recorder.send("POST", "/v3/auth/tokens", json=login).status_code == 201
    compare(recorder, status=0)


@pytest.fixture
def altered(cloud, recorder):
    """Record one Action of a cloud whose answer is altered by a function."""

    def record(action, alter, before=(), **params):
        for name, given in before:
            recorder.ok(name, **given)
        cloud.faults.add(action, alter=alter)
        recorder.get(action, **params)
        return recorder

    return record


PACKAGE = {"FirmwareName": "x", "DestVersion": "1"}
LISTING = {"CurrentPage": "1", "PageSize": "5"}
BEFORE = [("CreateOTAFirmware", PACKAGE)]


def within(answer, **changes):
    return {**answer, **changes}


def without(answer, name):
    return {key: value for key, value in answer.items() if key != name}


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        (lambda a: within(a, Total="1"), ("type", "Total", "a text", "a number")),
        (lambda a: within(a, Total=None), ("type", "Total", "null", "a number")),
        (lambda a: within(a, Total=9), ("value", "Total", "9", "1")),
        (lambda a: without(a, "PageSize"), ("additional", "PageSize", "absent", "a number")),
        (lambda a: within(a, Extra=1), ("missing", "Extra", "a number", "absent")),
        (lambda a: within(a, PageSize=10), ("value", "PageSize", "10", "5")),
        (
            lambda a: within(a, FirmwareInfo={"SimpleFirmwareInfo": []}),
            ("items", "FirmwareInfo.SimpleFirmwareInfo", "0", "1"),
        ),
        (lambda a: within(a, FirmwareInfo=[]), ("type", "FirmwareInfo", "a list", "an object")),
    ],
)
def test_each_way_in_which_members_differ_is_reported(altered, alter, expected):
    recorder = altered("ListOTAFirmware", alter, BEFORE, **LISTING)
    assert differences(recorder) == [("ListOTAFirmware", *expected)]


def test_times_links_and_texts_for_people_are_not_compared(altered):
    def alter(answer):
        info = {"UtcCreate": "2001-01-01T00:00:00.000Z", "FirmwareUrl": "https://other.example.com/b"}
        return within(answer, FirmwareInfo={**answer["FirmwareInfo"], **info})

    before = [("CreateOTAFirmware", {**PACKAGE, "FirmwareUrl": "https://cdn.example.com/a.bin"})]
    recorder = altered("ListOTAFirmware", lambda answer: within(answer, RequestId="another"), before, **LISTING)
    made = recorder.entries[0]["body"]["Data"]["FirmwareId"]
    altered("QueryOTAFirmware", alter, FirmwareId=made)
    altered("DeleteOTAFirmware", lambda answer: within(answer, ErrorMessage="none"), FirmwareId="404404404")
    assert "FirmwareUrl" in recorder.entries[2]["body"]["FirmwareInfo"]
    assert recorder.entries[3]["body"]["ErrorMessage"] == "none"
    compare(recorder, status=0)


def test_members_within_items_are_reported_once(altered):
    def alter(answer):
        items = answer["FirmwareInfo"]["SimpleFirmwareInfo"]
        return within(answer, FirmwareInfo={"SimpleFirmwareInfo": [without(item, "Status") for item in items]})

    before = [("CreateOTAFirmware", {**PACKAGE, "FirmwareName": name}) for name in ("x", "y", "z")]
    recorder = altered("ListOTAFirmware", alter, before, **LISTING)
    assert differences(recorder) == [
        ("ListOTAFirmware", "additional", "FirmwareInfo.SimpleFirmwareInfo[].Status", "absent", "a number")
    ]


def test_lists_of_other_sizes_are_compared_by_the_shape_of_their_items(altered):
    def alter(answer):
        item = {**answer["FirmwareInfo"]["SimpleFirmwareInfo"][0], "Status": "1"}
        return within(answer, FirmwareInfo={"SimpleFirmwareInfo": [item, item]})

    recorder = altered("ListOTAFirmware", alter, BEFORE, **LISTING)
    path = "FirmwareInfo.SimpleFirmwareInfo"
    assert differences(recorder) == [
        ("ListOTAFirmware", "items", path, "2", "1"),
        ("ListOTAFirmware", "type", f"{path}[].Status", "a text", "a number"),
    ]


def test_an_id_in_another_spelling_is_still_known_in_later_requests(altered):
    def alter(answer):
        data = answer["Data"]
        return within(answer, Data={**without(data, "FirmwareId"), "FirmwareID": data["FirmwareId"]})

    recorder = altered("CreateOTAFirmware", alter, **PACKAGE)
    recorder.ok("QueryOTAFirmware", FirmwareId=recorder.entries[0]["body"]["Data"]["FirmwareID"])
    assert differences(recorder) == [
        ("CreateOTAFirmware", "missing", "Data.FirmwareID", "a text", "absent"),
        ("CreateOTAFirmware", "additional", "Data.FirmwareId", "absent", "a text"),
    ]


def test_an_id_that_is_not_the_one_given_before_is_reported(recorder):
    made = recorder.ok("CreateOTAFirmware", **PACKAGE)["Data"]["FirmwareId"]
    recorder.ok("QueryOTAFirmware", FirmwareId=made)
    with Gateway() as other:
        other.accounts.add("company", key_id=REAL.id, secret=REAL.secret)
        info = {"FirmwareId": "1234567"}
        other.faults.add("QueryOTAFirmware", alter=lambda a: within(a, FirmwareInfo={**a["FirmwareInfo"], **info}))
        (found,) = differences(recorder, "--to", other.url, **KEYS)
        expected = repr(
            other.call("ListOTAFirmware", key=REAL, **LISTING)["FirmwareInfo"]["SimpleFirmwareInfo"][0]["FirmwareID"]
        )
    assert found == ("QueryOTAFirmware", "value", "FirmwareInfo.FirmwareId", expected, "'1234567'")


def test_codes_and_statuses_are_reported(cloud, recorder):
    cloud.faults.add("CreateOTAFirmware", code="iot.ota.FirmwareCountExceeded", times=1)
    recorder.get("CreateOTAFirmware", **PACKAGE)
    cloud.faults.add("CreateProduct", status=503, times=1)
    recorder.get("CreateProduct", ProductName="Lock", NodeType="0")
    cloud.faults.add("ShowProduct", alter=lambda answer: {**answer, "error_code": "IOTDA.000004"})
    recorder.iotda("GET", "/products/none")
    found = differences(recorder)
    assert ("CreateOTAFirmware", "code", "", "iot.ota.FirmwareCountExceeded", "none") in found
    assert ("CreateProduct", "status", "", "503", "200") in found
    assert ("ShowProduct", "code", "", "IOTDA.000004", "IOTDA.903001") in found


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"package_quota": 1}, ("code", "", "iot.ota.FirmwareCountExceeded", "none")),
        ({"spelling": "documented"}, ("additional", "Data.FirmwareId", "absent", "a text")),
        ({"unknown_products": "refuse"}, ("code", "", "iot.prod.NotExistedProduct", "none")),
    ],
)
def test_a_cloud_of_other_settings_differs(make_recorder, settings, expected):
    with Gateway(settings) as cloud:
        cloud.accounts.add("company", key_id=REAL.id, secret=REAL.secret)
        recorder = make_recorder(cloud.url)
        for name in ("x", "y"):
            recorder.get("CreateOTAFirmware", FirmwareName=name, DestVersion="1", ProductKey="lock")
        assert ("CreateOTAFirmware", *expected) in differences(recorder)


def test_the_report_is_one_line_a_difference_and_a_summary(altered):
    recorder = altered("ListOTAFirmware", lambda answer: within(answer, Total="1"), BEFORE, **LISTING)
    assert compare(recorder, status=1).splitlines() == [
        "line 3 ListOTAFirmware: type Total: recorded a text, here a number",
        "2 requests: 1 equal, 1 differs; 1 difference.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: expected one JSON object"),
        ("{}\n", "line 1: expected the header of a recording"),
        ("{HEADER}\n[]\n", "line 2: expected one JSON object"),
        ("{HEADER}\n{}\n", "line 2: front: expected a JSON string"),
        ('{HEADER}\n{ENTRY "front": "aws"}\n', "line 2: front: expected aliyun or iotda"),
        ('{HEADER}\n{ENTRY "status": "200"}\n', "line 2: status: expected a JSON number"),
        ('{HEADER}\n{ENTRY "status": 42}\n', "line 2: status: expected 100 to 599, got 42"),
        ('{HEADER}\n{ENTRY "path": "@127.0.0.1/"}\n', "line 2: path: expected a text that begins with /"),
        ('{HEADER}\n{ENTRY "parameters": {"query": 1}}\n', "line 2: parameters.query: expected a JSON object"),
    ],
)
def test_what_is_no_recording_cannot_be_compared(tmp_path, text, said):
    entry = {"front": "aliyun", "operation": "A", "method": "GET", "path": "/", "scheme": "v1", "parameters": {}}
    entry |= {"status": 200, "code": "", "type": "application/json", "body": None}
    start = json.dumps(entry)[1:-1] + ","
    text = text.replace("{HEADER}", '{"format": "otagw-recording", "version": 1}').replace("ENTRY", start)

    class Bad:
        file = tmp_path / "bad.jsonl"

    Bad.file.write_text(text, encoding="utf-8")
    assert said in compare(Bad, status=2)


def test_the_last_line_of_a_killed_recorder_is_left_out(recorder):
    recorder.ok("ListOTAFirmware", **LISTING)
    with recorder.file.open("a", encoding="utf-8") as file:
        file.write('{"front": "ali')
    assert "1 request: 1 equal" in compare(recorder, status=0)


def test_without_a_key_or_an_answer_nothing_can_be_compared(recorder):
    recorder.ok("ListOTAFirmware", **LISTING)
    nowhere = f"http://127.0.0.1:{free_port()}"
    for name in KEYS:
        assert REAL.id not in compare(recorder, "--to", nowhere, status=2, **{**KEYS, name: ""})
    said = compare(recorder, "--to", nowhere, status=2, **{**KEYS, "ALIBABA_CLOUD_ACCESS_KEY_ID": ""})
    assert "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET" in said
    assert f"{nowhere} gives no answer" in compare(recorder, "--to", nowhere, status=2, **KEYS)


@pytest.mark.parametrize(
    "url", ["ftp://x", "127.0.0.1:80", "http://", "http://h/path", "http://u:secret@h", "http://h:x"]
)
def test_the_commands_refuse_what_is_no_server(recorder, url):
    for words in (["compare", str(recorder.file)], ["record", "--out", "x"]):
        done = CliRunner().invoke(main, [*words, "--to", url])
        assert (done.exit_code, "expected http:// or https:// with a host" in done.output) == (2, True)


@pytest.mark.parametrize("words", [["--bind", "127.0.0.1"], ["--bind", "h:99999"], ["--bind", ":80"]])
def test_the_commands_refuse_what_is_no_address(recorder, words):
    for command in (["replay", str(recorder.file)], ["record", "--to", "http://h", "--out", "x"]):
        done = CliRunner().invoke(main, [*command, *words])
        assert (done.exit_code, "expected HOST:PORT" in done.output) == (2, True)


def test_a_recording_does_not_replace_a_file(recorder, tmp_path):
    before = recorder.file.read_bytes()
    done = CliRunner().invoke(main, ["record", "--to", "http://h", "--out", str(recorder.file)])
    assert (done.exit_code, "there is a file" in done.output) == (1, True)
    assert recorder.file.read_bytes() == before
    done = CliRunner().invoke(main, ["record", "--to", "http://h", "--out", str(tmp_path / "none" / "x")])
    assert (done.exit_code, "cannot be made: No such file or directory" in done.output) == (1, True)


def test_the_commands_say_that_an_address_cannot_be_taken(recorder, tmp_path):
    bind = recorder.url.removeprefix("http://")
    for command in (["replay", str(recorder.file)], ["record", "--to", "http://h", "--out", str(tmp_path / "y")]):
        done = CliRunner().invoke(main, [*command, "--bind", bind])
        assert (done.exit_code, f"cannot serve on {bind}" in done.output) == (1, True)


def test_a_port_file_that_cannot_be_written_ends_the_command(recorder, tmp_path):
    done = CliRunner().invoke(main, ["replay", str(recorder.file), "--port-file", str(tmp_path / "none" / "port")])
    assert (done.exit_code, "--port-file: " in done.output) == (1, True)
