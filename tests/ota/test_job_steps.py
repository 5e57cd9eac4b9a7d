"""What is done to all tasks of a job in steps, and what is seen before a task's turn; on every engine."""

import itertools
import json

import pytest

from otagw import clock, errors
from otagw.db import database
from otagw.ota import accounts, states
from otagw.ota.audit import Actor, acting
from otagw.ota.devices import devices
from otagw.ota.packages import packages
from otagw.ota.products import minimum_versions
from otagw.ota.rollouts import bulk_control, due_work, job_control, job_progress, job_steps, jobs, tasks
from otagw.ota.rollouts.records import Rules
from otagw.ota.updates import numbered_tasks, updates
from tests.conftest import NOW
from tests.ota import rollouts
from tests.races import race

NAMES = ("a", "b", "c")
FACTS = {"size": 1, "md5": "m", "sha1": "s", "sha256": "t", "format": None}


@pytest.fixture(autouse=True)
def _steps_of_one(store, monkeypatch):
    """The request takes one task, and the worker one at a time; no two things happen at one time."""
    monkeypatch.setattr(job_steps, "AT_ONCE", 1)
    ticks = itertools.count(NOW * 1000)
    clock.hold(lambda: next(ticks))


@pytest.fixture
def package(account):
    rollouts.register(account, {name: {"default": "1.0"} for name in NAMES})
    return rollouts.package(account, "fw", source_versions=("1.0",))


def make(account, package, *names, **rules):
    chosen = Rules(inclusive=True, source_versions=("1.0",), names=names or NAMES, **rules)
    return str(rollouts.create(account, package, target=jobs.SPECIFIC, rules=chosen))


def rows(key):
    """Return the states of a job's tasks by device, as they are kept now."""
    rollouts.check()
    return {task["device_name"]: task["state"] for task in rollouts.rows("task").values() if task["job_id"] == int(key)}


def phase(account, key):
    return job_progress.get(account, key)[1]


def device(name):
    return devices.find("p", name)


def ask(name):
    offer = updates.asked(device(name))
    return offer and offer.task.state


def fail(*names):
    for name in names:
        updates.asked(device(name))
        updates.finished(device(name), False)


def failed_job(account, package, **rules):
    key = make(account, package, **rules)
    fail(*NAMES)
    assert rows(key) == dict.fromkeys(NAMES, "failed")
    return key


# --- stop


def test_no_device_is_offered_a_stopped_job_whose_turn_has_not_come(account, package):
    key = make(account, package)
    bulk_control.stop(account, key, None)
    assert rows(key) == {"a": "canceled", "b": "queued", "c": "queued"}
    assert phase(account, key) == job_progress.STOPPING
    assert ask("c") is None
    assert rows(key) == {"a": "canceled", "b": "queued", "c": "canceled"}
    rollouts.sweep_all()
    assert rows(key) == dict.fromkeys(NAMES, "canceled")
    assert phase(account, key) == job_progress.STOPPED


def test_a_stop_that_is_under_way_refuses_everything_else(account, package):
    key = make(account, package)
    bulk_control.stop(account, key, None)
    for act in (bulk_control.stop, bulk_control.retry, bulk_control.confirm):
        for names in (None, ["c"]):
            with pytest.raises(errors.WrongState, match=job_progress.STOPPING):
                act(account, key, names)
    with pytest.raises(errors.WrongState):
        bulk_control.forget(account, key)
    assert rows(key) == {"a": "canceled", "b": "queued", "c": "queued"}


def test_what_a_device_reports_of_a_stopped_job_moves_nothing(account, package):
    key = make(account, package)
    for name in NAMES:
        updates.asked(device(name))
    bulk_control.stop(account, key, None)
    assert updates.progress(device("b"), 10) is None
    assert updates.finished(device("c"), True) is None
    assert rows(key) == dict.fromkeys(NAMES, "canceled")


