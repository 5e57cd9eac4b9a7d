"""What an operator does to the devices of one job: stop them, let them try again, confirm them, and forget it all.

Named devices have each an answer of their own. Without names all are meant, and `job_steps` reaches them by and by.
"""

from collections.abc import Callable, Sequence
from typing import Final

from otagw import errors
from otagw.db import database, models, rows
from otagw.ota import audit, states
from otagw.ota.accounts import Account
from otagw.ota.devices import devices
from otagw.ota.rollouts import job_control, job_progress, job_steps, jobs, selection, tasks
from otagw.ota.rollouts.records import Job, Task

NO_TASK: Final = "it is no target of the task"
# What may be done to a task of a job; returns why it was not.
Act = Callable[[Job, Task], str | None]


def stop(account: Account, key: str, names: Sequence[str] | None) -> dict[str, str | None]:
    """Cancel what some devices, or all, still have to do; return by name why it was not done, or None."""
    phases = (job_progress.FILLING, job_progress.PLANNED, job_progress.RUNNING)
    return _act(account, key, phases, names, _stop, lambda job: job_steps.cancel(job, states.OPEN))


def retry(account: Account, key: str, names: Sequence[str] | None) -> dict[str, str | None]:
    """Let some devices, or all, try again that failed, were canceled or wait for their next try; answer as `stop`."""
    phases = (job_progress.RUNNING, job_progress.FAILED, job_progress.MIXED)
    return _act(account, key, phases, names, _retry, job_steps.retry)


def confirm(account: Account, key: str, names: Sequence[str] | None) -> dict[str, str | None]:
    """Let some devices, or all, begin that wait for it; answer as `stop`."""
    phases = (job_progress.FILLING, job_progress.RUNNING)
    return _act(account, key, phases, names, _confirm, job_steps.confirm)


def forget(account: Account, key: str) -> None:
    """Delete a job that has ended; its tasks follow step by step. Raise `errors.WrongState` for another."""
    with database.write():
        job = _held(account, key, job_progress.ENDED)
        jobs.delete(job)
        audit.note(account.id, jobs.KIND, job.id)
    jobs.delete_tasks()


def _act(
    account: Account,
    key: str,
    phases: Sequence[str],
    names: Sequence[str] | None,
    act: Act,
    mark: Callable[[Job], None],
) -> dict[str, str | None]:
    """Act on the named tasks of a job that is in one of some phases, or mark the job for all of them."""
    if names is not None:
        return _named(account, key, phases, names, act)
    with database.write():
        job = _held(account, key, phases)
        mark(job)
    job_steps.step(job.id)
    return {}


def _held(account: Account, key: str, phases: Sequence[str]) -> Job:
    """Return a job that is in one of some phases and stays so; inside a write."""
    jobs.hold([job_progress.get(account, key)[0].id])
    job, phase = job_progress.get(account, key)
    if phase not in phases:
        raise errors.WrongState(kind=jobs.KIND, key=key, state=phase)
    return job


def _named(account: Account, key: str, phases: Sequence[str], names: Sequence[str], act: Act) -> dict[str, str | None]:
    """Act on some tasks in one transaction; return by device why that was not done, or None."""
    with database.write():
        job, _ = job_progress.get(account, key)
        row = models.Task
        task_ids = rows.values(row.select(row.id).where(row.job_id == job.id, row.device_name.in_(names)))
        there = devices.hold([task.device_id for task in map(tasks.find, task_ids) if task])
        job = _held(account, key, phases)
        problems: dict[str, str | None] = {}
        for task in filter(None, map(tasks.find, task_ids)):
            gone = None if task.device_id in there else job_control.NO_DEVICE
            problems[task.device_name] = gone or act(job, job_steps.reach(task))
            if not problems[task.device_name]:
                audit.note(account.id, tasks.KIND, task.id)
        if not all(problems.values()):
            job_steps.runs_again(job) if act is _retry else jobs.settle(job.id)
        return {name: problems.get(name, NO_TASK) for name in names}


def _stop(job: Job, task: Task) -> str | None:
    return None if tasks.move(task, "cancel", job_steps.BY_HAND) else _is(task)


def _confirm(job: Job, task: Task) -> str | None:
    return None if job.state == states.IN_PROGRESS and tasks.move(task, "confirm") else _is(task)


def _retry(job: Job, task: Task) -> str | None:
    if task.is_open and task.retry_at:
        tasks.set_(task, retry_at=None)
        return None
    if task.state not in (states.FAILED, states.CANCELED):
        return _is(task)
    if tasks.open_of(task.device_id, task.module):  # nobody gives it one now: whoever does holds the device
        return selection.BUSY
    problem = job_control.obstacle(job)
    if problem is None:
        job_control.restarted(task, job)
    return problem


def _is(task: Task) -> str:
    return f"it is {task.state}"
