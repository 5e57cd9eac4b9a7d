"""Devices of the double: each does what it is told, by every protocol; and those that are played live by themselves."""

import math

import pytest

from otagw.simulator.protocol import Trouble
from otagw.testing.fleet import PROTOCOLS, NothingOffered

AT = "2026-11-22T00:00Z"
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


@pytest.fixture
def rollout(otagw):
    """Make devices of a protocol, and a rollout to them; return both."""

    def make(protocol, count=3, **rules):
        otagw.clock.freeze(AT)
        locks = otagw.devices.add("a1lock", count, protocol=protocol)
        package = otagw.packages.add("fw", "2.0.0", data=b"firmware" * 100, product="a1lock")
        return locks, otagw.rollouts.add(package, **rules)

    return make


@every_protocol
def test_each_does_what_it_is_told(otagw, rollout, protocol):
    locks, job = rollout(protocol, 5, timeout_minutes=30)
    assert locks[0].take().version == "2.0.0"
    locks[1].progress(40, "half way")
    locks[2].fail("flash is worn out")
    locks[3].vanish()
    assert sorted(job.tasks().values()) == ["FAILED", "IN_PROGRESS", "IN_PROGRESS", "QUEUED", "SUCCEEDED"]
    tasks = otagw.call("ListOTATaskByJob", JobId=job.id, TaskStatus="FAILED", Version="2018-01-20")
    assert "flash is worn out" in str(tasks)
    locks[1].succeed()
    assert (locks[0].version, locks[1].version) == ("2.0.0", "2.0.0")
    otagw.clock.advance(minutes=31)
    assert job.counts() == {"FAILED": 2, "QUEUED": 1, "SUCCEEDED": 2}


@every_protocol
def test_a_version_is_reported(otagw, protocol):
    (device,) = otagw.devices.add("a1lock", protocol=protocol, version="1.2.3")
    for version in ("9.9", "10.0"):
        device.report(version)
        rows = otagw.call("ListOTAModuleVersionsByDevice", ProductKey="a1lock", DeviceName=device.name, **PAGE)
        assert version in str(rows)


PAGE = {"CurrentPage": 1, "PageSize": 10}


@every_protocol
def test_an_update_that_there_is_not_cannot_be_taken(otagw, protocol):
    (device,) = otagw.devices.add("a1lock", protocol=protocol)
    for act in (device.take, lambda: device.progress(1), lambda: device.fail("x"), device.vanish, device.succeed):
        with pytest.raises(NothingOffered, match=r"a1lock/device-00001 runs 1\.0\.0 and is offered no update"):
            act()
    assert device.poll() is None


@every_protocol
def test_an_update_that_was_taken_back_is_not_gone_on_with(otagw, rollout, protocol):
    (device,), job = rollout(protocol, 1)
    device.poll()
    answer = otagw.call("CancelOTATaskByJob", JobId=job.id, CancelNotifiedTask=True, CancelQueuedTask=True)
    assert answer["Success"] is True
    assert device.poll() is None
    assert job.counts() == {"CANCELED": 1}


@pytest.mark.parametrize("act", ["take", "vanish", "progress", "fail"])
def test_an_update_that_is_taken_back_in_its_middle_is_refused_in_words(otagw, rollout, act):
    (device,), job = rollout("device", 1)
    device.poll()
    otagw.call("CancelOTATaskByJob", JobId=job.id, CancelNotifiedTask=True)
    given = {"progress": (40,), "fail": ("flash",)}
    with pytest.raises(Trouble, match="a1lock/device-00001: the gateway has taken the update back"):
        getattr(device, act)(*given.get(act, ()))
    with pytest.raises(NothingOffered):  # it has let go of that update
        device.take()


def test_names_follow_each_other_and_are_chosen(otagw):
    first = otagw.devices.add("a1lock", 2)
    second = otagw.devices.add("a1lock", 1, names=["own-name"])
    third = otagw.devices.add("a1lock", 2)
    assert [one.name for one in (*first, *second, *third)] == [
        *("device-00001", "device-00002", "own-name", "device-00003", "device-00004"),
    ]
    assert otagw.devices["own-name"] is second[0]
    assert otagw.devices["a1lock/device-00003"] is third[0]
    assert len(list(otagw.devices)) == len(otagw.devices) == 5
    with pytest.raises(KeyError, match="no device nobody was added"):
        otagw.devices["nobody"]


@pytest.mark.parametrize(
    ("how", "problem"),
    [({"protocol": "carrier pigeon"}, "expected one of device, ddi"), ({"names": ["no good"]}, "device: expected 1"),
     ({"version": "no good"}, "version"), ({"names": ["there"]}, "a device of this name"),
     ({"account": "?"}, "account"),
     ({"names": "lock"}, "list of different names"), ({"names": []}, "list of different"), ({"count": 0}, "count"),
     ({"names": ["a", "a"]}, "different names")],
)  # fmt: skip
def test_what_cannot_be_a_device_is_refused(otagw, how, problem):
    otagw.devices.add("a1lock", names=["there"])
    with pytest.raises(ValueError, match=problem):
        otagw.devices.add("a1lock", **how)


def test_those_of_another_account_are_its_own(otagw):
    otagw.accounts.add("factory")
    otagw.devices.add("a1theirs", account="factory")
    assert otagw.call("QueryDevice", ProductKey="a1theirs", **PAGE)["Code"] == "iot.prod.NotExistedProduct"


