"""What webhooks are told of jobs and tasks: each change once, in the transaction that makes it."""

import json

import pytest

from otagw import clock, errors
from otagw.db import database
from otagw.ota.devices import devices
from otagw.ota.devices.devices import DeviceDraft
from otagw.ota.packages import insertion
from otagw.ota.packages.records import PackageDraft
from otagw.ota.rollouts import due_work, job_control, jobs, planning, selection
from otagw.ota.rollouts.planning import JobDraft
from otagw.ota.rollouts.records import Rules
from otagw.ota.updates import updates
from otagw.ota.webhooks import webhooks


@pytest.fixture
def account(account, store):
    webhooks.create(account, "https://ci.test/hook")
    return account


def told():
    """Return the events so far, and what they say of a state or a device."""
    rows = database.execute("SELECT event, body FROM webhook_delivery ORDER BY id").fetchall()
    data = [(event, json.loads(body)["data"]) for event, body in rows]
    return [(event, facts.get("device") or facts["state"]) for event, facts in data]


@pytest.fixture
def rollout(account):
    """Make a rollout to as many devices; return its job."""

    def make(count=1, **rules):
        with database.write():
            database.execute("DELETE FROM webhook_delivery")
        drafts = [DeviceDraft(f"dev{n}") for n in range(count)]
        devices.register(account, "p", "first")
        with database.write():
            devices.add(account, "p", drafts)
        devices.delete(account, devices.named(account, "p", "first"))
        draft = PackageDraft(name="fw", version="2", product_key="p", needs_verification=False, url="https://h/x")
        package, _ = insertion.create(account, draft)
        job = planning.create(account, JobDraft(package=str(package), product_key="p", rules=Rules(**rules)))
        return selection.begin(job)

    return make


def test_each_change_of_a_rollout_is_told_in_order(account, rollout):
    rollout(1)
    device = devices.named(account, "p", "dev0")
    updates.asked(device)
    updates.progress(device, 10)
    updates.progress(device, 20)
    updates.reported_version(device, "2")
    assert told() == [
        ("job.created", "in_progress"),
        ("task.queued", "dev0"),
        ("task.notified", "dev0"),
        ("task.in_progress", "dev0"),
        ("task.succeeded", "dev0"),
        ("job.completed", "completed"),
    ]


def test_many_tasks_that_are_made_or_canceled_at_once_are_told_one_by_one(account, rollout):
    job = rollout(5)
    job_control.cancel_states(account, str(job.id), ["queued"])
    events = [event for event, _ in told()]
    assert events == ["job.created", *["task.queued"] * 5, *["task.canceled"] * 5, "job.canceled"]
    assert {name for event, name in told() if event == "task.canceled"} == {f"dev{n}" for n in range(5)}


def test_a_pause_is_told_whoever_made_it(account, rollout):
    job = rollout(2, guard_count=1)
    job_control.pause(account, str(job.id), "by hand")
    job_control.pause(account, str(job.id), "again")
    job_control.resume(account, str(job.id))
    updates.asked(devices.named(account, "p", "dev0"))
    updates.finished(devices.named(account, "p", "dev0"), False, "broken")
    events = [event for event, _ in told() if event.startswith("job.")]
    assert events == ["job.created", "job.paused", "job.resumed", "job.paused"]


def test_what_is_refused_is_not_told(account, rollout):
    job = rollout(1)
    before = told()
    with pytest.raises(errors.WrongState):
        job_control.resume(account, str(job.id))
    with pytest.raises(errors.NotFound):
        job_control.confirm(account, ["17"])
    assert told() == before


def test_a_body_says_all_that_a_receiver_needs(account, rollout):
    job = rollout(1)
    rows = database.execute("SELECT body FROM webhook_delivery ORDER BY id").fetchall()
    created, queued = (json.loads(body)["data"] for (body,) in rows)
    device = devices.named(account, "p", "dev0")
    package = str(job.package_id)
    assert created == {
        "job": str(job.id), "package": package, "product": "p", "module": "default", "version": "2",
        "kind": "upgrade", "selection": "static", "target": "all", "state": "in_progress", "paused": None,
    }  # fmt: skip
    task = queued.pop("task")
    assert task.isdecimal()
    assert queued == {
        "job": str(job.id), "package": package, "product": "p", "device": "dev0", "device_id": device.uuid,
        "module": "default", "source_version": None, "version": "2", "state": "queued", "progress": 0, "note": None,
    }  # fmt: skip


def test_a_planned_job_that_begins_is_told(account, held_clock):
    draft = PackageDraft(name="fw", version="2", product_key="p", needs_verification=False, url="https://h/x")
    devices.register(account, "p", "dev0")
    package, _ = insertion.create(account, draft)
    rules = JobDraft(package=str(package), product_key="p", schedule_at=clock.now() + 60_000)
    job = selection.begin(planning.create(account, rules))
    held_clock.seconds += 60
    due_work.advance_jobs()
    events = [(event, state) for event, state in told() if event.startswith("job.")]
    assert events == [("job.created", "planned"), ("job.in_progress", "in_progress")]
    assert (jobs.find(job.id).due, jobs.find(job.id).started) == (None, clock.now())