def test_a_device_at_work_is_told_of_the_stop_before_its_turn(account, package):
    database.execute("UPDATE package SET facts = ?", json.dumps([FACTS]))
    key = make(account, package)
    numbers = {name: str(numbered_tasks.shown(device(name), None).offer.task.action) for name in NAMES}
    numbered_tasks.progress(device("c"), numbers["c"], 10, "")
    bulk_control.stop(account, key, None)
    with pytest.raises(errors.WrongState):
        numbered_tasks.fetch(device("b"), numbers["b"])
    assert numbered_tasks.recalled(device("b"), numbers["b"]).state == "canceled"
    assert str(numbered_tasks.shown(device("c"), None).recalled.action) == numbers["c"]
    assert rows(key) == dict.fromkeys(NAMES, "canceled")


def test_tasks_of_a_job_that_is_being_canceled_are_not_restarted_or_confirmed(account, package):
    key = make(account, package, need_confirm=True)
    some = {task["device_name"]: str(task["id"]) for task in rollouts.rows("task").values()}
    job_control.cancel_states(account, key, states.OPEN)
    for name, said in (("a", "being canceled"), ("c", "being canceled")):
        with pytest.raises(errors.WrongState, match=said):
            job_control.restart(account, key, [some[name]])
        with pytest.raises(errors.WrongState, match=said):
            job_control.confirm(account, [some[name]])
    assert rows(key) == {"a": "canceled", "b": "confirm", "c": "confirm"}


def test_a_step_cancels_no_more_than_it_may(account, package, monkeypatch):
    monkeypatch.setattr(job_steps, "AT_ONCE", 2)
    key = make(account, package)
    ask("a")
    job_control.cancel_states(account, key, states.OPEN)
    assert sorted(rows(key).values()) == ["canceled", "canceled", "notified"]


# --- retry


def test_a_retried_device_is_offered_the_update_before_its_turn(account, package):
    key = failed_job(account, package)
    bulk_control.retry(account, key, None)
    assert rows(key) == {"a": "queued", "b": "failed", "c": "failed"}
    assert phase(account, key) == job_progress.RUNNING
    assert ask("c") == "notified"
    assert rows(key) == {"a": "queued", "b": "failed", "c": "notified"}
    rollouts.sweep_all()
    assert rows(key) == {"a": "queued", "b": "queued", "c": "notified"}


def test_a_device_that_fails_again_is_not_retried_twice(account, package):
    key = failed_job(account, package)
    bulk_control.retry(account, key, None)
    fail("c")
    assert rows(key)["c"] == "failed"
    assert ask("c") is None
    rollouts.sweep_all()
    assert rows(key) == {"a": "queued", "b": "queued", "c": "failed"}


def test_a_retry_that_is_asked_for_again_begins_anew(account, package):
    key = failed_job(account, package)
    bulk_control.retry(account, key, None)
    fail("a")
    bulk_control.retry(account, key, None)
    rollouts.sweep_all()
    assert rows(key) == dict.fromkeys(NAMES, "queued")
    bulk_control.retry(account, key, None)
    rollouts.sweep_all()
    assert rows(key) == dict.fromkeys(NAMES, "queued")


def test_the_version_of_a_retried_device_is_the_success_of_its_task_before_its_turn(account, package):
    key = failed_job(account, package)
    bulk_control.retry(account, key, None)
    updates.reported_version(device("c"), "2.0")
    assert rows(key)["c"] == "succeeded"


def test_devices_that_wait_for_their_next_try_need_not(account, package):
    key = make(account, package, retry_interval=5, retry_count=1)
    fail(*NAMES)
    assert (tasks.retrying(int(key)), ask("c")) == ({"notified": 3}, None)
    bulk_control.retry(account, key, None)
    assert tasks.retrying(int(key)) == {"notified": 2}
    assert ask("c") == "notified"
    rollouts.sweep_all()
    assert tasks.retrying(int(key)) == {}
    assert rows(key) == dict.fromkeys(NAMES, "notified")


def test_devices_that_are_busy_or_gone_are_passed_over(account, package):
    key = failed_job(account, package)
    make(account, package, "b")
    devices.delete(account, device("c"))
    bulk_control.retry(account, key, None)
    updates.asked(device("b"))
    rollouts.sweep_all()
    assert rows(key) == {"a": "queued", "b": "failed", "c": "failed"}
    updates.finished(device("a"), True)
    assert phase(account, key) == job_progress.MIXED


