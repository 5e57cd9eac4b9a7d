"""Only expired rows are deleted; on every engine."""

import dataclasses

import pytest

from otagw import clock, errors
from otagw.db import database
from otagw.ops import prune
from otagw.ota import audit
from otagw.ota.audit import Actor
from otagw.ota.devices import batch_registration, devices, timeline
from otagw.ota.packages import packages
from otagw.ota.products import products
from otagw.ota.rollouts import job_control, jobs, tasks
from otagw.security import rate_limit_stores
from otagw.security.rate_limits import Rate
from tests import door
from tests.conftest import NOW
from tests.ota import rollouts

DAY = 24 * 3600 * 1000


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch):
    monkeypatch.setattr(prune, "AT_ONCE", 2)


def keep(**days):
    """Keep kinds of rows for other numbers of days."""
    chosen = {f"keep_{kind}_days": number for kind, number in days.items()}
    door.replace(settings=dataclasses.replace(door.here().settings, **chosen))


def later(days, milliseconds=0):
    clock.hold(lambda: NOW * 1000 + days * DAY + milliseconds)


def number(table):
    return database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]


def until_nothing(step):
    done = []
    while not done or done[-1]:
        done.append(step())
        assert len(done) < 100
    return done


def test_the_audit_goes_when_its_time_is_over(account):
    for day in (0, 0, 0, 1):
        later(day)
        with audit.acting(Actor("k", "Op", "", "")), database.write():
            audit.note(account.id, "thing", day)
    later(400, -1)
    assert prune.audit() == 0
    later(400)
    assert until_nothing(prune.audit) == [2, 1, 0]
    assert number("audit_event") == 1


def test_events_of_devices_go_when_their_time_is_over(account):
    for day in (0, 0, 0, 1):
        later(day)
        with database.write():
            timeline.note(1, "reported", "x")
    later(90)
    assert prune.events() == 0
    later(90, 1)
    until_nothing(prune.events)
    assert number("device_event") == 1


def test_what_is_kept_for_ever_stays(account):
    keep(**dict.fromkeys(prune.KINDS, 0))
    with audit.acting(Actor("k", "Op", "", "")), database.write():
        audit.note(account.id, "thing", 1)
        timeline.note(1, "reported", "x")
    later(9999)
    steps = (prune.audit, prune.events, prune.deliveries, prune.ended_jobs)
    assert [step() for step in steps] == [0] * 4
    assert number("audit_event") == number("device_event") == 1


def test_batches_go_and_their_devices_stay_nobody_elses(account):
    keep(batches=10)
    made = [batch_registration.make(account, "p", 3) for _ in range(3)]
    later(10, -1)
    assert prune.batches() == 0
    later(10)
    assert until_nothing(prune.batches) == [2, 1, 0]
    assert number("device") == 9
    for batch in made:
        with pytest.raises(errors.NotFound):
            batch_registration.page(account, batch, 1, 10)
    new = batch_registration.make(account, "q", 1)
    assert new not in made
    assert batch_registration.page(account, new, 1, 10).total == 1


def test_buckets_go_when_they_have_been_full_for_a_day(account):
    buckets = rate_limit_stores.Tables()
    for name in "abc":
        buckets.take(name, Rate(1, 5))
    later(1, 999)
    assert prune.buckets() == 0
    buckets.take("c", Rate(1, 5))
    later(1, 1000)
    assert until_nothing(prune.buckets) == [2, 0]
    assert number("bucket") == 1


def test_a_counter_goes_with_the_last_that_it_counts(account):
    package = rollouts.package(account, "a")
    rollouts.register(account, {"d": {}})
    job = job_of(account, "b")
    assert number("counter") > 5
    devices.delete(account, devices.find("p", "d"))
    job_control.cancel_states(account, str(job.id), ["queued"])
    with database.write():
        jobs.delete(jobs.find(job.id))
    for key in (package, str(job.package_id)):
        packages.delete(account, key)
    products.delete(account, "p")
    assert database.execute("SELECT scope, total FROM counter").fetchall() == []


@pytest.fixture
def fleet(account):
    rollouts.register(account, {f"d{n}": {"default": "1.0"} for n in range(5)})
    return account


def job_of(account, name, **more):
    return jobs.find(rollouts.create(account, rollouts.package(account, name), **more))


def end(account, job):
    job_control.cancel_states(account, str(job.id), ["queued", "notified", "in_progress", "confirm"])


def test_ended_jobs_go_with_their_tasks_and_are_counted_no_more(fleet):
    keep(jobs=30)
    old = job_of(fleet, "old")
    end(fleet, old)
    later(10)
    young = job_of(fleet, "young")
    end(fleet, young)
    later(20)
    running = job_of(fleet, "running")
    later(30)
    assert prune.KINDS["jobs"].count(clock.now() - 30 * DAY + 1) == 6
    later(30, 1)
    assert until_nothing(prune.ended_jobs) == [1, 2, 2, 2, 0]
    assert {jobs.find(job.id) is None for job in (young, running)} == {False}
    assert jobs.find(old.id) is None
    assert number("task") == 10
    assert jobs.of_package(fleet, str(old.package_id), 1, 10).total == 0
    assert sum(tasks.counts(fleet.id, old.id).values()) == 0
    assert tasks.counts(fleet.id, young.id)["canceled"] == 5
    assert database.execute(f"SELECT COUNT(*) FROM counter WHERE scope LIKE '%{old.id}%'").fetchone() == (0,)
    packages.delete(fleet, str(old.package_id))
    later(9999)
    until_nothing(prune.ended_jobs)
    assert jobs.find(running.id) is not None
    assert number("task") == 5


def test_a_job_that_was_restarted_stays(fleet):
    keep(jobs=30)
    job = job_of(fleet, "old")
    end(fleet, job)
    later(31)
    (task,) = tasks.page(fleet, job.id, 1, 1).items
    job_control.restart(fleet, str(job.id), [str(task.id)])
    assert prune.ended_jobs() == 0
    assert number("task") == 5


def test_jobs_are_kept_unless_somebody_says_otherwise(fleet):
    end(fleet, job_of(fleet, "old"))
    later(9999)
    assert prune.ended_jobs() == 0
