"""Files under the real server: the vendors' SDKs, large uploads, broken ones, a full disk, many downloads at once."""

import concurrent.futures
import contextlib
import hashlib
import http.client
import json
import random
import resource
import threading

import pytest
import requests

from tests.conftest import KEY
from tests.deploy.servers import ALONE, children, gunicorn_of
from tests.oss.conftest import BOUNDARY, fields_of
from tests.patience import HANG_SECONDS, eventually

pytestmark = [pytest.mark.live]
MIB = 1024 * 1024
LARGE = 400 * MIB  # many times what the memory may grow by


def announce(gateway):
    return gateway.get("GenerateOTAUploadURL").json()["Data"]


def parts_around(data):
    """Return the body before and behind the file's own bytes."""
    head = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields_of(data).items()
    )
    head += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x.bin"\r\n\r\n'
    return head.encode(), f"\r\n--{BOUNDARY}--\r\n".encode()


def begin(gateway, size):
    """Announce an upload and send what stands before its bytes; return the data, the connection, and what ends it."""
    data = announce(gateway)
    head, tail = parts_around(data)
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=HANG_SECONDS)
    connection.putrequest("POST", "/oss")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(head) + size + len(tail)))
    connection.endheaders(head)
    return data, connection, tail


def upload(gateway, size, chunk=b"\0" * MIB, stop_after=None):
    """Upload ``size`` bytes of a repeated chunk; return the announced data and the status, None if broken off."""
    data, connection, tail = begin(gateway, size)
    sent = 0
    while sent < size:
        if stop_after is not None and sent >= stop_after:
            connection.close()
            return data, None
        piece = chunk[: size - sent]
        connection.send(piece)
        sent += len(piece)
    connection.send(tail)
    with connection.getresponse() as response:
        response.read()
    connection.close()
    return data, response.status


def stored(gateway):
    return [path for path in (gateway.folder / "data" / "files").rglob("*") if path.is_file()]


# The SDK of the first generation never closes a connection: the garbage collector does.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("sdk", ["core", "tea"])
def test_the_vendors_sdk_does_the_whole_of_it(live, sdk):
    content = random.Random(sdk).randbytes(300_000)
    call = {"core": call_core, "tea": call_tea}[sdk]
    form = call(live, "GenerateOTAUploadURL", FileSuffix="zip")["Data"]
    posted = requests.post(form["Host"], data=fields_of(form), files={"file": ("x.zip", content)}, timeout=HANG_SECONDS)
    assert posted.status_code == 204
    made = call(
        live, "CreateOTAFirmware", FirmwareName=f"files-{sdk}", DestVersion="1", FirmwareUrl=form["FirmwareUrl"]
    )
    found = call(live, "QueryOTAFirmware", FirmwareId=made["Data"]["FirmwareId"])["FirmwareInfo"]
    assert found["FirmwareSign"] == hashlib.md5(content).hexdigest()
    assert requests.get(found["FirmwareUrl"], timeout=HANG_SECONDS).content == content


def call_core(gateway, action, **params):
    from aliyunsdkcore.client import AcsClient
    from aliyunsdkcore.request import CommonRequest

    request = CommonRequest(domain=gateway.host, version="2018-01-20", action_name=action)
    for name, value in params.items():
        request.add_query_param(name, value)
    return json.loads(AcsClient(*KEY, "cn-shanghai").do_action_with_exception(request))


def call_tea(gateway, action, **params):
    from alibabacloud_iot20180120 import models
    from alibabacloud_iot20180120.client import Client
    from alibabacloud_tea_openapi.models import Config

    config = Config(access_key_id=KEY[0], access_key_secret=KEY[1], endpoint=gateway.host, protocol="http")
    method = {
        "GenerateOTAUploadURL": "generate_otaupload_url",
        "CreateOTAFirmware": "create_otafirmware",
        "QueryOTAFirmware": "query_otafirmware",
    }[action]
    request = getattr(models, f"{action}Request")().from_map(params)
    return getattr(Client(config), method)(request).body.to_map()