@every_protocol
def test_a_fleet_is_played_to_its_end(otagw, rollout, protocol):
    locks, job = rollout(protocol, 12, timeout_minutes=60)
    play = otagw.devices.play(locks, fail=0.3, crash=0.2, break_off=0.3, seed=7)
    otagw.run_until_idle()
    counts = job.counts()
    assert counts["SUCCEEDED"] + counts["FAILED"] == 12
    assert counts["FAILED"] == play.summary["failed"] > 0
    assert play.summary["crashes"] > 0
    assert play.summary["errors"] == {}


def test_those_that_are_played_ask_when_there_is_work_and_hourly(otagw):
    otagw.clock.freeze(AT)
    locks = otagw.devices.add("a1lock", 4)
    otagw.devices.play(locks)
    otagw.clock.advance(hours=10)
    assert 36 <= len(otagw.calls.of("device.update")) <= 48
    job = otagw.rollouts.add(otagw.packages.add("fw", "2.0", product="a1lock"))
    otagw.clock.advance(minutes=5)
    assert job.counts() == {"SUCCEEDED": 4}


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ({"speed": 2}, "speed: expected one of"),
        ({"fail": 1.5}, "fail: expected a share"),
        ({"crash": -1}, "crash"),
        ({"poll": 0}, "poll"),
        ({"poll": "x"}, "poll"),
        ({"latency": -1}, "latency"),
        ({"ramp": math.inf}, "ramp: expected a number from 0 to 1000000000"),
        ({"poll": math.inf}, "poll: expected a number above 0 and up to"),
    ],
)
def test_what_is_no_behaviour_is_refused(otagw, how, problem):
    locks = otagw.devices.add("a1lock")
    with pytest.raises(ValueError, match=problem):
        otagw.devices.play(locks, **how)


def test_a_device_is_played_once_at_a_time(otagw):
    locks = otagw.devices.add("a1lock")
    otagw.devices.play(locks)
    with pytest.raises(ValueError, match="not played yet"):
        otagw.devices.play(locks[0])
    otagw.devices.stop()
    otagw.devices.play(locks[0])


def test_a_device_that_is_disabled_is_told_so(otagw):
    (device,) = otagw.devices.add("a1lock")
    otagw.call("DisableThing", ProductKey="a1lock", DeviceName=device.name)
    with pytest.raises(Trouble, match="403 disabled"):
        device.poll()


def test_those_that_are_played_ask_at_once_when_a_job_begins_and_goes_on(otagw):
    otagw.clock.freeze(AT)
    locks = otagw.devices.add("a1lock", 3)
    package = otagw.packages.add("fw", "2.0", product="a1lock")
    otagw.devices.play(locks, poll=6 * 3600)
    otagw.clock.advance(minutes=1)
    job = otagw.rollouts.add(package, schedule="2026-11-22T01:00Z")
    otagw.clock.advance(minutes=58)
    assert job.counts() == {"QUEUED": 3}
    otagw.clock.advance(minutes=3)
    assert job.counts() == {"SUCCEEDED": 3}


def test_those_that_are_turned_away_ask_again_in_the_next_minute(otagw):
    otagw.clock.freeze(AT)
    locks = otagw.devices.add("a1lock", 30)
    otagw.devices.play(locks, poll=6 * 3600)
    otagw.clock.advance(minutes=1)
    job = otagw.rollouts.add(otagw.packages.add("fw", "2.0", product="a1lock"), MaximumPerMinute=10)
    seen = []
    for _ in range(4):
        otagw.clock.advance(minutes=1)
        seen.append(job.counts().get("QUEUED", 0))
    assert seen == [10, 0, 0, 0]  # ten in this minute, ten as the next one begins
    assert job.counts() == {"SUCCEEDED": 30}


def test_a_job_that_is_resumed_goes_on_at_once(otagw):
    otagw.clock.freeze(AT)
    locks = otagw.devices.add("a1lock", 3)
    job = otagw.rollouts.add(otagw.packages.add("fw", "2.0", product="a1lock"))
    otagw.call("PauseOTAJob", JobId=job.id)
    otagw.devices.play(locks, poll=6 * 3600)
    otagw.clock.advance(minutes=5)
    assert job.counts() == {"QUEUED": 3}
    otagw.call("ResumeOTAJob", JobId=job.id)
    otagw.clock.advance(minutes=5)
    assert job.counts() == {"SUCCEEDED": 3}


def test_none_is_played_where_one_cannot_be(otagw):
    locks = otagw.devices.add("a1lock", 2)
    otagw.devices.play(locks[1])
    with pytest.raises(ValueError, match="device-00002: expected a device that is not played yet"):
        otagw.devices.play(locks)
    otagw.devices.play(locks[0])


def test_a_snapshot_brings_devices_back(otagw):
    (device,) = otagw.devices.add("a1lock")
    otagw.rollouts.add(otagw.packages.add("fw", "2.0", product="a1lock"))
    for _ in range(2):
        with otagw.snapshot():
            device.take()
            assert otagw.devices.add("a1lock")[0].name == "device-00002"
        assert (device.version, len(otagw.devices)) == ("1.0.0", 1)
    device.take()
