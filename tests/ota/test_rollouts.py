"""Rollouts that once got stuck, or said what was not so."""

import pytest

from otagw import clock, errors
from otagw.ota import states
from otagw.ota.devices import devices, groups
from otagw.ota.packages import packages
from otagw.ota.rollouts import due_work, dynamic_jobs, job_control, job_steps, jobs, planning, selection
from otagw.ota.rollouts.planning import JobDraft
from otagw.ota.rollouts.records import Rules
from otagw.ota.updates import updates
from tests.conftest import NOW
from tests.ota import rollouts

MINUTE = 60_000


@pytest.fixture(autouse=True)
def held(store):
    """A clock to be moved by hand."""

    class Held:
        now = NOW * 1000

    clock.hold(lambda: Held.now)
    return Held


@pytest.fixture
def device(account):
    rollouts.register(account, {"d": {"default": "1.0"}})
    return devices.named(account, "p", "d")


@pytest.fixture
def package(account):
    return rollouts.package(account, "a")


def job_of(job_id):
    return rollouts.rows("job")[job_id]


def task_of(job_id):
    (task,) = [task for task in rollouts.rows("task").values() if task["job_id"] == job_id]
    return task


def restart(account, job_id):
    job_control.restart(account, str(job_id), [str(task_of(job_id)["id"])])


@pytest.mark.parametrize("begins", [None, 1])
def test_a_job_whose_time_is_over_before_a_worker_sees_it_ends(account, held, device, package, begins):
    begin = held.now + MINUTE if begins else None
    draft = JobDraft(package=package, product_key="p", schedule_at=begin, finish_at=held.now + 2 * MINUTE)
    job = planning.create(account, draft).id
    held.now += 3 * MINUTE
    rollouts.sweep_all()
    assert (task_of(job)["state"], task_of(job)["note"]) == ("canceled", job_steps.TIME_IS_OVER)
    assert (job_of(job)["state"], job_of(job)["due"]) == ("canceled", None)


def test_a_job_of_which_something_was_canceled_after_its_end_ends_wholly(account, held, device, package):
    job = rollouts.create(account, package, finish_at=held.now + MINUTE)
    held.now += MINUTE
    job_control.cancel_states(account, str(job), [states.CONFIRM])
    rollouts.sweep_all()
    assert job_of(job)["state"] == "canceled"


def test_a_planned_job_that_is_restarted_waits_for_its_time_again(account, held, device, package):
    job = rollouts.create(account, package, schedule_at=held.now + MINUTE)
    job_control.cancel_states(account, str(job), states.OPEN)
    assert job_of(job)["state"] == "canceled"
    restart(account, job)
    assert job_of(job)["state"] == "planned"
    assert updates.asked(device) is None
    held.now += MINUTE
    assert updates.asked(device) is not None
    assert job_of(job)["state"] == "in_progress"


def test_a_package_is_not_verified_by_nobody(account, device):
    key = rollouts.package(account, "v", "1.0", verify=True)
    job = rollouts.create(account, key, kind=jobs.VERIFY, target=jobs.SPECIFIC, rules=Rules(names=("d",)))
    assert job_of(job)["state"] == "completed"
    assert packages.get(account, key).status == states.UNFIT


def test_a_verified_package_is_not_verified_again_by_a_restart(account, device):
    key = rollouts.package(account, "v", verify=True)
    draft = {"kind": jobs.VERIFY, "target": jobs.SPECIFIC, "rules": Rules(names=("d",))}
    first = rollouts.create(account, key, **draft)
    updates.finished(device, False)
    second = rollouts.create(account, key, **draft)
    with pytest.raises(errors.WrongState):
        restart(account, first)
    updates.finished(device, True)
    assert job_of(second)["state"] == "completed"
    with pytest.raises(errors.WrongState):
        restart(account, first)
    assert packages.get(account, key).status == states.VERIFIED


def test_a_restart_of_nothing_changes_nothing(account, device):
    key = rollouts.package(account, "v", verify=True)
    draft = {"kind": jobs.VERIFY, "target": jobs.SPECIFIC, "rules": Rules(names=("d",))}
    job = rollouts.create(account, key, **draft)
    updates.finished(device, False)
    job_control.restart(account, str(job), [])
    assert packages.get(account, key).status == states.UNFIT


def test_a_package_that_a_device_still_has_to_install_is_not_deleted(account, device, package):
    draft = JobDraft(
        package=package, product_key="p", selection=jobs.DYNAMIC, rules=Rules(source_versions=("1.0",), timeout=1)
    )
    job = planning.create(account, draft).id
    assert updates.asked(device) is not None
    job_control.stop(account, str(job))
    with pytest.raises(errors.InUse):
        packages.delete(account, package)
    updates.reported_version(device, "2.0")
    packages.delete(account, package)


def test_a_task_whose_package_is_gone_is_not_restarted(account, device, package):
    job = rollouts.create(account, package)
    updates.finished(device, False)
    packages.delete(account, package)
    with pytest.raises(errors.WrongState) as refused:
        restart(account, job)
    assert refused.value.state == job_steps.NO_PACKAGE


