"""Operations that make batch tasks of upgrades and look at them; each is a job of the core."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError

from otagw import clock, errors
from otagw.access import Caller
from otagw.dialects.iotda import codes, fields
from otagw.dialects.iotda.render import known, utc
from otagw.dialects.iotda.route import operation
from otagw.dialects.iotda.routes.package import KINDS
from otagw.dialects.iotda.schema import MISSING, Choice, Count, Flag, Id, IotdaSchema, Json, Object, Text, Texts, Time
from otagw.ota import (
    groups,
    jobs,
    lists,
    origins,
    packages,
    phases,
    planning,
    selection,
    spaces,
    states,
    tasks,
    updates,
)
from otagw.ota.jobs import Job, Rules
from otagw.ota.packages import Package
from otagw.ota.tasks import Task

TYPES: Final[Mapping[str, str]] = {
    "softwareUpgrade": packages.SOFTWARE,
    "firmwareUpgrade": packages.FIRMWARE,
    "moduleUpgrade": packages.MODULE,
}
_TYPE_OF: Final = {kind: name for name, kind in TYPES.items()}
_PACKAGE_OF: Final = {kind: name for name, kind in KINDS.items()}
_PHASE_OF: Final = {name: phase for phase, name in codes.PHASES.items()}
_HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WEEK_MS: Final = 7 * 24 * 3600 * 1000
# How long a device may take from its first report of progress on, in minutes.
_TIMEOUT: Final = 24 * 60
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
# What the vendor says of some failures; others are told as they were noted.
_SAID: Final = {
    selection.BUSY: "Task Conflict",
    updates.TIMEOUT: "Wait for the device to report upgrade result timeout",
}


class Document(IotdaSchema):
    """Which package a task is of, under either of its names."""

    package_ids = Texts(Text(36), 1)
    package_id = Text(36)


class TargetsFilter(IotdaSchema):
    """Which groups of devices a task is for."""

    group_ids = Texts(Text(36), 100, required=True)


class TaskPolicy(IotdaSchema):
    """When a task begins, and how often a device tries again."""

    schedule_time = Time()
    retry_count = Count(0, 5)
    retry_interval = Count(0, 1440)


class CreateBatchTask(IotdaSchema):
    """The body of a new batch task."""

    app_id = fields.word()
    task_name = Text(
        128, f"[A-Za-z0-9_{_HAN}]{{1,128}}", expected="1 to 128 Chinese characters, letters, digits, _", required=True
    )
    task_type = Choice(*TYPES, required=True)
    task_mode = Choice("GATEWAY")
    need_confirm = Flag()
    task_ext_info = Json(dict, 512)
    targets = Texts(Text(600), 30_000)
    targets_filter = Object(TargetsFilter())
    document = Object(Document(), required=True)
    task_policy = Object(TaskPolicy())

    def check(self, values: Mapping[str, Any]) -> None:
        """Check that there are a package and devices, and what goes with what in the policy."""
        document, policy = values["document"], values["task_policy"] or {}
        if not document.get("package_ids") and not document.get("package_id"):
            raise ValidationError({"document": {"package_ids": [MISSING]}})
        if not values["targets"] and not (values["targets_filter"] or {}).get("group_ids"):
            raise ValidationError({"targets": [MISSING]})
        for name, other in (("retry_count", "retry_interval"), ("retry_interval", "retry_count")):
            if policy.get(other) is not None and policy.get(name) is None:
                raise ValidationError({"task_policy": {name: [MISSING]}})
        begin, now = policy.get("schedule_time"), clock.now()
        if begin is not None and not now <= begin <= now + _WEEK_MS:
            raise ValidationError({"task_policy": {"schedule_time": ["a time within 7 days from now"]}})


@operation(
    CreateBatchTask,
    "POST /batchtasks",
    status=201,
    codes=("IOTDA.901001", "IOTDA.900002", "IOTDA.900003", "IOTDA.903001", "IOTDA.906001", "IOTDA.907001"),
)
def create_batch_task(
    caller: Caller,
    app_id: str | None,
    task_name: str,
    task_type: str,
    need_confirm: bool | None,
    targets: list[str] | None,
    targets_filter: Mapping[str, Any] | None,
    document: Mapping[str, Any],
    task_policy: Mapping[str, Any] | None,
    **noted: Any,
) -> dict[str, Any]:
    """Upgrade devices to a package, which is of the type that the task says, and has bytes here.

    Devices are named by `targets`, or else are in any of the groups; all are of one product. Each has a subtask: one
    that runs the version already has succeeded, one that another task is upgrading has failed, as has one whose version
    is not in the package's `support_source_versions`. To other APIs the task is a job.
    """
    package = packages.get(caller.account, (document.get("package_ids") or [document.get("package_id")])[0])
    if package.kind != TYPES[task_type]:
        raise errors.WrongState(kind=packages.KIND, key=str(package.id), state=f"it is a {_PACKAGE_OF[package.kind]}")
    policy = task_policy or {}
    rules = Rules(
        inclusive=True,
        source_versions=tuple(package.source_versions),
        timeout=_TIMEOUT,
        need_confirm=bool(need_confirm),
        retry_count=policy.get("retry_count") or 0,
        retry_interval=policy.get("retry_interval"),
    )
    facts = {
        "app_id": app_id or spaces.default(caller.account).id,
        "name": task_name,
        "document": dict(document),
        "filter": dict(targets_filter) if targets_filter and not targets else None,
        "need_confirm": need_confirm,
        **noted,
    }
    group_ids = [] if targets else list((targets_filter or {}).get("group_ids", ()))
    product_key, names = _devices(caller, package, targets or [], group_ids)
    draft = planning.Draft(
        package=str(package.id),
        product_key=product_key,
        target=jobs.GROUP if len(group_ids) == 1 else jobs.SPECIFIC,
        schedule_at=policy.get("schedule_time"),
        group=group_ids[0] if len(group_ids) == 1 else None,
        origin={name: value for name, value in facts.items() if value is not None},
        rules=lists.name(caller.account, rules, names),
    )
    job = selection.begin(planning.create(caller.account, draft))
    return _shown(job, phases.of(job))


class ListBatchTasks(fields.Paged):
    """The query of a page of batch tasks."""

    app_id = fields.word()
    task_type = Choice(*TYPES, required=True)
    status = Choice(*_PHASE_OF)


@operation(ListBatchTasks, "GET /batchtasks")
def list_batch_tasks(
    caller: Caller, app_id: str | None, task_type: str, status: str | None, limit: int, marker: str, offset: int
) -> dict[str, Any]:
    """List batch tasks of a type, newest first.

    Jobs of other APIs are among them, in each resource space, but for dynamic ones, which have no end.
    """
    found, count = phases.below(
        caller.account,
        fields.ceiling(marker),
        offset,
        limit,
        package_kind=TYPES[task_type],
        phase=_PHASE_OF[status] if status else None,
        origin={"app_id": app_id} if app_id else None,
    )
    return {
        "batchtasks": [_shown(job, phase) for job, phase in found],
        "page": fields.page([job.id for job, _ in found], count, marker),
    }


class ShowBatchTask(fields.Paged):
    """What names a batch task, and the query of a page of its subtasks."""

    task_id = Id(required=True)
    task_detail_status = Choice(*DETAILS, REMOVED)
    target = Text(600)


@operation(ShowBatchTask, "GET /batchtasks/{task_id}", codes=("IOTDA.905001",))
def show_batch_task(
    caller: Caller,
    task_id: str,
    task_detail_status: str | None,
    target: str | None,
    limit: int,
    marker: str,
    offset: int,
) -> dict[str, Any]:
    """Show a batch task with a page of its subtasks, newest first: all, in one status, or that of a device.

    Nothing is ever `Removed`: what a device that was deleted had to do is stopped.
    """
    job, phase = phases.get(caller.account, task_id)
    name = origins.names(caller.account, job.product_key, [target]).get(target, "") if target else None
    found: list[Task] = []
    count = 0
    if task_detail_status != REMOVED:
        among, retrying = DETAILS[task_detail_status] if task_detail_status else (states.TASK_STATES, None)
        found, count = tasks.below(
            job.id, fields.ceiling(marker), offset, limit, among=among, retrying=retrying, name=name
        )
    devices = origins.shown(job.product_key, [task.device_name for task in found])
    return {
        "batchtask": _shown(job, phase),
        "task_details": [_detail(task, device) for task, device in zip(found, devices, strict=True)],
        "page": fields.page([task.id for task in found], count, marker),
    }


def _devices(caller: Caller, package: Package, targets: list[str], group_ids: list[str]) -> tuple[str, list[str]]:
    """Return the product of a task's devices and, unless they are one group's, their names."""
    product_key = package.product_key
    if product_key is None:
        if not targets:
            raise errors.InvalidParameter("targets_filter", "targets, for a package that is of no product")
        product_key = origins.find(caller.account, targets[0]).product_key
    if not targets:
        return product_key, groups.names(caller.account, group_ids, product_key) if len(group_ids) > 1 else []
    names = origins.names(caller.account, product_key, targets)
    missing = next((target for target in targets if target not in names), None)
    if missing is not None:
        raise errors.NotFound(kind="device", key=missing)
    return product_key, [names[target] for target in targets]


def _shown(job: Job, phase: str) -> dict[str, Any]:
    """Return a task; one of another API is named after its version, and has no more targets than it was given."""
    facts, rules = job.facts, job.rules
    policy = known(
        schedule_time=utc(job.schedule_at) if job.schedule_at else None,
        retry_count=None if rules.retry_interval is None else rules.retry_count,
        retry_interval=rules.retry_interval,
    )
    groups_filter = {"group_ids": [str(rules.group_id)]} if rules.group_id else None
    return known(
        task_id=str(job.id),
        task_name=facts.get("name") or f"{job.module}-{job.version}",
        task_type=_TYPE_OF[job.package_kind],
        task_mode=facts.get("task_mode"),
        need_confirm=facts.get("need_confirm", rules.need_confirm or None),
        task_ext_info=facts.get("task_ext_info"),
        targets=origins.shown(job.product_key, rules.names) if rules.names else None,
        targets_filter=facts.get("filter") or groups_filter,
        document=facts.get("document") or {"package_id": str(job.package_id)},
        task_policy=policy or None,
        status=codes.PHASES[phase],
        status_desc=f"paused: {job.paused}" if job.paused else None,
        task_progress=_progress(job),
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


def _detail(task: Task, device: str) -> dict[str, Any]:
    waits = task.is_open and task.retry_at is not None
    status = next(name for name, (among, again) in DETAILS.items() if task.state in among and again in (None, waits))
    said = _SAID.get(task.note or "", task.note) or None
    failed = status in ("Fail", "FailWaitRetry")
    error = {"error_code": codes.TARGET_FAILED, "error_msg": said or "Upgrade failed."} if failed else None
    return known(target=device, status=status, output=None if failed else said, error=error)
