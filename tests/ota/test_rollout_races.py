"""Rollouts where several act at once: each thing happens once, and what is counted is so."""

import pytest

from otagw import clock, errors
from otagw.ota import states
from otagw.ota.devices import devices
from otagw.ota.packages import packages
from otagw.ota.products import modules
from otagw.ota.rollouts import due_work, job_control, jobs, planning, selection, tasks
from otagw.ota.rollouts.planning import JobDraft
from otagw.ota.rollouts.records import Rules
from otagw.ota.updates import updates
from tests.conftest import NOW
from tests.ota import rollouts
from tests.races import race

ATTEMPTS = range(6)
MINUTE = 60_000


@pytest.fixture(autouse=True)
def held(store):
    """A clock to be moved by hand."""

    class Held:
        now = NOW * 1000

    clock.hold(lambda: Held.now)
    return Held


@pytest.fixture
def package(account):
    return rollouts.package(account, "a")


def fleet(account, count, prefix="d"):
    names = [f"{prefix}{number}" for number in range(count)]
    rollouts.register(account, {name: {"default": "1.0"} for name in names})
    return [devices.named(account, "p", name) for name in names]


def state(job_id):
    return {t["device_name"]: t["state"] for t in rollouts.rows("task").values() if t["job_id"] == job_id}


def keys(job_id):
    return [str(t["id"]) for t in rollouts.rows("task").values() if t["job_id"] == job_id]


def events(kind):
    return [event for event in rollouts.rows("device_event").values() if event["kind"] == kind]


def test_two_asks_of_one_device_are_offered_once(account, package):
    for attempt in ATTEMPTS:
        (device,) = fleet(account, 1, f"a{attempt}-")
        job = rollouts.create(account, package, target=jobs.SPECIFIC, rules=Rules(names=(device.name,)))
        offers = race(*[lambda device=device: updates.asked(device)] * 4)
        assert any(offers)
        assert len([event for event in events("offered") if event["job_id"] == job]) == 1
        assert rollouts.rows("job")[job]["rate_used"] == 1
        assert state(job) == {device.name: "notified"}
        rollouts.check()


def test_many_who_ask_at_once_are_not_offered_more_than_the_rate(account, package):
    found = fleet(account, 8)
    job = rollouts.create(account, package, rules=Rules(per_minute=3))
    offers = race(*[lambda device=device: updates.asked(device) for device in found])
    assert sum(offer is not None for offer in offers) == 3
    assert sorted(state(job).values()) == ["notified"] * 3 + ["queued"] * 5
    rollouts.check()


def test_a_task_is_confirmed_or_canceled_but_not_both(account, package):
    fleet(account, 1)
    for _ in ATTEMPTS:
        job = rollouts.create(account, package, rules=Rules(need_confirm=True))
        race(
            lambda job=job: job_control.confirm(account, keys(job)),
            lambda job=job: job_control.cancel_states(account, str(job), [states.CONFIRM]),
        )
        rollouts.check()
        assert set(state(job).values()) <= {"queued", "canceled"}
        job_control.cancel_states(account, str(job), states.OPEN)


def test_confirmations_in_any_order_do_not_wait_for_each_other(account, package):
    fleet(account, 6)
    modules.create(account, "p", "mcu", title=None, description=None)
    other = rollouts.package(account, "m", module="mcu")
    for _ in ATTEMPTS:
        made = [rollouts.create(account, key, rules=Rules(need_confirm=True)) for key in (package, other)]
        first, second = (keys(job) for job in made)
        race(
            lambda found=[*first[:3], *second[:3]]: job_control.confirm(account, found),
            lambda found=[*second[3:], *first[3:]]: job_control.confirm(account, found),
        )
        for job in made:
            assert set(state(job).values()) == {"queued"}
            job_control.cancel_states(account, str(job), states.OPEN)
        rollouts.check()


def test_a_report_at_the_end_of_its_time_wins_or_loses(account, package, held):
    rules = Rules(timeout=1, retry_interval=10, retry_count=5, source_versions=("1.0",))
    for attempt in ATTEMPTS:
        found = fleet(account, 6, f"a{attempt}-")
        names = tuple(device.name for device in found)
        held.now += 1
        job = rollouts.create(account, package, target=jobs.SPECIFIC, rules=Rules(**{**vars(rules), "names": names}))
        for device in found:
            updates.progress(device, 1)
        held.now += MINUTE
        race(
            due_work.end_tasks,
            *[lambda device=device: updates.progress(device, 50) for device in found[:2]],
            *[lambda device=device: updates.finished(device, False, "no") for device in found[2:4]],
            *[lambda device=device: updates.reported_version(device, "2.0") for device in found[4:]],
            due_work.end_tasks,
        )
        for task in rollouts.rows("task").values():
            assert task["state"] in states.CLOSED
            assert (task["due"], task["retry_at"]) == (None, None)
            assert task["state"] == "succeeded" or task["note"] == "timeout"
        assert list(state(job).values())[:4] == ["failed"] * 4
        rollouts.check()