def test_a_task_whose_device_is_gone_is_canceled_and_not_restarted(account, device, package):
    job = rollouts.create(account, package)
    job_control.delete_device(account, device)
    assert (task_of(job)["state"], task_of(job)["note"]) == ("canceled", job_control.DELETED)
    assert job_of(job)["state"] == "canceled"
    with pytest.raises(errors.WrongState) as refused:
        restart(account, job)
    assert refused.value.state == job_control.NO_DEVICE


def test_a_device_that_was_deleted_gets_nothing_of_a_dynamic_job(account, device, package):
    draft = JobDraft(package=package, product_key="p", selection=jobs.DYNAMIC, rules=Rules(source_versions=("1.0",)))
    planning.create(account, draft)
    job_control.delete_device(account, device)
    updates.reported_version(device, "1.0")
    assert updates.asked(device) is None
    assert rollouts.rows("task") == {}


def test_a_resumed_job_keeps_its_guard_unless_it_had_paused_itself(account, held, package):
    rollouts.register(account, {f"d{n}": {"default": "1.0"} for n in range(4)})
    found = [devices.named(account, "p", f"d{n}") for n in range(4)]
    job = rollouts.create(account, package, rules=Rules(guard_count=2))
    updates.finished(found[0], False)
    job_control.pause(account, str(job), "by hand")
    job_control.resume(account, str(job))
    updates.finished(found[1], False)
    assert job_of(job)["paused"] == "2 devices failed, and 2 are the limit"
    job_control.resume(account, str(job))
    updates.finished(found[2], False)
    assert job_of(job)["paused"] is None


def test_a_device_that_says_for_the_first_time_what_it_runs_may_say_so_again(account, package):
    rollouts.register(account, {"d": {}})
    device = devices.named(account, "p", "d")
    job = rollouts.create(account, package)
    updates.reported_version(device, "1.0")
    updates.progress(device, 10)
    updates.reported_version(device, "1.0")  # the power failed
    assert task_of(job)["state"] == "in_progress"
    updates.reported_version(device, "1.5")
    assert (task_of(job)["state"], task_of(job)["note"]) == ("failed", updates.FOREIGN)
    restart(account, job)
    updates.progress(device, 10)
    updates.reported_version(device, "1.5")
    assert task_of(job)["state"] == "in_progress"


def test_a_wrong_version_that_is_said_again_is_one_failure(account, device, package):
    rules = Rules(source_versions=("1.0",), retry_interval=1, retry_count=2)
    job = rollouts.create(account, package, rules=rules)
    updates.progress(device, 10)
    for _ in range(4):
        updates.reported_version(device, "1.5")
    assert (task_of(job)["state"], task_of(job)["attempts"]) == ("in_progress", 1)


def test_a_device_that_is_at_work_again_does_not_wait_for_its_retry(account, device, package):
    rules = Rules(source_versions=("1.0",), retry_interval=10, retry_count=2)
    job = rollouts.create(account, package, rules=rules)
    updates.asked(device)
    updates.progress(device, -2)
    assert updates.asked(device) is None
    updates.progress(device, 10)
    assert task_of(job)["retry_at"] is None
    assert updates.asked(device) is not None


def test_a_device_that_was_matched_too_often_may_ask_without_a_trace(account, device, package):
    draft = JobDraft(package=package, product_key="p", selection=jobs.DYNAMIC, rules=Rules(source_versions=("1.0",)))
    planning.create(account, draft)
    for _ in range(dynamic_jobs.MATCHES):
        assert updates.asked(device) is not None
        updates.finished(device, False)
    before = len(rollouts.rows("device_event"))
    assert [updates.asked(device) for _ in range(3)] == [None] * 3
    assert len(rollouts.rows("device_event")) == before
    assert due_work.end_tasks() == 0


def test_a_dynamic_job_for_a_group_takes_its_members_as_they_report(account, device, package):
    group = str(groups.create(account, groups.GroupDraft(name="g")).id)
    planning.create(account, JobDraft(package=package, product_key="p", selection=jobs.DYNAMIC, group=group))
    updates.reported_version(device, "1.0")
    assert rollouts.rows("task") == {}
    groups.add(account, group, [("p", "d")])
    updates.reported_version(device, "2.0")
    assert rollouts.rows("task") == {}
    updates.reported_version(device, "1.0")
    assert len(rollouts.rows("task")) == 1


def test_a_job_whose_step_goes_wrong_does_not_keep_the_others_waiting(account, held, device, package, monkeypatch):
    broken = planning.create(account, JobDraft(package=package, product_key="p")).id
    held.now += 1
    other = planning.create(account, JobDraft(package=package, product_key="p")).id
    whole = selection._window

    def window(job, pages):
        if job.id == broken:
            raise OSError("the storage is gone")
        return whole(job, pages)

    monkeypatch.setattr(selection, "_window", window)
    rollouts.sweep_all()
    assert (job_of(broken)["filling"], job_of(other)["filling"]) == (True, False)
    monkeypatch.setattr(selection, "_window", whole)
    held.now += due_work.AGAIN_MS
    rollouts.sweep_all()
    assert (job_of(broken)["filling"], job_of(broken)["due"]) == (False, None)
    assert task_of(broken)["state"] == "failed"  # the other has its device
