"""What an operator does to jobs that run: confirm, cancel, restart, pause, resume, stop, change."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import peewee

from otagw import errors
from otagw.db import database
from otagw.ota import audit, states
from otagw.ota.accounts import Account
from otagw.ota.devices import connections, devices
from otagw.ota.packages import packages
from otagw.ota.rollouts import job_steps, jobs, selection, tasks
from otagw.ota.rollouts.records import Job, Task
from otagw.ota.webhooks import events

DELETED: Final = "the device was deleted"
NO_DEVICE: Final = "its device is not there any more"


def confirm(account: Account, keys: Sequence[str]) -> None:
    """Confirm tasks, all or none.

    Raises `errors.NotFound`, and `errors.WrongState` for one that does not wait for it, or whose job has not begun.
    """
    with database.write():
        wanted = _held(account, keys)
        for task in wanted:
            job = _job(task.job_id)
            if job.state == states.PLANNED:
                raise errors.WrongState(kind=jobs.KIND, key=str(job.id), state=job.state)
            problem = job_steps.CANCELED_NOW if states.QUEUED in job.cancel.split() else None
            if problem or tasks.move(task, "confirm") is None:
                raise errors.WrongState(kind=tasks.KIND, key=str(task.id), state=problem or task.state)
        audit.note(account.id, tasks.KIND, *(task.id for task in wanted))


def restart(account: Account, job_key: str, keys: Sequence[str]) -> None:
    """Restart tasks of a job that failed or were canceled, all or none; the job runs again.

    Raises `errors.NotFound`, and `errors.WrongState` for one that has not ended so, or whose device is busy or gone.
    """
    with database.write():
        wanted = _held(account, keys)
        there = devices.hold([task.device_id for task in wanted])
        job = _lock(account, job_key)
        for task in wanted:
            if task.job_id != job.id:
                raise errors.NotFound(kind=tasks.KIND, key=str(task.id))
            problem = obstacle(job) if task.device_id in there else NO_DEVICE
            if problem or not restarted(task, job):
                raise errors.WrongState(kind=tasks.KIND, key=str(task.id), state=problem or task.state)
        if wanted:
            job_steps.runs_again(job)
            audit.note(account.id, tasks.KIND, *(task.id for task in wanted))


def obstacle(job: Job) -> str | None:
    """Return why no task of a job can be restarted now, if so."""
    is_canceled = job.first_state in job.cancel.split()  # and the task would be too, by the next step
    return job_steps.CANCELED_NOW if is_canceled else job_steps.obstacle(job)


def restarted(task: Task, job: Job) -> bool:
    """Restart a task, inside a write that holds its device; tell whether it had failed or was canceled."""
    try:
        return job_steps.restarted(task, job) is not None
    except peewee.IntegrityError:  # the device has another open task
        raise errors.WrongState(kind=tasks.KIND, key=str(task.id), state=selection.BUSY) from None


def cancel_states(account: Account, job_key: str, wanted: Sequence[str]) -> None:
    """Cancel a job's tasks in some states: as many as a step takes at once, the others by a worker."""
    with database.write():
        job = _lock(account, job_key)
        job_steps.cancel(job, wanted)
    job_steps.step(job.id)


def cancel_devices(
    account: Account, package_key: str, product_key: str, names: Sequence[str], job_key: str | None = None
) -> None:
    """Cancel the tasks of some devices that are not at work on them, of all jobs of a package or of one."""
    package = packages.get(account, package_key)
    found = devices.several(account, product_key, names)
    missing = set(names) - {device.name for device in found}
    if missing:
        raise errors.NotFound(kind=devices.KIND, key=min(missing))
    with database.write():
        wanted = jobs.get(account, job_key).id if job_key else None
        devices.hold([device.id for device in found])
        fits = [
            task
            for device in found
            for task in job_steps.open_of(device.id)
            if task.package_id == package.id and wanted in (None, task.job_id)
        ]
        _cancel(fits, job_steps.BY_HAND, states.WAITING)
        audit.note(account.id, devices.KIND, *(f"{product_key}/{device.name}" for device in found))


def delete_device(account: Account, device: devices.Device) -> None:
    """Delete a device; what it was to do is canceled."""
    with database.write():
        devices.delete(account, device)
        connections.forget(device.id)
        its = [task.job_id for task in tasks.open_of(device.id)]
        jobs.hold([*its, *jobs.filling(device.product_key)])  # whose next step might have given it a task
        _cancel(tasks.open_of(device.id), DELETED, states.OPEN)


def _cancel(found: Sequence[Task], note: str, among: Sequence[str]) -> None:
    """Cancel those of some tasks that are in some states still, and settle their jobs; inside a write."""
    jobs.hold(task.job_id for task in found)
    now = [tasks.find(task.id) for task in found]
    moved = {task.job_id for task in now if task and task.state in among and tasks.move(task, "cancel", note)}
    for job_id in sorted(moved, reverse=True):
        jobs.settle(job_id)


def stop(account: Account, key: str) -> None:
    """Stop a dynamic job: it takes no more devices, and those that it has go on. Others cannot be stopped so."""
    with database.write():
        job = _lock(account, key)
        if job.selection != jobs.DYNAMIC:
            raise errors.WrongState(kind=jobs.KIND, key=key, state=f"a {job.selection} one")
        jobs.set_(job, stopped=True)
        jobs.settle(job.id)
        audit.note(account.id, jobs.KIND, job.id)


def pause(account: Account, key: str, reason: str) -> None:
    """Let a job offer nothing more until it is resumed; devices at work go on."""
    with database.write():
        job = _lock(account, key)
        if job.state not in states.RUNNING:
            raise errors.WrongState(kind=jobs.KIND, key=key, state=job.state)
        if job.paused is None:
            events.job_changed(jobs.set_(job, paused=reason), "paused")
            audit.note(account.id, jobs.KIND, job.id)


def resume(account: Account, key: str) -> None:
    """Let a paused job go on; where its failures are too many, they are to pause it no more."""
    with database.write():
        job = _lock(account, key)
        if job.paused is None:
            raise errors.WrongState(kind=jobs.KIND, key=key, state="not paused")
        over = jobs.excess(job, tasks.counts(account.id, job.id))
        rules = replace(job.rules, guard_percent=None, guard_count=None) if over else job.rules
        events.job_changed(jobs.set_(job, paused=None, rules=rules), "resumed")
        audit.note(account.id, jobs.KIND, job.id)


def change(account: Account, key: str, **rules: Any) -> None:
    """Change rules of a job that has not ended."""
    with database.write():
        job = _lock(account, key)
        if job.state not in states.RUNNING:
            raise errors.WrongState(kind=jobs.KIND, key=key, state=job.state)
        jobs.set_(job, rules=replace(job.rules, **rules))
        audit.note(account.id, jobs.KIND, job.id)


def _held(account: Account, keys: Sequence[str]) -> list[Task]:
    """Return tasks brought up to date, with their devices and jobs held; inside a write."""
    wanted = [tasks.get(account, key) for key in keys]
    devices.hold([task.device_id for task in wanted])
    jobs.hold(task.job_id for task in wanted)
    return [job_steps.reach(task) for task in wanted]


def _lock(account: Account, key: str) -> Job:
    jobs.get(account, key)
    return _job(int(key))


def _job(job_id: int) -> Job:
    job = jobs.find(job_id, database.HOLD)
    if job is None:
        raise errors.NotFound(kind=jobs.KIND, key=str(job_id))
    return job
