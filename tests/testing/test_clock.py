"""The clock of the double: it stands, leaps, does what is due in its order, and leaves unmodified clients at work."""

import concurrent.futures
import math
import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
import requests

from otagw.testing import Gateway
from otagw.testing.schedule import Interrupted, NeverIdle
from tests import signer
from tests.conftest import KEY

START = "2026-11-22T00:00Z"
MINUTE = 60_000


def listed(otagw, seconds=None):
    """List packages by a request that the tests sign themselves, by the machine's clock unless told."""
    seconds = time.time() if seconds is None else seconds
    params = signer.v1(KEY, "ListOTAFirmware", "GET", int(seconds), CurrentPage="1", PageSize="10")
    return requests.get(f"{otagw.url}/?{signer.query(params)}").json()


@pytest.mark.parametrize(
    "at",
    [START, "2026-11-22", "2026-11-22T08:00+08:00", datetime(2026, 11, 22, tzinfo=UTC), 1_795_305_600_000,
     datetime(2026, 11, 22, 8, tzinfo=timezone(timedelta(hours=8)))],
)  # fmt: skip
def test_a_time_is_given_in_several_ways(otagw, at):
    otagw.clock.freeze(at)
    assert otagw.clock.ms == 1_795_305_600_000
    assert otagw.clock.now == datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "problem"),
    [("soon", "expected a time like"), (datetime(2026, 11, 22), "with a zone"), (-1, "from 1970"),
     (True, "expected an"), (10**15, "to 2088"), ([], "expected an"), ("2095-01-01", "to 2088")],
)  # fmt: skip
def test_what_is_no_time_is_refused(otagw, at, problem):
    with pytest.raises(ValueError, match=problem):
        otagw.clock.freeze(at)
    with pytest.raises(ValueError, match=problem):
        otagw.clock.advance(to=at)


def test_a_frozen_clock_stands_and_answers_say_so(otagw):
    otagw.clock.freeze(START)
    otagw.packages.add("one", "1.0")
    (row,) = otagw.call("ListOTAFirmware", CurrentPage=1, PageSize=10)["FirmwareInfo"]["SimpleFirmwareInfo"]
    assert row["UtcCreate"] == "2026-11-22T00:00:00.000Z"
    assert otagw.clock.ms == 1_795_305_600_000
    otagw.clock.unfreeze()
    assert 0 <= otagw.clock.ms - 1_795_305_600_000 < 60_000


def test_a_running_clock_leaps_and_runs_on(otagw):
    before = otagw.clock.ms
    otagw.clock.advance(days=2)
    assert 0 <= otagw.clock.ms - before - 2 * 86_400_000 < 60_000
    assert "running" in repr(otagw.clock)
    otagw.clock.freeze()
    assert "frozen" in repr(otagw.clock)


def test_time_goes_back_by_freeze_alone(otagw):
    otagw.clock.freeze(START)
    for given in ({"hours": -1}, {"to": "2026-11-21"}):
        with pytest.raises(ValueError, match="expected a time"):
            otagw.clock.advance(**given)
    otagw.clock.freeze("2020-01-02")
    assert otagw.clock.now.year == 2020


def test_requests_signed_by_the_machines_clock_stay_good(otagw):
    for days in (2, 400):
        otagw.clock.advance(days=days)
        assert listed(otagw)["Success"] is True
        assert listed(otagw, otagw.clock.ms / 1000)["Success"] is True
    assert listed(otagw, time.time() + 40 * 86_400)["Code"] == "InvalidTimeStamp.Expired"


def test_a_strict_clock_judges_alone(otagw):
    otagw.clock.advance(days=2)
    otagw.clock.strict = True
    assert listed(otagw)["Code"] == "InvalidTimeStamp.Expired"
    assert listed(otagw, otagw.clock.ms / 1000)["Success"] is True
    assert requests.get(otagw.sign("ListOTAFirmware", CurrentPage=1, PageSize=10)).json()["Success"] is True
    assert otagw.call("ListOTAFirmware", CurrentPage=1, PageSize=10)["Success"] is True


def test_a_device_with_the_machines_clock_is_believed_too(otagw):
    (device,) = otagw.devices.add("a1lock")
    otagw.clock.advance(days=30)
    assert device.poll() is None
    otagw.calls.expect("device.update").answered()


