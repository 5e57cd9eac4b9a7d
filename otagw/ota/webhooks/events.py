"""What is told to webhooks of jobs and tasks, in the transaction of the change; docs/webhooks.md lists the events."""

from collections.abc import Iterable
from typing import Any

from otagw.ota import ids
from otagw.ota.rollouts.records import Job, Task
from otagw.ota.webhooks import webhooks


def task_changed(task: Task) -> None:
    """Tell of the state that a task is in now."""
    webhooks.emit(task.account_id, f"task.{task.state}", _task(task))


def tasks_changed(account_id: int, state: str, changed: Iterable[Task]) -> None:
    """Tell of many tasks that are in one state now; they are not looked at if nobody wants to know."""
    webhooks.emit_many(account_id, f"task.{state}", (_task(task) for task in changed))


def job_changed(job: Job, what: str) -> None:
    """Tell of a job: that it was created, paused or resumed, or which state it is in now."""
    data = {
        "job": str(job.id),
        "package": str(job.package_id),
        "product": job.product_key,
        "module": job.module,
        "version": job.version,
        "kind": job.kind,
        "selection": job.selection,
        "target": job.target,
        "state": job.state,
        "paused": job.paused,
    }
    webhooks.emit(job.account_id, f"job.{what}", data)


def _task(task: Task) -> dict[str, Any]:
    return {
        "task": str(task.id),
        "job": str(task.job_id),
        "package": str(task.package_id),
        "product": task.product_key,
        "device": task.device_name,
        "device_id": ids.as_uuid(task.device_id),
        "module": task.module,
        "source_version": task.source_version,
        "version": task.version,
        "state": task.state,
        "progress": task.progress,
        "note": task.note,
    }
