"""What the gateway needs goes away and comes back: refusals meanwhile, in the envelope; afterwards all is as before."""

import contextlib
import os
import signal
import subprocess
import time
from urllib.parse import urlsplit

import pytest
import requests

from tests import signer
from tests.conftest import KEY, free_port, need
from tests.deploy.line import Line
from tests.deploy.servers import ALONE, assert_documented, children, gunicorn_of, parse, send, worker_of
from tests.device import signer as device_signer
from tests.engines import postgres
from tests.oss.conftest import fields_of
from tests.patience import HANG_SECONDS, eventually, seconds

pytestmark = pytest.mark.live
PAGE = {"CurrentPage": "1", "PageSize": "1"}
CONTENT = bytes(range(256)) * 400


def status(gateway, path):
    return requests.get(gateway.url + path, timeout=HANG_SECONDS).status_code


def is_refused(gateway):
    """Check that Actions and devices are told that the gateway cannot answer now, and that it says so of itself."""
    query = signer.query(signer.v1(KEY, "ListOTAFirmware", **PAGE))
    answer = parse(send(gateway.port, f"GET /?{query} HTTP/1.1\r\nConnection: close\r\n\r\n".encode()))
    assert_documented(answer, 503, "ServiceUnavailable")
    eventually(lambda: status(gateway, "/readyz") == 503)
    assert status(gateway, "/healthz") == 200


def answers(gateway):
    """Wait until every thread of every process answers: each may have to notice that its connection has gone."""
    eventually(lambda: status(gateway, "/readyz") == 200)
    eventually(lambda: all(gateway.get("ListOTAFirmware", **PAGE).ok for _ in range(16)))


@pytest.fixture
def line():
    """A PostgreSQL behind a line: the line, and the URL."""
    with postgres() as url:
        parts = urlsplit(url)
        made = Line(parts.port or 5432, parts.hostname)
        yield made, parts._replace(netloc=f"{parts.username}:secret@127.0.0.1:{made.port}").geturl()
        made.cut()


def test_a_database_that_is_gone_is_refused_until_it_is_back(make_live, line):
    line, url = line
    gateway = make_live(database_url=url, workers=1).start(ALONE)
    made = gateway.get("RegisterDevice", ProductKey="p", DeviceName="device-1").json()["Data"]
    old = signer.v1(KEY, "CreateOTAFirmware", FirmwareName="before", DestVersion="1")
    assert requests.get(f"{gateway.url}/?{signer.query(old)}", timeout=HANG_SECONDS).json()["Success"]
    line.cut()
    started = time.monotonic()
    for _ in range(6):  # every thread, and a connection that was made in vain
        is_refused(gateway)
    path = "/device/v1/p/device-1/update"
    headers, _ = device_signer.request(made["DeviceSecret"], "GET", path)
    poll = requests.get(gateway.url + path, headers=headers, timeout=HANG_SECONDS)
    assert (poll.status_code, poll.headers["Content-Type"].split(";")[0]) == (503, "application/json")
    assert time.monotonic() - started < seconds(30), "a refusal waits for a database that refuses"
    line.mend()
    answers(gateway)
    again = requests.get(f"{gateway.url}/?{signer.query(old)}", timeout=HANG_SECONDS).json()
    assert again["Code"] == "SignatureNonceUsed"
    assert gateway.get("CreateOTAFirmware", FirmwareName="after", DestVersion="1").json()["Success"]


def test_processes_that_start_while_the_database_is_gone_wait_for_it(make_live, line):
    line, url = line
    gateway = make_live(database_url=url, workers=1).start()
    eventually(lambda: "the worker is ready" in gateway.log())
    line.cut()
    os.kill(worker_of(gateway), signal.SIGHUP)  # begins anew
    for pid in children(gunicorn_of(gateway)):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: gateway.log().count("it is tried every second") == 2)
    line.mend()
    answers(gateway)
    eventually(lambda: gateway.log().count("the worker is ready") == 2)
    assert "secret" not in gateway.log()


@pytest.mark.parametrize("command", [("worker",), ("metrics",)], ids=" ".join)
def test_one_that_waits_for_the_database_can_be_stopped(make_live, line, command):
    line, url = line
    gateway = make_live(database_url=url, metrics_bind=f"127.0.0.1:{free_port()}")
    line.cut()
    gateway.launch(*command)
    eventually(lambda: gateway.log().count("it is tried every second") == 1)
    gateway.process.send_signal(signal.SIGHUP)  # and told to begin anew, which is to wait too
    eventually(lambda: gateway.log().count("it is tried every second") == 2)
    gateway.process.terminate()
    assert gateway.process.wait(HANG_SECONDS) == 0


