"""When a worker has something to do next: not a millisecond before, and then it does it; on every engine."""

import dataclasses

import pytest

from otagw import clock, worker
from otagw.db import database
from otagw.ota import audit, idempotency
from otagw.ota.audit import Actor
from otagw.ota.devices import batch_registration, device_files, devices, timeline
from otagw.ota.packages import stored_files
from otagw.ota.products import products
from otagw.ota.rollouts import bulk_control, job_control, jobs
from otagw.ota.rollouts.records import Rules
from otagw.ota.updates import updates
from otagw.ota.webhooks import webhooks
from otagw.security import rate_limit_stores
from otagw.security.rate_limits import Rate
from tests import door
from tests.conftest import NOW
from tests.ota import rollouts
from tests.ports import free_port

CLOSED_PORT = f"http://127.0.0.1:{free_port()}/"


def job(account, **more):
    rollouts.register(account, {"d": {"default": "1.0"}})
    found = rollouts.create(account, rollouts.package(account, "p"), **more)
    while worker.next_due() is not None and worker.next_due() <= clock.now():
        worker.STEPS["ota.sweep.advance_jobs"]()
    return found


def scheduled_job(account):
    job(account, schedule_at=clock.now() + 3_600_000)


def timed_task(account):
    job(account, rules=Rules(timeout=30))
    device = devices.find("p", "d")
    updates.asked(device, None, None)
    updates.progress(device, 10, "", "default")


def delivery(account):
    webhooks.create(account, CLOSED_PORT)
    with database.write():
        webhooks.emit(account.id, "package.created", {})


def idle_file(account):
    stored_files.announce(account, "a/", "bin")


def answer(account):
    idempotency.run(account, "Make", "token", dict, dict)


def event(account):
    with database.write():
        timeline.note(1, "reported", "x")


def done_delivery(account):
    delivery(account)
    database.execute("UPDATE webhook_delivery SET state = 'delivered', next_at = NULL, done_at = ?", clock.now())


def audited(account):
    with audit.acting(Actor("k", "Op", "", "")), database.write():
        audit.note(account.id, "thing", 1)


def ended_job(account):
    door.replace(settings=dataclasses.replace(door.here().settings, keep_jobs_days=30))
    job_control.cancel_states(account, str(job(account)), ["queued"])
    database.execute("DELETE FROM device_event")


def deleted_job(account):
    key = str(job(account, rules=Rules(inclusive=True)))
    bulk_control.stop(account, key, None)
    with database.write():
        jobs.delete(jobs.get(account, key))


def batch(account):
    with database.write():
        products.require(account, "p")
    made = batch_registration.check(account, "p", [devices.DeviceDraft(f"dev{n}") for n in range(3)])
    database.execute("UPDATE device_batch SET state = 'registering', due = ? WHERE id = ?", clock.now(), made.id)


def registered(account):
    batch_registration.make(account, "p", 2)


def bucket(account):
    rate_limit_stores.Tables().take("k Op", Rate(10, 10))


def device_file(account):
    device_files.create(account, "devices.csv", ["p_d"])


CASES = {
    "ota.devices.expire_files": device_file,
    "ota.prune.batches": registered,
    "ota.prune.buckets": bucket,
    "ota.devices.register_due": batch,
    "ota.sweep.advance_jobs": scheduled_job,
    "ota.sweep.deleted_jobs": deleted_job,
    "ota.sweep.end_tasks": timed_task,
    "ota.outbox.deliver_due": delivery,
    "ota.files.purge": idle_file,
    "ota.idempotency.sweep": answer,
    "ota.prune.events": event,
    "ota.prune.deliveries": done_delivery,
    "ota.prune.audit": audited,
    "ota.prune.ended_jobs": ended_job,
}


def test_every_step_says_when_it_is_due():
    assert worker.STEPS.keys() == worker.NEXT_DUE.keys() == CASES.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_step_is_due_when_it_says(account, name):
    next_due, step = worker.NEXT_DUE[name], worker.STEPS[name]
    assert next_due() is None
    CASES[name](account)
    at = next_due()
    assert at >= NOW * 1000
    clock.hold(lambda: at - 1)
    assert step() == 0
    assert next_due() == at
    clock.hold(lambda: at)
    assert step() >= 1
    assert next_due() is None or next_due() > at


def test_the_next_of_all_is_the_earliest(account):
    assert worker.next_due() is None
    audited(account)
    event(account)
    assert worker.next_due() == worker.NEXT_DUE["ota.prune.events"]()
    idle_file(account)
    assert worker.next_due() == worker.NEXT_DUE["ota.files.purge"]()


def test_a_webhook_that_is_switched_off_or_claimed_is_due_later_or_not_at_all(account):
    next_due = worker.NEXT_DUE["ota.outbox.deliver_due"]
    delivery(account)
    database.execute("UPDATE webhook SET busy_until = ?", clock.now() + 5)
    assert next_due() == clock.now() + 5
    database.execute("UPDATE webhook SET enabled = ?", False)
    assert next_due() is None


def test_a_job_that_still_has_an_open_task_is_not_to_go(account):
    ended_job(account)
    at = worker.NEXT_DUE["ota.prune.ended_jobs"]()
    assert at == jobs.find(database.smallest("SELECT id FROM job")).ended + 30 * 24 * 3600 * 1000 + 1
    database.execute("UPDATE task SET state = 'in_progress'")
    assert worker.NEXT_DUE["ota.prune.ended_jobs"]() is None