def test_a_paused_job_offers_nothing_once_the_pause_is_acknowledged(account, package):
    for attempt in ATTEMPTS:
        found = fleet(account, 4, f"a{attempt}-")
        names = tuple(device.name for device in found)
        job = rollouts.create(account, package, target=jobs.SPECIFIC, rules=Rules(names=names))
        counted = []

        def pause(job=job, counted=counted):
            job_control.pause(account, str(job), "x")
            counted.append(len(events("offered")))

        race(pause, *[lambda device=device: updates.asked(device) for device in found])
        assert len(events("offered")) == counted[0]
        assert [updates.asked(device) for device in found] == [None] * 4
        rollouts.check()


def test_a_restarted_task_or_that_of_a_new_job_but_not_both(account, package, held):
    (device,) = fleet(account, 1)
    newer = rollouts.package(account, "b", "3.0")
    for _ in ATTEMPTS:
        held.now += 1
        job = rollouts.create(account, package)
        updates.finished(device, False)
        held.now += 1
        race(
            lambda job=job: job_control.restart(account, str(job), keys(job)),
            lambda: rollouts.create(account, newer) and None,
        )
        rollouts.check()
        (left,) = tasks.open_of(device.id)
        job_control.cancel_states(account, str(left.job_id), states.OPEN)


def test_a_device_that_reports_twice_at_once_gets_one_task_of_a_dynamic_job(account, package):
    rules = Rules(source_versions=("1.0",))
    planning.create(account, JobDraft(package=package, product_key="p", selection=jobs.DYNAMIC, rules=rules))
    for attempt in ATTEMPTS:
        (device,) = fleet(account, 1, f"a{attempt}-")
        race(
            *[lambda device=device: updates.reported_version(device, "1.0")] * 2,
            *[lambda device=device: updates.asked(device)] * 2,
        )
        assert len(tasks.open_of(device.id)) == 1
        rollouts.check()


def test_devices_go_on_while_a_newer_job_takes_them(account, package, held):
    newer = rollouts.package(account, "b", "3.0")
    for attempt in ATTEMPTS:
        found = fleet(account, 6, f"a{attempt}-")
        held.now += 1
        first = rollouts.create(account, package)
        held.now += 1
        race(
            lambda: rollouts.create(account, newer, rules=Rules(overwrite=True)) and None,
            *[lambda device=device: updates.progress(device, 10) for device in found],
            *[lambda device=device: updates.asked(device) for device in found],
        )
        rollouts.check()
        assert {state(first)[device.name] for device in found} <= {"in_progress", "canceled"}


def test_two_jobs_that_overwrite_at_once_leave_the_devices_to_the_newer(account, package, held, monkeypatch):
    monkeypatch.setattr(selection, "AT_ONCE", 2)
    newer = rollouts.package(account, "b", "3.0")
    for _ in ATTEMPTS:
        fleet(account, 1, f"a{held.now}-")
        made = []
        for key in (package, newer):
            held.now += 1
            made.append(
                planning.create(account, JobDraft(package=key, product_key="p", rules=Rules(overwrite=True))).id
            )
        race(*[lambda job=job: selection.begin(jobs.find(job)) and None for job in made])
        rollouts.check()
        assert set(state(made[1]).values()) == {"queued"}
        assert set(state(made[0]).values()) <= {"canceled", "failed"}


def test_a_cancellation_by_device_does_not_wait_for_those_who_wait_for_it(account, package):
    for attempt in ATTEMPTS:
        found = fleet(account, 4, f"a{attempt}-")
        names = [device.name for device in found]
        job = rollouts.create(account, package, target=jobs.SPECIFIC, rules=Rules(names=tuple(names)))
        race(
            lambda names=names: job_control.cancel_devices(account, package, "p", names),
            lambda names=names: job_control.cancel_devices(account, package, "p", names[::-1]),
            *[lambda device=device: updates.progress(device, 10) for device in found],
        )
        rollouts.check()
        assert set(state(job).values()) <= {"canceled", "in_progress"}


def test_a_device_that_is_deleted_while_it_is_selected_or_reports_leaves_no_open_task(account, package, held):
    rules = Rules(source_versions=("1.0",))
    dynamic = rollouts.package(account, "b", "3.0")
    planning.create(account, JobDraft(package=dynamic, product_key="p", selection=jobs.DYNAMIC, rules=rules))
    for attempt in ATTEMPTS:
        found = fleet(account, 4, f"a{attempt}-")
        held.now += 1
        race(
            lambda: rollouts.create(account, package) and None,
            *[lambda device=device: job_control.delete_device(account, device) for device in found],
            *[lambda device=device: updates.reported_version(device, "1.0") for device in found],
        )
        there = rollouts.rows("device")
        left = [task for task in rollouts.rows("task").values() if task["state"] in states.OPEN]
        assert all(task["device_id"] in there for task in left)
        rollouts.check()


def test_a_package_is_deleted_or_its_task_restarted_but_not_both(account):
    for attempt in ATTEMPTS:
        (device,) = fleet(account, 1, f"a{attempt}-")
        key = rollouts.package(account, f"n{attempt}")
        job = rollouts.create(account, key, target=jobs.SPECIFIC, rules=Rules(names=(device.name,)))
        updates.finished(device, False)
        outcomes = race(
            lambda job=job: job_control.restart(account, str(job), keys(job)),
            lambda key=key: packages.delete(account, key),
        )
        assert outcomes.count(None) == 1
        assert set(outcomes) <= {None, errors.WrongState, errors.InUse}
        assert bool(tasks.open_of(device.id)) == (int(key) in rollouts.rows("package"))
        rollouts.check()
