"""Cancel, restart or confirm all tasks of a job: a request marks the job, and steps do it to some tasks at a time.

Marks are made inside a write that holds the job. Each step is one transaction: the request takes the first, which is
all that a small job needs, and the worker takes the others. A task whose device asks before its turn is brought up to
date by `reach`, so that no device sees a difference. docs/decisions/0030-bulk-steps.md.
"""

from collections.abc import Sequence
from typing import Any, Final

from otagw import clock, errors
from otagw.db import database
from otagw.ota import audit, states
from otagw.ota.accounts import Account
from otagw.ota.devices import devices
from otagw.ota.packages import packages
from otagw.ota.products import minimum_versions
from otagw.ota.rollouts import jobs, tasks
from otagw.ota.rollouts.records import Job, Task

# How many tasks a step looks at: it holds up every other writer, for some 20 ms.
AT_ONCE: Final = 500
RETRY, CONFIRM, CANCEL = "retry", "confirm", "cancel"
BY_HAND: Final = "canceled by the operator"
TIME_IS_OVER: Final = "the job's time is over"
NO_PACKAGE: Final = "its package is not there any more"
ANOTHER: Final = "its package is verified, or another job is verifying it"
# What a job is told to be in when something else is still being done to all of its tasks.
_UNDER_WAY: Final = {RETRY: "being retried", CONFIRM: "being confirmed", CANCEL: "being canceled"}
CANCELED_NOW: Final = "its job is being canceled"
_OPEN: Final = ",".join(f"'{state}'" for state in states.OPEN)
# Tasks that a retry is for: those that it has not reached, and that have not failed again since.
_TO_RETRY: Final = "job_id = ? AND id > ? AND id <= ? AND modified <= ?"
_IS_FREE: Final = (
    "device_id IN (SELECT id FROM device) AND NOT EXISTS "
    f"(SELECT 1 FROM task o WHERE o.device_id = task.device_id AND o.module = task.module AND o.state IN ({_OPEN}))"
)


def cancel(job: Job, wanted: Sequence[str]) -> None:
    """Mark a job: its tasks in some states are canceled. A retry or confirmation under way ends where it is."""
    pending = [state for state in states.OPEN if state in wanted or state in job.cancel.split()]
    is_all = job.selection == jobs.STATIC and job.state in states.RUNNING and pending == list(states.OPEN)
    bulk = "" if pending else job.bulk
    _mark(job, cancel=" ".join(pending), bulk=bulk, stopped=job.stopped or is_all)


def retry(job: Job) -> None:
    """Mark a static job: its tasks that failed or were canceled begin again, and those try at once that wait to.

    Tasks whose device is gone, or has another update under way, stay as they are. Raises `errors.WrongState` where no
    task of the job can be restarted.
    """
    problem = obstacle(job)
    if problem:
        raise errors.WrongState(kind=jobs.KIND, key=str(job.id), state=f"not to be retried, since {problem}")
    runs_again(_begin(job, RETRY))


def confirm(job: Job) -> None:
    """Mark a job: its tasks that wait for it are confirmed. Raises `errors.WrongState` before its time has come."""
    if job.state != states.IN_PROGRESS:
        raise errors.WrongState(kind=jobs.KIND, key=str(job.id), state=job.state)
    _begin(job, CONFIRM)


def finish(job_id: int) -> None:
    """End a job whose time is over: what no device is at work on is canceled, step by step."""
    with database.write():
        job = jobs.find(job_id, database.HOLD)
        if job and job.state in states.RUNNING and job.finish_at and job.finish_at <= clock.now():
            jobs.set_(job, cancel=" ".join(states.WAITING), bulk="", due=clock.now())


def step(job_id: int) -> bool:
    """Take one step of what is done to all tasks of a job; return whether there is another."""
    with database.write():
        before = jobs.find(job_id)
        if before is None or before.filling or not before.is_steered:
            return False
        last, device_ids = _window(before) if before.bulk == RETRY else (0, [])
        devices.hold(device_ids)  # before the job, as everybody does who gives a device a task
        job = jobs.find(job_id, database.HOLD)
        if job is None or _progress(job) != _progress(before):  # somebody else has taken this step
            return bool(job and job.is_steered)
        if _takes_more(job, last, len(device_ids)):
            return True
        job = jobs.set_(job, cancel="", bulk="")
        jobs.set_(job, due=jobs.due(job))
        jobs.settle(job.id)
        return False


def at_hand(device_id: int, module: str | None = None) -> list[Task]:
    """Return a device's open tasks, and those of whose cancellation it is to be told, brought up to date."""
    found = tasks.at_hand(device_id, module)
    if [task for task, is_steered in found if is_steered and reach(task) != task]:
        found = tasks.at_hand(device_id, module)
    return [task for task, _ in found if task.is_open or task.recall == tasks.PENDING]


def open_of(device_id: int, module: str | None = None) -> list[Task]:
    """Return a device's open tasks, brought up to date."""
    return [task for task in at_hand(device_id, module) if task.is_open]