def test_what_is_due_is_done_in_its_order_each_at_its_time(otagw):
    otagw.clock.freeze(START)
    otagw.devices.add("a1lock", 1)
    otagw.devices.add("a1door", 1)
    hook = otagw.webhooks.capture("job.*")
    late = otagw.packages.add("late", "2.0", product="a1lock")
    soon = otagw.packages.add("soon", "2.0", product="a1door")
    otagw.rollouts.add(late, schedule="2026-11-22T05:00Z")
    otagw.rollouts.add(soon, schedule="2026-11-22T01:00Z", finish="2026-11-22T03:00Z")
    otagw.clock.advance(hours=6)
    seen = [(one.created[11:16], one.event) for one in hook.events if one.event != "job.created"]
    assert seen == [("01:00", "job.in_progress"), ("03:00", "job.canceled"), ("05:00", "job.in_progress")]
    assert all(one.signed for one in hook.events)


def test_next_goes_to_each_due_time(otagw):
    otagw.clock.freeze(START)
    assert otagw.clock.next() is None
    (device,) = otagw.devices.add("a1lock")
    job = otagw.rollouts.add(
        otagw.packages.add("p", "2.0", product="a1lock"), schedule="2026-11-22T01:00Z", timeout_minutes=30
    )
    assert otagw.clock.next() == datetime(2026, 11, 22, 1, tzinfo=UTC)
    assert job.state == "IN_PROGRESS"
    device.vanish()
    assert otagw.clock.next() == datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
    assert job.tasks() == {device.name: "FAILED"}


def test_what_fell_due_while_the_clock_ran_is_done_before_the_next_request(otagw):
    otagw.clock.freeze(START)
    otagw.devices.add("a1lock")
    job = otagw.rollouts.add(otagw.packages.add("p", "2.0", product="a1lock"), schedule="2026-11-22T01:00Z")
    otagw.clock.freeze("2026-11-22T02:00Z")
    assert job.state == "IN_PROGRESS"


def test_it_runs_until_nothing_goes_on(otagw):
    otagw.clock.freeze(START)
    locks = otagw.devices.add("a1lock", 3)
    job = otagw.rollouts.add(otagw.packages.add("p", "2.0", product="a1lock"), schedule="2026-11-23T00:00Z")
    otagw.devices.play(locks[:2])
    otagw.run_until_idle()
    assert job.counts() == {"QUEUED": 1, "SUCCEEDED": 2}
    assert otagw.clock.now < datetime(2026, 11, 23, 1, tzinfo=UTC)


def test_what_never_ends_is_said(otagw):
    otagw.clock.freeze(START)
    locks = otagw.devices.add("a1lock", 2)
    job = otagw.rollouts.add(otagw.packages.add("p", "2.0", product="a1lock"))
    otagw.faults.add("device.update", status=503)
    otagw.devices.play(locks)
    with pytest.raises(NeverIdle, match=rf"(?s)2026-11-2\d.*{job.id}: 2 queued"):
        otagw.run_until_idle(days=3)


def test_a_paused_job_counts_as_idle(otagw):
    otagw.clock.freeze(START)
    locks = otagw.devices.add("a1lock", 30)
    limits = {"FailureThresholdPercent": 20, "MinimumExecuted": 5, "MaximumPerMinute": 10}
    job = otagw.rollouts.add(otagw.packages.add("p", "2.0", product="a1lock"), **limits)
    otagw.devices.play(locks, fail=0.8, seed=7)
    otagw.run_until_idle()
    assert job.counts()["QUEUED"] == 20


def test_it_does_not_leave_the_time_that_ids_have(otagw):
    otagw.clock.freeze("2088-12-31")
    with pytest.raises(ValueError, match="to 2088"):
        otagw.clock.advance(days=365)
    for days in (1e9, 1e308, 10**400, math.nan):
        with pytest.raises(ValueError, match="a length of time that ends before 2089, got days="):
            otagw.clock.advance(days=days)
    with pytest.raises(ValueError, match="not both"):
        otagw.clock.advance(days=1, to="2088-12-31T01:00")
    assert otagw.clock.now.year == 2088


def test_two_who_advance_it_at_once_do_not_lose_time(otagw):
    otagw.clock.freeze(START)

    def advance():
        for _ in range(10):
            otagw.clock.advance(minutes=1)

    threads = [threading.Thread(target=advance) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert otagw.clock.ms == 1_795_305_600_000 + 30 * MINUTE


def test_an_advance_is_given_up_when_the_gateway_ends():
    with Gateway() as own, concurrent.futures.ThreadPoolExecutor() as pool:
        own.devices.play(own.devices.add("a1lock", 20), poll=1)
        began = own.clock.ms
        advanced = pool.submit(own.clock.advance, days=5000)
        while own.clock.ms < began + 60_000:
            assert not advanced.done()
        own.interrupt()
        assert "the gateway ends; it is 20" in str(advanced.exception(60))
        with pytest.raises(Interrupted):
            own.clock.advance(days=1)
