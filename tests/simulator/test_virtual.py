"""Simulated fleets against the test double, on its clock: hours of a rollout pass in a second."""

import random

import pytest

from otagw.testing.fleet import PROTOCOLS

AT = "2026-11-22T00:00Z"


@pytest.fixture
def rollout(otagw):
    """Make a fleet and a rollout to it; return both."""
    otagw.clock.freeze(AT)

    def make(count, protocol="device", size=1000, version="2.0.0"):
        fleet = otagw.devices.add("a1sim", count, protocol=protocol) if not len(otagw.devices) else list(otagw.devices)
        data = random.Random(version).randbytes(size)
        return fleet, otagw.rollouts.add(otagw.packages.add(f"fw{version[0]}", version, data=data, product="a1sim"))

    return make


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_gateway_and_the_simulator_tell_the_same_of_every_misbehaviour(otagw, rollout, protocol):
    fleet, job = rollout(200, protocol, 20_000)
    play = otagw.devices.play(fleet, fail=0.1, break_off=0.3, crash=0.2)
    otagw.run_until_idle()
    told = play.summary
    assert told["errors"] == {}
    assert job.counts() == {"FAILED": told["failed"], "SUCCEEDED": told["succeeded"]}
    assert job.state == "COMPLETED"
    assert told["succeeded"] + told["failed"] == 200
    assert told["failed"] == sum(told["failed_by"].values()) > 0
    assert min(told["crashes"], told["resumed"]) > 0
    assert told["begun_again"] == 0
    assert told["bytes"] >= told["succeeded"] * 20_000


def test_the_same_seed_has_the_same_devices_fail(otagw, rollout):
    told = []
    for version in ("2.0.0", "3.0.0"):
        fleet, job = rollout(40, version=version)
        otagw.devices.play(fleet, fail=0.5)
        otagw.run_until_idle()
        otagw.devices.stop()
        assert 0 < job.counts()["FAILED"] < 40
        told.append({name for name, state in job.tasks().items() if state == "FAILED"})
    assert told[0] == told[1]


def test_a_canceled_rollout_is_canceled_on_every_device(otagw, rollout):
    fleet, job = rollout(20)
    play = otagw.devices.play(fleet, latency=60.0, fixed=True)
    otagw.clock.advance(minutes=1)
    assert job.counts() == {"IN_PROGRESS": 20}
    every = dict.fromkeys(("CancelQueuedTask", "CancelNotifiedTask", "CancelInProgressTask"), True)
    assert otagw.call("CancelOTATaskByJob", JobId=job.id, **every)["Success"] is True
    otagw.clock.advance(minutes=10)
    assert (play.summary["canceled"], play.summary["errors"]) == (20, {})
    assert job.counts() == {"CANCELED": 20}


def test_devices_with_another_secret_are_refused(otagw, rollout):
    fleet, job = rollout(3)
    for device in fleet:
        device.secret = "another"
    play = otagw.devices.play(fleet)
    otagw.clock.advance(hours=1)
    assert set(play.summary["errors"]) == {"report: 401 wrong_token"}
    assert play.summary["never_offered"] == 3
    assert job.counts() == {"QUEUED": 3}
