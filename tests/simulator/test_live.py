"""Simulated fleets against a gateway under gunicorn: the same story is told on both sides."""

import itertools
import json
import os
import signal
import subprocess
import sys
from collections import Counter

import pytest
import requests

from tests.conftest import ROOT
from tests.oss.conftest import fields_of
from tests.patience import HANG_SECONDS, eventually

pytestmark = pytest.mark.live
PROTOCOLS = ("device", "ddi")
_numbers = itertools.count(1)
# In seconds; what a device would take minutes for, so that a rollout ends while somebody looks.
HURRIED = ("--poll", "2", "--ramp", "2", "--latency", "0.05", "--reboot", "0.2", "--quiet", "--json")


class Fleet:
    """A gateway with devices of one product, and what a test does with them."""

    def __init__(self, live, count):
        self.live, self.count, self.product = live, count, f"a1sim{next(_numbers)}"
        rows = "".join(f"dev-{number:05},s3cret-{number},1.0.0\n" for number in range(count))
        self.csv = live.folder / f"{self.product}.csv"
        self.csv.write_text("DeviceName,DeviceSecret,FirmwareVersion\n" + rows)
        live.cli("devices", "import", str(self.csv), "--product", self.product)

    def command(self, *options):
        fleet = ("--fleet", str(self.csv), "--product", self.product)
        return [sys.executable, "-m", "otagw", "simulate", *fleet, *HURRIED, *options]

    def simulate(self, *options, status=0):
        """Run them; return the figures."""
        done = subprocess.run(
            self.command(*options),
            env=self.live.environ,
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout)

    def ok(self, action, **params):
        """Call an Action that must succeed; return its data."""
        answer = self.live.get(action, **params).json()
        assert answer["Success"], answer
        return answer.get("Data")

    def roll_out(self, content, version="2.0.0", **rules):
        """Upload a file and roll it out; return the job's id."""
        data = self.ok("GenerateOTAUploadURL")
        posted = requests.post(data["Host"], data=fields_of(data), files={"file": content}, timeout=HANG_SECONDS)
        posted.raise_for_status()
        package = {
            "FirmwareName": f"fw-{self.product}-{version[0]}",
            "DestVersion": version,
            "ProductKey": self.product,
            "NeedToVerify": "false",
        }
        made = self.ok("CreateOTAFirmware", FirmwareUrl=data["FirmwareUrl"], **package)
        job = {"FirmwareId": made["FirmwareID"], "ProductKey": self.product, "TargetSelection": "ALL", **rules}
        return self.ok("CreateOTAStaticUpgradeJob", **job)["JobID"]

    def job_state(self, job):
        return self.ok("QueryOTAJob", JobId=job)["JobStatus"]

    def task_states(self, job):
        """Return how many tasks are in which state, as the gateway lists them."""
        states = Counter()
        for page in range(1, self.count // 100 + 2):
            data = self.ok("ListOTATaskByJob", JobId=job, PageSize="100", CurrentPage=str(page))
            states.update(task["TaskStatus"] for task in data["SimpleOTATaskInfo"])
        return dict(states)


@pytest.fixture
def make_fleet(live):
    return lambda count: Fleet(live, count)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_hundreds_of_devices_end_a_rollout_without_an_error_or_a_task_lost(make_fleet, protocol):
    fleet = make_fleet(600)
    job = fleet.roll_out(os.urandom(50_000))
    told = fleet.simulate(
        "--protocol", protocol, "--ramp", "10", "--poll", "10", "--fail", "0.02", "--break", "0.05", "--crash", "0.05"
    )
    assert told["errors"] == {}
    assert fleet.task_states(job) == {"SUCCEEDED": told["succeeded"], "FAILED": told["failed"]}
    assert told["succeeded"] + told["failed"] == 600
    assert min(told["failed"], told["resumed"], told["crashes"]) > 0
    assert fleet.job_state(job) == "COMPLETED"


def test_wrong_secrets_are_errors_and_end_with_status_1(make_fleet):
    fleet = make_fleet(3)
    fleet.csv.write_text(fleet.csv.read_text().replace("s3cret", "other"))
    told = fleet.simulate("--seconds", "3", status=1)
    assert set(told["errors"]) == {"report: 401 wrong_token"}
    assert told["never_offered"] == 3


def test_a_canceled_rollout_ends_the_simulation(make_fleet):
    fleet = make_fleet(20)
    job = fleet.roll_out(b"x" * 1000)
    slow = fleet.command("--latency", "5", "--fixed")
    with subprocess.Popen(slow, env=fleet.live.environ, stdout=subprocess.PIPE, text=True) as process:
        eventually(lambda: fleet.task_states(job) == {"IN_PROGRESS": 20})
        fleet.ok(
            "CancelOTATaskByJob",
            JobId=job,
            CancelQueuedTask="true",
            CancelNotifiedTask="true",
            CancelInProgressTask="true",
        )
        out, _ = process.communicate(timeout=HANG_SECONDS)
    told = json.loads(out)
    assert (process.returncode, told["canceled"], told["errors"]) == (0, 20, {})
    assert fleet.task_states(job) == {"CANCELED": 20}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_the_figures_so_far(make_fleet, number):
    fleet = make_fleet(20)
    job = fleet.roll_out(b"x" * 1000)
    slow = fleet.command("--latency", "60", "--fixed")
    with subprocess.Popen(slow, env=fleet.live.environ, stdout=subprocess.PIPE, text=True) as process:
        eventually(lambda: fleet.task_states(job) == {"IN_PROGRESS": 20})
        process.send_signal(number)
        out, _ = process.communicate(timeout=HANG_SECONDS)
    told = json.loads(out)
    assert (process.returncode, told["at_work"], told["errors"]) == (0, 20, {})


def test_register_makes_devices_beside_the_gateway_and_finds_them_again(live):
    words = (
        "simulate",
        "--register",
        "--product",
        "a1reg",
        "--devices",
        "5",
        "--seconds",
        "2",
        "--ramp",
        "0",
        "--json",
    )
    for _ in range(2):
        told = json.loads(live.cli(*words).stdout)
        assert (told["devices"], told["errors"], told["requests"]["report"]["count"]) == (5, {}, 5)
    assert live.cli("devices", "list", "a1reg").stdout.count("sim-0000") == 5


def test_the_demo_tells_its_story(tmp_path):
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "otagw.simulator.demo"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "COMPLETED" in done.stdout
    assert list(tmp_path.iterdir()) == []
