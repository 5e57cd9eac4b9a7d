"""The master key is rotated while a gateway serves: no request fails, nor later when its processes are new."""

import signal
import threading

import pytest
import requests

from tests.deploy.servers import ALONE, Store, children, gunicorn_of
from tests.patience import HANG_SECONDS, eventually

pytestmark = pytest.mark.live


def test_a_gateway_that_serves_notices_nothing(make_live, tmp_path):
    gateway = make_live(workers=2).start(ALONE)
    old = (tmp_path / "data/master.key").read_text()
    (tmp_path / "firmware.bin").write_bytes(b"content")
    link = Store(gateway, gateway.url).upload(tmp_path / "firmware.bin")
    failed, made, stop = [], [], threading.Event()

    def write():
        while not stop.is_set():
            answer = gateway.get("CreateOTAFirmware", FirmwareName=f"n{len(made)}", DestVersion="1").json()
            (made if answer["Success"] else failed).append(answer)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            gateway.cli("keys", "rotate-master")
            before = children(gunicorn_of(gateway))
            gateway.process.send_signal(signal.SIGHUP)  # the processes in their place read the new key
            eventually(lambda before=before: len(now := children(gunicorn_of(gateway))) == 2 and not now & before)
            count = len(made)
            eventually(lambda count=count: len(made) > count + 20)
    finally:
        stop.set()
        writer.join()
    assert failed == []
    assert {requests.get(link, timeout=HANG_SECONDS).content for _ in range(16)} == {b"content"}
    assert (tmp_path / "data/master.key").read_text() != old
    gateway.environ["OTAGW_MASTER_KEY"] = old.strip()
    done = gateway.cli("keys", "list", check=False)
    assert (done.returncode, "nor one that took its place" in done.stderr) == (1, True)