def test_hundreds_of_megabytes_do_not_raise_the_memory(make_live):
    gateway = make_live(workers=1, threads=2).start(ALONE)
    upload(gateway, MIB)
    (worker,) = children(gunicorn_of(gateway))
    before, peak, stop = _rss(worker), 0, threading.Event()

    def watch():
        nonlocal peak
        while not stop.wait(0.05):
            peak = max(peak, _rss(worker))

    watcher = threading.Thread(target=watch)
    watcher.start()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda size: upload(gateway, size), [LARGE, LARGE // 2]))
    stop.set()
    watcher.join()
    assert [status for _, status in results] == [204, 204]
    assert before < peak <= before + 64 * MIB
    url = results[0][0]["FirmwareUrl"]
    made = gateway.get("CreateOTAFirmware", FirmwareName="large", DestVersion="1", FirmwareUrl=url).json()["Data"]
    found = gateway.get("QueryOTAFirmware", FirmwareId=made["FirmwareID"]).json()["FirmwareInfo"]
    assert found["FirmwareSize"] == LARGE


def _rss(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_of_uploads_that_end_together_those_are_kept_that_have_room(make_live):
    gateway = make_live(workers=2, bytes_per_account=3 * MIB + MIB // 2).start(ALONE)
    begun = [begin(gateway, MIB) for _ in range(8)]
    for _, connection, _ in begun:
        connection.send(b"x" * MIB)
    together = threading.Barrier(len(begun))

    def end(upload):
        data, connection, tail = upload
        with contextlib.closing(connection):
            together.wait(HANG_SECONDS)
            connection.send(tail)
            with connection.getresponse() as response:
                return data["Key"], response.status, b"QuotaExceeded" in response.read()

    with concurrent.futures.ThreadPoolExecutor(len(begun)) as pool:
        found = list(pool.map(end, begun))
    kept = [key for key, status, refused in found if (status, refused) == (204, False)]
    assert (len(kept), sum((status, refused) == (403, True) for _, status, refused in found)) == (3, 5)
    assert sorted(path.parent.name for path in stored(gateway)) == sorted(key.rpartition("/")[2] for key in kept)


def test_an_upload_that_is_cut_off_half_way_leaves_nothing(make_live):
    gateway = make_live(workers=1).start(ALONE)
    upload(gateway, 40 * MIB, stop_after=20 * MIB)
    eventually(lambda: '"PostObject"' in gateway.log())
    assert stored(gateway) == []


def test_a_gateway_that_is_killed_during_an_upload_keeps_no_half_file(make_live):
    gateway = make_live(workers=1).start(ALONE)
    data = announce(gateway)
    head, _ = parts_around(data)
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=HANG_SECONDS)
    connection.putrequest("POST", "/oss")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(40 * MIB))
    connection.endheaders(head + b"x" * MIB)
    eventually(lambda: stored(gateway))
    gateway.kill()
    connection.close()
    gateway.start(ALONE)
    params = {"FirmwareName": "n", "DestVersion": "1", "FirmwareUrl": data["FirmwareUrl"]}
    assert gateway.get("CreateOTAFirmware", **params).json()["Code"] == "iot.ota.FileNotFound"
    assert all(path.suffix == ".part" for path in stored(gateway))


def test_a_full_disk_is_said_and_leaves_nothing(make_live):
    gateway = make_live(workers=1).start_with_room(30 * MIB)
    _, status = upload(gateway, 40 * MIB)
    assert status == 503
    assert stored(gateway) == []
    assert upload(gateway, MIB)[1] == 204


def test_many_parts_at_once_are_all_right(make_live):
    gateway = make_live().start(ALONE)
    chunk = random.Random(7).randbytes(MIB)
    data, status = upload(gateway, 100 * MIB, chunk)
    assert status == 204
    made = gateway.get("CreateOTAFirmware", FirmwareName="n", DestVersion="1", FirmwareUrl=data["FirmwareUrl"]).json()
    found = gateway.get("QueryOTAFirmware", FirmwareId=made["Data"]["FirmwareID"]).json()["FirmwareInfo"]
    size = 100 * MIB // 80

    def get(number):
        start = number * size
        answer = requests.get(
            found["FirmwareUrl"], headers={"Range": f"bytes={start}-{start + size - 1}"}, timeout=HANG_SECONDS
        )
        wanted = (chunk * 3)[start % MIB : start % MIB + size]
        return answer.status_code, len(answer.content), answer.content == wanted

    with concurrent.futures.ThreadPoolExecutor(80) as pool:
        assert set(pool.map(get, range(80))) == {(206, size, True)}
