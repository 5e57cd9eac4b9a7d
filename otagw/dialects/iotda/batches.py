"""How a job of the core, and its tasks, are told as a batch task and its subtasks."""

from collections.abc import Mapping
from typing import Any, Final

from otagw.dialects.iotda import codes
from otagw.dialects.iotda.render import known, utc
from otagw.ota import states
from otagw.ota.devices import external_ids
from otagw.ota.packages import packages
from otagw.ota.rollouts import selection, tasks
from otagw.ota.rollouts.records import Job, Task
from otagw.ota.updates import updates

TYPES: Final[Mapping[str, str]] = {
    "softwareUpgrade": packages.SOFTWARE,
    "firmwareUpgrade": packages.FIRMWARE,
    "moduleUpgrade": packages.MODULE,
}
_TYPE_OF: Final = {kind: name for name, kind in TYPES.items()}
# Which states of a task of the core a subtask's status stands for, and whether it waits for another try.
DETAILS: Final[Mapping[str, tuple[tuple[str, ...], bool | None]]] = {
    "Waitting": ((states.CONFIRM, states.QUEUED), False),
    "Processing": ((states.NOTIFIED, states.IN_PROGRESS), False),
    "FailWaitRetry": (states.OPEN, True),
    "Success": ((states.SUCCEEDED,), None),
    "Fail": ((states.FAILED,), None),
    "Stopped": ((states.CANCELED,), None),
}
REMOVED: Final = "Removed"
NOBODY: Final = "no device was selected"
# What the vendor says of some failures; others are told as they were noted.
_SAID: Final = {
    selection.BUSY: "Task Conflict",
    updates.TIMEOUT: "Wait for the device to report upgrade result timeout",
}


def shown(job: Job, phase: str) -> dict[str, Any]:
    """Return a task; one of another API is named after its version, and has no more targets than it was given."""
    noted, rules = job.front_data, job.rules
    progress = _progress(job)
    policy = known(
        schedule_time=utc(job.schedule_at) if job.schedule_at else None,
        retry_count=None if rules.retry_interval is None else rules.retry_count,
        retry_interval=rules.retry_interval,
    )
    groups_filter = {"group_ids": [str(rules.group_id)]} if rules.group_id else None
    return known(
        task_id=str(job.id),
        task_name=noted.get("name") or f"{job.module}-{job.version}",
        task_type=_TYPE_OF[job.package_kind],
        task_mode=noted.get("task_mode"),
        need_confirm=noted.get("need_confirm", rules.need_confirm or None),
        task_ext_info=noted.get("task_ext_info"),
        targets=external_ids.shown(job.product_key, rules.names) if rules.names else None,
        targets_filter=noted.get("filter") or groups_filter,
        document=noted.get("document") or {"package_id": str(job.package_id)},
        task_policy=policy or None,
        status=codes.PHASES[phase],
        status_desc=f"paused: {job.paused}" if job.paused else NOBODY if job.ended and not progress["total"] else None,
        task_progress=progress,
        create_time=utc(job.created),
    )


def _progress(job: Job) -> dict[str, int]:
    counts, again = tasks.counts(job.account_id, job.id), tasks.retrying(job.id)
    fresh = {state: count - again.get(state, 0) for state, count in counts.items()}
    of = {status: sum(fresh[state] for state in among) for status, (among, retrying) in DETAILS.items() if not retrying}
    return {
        "total": sum(counts.values()),
        "processing": of["Processing"],
        "success": of["Success"],
        "fail": of["Fail"],
        "waitting": of["Waitting"],
        "fail_wait_retry": sum(again.values()),
        "stopped": of["Stopped"],
        "removed": 0,
    }


def detail(task: Task, device: str) -> dict[str, Any]:
    """Return a subtask, which is the task of a device; what was noted of a failure is its error."""
    waits = task.is_open and task.retry_at is not None
    status = next(name for name, (among, again) in DETAILS.items() if task.state in among and again in (None, waits))
    said = _SAID.get(task.note or "", task.note) or None
    failed = status in ("Fail", "FailWaitRetry")
    error = {"error_code": codes.TARGET_FAILED, "error_msg": said or "Upgrade failed."} if failed else None
    return known(target=device, status=status, output=None if failed else said, error=error)