def reach(task: Task) -> Task:
    """Do to one task now what is being done to all of its job; return it as it is then."""
    job = jobs.find(task.job_id)
    if job and _pending(job, task):
        with database.write():
            there = devices.hold([task.device_id])
            job, current = jobs.find(task.job_id, database.HOLD), tasks.find(task.id)
            if job and current and _reached(job, current, bool(there)):
                jobs.settle(job.id)
    return tasks.find(task.id) or task


def restarted(task: Task, job: Job) -> Task | None:
    """Restart a task that failed or was canceled, inside a write that holds its device; return None for another."""
    return tasks.move(task, _restart(job), "", **tasks.RESTARTED)


def runs_again(job: Job) -> None:
    """Let a job go on of which tasks are restarted, inside the write that does so."""
    over = job.finish_at and job.finish_at <= clock.now()
    jobs.set_(job, finish_at=None if over else job.finish_at, stopped=job.stopped and job.selection == jobs.DYNAMIC)
    if job.kind == jobs.VERIFY:
        packages.set_status(job.package_id, states.VERIFYING)
    jobs.settle(job.id)


def obstacle(job: Job) -> str | None:
    """Return why no task of a job can be restarted, if so; the package is held, so that it stays."""
    try:
        packages.hold(Account(job.account_id, ""), str(job.package_id))
    except errors.NotFound:
        return NO_PACKAGE
    below = minimum_versions.hindrance(job.product_key, job.module, job.version)
    if below:
        return below
    verifies = job.kind == jobs.VERIFY and job.state not in states.RUNNING
    return ANOTHER if verifies and packages.status(job.package_id) not in states.VERIFIABLE else None


def _begin(job: Job, bulk: str) -> Job:
    """Mark a job for one thing; what is under way the same way begins anew, and another way is refused."""
    if job.cancel or job.bulk not in ("", bulk):
        raise errors.WrongState(kind=jobs.KIND, key=str(job.id), state=_UNDER_WAY[job.bulk or CANCEL])
    return _mark(job, bulk=bulk, bulk_at=clock.now(), bulk_reached=0)


def _mark(job: Job, **columns: Any) -> Job:
    audit.note(job.account_id, jobs.KIND, job.id)
    return jobs.set_(job, due=clock.now(), **columns)


def _progress(job: Job) -> tuple[Any, ...]:
    return job.filling, job.cancel, job.bulk, job.bulk_at, job.bulk_reached


def _window(job: Job) -> tuple[int, list[int]]:
    """Return the last task that the next step of a retry looks at, and the devices of all that it looks at."""
    query = "SELECT id, device_id FROM task WHERE job_id = ? AND id > ? ORDER BY id LIMIT ?"
    found = database.execute(query, job.id, job.bulk_reached, AT_ONCE).fetchall()
    return (found[-1][0] if found else 0), [device_id for _, device_id in found]


def _takes_more(job: Job, last: int, count: int) -> bool:
    """Do what one step is for, on the job that it holds; return whether there is more of it."""
    some = "id IN (SELECT id FROM task WHERE job_id = ? AND state = ? ORDER BY id LIMIT ?)"
    if job.cancel:
        left = AT_ONCE
        for state in job.cancel.split():
            left -= tasks.cancel_where(job.account_id, some, (job.id, state, left), _why(job))
        return not left
    if job.bulk == CONFIRM:
        return tasks.confirm_where(job.account_id, some, (job.id, states.CONFIRM, AT_ONCE)) == AT_ONCE
    if obstacle(job):
        return False
    window = (job.id, job.bulk_reached, last, job.bulk_at)
    tasks.restart_where(job.account_id, _restart(job), f"{_TO_RETRY} AND {_IS_FREE}", window)
    database.execute(
        f"UPDATE task SET retry_at = NULL, modified = ? WHERE {_TO_RETRY} AND retry_at IS NOT NULL",
        *(clock.now(), *window),
    )
    jobs.set_(job, bulk_reached=last)
    return count == AT_ONCE


def _pending(job: Job, task: Task) -> str | None:
    """Return what is being done to all tasks of a job and has not reached this one."""
    if task.state in job.cancel.split():
        return CANCEL
    if job.bulk == CONFIRM:
        return CONFIRM if task.state == states.CONFIRM else None
    fits = task.state in (states.FAILED, states.CANCELED) or task.retry_at is not None
    is_next = job.bulk == RETRY and task.id > job.bulk_reached and task.modified <= job.bulk_at
    return RETRY if fits and is_next else None


def _reached(job: Job, task: Task, is_there: bool) -> bool:
    """Do to a task what is pending, inside a write that holds its device and job; return whether it has changed."""
    pending = _pending(job, task)
    if pending == CANCEL:
        return tasks.move(task, "cancel", _why(job)) is not None
    if pending == CONFIRM:
        return tasks.move(task, "confirm") is not None
    if pending is None or not is_there:
        return False
    if task.is_open:
        tasks.set_(task, retry_at=None)
        return True
    is_busy = tasks.open_of(task.device_id, task.module) or obstacle(job)
    return not is_busy and restarted(task, job) is not None


def _restart(job: Job) -> str:
    return "restart to confirm" if job.rules.need_confirm else "restart"


def _why(job: Job) -> str:
    return TIME_IS_OVER if job.finish_at and job.finish_at <= clock.now() else BY_HAND
