"""Simulated fleets over MQTT against `otagw serve`: the same story is told on both sides, by push and by request."""

import json
import os
import subprocess

import pytest

from tests import ports
from tests.patience import HANG_SECONDS, eventually
from tests.simulator.test_live import Fleet

pytestmark = pytest.mark.live
PROTOCOLS = ("alink", "huawei", "tylink")


@pytest.fixture
def live(make_live):
    return make_live(mqtt_bind=f"127.0.0.1:{ports.free_port()}").start()


def test_fleets_of_each_vendor_end_a_rollout_without_an_error_or_a_task_lost(live):
    for protocol in PROTOCOLS:
        fleet = Fleet(live, 60)
        job = fleet.roll_out(os.urandom(50_000))
        shares = ("--fail", "0.1", "--break", "0.1", "--crash", "0.1")
        told = fleet.simulate("--protocol", protocol, *shares)
        assert told["errors"] == {}
        assert fleet.task_states(job) == {"SUCCEEDED": told["succeeded"], "FAILED": told["failed"]}
        assert told["succeeded"] + told["failed"] == 60
        assert min(told["failed"], told["resumed"], told["crashes"]) > 0
        assert fleet.job_state(job) == "COMPLETED"


@pytest.mark.parametrize("protocol", ["alink", "tylink"])
def test_devices_that_are_not_pushed_to_ask(live, protocol):
    fleet = Fleet(live, 5)
    job = fleet.roll_out(b"x" * 1000, NeedPush="false")
    told = fleet.simulate("--protocol", protocol, "--poll", "1")
    assert (told["errors"], told["succeeded"]) == ({}, 5)
    assert fleet.task_states(job) == {"SUCCEEDED": 5}
    assert told["requests"]["ask"]["count"] >= 5


def test_devices_that_wait_for_a_job_are_told_within_seconds(live):
    fleet = Fleet(live, 5)
    command = fleet.command("--protocol", "huawei", "--poll", "1000", "--ramp", "0")
    with subprocess.Popen(command, env=live.environ, stdout=subprocess.PIPE, text=True) as process:
        eventually(lambda: "Connected since" in live.cli("devices", "why", fleet.product, "dev-00000").stdout)
        job = fleet.roll_out(b"x" * 1000)
        out, _ = process.communicate(timeout=HANG_SECONDS)
    assert json.loads(out)["errors"] == {}
    assert fleet.task_states(job) == {"SUCCEEDED": 5}


def test_wrong_secrets_are_errors_and_end_with_status_1(live):
    fleet = Fleet(live, 3)
    fleet.csv.write_text(fleet.csv.read_text().replace("s3cret", "other"))
    for protocol in PROTOCOLS:
        told = fleet.simulate("--protocol", protocol, "--seconds", "3", status=1)
        assert set(told["errors"]) == {"connect: refused with code 4"}
        assert told["never_offered"] == 3