def test_a_retry_that_finds_nothing_to_do_leaves_the_job_as_it_was(account, package):
    key = failed_job(account, package)
    for name in NAMES:
        devices.delete(account, device(name))
    bulk_control.retry(account, key, None)
    assert jobs.find(int(key)).state == states.IN_PROGRESS
    rollouts.sweep_all()
    assert phase(account, key) == job_progress.FAILED
    assert jobs.find(int(key)).due is None


def test_a_retry_that_no_device_could_begin_is_refused(account, package):
    key = failed_job(account, package)
    minimum_versions.set_(account, "p", "default", "3.0")
    with pytest.raises(errors.WrongState):
        bulk_control.retry(account, key, None)
    minimum_versions.clear(account, "p", "default")
    packages.delete(account, package)
    with pytest.raises(errors.WrongState, match=job_steps.NO_PACKAGE):
        bulk_control.retry(account, key, None)
    assert (phase(account, key), rows(key)) == (job_progress.FAILED, dict.fromkeys(NAMES, "failed"))


def test_a_minimum_that_is_raised_meanwhile_ends_a_retry(account, package):
    key = failed_job(account, package)
    bulk_control.retry(account, key, None)
    minimum_versions.set_(account, "p", "default", "3.0")
    assert ask("c") is None
    rollouts.sweep_all()
    assert rows(key) == {"a": "queued", "b": "failed", "c": "failed"}


def test_failures_that_are_being_retried_do_not_pause_the_job(account, package):
    key = make(account, package)
    fail("a", "b")
    job_control.change(account, key, guard_count=1)
    bulk_control.retry(account, key, None)
    assert rows(key) == {"a": "queued", "b": "failed", "c": "queued"}
    rollouts.sweep_all()
    assert jobs.find(int(key)).paused is None
    fail("b")
    assert jobs.find(int(key)).paused


def test_a_cancellation_ends_a_retry(account, package):
    key = failed_job(account, package)
    bulk_control.retry(account, key, None)
    job_control.cancel_states(account, key, [states.QUEUED])
    assert ask("c") is None
    rollouts.sweep_all()
    assert rows(key) == {"a": "canceled", "b": "failed", "c": "failed"}


def test_one_device_is_stopped_for_good_during_a_retry(account, package):
    key = failed_job(account, package)
    bulk_control.retry(account, key, None)
    assert bulk_control.stop(account, key, ["c"]) == {"c": None}
    rollouts.sweep_all()
    assert rows(key) == {"a": "queued", "b": "queued", "c": "canceled"}


def test_a_device_is_canceled_during_a_retry(account, package):
    key = failed_job(account, package)
    bulk_control.retry(account, key, None)
    job_control.cancel_devices(account, package, "p", ["c"])
    rollouts.sweep_all()
    assert rows(key)["c"] == "canceled"


# --- confirm


def test_a_confirmed_device_is_offered_the_update_before_its_turn(account, package):
    key = make(account, package, need_confirm=True)
    assert ask("c") is None
    bulk_control.confirm(account, key, None)
    assert rows(key) == {"a": "queued", "b": "confirm", "c": "confirm"}
    assert ask("c") == "notified"
    rollouts.sweep_all()
    assert rows(key) == {"a": "queued", "b": "queued", "c": "notified"}


def test_one_thing_is_done_to_a_job_at_a_time(account, package):
    key = make(account, package, need_confirm=True)
    bulk_control.confirm(account, key, None)
    with pytest.raises(errors.WrongState, match="being confirmed"):
        bulk_control.retry(account, key, None)
    bulk_control.confirm(account, key, None)
    rollouts.sweep_all()
    bulk_control.retry(account, key, None)
    with pytest.raises(errors.WrongState, match="being retried"):
        bulk_control.confirm(account, key, None)
    assert rows(key) == dict.fromkeys(NAMES, "queued")


def test_a_job_whose_time_has_not_come_is_not_confirmed(account, package):
    rules = Rules(need_confirm=True, names=NAMES)
    later = clock.now() + 3_600_000
    key = str(rollouts.create(account, package, target=jobs.SPECIFIC, rules=rules, schedule_at=later))
    with pytest.raises(errors.WrongState, match=states.PLANNED):
        bulk_control.confirm(account, key, None)
    assert rows(key) == dict.fromkeys(NAMES, "confirm")