@contextlib.contextmanager
def redis_server(port, folder):
    """A Redis of the test's own, which keeps nothing."""
    program = need("redis-server")
    words = [program, "--port", str(port), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as server:
        try:
            eventually(lambda: send_ping(port))
            yield server
        finally:
            server.kill()


def send_ping(port):
    with contextlib.suppress(OSError):
        return b"PONG" in send(port, b"PING\r\nQUIT\r\n")
    return False


def test_a_redis_that_is_gone_is_refused_and_one_that_forgot_accepts_no_replay(make_live, tmp_path):
    port = free_port()
    gateway = make_live(redis_url=f"redis://127.0.0.1:{port}/0", workers=1).start(ALONE)
    is_refused(gateway)
    with redis_server(port, tmp_path):
        answers(gateway)
        old = signer.query(signer.v1(KEY, "CreateOTAFirmware", FirmwareName="before", DestVersion="1"))
        assert requests.get(f"{gateway.url}/?{old}", timeout=HANG_SECONDS).json()["Success"]
        assert requests.get(f"{gateway.url}/?{old}", timeout=HANG_SECONDS).json()["Code"] == "SignatureNonceUsed"
    is_refused(gateway)
    gateway.get("DeleteOTAFirmware", FirmwareId="1")
    with redis_server(port, tmp_path):  # it is empty now
        answers(gateway)
        for _ in range(2):
            again = requests.get(f"{gateway.url}/?{old}", timeout=HANG_SECONDS).json()
            assert again["Code"] in {"ServiceUnavailable", "SignatureNonceUsed"}
    gateway.stop()


def upload(gateway):
    """Announce a file and upload it; return the status of the upload and what was announced."""
    data = gateway.get("GenerateOTAUploadURL").json()["Data"]
    posted = requests.post(data["Host"], data=fields_of(data), files={"file": ("x", CONTENT)}, timeout=HANG_SECONDS)
    assert "<html" not in posted.text.lower()
    return posted.status_code, data


def link_of(gateway, data, name):
    params = {"FirmwareName": name, "DestVersion": "1", "FirmwareUrl": data["FirmwareUrl"]}
    made = gateway.get("CreateOTAFirmware", **params).json()["Data"]["FirmwareID"]
    return gateway.get("QueryOTAFirmware", FirmwareId=made).json()["FirmwareInfo"]["FirmwareUrl"]


def test_an_object_store_that_is_gone_is_refused_until_it_is_back(make_live, object_store, monkeypatch, tmp_path):
    store = urlsplit(object_store.meta.endpoint_url)
    line = Line(store.port, store.hostname)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{line.port}")
    changes = {"storage_url": f"s3://ota/{tmp_path.name}", "redirect_downloads": "false"}
    gateway = make_live(workers=1, **changes).start(ALONE)
    state, data = upload(gateway)
    assert state == 204
    link = link_of(gateway, data, "before")
    assert requests.get(link, timeout=HANG_SECONDS).content == CONTENT
    line.cut()
    eventually(lambda: status(gateway, "/readyz") == 503)
    assert status(gateway, "/healthz") == 200
    state, _ = upload(gateway)
    assert state == 503
    broken = requests.get(link, timeout=HANG_SECONDS)
    assert broken.status_code == 503
    assert "<html" not in broken.text.lower()
    assert gateway.get("ListOTAFirmware", **PAGE).json()["Success"]  # whoever needs no file notices nothing
    line.mend()
    eventually(lambda: status(gateway, "/readyz") == 200)
    state, data = upload(gateway)
    assert state == 204
    for one in (link, link_of(gateway, data, "after")):
        assert requests.get(one, timeout=HANG_SECONDS).content == CONTENT
    gateway.stop()
    line.cut()


def test_a_storage_folder_that_is_gone_is_refused_until_it_is_back(make_live, tmp_path):
    gateway = make_live(workers=1).start(ALONE)
    _, data = upload(gateway)
    link = link_of(gateway, data, "before")
    folder = tmp_path / "data/files"
    folder.rename(tmp_path / "aside")
    folder.write_text("no folder")  # as where a disk is not mounted and the mount point is not ours
    eventually(lambda: status(gateway, "/readyz") == 503)
    assert upload(gateway)[0] == 503
    assert requests.get(link, timeout=HANG_SECONDS).status_code in {404, 503}
    folder.unlink()
    (tmp_path / "aside").rename(folder)
    eventually(lambda: status(gateway, "/readyz") == 200)
    assert requests.get(link, timeout=HANG_SECONDS).content == CONTENT
    assert upload(gateway)[0] == 204


def test_a_full_disk_under_the_database_loses_nothing_that_was_acknowledged(make_live):
    gateway = make_live(workers=2).start_with_room(2 * 1024 * 1024)
    kept = {}
    for number in range(2000):
        answer = gateway.get("CreateOTAFirmware", FirmwareName=f"n-{number}", DestVersion="1", Udi="u" * 4096)
        if answer.status_code != 200:
            break
        kept[answer.json()["Data"]["FirmwareID"]] = f"n-{number}"
    assert (answer.status_code, answer.json()["Code"]) == (503, "ServiceUnavailable")
    assert kept
    listed = gateway.get("ListOTAFirmware", **PAGE).json()
    assert (listed["Success"], listed["Total"]) == (True, len(kept))
    assert status(gateway, "/healthz") == 200
    gateway.stop()
    gateway.start(ALONE)  # with room again
    for identity, name in kept.items():
        assert gateway.get("QueryOTAFirmware", FirmwareId=identity).json()["FirmwareInfo"]["FirmwareName"] == name
    assert gateway.get("CreateOTAFirmware", FirmwareName="after", DestVersion="1").json()["Success"]
    assert gateway.get("ListOTAFirmware", **PAGE).json()["Total"] == len(kept) + 1
