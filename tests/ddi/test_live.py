"""What only real processes show: what was heard of devices is written by itself, and at a normal stop."""

import sqlite3
import time

import pytest
import requests

from tests.patience import HANG_SECONDS, eventually

pytestmark = pytest.mark.live


@pytest.fixture
def gateway(make_live):
    return make_live(workers=1).start()


def test_what_was_heard_is_not_forgotten_by_a_stop(gateway, tmp_path):
    """The last poll waits in memory when the process is told to stop, or has just been written: both are fine."""
    gateway.get("RegisterDevice", ProductKey="p", DeviceName="dev1")
    secret = gateway.cli("devices", "secret", "p", "dev1").stdout.strip()
    file = tmp_path / "data" / "otagw.db"

    def seen():
        with sqlite3.connect(file) as kept:
            found = kept.execute("SELECT seen FROM device").fetchone()[0]
        kept.close()
        return found

    def poll():
        address = f"{gateway.url}/p/controller/v1/dev1"
        assert (
            requests.get(address, headers={"Authorization": f"TargetToken {secret}"}, timeout=HANG_SECONDS).status_code
            == 200
        )

    def age():
        with sqlite3.connect(file) as kept:
            kept.execute("UPDATE device SET seen = 1")
        kept.close()

    poll()
    age()
    before = int(time.time() * 1000)
    poll()
    eventually(lambda: seen() >= before)
    age()
    before = int(time.time() * 1000)
    poll()
    gateway.stop()
    assert seen() >= before
