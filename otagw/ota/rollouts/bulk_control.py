"""What an operator does to the devices of one job: stop them, let them try again, confirm them, and forget it all.

Named devices have each an answer of their own. Without names all are meant, some at a time: whatever ends that, the
same call again goes on with the rest.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from otagw import clock, errors
from otagw.db import database, models, rows
from otagw.ota import states
from otagw.ota.accounts import Account
from otagw.ota.devices import devices
from otagw.ota.rollouts import job_control, job_progress, jobs, selection, tasks
from otagw.ota.rollouts.records import Job, Task

AT_ONCE: Final = 500
FORGOTTEN_AT_ONCE: Final = 2000
NO_TASK: Final = "it is no target of the task"
# What may be done to a task of a job; returns why it was not.
Act = Callable[[Account, Job, Task], str | None]


def stop(account: Account, key: str, names: Sequence[str] | None) -> dict[str, str | None]:
    """Cancel what some devices, or all, still have to do; return by name why it was not done, or None."""
    job = _running(account, key, (job_progress.FILLING, job_progress.PLANNED, job_progress.RUNNING))
    if names is None:
        job_control.cancel_states(account, key, states.OPEN)
        return {}
    return _named(account, job, names, _stop)


def retry(account: Account, key: str, names: Sequence[str] | None) -> dict[str, str | None]:
    """Let some devices, or all, try again that failed, were canceled or wait for their next try; answer as `stop`."""
    job = _running(account, key, (job_progress.RUNNING, job_progress.FAILED, job_progress.MIXED))
    if names is None:
        row = models.Task
        return _all(account, job, row.state.in_((states.FAILED, states.CANCELED)) | row.retry_at.is_null(False), _retry)
    return _named(account, job, names, _retry)


def confirm(account: Account, key: str, names: Sequence[str] | None) -> dict[str, str | None]:
    """Let some devices, or all, begin that wait for it; answer as `stop`."""
    job = _running(account, key, (job_progress.FILLING, job_progress.RUNNING))
    if names is None:
        return _all(account, job, models.Task.state == states.CONFIRM, _confirm)
    return _named(account, job, names, _confirm)


def forget(account: Account, key: str) -> None:
    """Delete a job that has ended, with its tasks; raise `errors.WrongState` for another."""
    while True:
        with database.write():
            job, phase = job_progress.get(account, key)
            jobs.hold([job.id])
            if phase not in job_progress.ENDED:
                raise errors.WrongState(kind=jobs.KIND, key=key, state=phase)
            if jobs.delete_some(job, FORGOTTEN_AT_ONCE) < FORGOTTEN_AT_ONCE:
                return
        clock.pause(selection.PAUSE_SECONDS)


def _running(account: Account, key: str, among: Sequence[str]) -> Job:
    job, phase = job_progress.get(account, key)
    if phase not in among:
        raise errors.WrongState(kind=jobs.KIND, key=key, state=phase)
    return job


def _named(account: Account, job: Job, names: Sequence[str], act: Act) -> dict[str, str | None]:
    row = models.Task
    found = rows.values(row.select(row.id).where(row.job_id == job.id, row.device_name.in_(names)))
    done = _act(account, job, found, act)
    return {name: done.get(name, NO_TASK) for name in names}


def _all(account: Account, job: Job, among: Any, act: Act) -> dict[str, str | None]:
    """Act on the tasks for which a condition holds; what becomes of each is not told, as they may be very many."""
    row, last = models.Task, 0
    while True:
        query = row.select(row.id).where(row.job_id == job.id, row.id > last, among).order_by(row.id)
        some = rows.values(query.limit(AT_ONCE))
        _act(account, job, some, act)
        if len(some) < AT_ONCE:
            return {}
        last = some[-1]
        clock.pause(selection.PAUSE_SECONDS)


def _act(account: Account, job: Job, task_ids: Sequence[int], act: Act) -> dict[str, str | None]:
    """Act on some tasks in one transaction; return by device why that was not done, or None."""
    with database.write():
        found = [task for task in map(tasks.find, task_ids) if task]
        there = devices.hold([task.device_id for task in found])
        job = jobs.find(job.id, database.HOLD) or job
        problems = {}
        for task in (task for task in map(tasks.find, task_ids) if task):
            gone = None if task.device_id in there else job_control.NO_DEVICE
            problems[task.device_name] = gone or act(account, job, task)
        if not all(problems.values()):
            job_control.runs_again(job) if act is _retry else jobs.settle(job.id)
        return problems


def _stop(account: Account, job: Job, task: Task) -> str | None:
    return None if tasks.move(task, "cancel", job_control.BY_HAND) else _is(task)


def _confirm(account: Account, job: Job, task: Task) -> str | None:
    return None if job.state == states.IN_PROGRESS and tasks.move(task, "confirm") else _is(task)


def _retry(account: Account, job: Job, task: Task) -> str | None:
    if task.is_open and task.retry_at:
        tasks.set_(task, retry_at=None)
        return None
    if task.state not in (states.FAILED, states.CANCELED):
        return _is(task)
    if tasks.open_of(task.device_id, task.module):  # nobody gives it one now: whoever does holds the device
        return selection.BUSY
    problem = job_control.obstacle(account, job)
    if problem is None:
        job_control.restarted(task, job)
    return problem


def _is(task: Task) -> str:
    return f"it is {task.state}"
