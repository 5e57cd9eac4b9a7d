"""What an operator does to jobs that run: confirm, cancel, restart, pause, resume, stop, change."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import peewee

from otagw import clock, errors
from otagw.db import database
from otagw.ota import audit, states
from otagw.ota.accounts import Account
from otagw.ota.devices import devices
from otagw.ota.packages import packages
from otagw.ota.products import minimum_versions
from otagw.ota.rollouts import jobs, selection, tasks
from otagw.ota.rollouts.records import Job, Task
from otagw.ota.webhooks import events

CANCELED_AT_ONCE: Final = 2000
BY_HAND: Final = "canceled by the operator"
TIME_IS_OVER: Final = "the job's time is over"
DELETED: Final = "the device was deleted"
NO_DEVICE: Final = "its device is not there any more"
NO_PACKAGE: Final = "its package is not there any more"
ANOTHER: Final = "its package is verified, or another job is verifying it"


def confirm(account: Account, keys: Sequence[str]) -> None:
    """Confirm tasks, all or none.

    Raises `errors.NotFound`, and `errors.WrongState` for one that does not wait for it, or whose job has not begun.
    """
    with database.write():
        wanted = [tasks.get(account, key) for key in keys]
        jobs.hold(task.job_id for task in wanted)
        for task in wanted:
            job = _job(task.job_id)
            if job.state == states.PLANNED:
                raise errors.WrongState(kind=jobs.KIND, key=str(job.id), state=job.state)
            if tasks.move(task, "confirm") is None:
                raise errors.WrongState(kind=tasks.KIND, key=str(task.id), state=task.state)
        audit.note(account.id, tasks.KIND, *(task.id for task in wanted))


def restart(account: Account, job_key: str, keys: Sequence[str]) -> None:
    """Restart tasks of a job that failed or were canceled, all or none; the job runs again.

    Raises `errors.NotFound`, and `errors.WrongState` for one that has not ended so, or whose device is busy or gone.
    """
    with database.write():
        wanted = [tasks.get(account, key) for key in keys]
        there = devices.hold([task.device_id for task in wanted])
        job = _lock(account, job_key)
        for task in wanted:
            if task.job_id != job.id:
                raise errors.NotFound(kind=tasks.KIND, key=str(task.id))
            problem = NO_DEVICE if task.device_id not in there else obstacle(account, job)
            if problem or not restarted(task, job):
                raise errors.WrongState(kind=tasks.KIND, key=str(task.id), state=problem or task.state)
        if wanted:
            runs_again(job)
            audit.note(account.id, tasks.KIND, *(task.id for task in wanted))


def runs_again(job: Job) -> None:
    """Let a job go on of which tasks were restarted, inside the write that did so."""
    over = job.finish_at and job.finish_at <= clock.now()
    jobs.set_(job, finish_at=None if over else job.finish_at, stopped=job.stopped and job.selection == jobs.DYNAMIC)
    if job.kind == jobs.VERIFY:
        packages.set_status(job.package_id, states.VERIFYING)
    jobs.settle(job.id)


def obstacle(account: Account, job: Job) -> str | None:
    """Return why no task of a job can be restarted, if so; the package is held, so that it stays."""
    try:
        packages.hold(account, str(job.package_id))
    except errors.NotFound:
        return NO_PACKAGE
    below = minimum_versions.hindrance(job.product_key, job.module, job.version)
    if below:
        return below
    verifies = job.kind == jobs.VERIFY and job.state not in states.RUNNING
    return ANOTHER if verifies and packages.status(job.package_id) not in states.VERIFIABLE else None


def restarted(task: Task, job: Job) -> bool:
    """Restart a task, inside a write that holds its device; tell whether it had failed or was canceled."""
    event = "restart to confirm" if job.rules.need_confirm else "restart"
    try:
        return tasks.move(task, event, "", progress=0, attempts=0, started=None) is not None
    except peewee.IntegrityError:  # the device has another open task
        raise errors.WrongState(kind=tasks.KIND, key=str(task.id), state=selection.BUSY) from None


def cancel_states(account: Account, job_key: str, wanted: Sequence[str]) -> None:
    """Cancel a job's tasks in some states; what a request has no time for is left to a worker, and offered no more."""
    with database.write():
        job = _lock(account, job_key)
        pending = [state for state in states.OPEN if state in wanted or state in job.cancel.split()]
        is_all = job.selection == jobs.STATIC and job.state in states.RUNNING and pending == list(states.OPEN)
        jobs.set_(job, cancel=" ".join(pending), due=clock.now(), stopped=job.stopped or is_all)
        audit.note(account.id, jobs.KIND, job.id)
    until = clock.elapsed() + selection.REQUEST_SECONDS
    while cancel_step(job.id) and clock.elapsed() <= until:
        clock.pause(selection.PAUSE_SECONDS)


def finish(job_id: int) -> None:
    """End a job whose time is over: what no device is at work on is canceled, step by step."""
    with database.write():
        job = _job(job_id)
        if job.state in states.RUNNING and job.finish_at and job.finish_at <= clock.now():
            jobs.set_(job, cancel=" ".join(states.WAITING), due=clock.now())


def cancel_step(job_id: int) -> bool:
    """Cancel some tasks of a job that are to be canceled; return whether there are more."""
    with database.write():
        job = jobs.find(job_id, database.HOLD)
        if job is None or not job.cancel or job.filling:
            return False
        for state in job.cancel.split():
            note = TIME_IS_OVER if job.finish_at and job.finish_at <= clock.now() else BY_HAND
            if tasks.cancel_some(job.account_id, job.id, state, note, CANCELED_AT_ONCE) == CANCELED_AT_ONCE:
                return True
        job = jobs.set_(job, cancel="")
        jobs.set_(job, due=jobs.due(job))
        jobs.settle(job.id)
        return False


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
        fits = [
            task
            for device in found
            for task in tasks.open_of(device.id)
            if task.package_id == package.id and wanted in (None, task.job_id)
        ]
        _cancel(fits, BY_HAND, states.WAITING)
        audit.note(account.id, devices.KIND, *(f"{product_key}/{device.name}" for device in found))


def delete_device(account: Account, device: devices.Device) -> None:
    """Delete a device; what it was to do is canceled."""
    with database.write():
        devices.delete(account, device)
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


def _lock(account: Account, key: str) -> Job:
    jobs.get(account, key)
    return _job(int(key))


def _job(job_id: int) -> Job:
    job = jobs.find(job_id, database.HOLD)
    if job is None:
        raise errors.NotFound(kind=jobs.KIND, key=str(job_id))
    return job
