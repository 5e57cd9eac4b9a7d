"""The gateway as a whole, server and worker, is killed while it selects and while it cancels: nothing is lost."""

import contextlib
import sqlite3
import threading

import pytest
import requests

from tests.patience import eventually

pytestmark = pytest.mark.live
COUNT = 100_000
P = {"ProductKey": "p"}


@pytest.fixture
def gateway(make_live, tmp_path):
    """A gateway with a hundred thousand devices and a firmware for them."""
    made = make_live(workers=1)
    rows = "\n".join(f"device-{number:06}" for number in range(COUNT))
    (tmp_path / "fleet.csv").write_text(f"DeviceName\n{rows}\n")
    made.cli("devices", "import", str(tmp_path / "fleet.csv"), "--product", "p")
    return made.start()


def rows(gateway, query, *values):
    with contextlib.closing(sqlite3.connect(gateway.folder / "data/otagw.db")) as database:
        return database.execute(query, values).fetchall()


def done(gateway, state):
    (row,) = rows(gateway, "SELECT COUNT(*) FROM task WHERE state = ?", state)
    return row[0]


def killed_while(gateway, action, state, **params):
    """Make a request and kill every process when it is under way; start again."""

    def ask():
        with contextlib.suppress(requests.RequestException):
            gateway.get(action, **params)

    before = done(gateway, state)
    asking = threading.Thread(target=ask)
    asking.start()
    eventually(lambda: done(gateway, state) > before)
    gateway.kill()
    asking.join()
    assert before < done(gateway, state) < COUNT
    gateway.start()


def counted(gateway, job):
    """Return how many tasks of a job there are by its counters, and by its rows."""
    states = ("QUEUED", "CANCELED")
    found = [gateway.get("ListOTATaskByJob", JobId=job, TaskStatus=state).json()["Total"] for state in states]
    return found, [done(gateway, state.lower()) for state in states]


def test_a_killed_gateway_goes_on_with_what_it_was_at(gateway):
    given = {"FirmwareName": "fw", "DestVersion": "2", "NeedToVerify": "false", "FirmwareUrl": "https://h/x", **P}
    firmware = gateway.get("CreateOTAFirmware", **given).json()["Data"]["FirmwareID"]
    asked = {"FirmwareId": firmware, "TargetSelection": "ALL", "ClientToken": "once", **P}
    killed_while(gateway, "CreateOTAStaticUpgradeJob", "queued", **asked)
    job = gateway.get("CreateOTAStaticUpgradeJob", **asked).json()["Data"]["JobID"]
    eventually(lambda: done(gateway, "queued") == COUNT)
    assert counted(gateway, job) == ([COUNT, 0], [COUNT, 0])
    assert rows(gateway, "SELECT COUNT(*), COUNT(DISTINCT device_id) FROM task") == [(COUNT, COUNT)]
    assert gateway.get("ListOTAJobByFirmware", FirmwareId=firmware, CurrentPage="1", PageSize="9").json()["Total"] == 1

    killed_while(gateway, "CancelOTATaskByJob", "canceled", JobId=job, CancelQueuedTask="true")
    eventually(lambda: gateway.get("QueryOTAJob", JobId=job).json()["Data"]["JobStatus"] == "CANCELED")
    assert counted(gateway, job) == ([0, COUNT], [0, COUNT])