# --- delete


def ended_job(account, package):
    key = make(account, package)
    bulk_control.stop(account, key, None)
    rollouts.sweep_all()
    return key


def test_a_deleted_job_is_gone_at_once_and_its_tasks_follow(account, package, monkeypatch):
    key = ended_job(account, package)
    monkeypatch.setattr(jobs.delete_tasks, "__defaults__", (2,))
    bulk_control.forget(account, key)
    for act in (lambda: bulk_control.forget(account, key), lambda: jobs.get(account, key)):
        with pytest.raises(errors.NotFound):
            act()
    assert job_progress.below(account, (1 << 63) - 1, 0, 10, package_kind="firmware") == ([], 0)
    assert jobs.of_package(account, package, 1, 10).total == 0
    assert jobs.of_device(account, package, device("c"), 1, 10).total == 0
    assert len(rollouts.rows("task")) == 1
    packages.delete(account, package)
    assert jobs.delete_tasks() == 2
    assert (rollouts.rows("task"), rollouts.rows("deleted_job"), jobs.next_deleted()) == ({}, {}, None)
    assert database.execute("SELECT COUNT(*) FROM counter WHERE scope LIKE 'task/%'").fetchone() == (0,)


def test_only_ones_own_job_that_has_ended_is_deleted(account, package):
    key = make(account, package)
    with pytest.raises(errors.WrongState):
        bulk_control.forget(account, key)
    bulk_control.stop(account, key, None)
    rollouts.sweep_all()
    with pytest.raises(errors.NotFound):
        bulk_control.forget(accounts.ensure("other"), key)
    assert len(rows(key)) == 3


# --- several at once, and the rest


def test_workers_that_step_at_once_do_nothing_twice(account, package):
    key = failed_job(account, package)
    bulk_control.retry(account, key, None)
    while any(race(*[lambda: job_steps.step(int(key))] * 4)):
        pass
    assert rows(key) == dict.fromkeys(NAMES, "queued")
    said = [event for event in rollouts.rows("device_event").values() if event["detail"] == "queued"]
    assert len(said) == 3
    bulk_control.stop(account, key, None)
    while any(race(*[lambda: job_steps.step(int(key))] * 4)):
        pass
    assert rows(key) == dict.fromkeys(NAMES, "canceled")
    bulk_control.forget(account, key)
    while any(race(*[lambda: jobs.delete_tasks(1)] * 4)):
        pass
    while jobs.delete_tasks(1):
        pass
    assert rollouts.rows("task") == rollouts.rows("deleted_job") == {}


def test_a_step_and_devices_that_ask_at_once(account, package):
    key = failed_job(account, package)
    bulk_control.retry(account, key, None)
    found = race(lambda: job_steps.step(int(key)), *[lambda name=name: ask(name) for name in NAMES])
    assert found[1:] == ["notified"] * 3
    rollouts.sweep_all()
    assert rows(key) == dict.fromkeys(NAMES, "notified")


def test_what_is_done_to_all_is_in_the_audit(account, package):
    key = make(account, package, need_confirm=True)

    def noted(act, *given):
        with acting(Actor("k", "Op", "", "")):
            act(account, key, *given)
        found = database.execute("SELECT kind, object FROM audit_event").fetchall()
        database.execute("DELETE FROM audit_event")
        return found

    (first, *_) = rollouts.rows("task")
    assert noted(bulk_control.confirm, None) == [("job", key)]
    assert noted(bulk_control.stop, ["a", "nobody"]) == [("task", str(first))]
    assert noted(bulk_control.retry, ["b"]) == []
    rollouts.sweep_all()
    assert noted(bulk_control.retry, None) == [("job", key)]
    assert noted(bulk_control.stop, None) == [("job", key)]
    rollouts.sweep_all()
    assert noted(bulk_control.forget) == [("job", key)]


def test_a_worker_takes_up_what_a_request_has_marked(account, package):
    key = failed_job(account, package)
    bulk_control.retry(account, key, None)
    assert due_work.next_job() <= clock.now()
    assert due_work.advance_jobs() == 1
    assert sorted(rows(key).values()) == ["failed", "queued", "queued"]
