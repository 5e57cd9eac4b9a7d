"""Operations that make batch tasks of upgrades and look at them; each is a job of the core."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError

from otagw import clock, errors
from otagw.access import Caller
from otagw.dialects.iotda import batches, codes, fields
from otagw.dialects.iotda.route import operation
from otagw.dialects.iotda.routes.package import KINDS
from otagw.dialects.iotda.schema import Choice, Count, Flag, Id, IotdaSchema, Json, Object, Text, Texts, Time
from otagw.dialects.schema import MISSING
from otagw.operation import Work
from otagw.ota import spaces, states
from otagw.ota.devices import device_files, external_ids, groups
from otagw.ota.packages import packages
from otagw.ota.packages.records import Package
from otagw.ota.rollouts import device_lists, job_progress, jobs, planning, selection, tasks
from otagw.ota.rollouts.records import Rules, Task

_PACKAGE_OF: Final = {kind: name for name, kind in KINDS.items()}
_PHASE_OF: Final = {name: phase for phase, name in codes.PHASES.items()}
_HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WEEK_MS: Final = 7 * 24 * 3600 * 1000
# How long a device may take from its first report of progress on, in minutes.
_TIMEOUT: Final = 24 * 60


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
    task_type = Choice(*batches.TYPES, required=True)
    task_mode = Choice("GATEWAY")
    need_confirm = Flag()
    task_ext_info = Json(dict, 512)
    targets = Texts(Text(600), 30_000)
    targets_filter = Object(TargetsFilter())
    document_source = Id()
    document = Object(Document(), required=True)
    task_policy = Object(TaskPolicy())

    def check(self, values: Mapping[str, Any]) -> None:
        """Check that there are a package and devices, and what goes with what in the policy."""
        document, policy = values["document"], values["task_policy"] or {}
        if not document.get("package_ids") and not document.get("package_id"):
            raise ValidationError({"document": {"package_ids": [MISSING]}})
        named = values["targets"] or (values["targets_filter"] or {}).get("group_ids") or values["document_source"]
        if not named:
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
    codes=(
        *("IOTDA.901001", "IOTDA.901004", "IOTDA.900002", "IOTDA.900003", "IOTDA.903001", "IOTDA.906001"),
        *("IOTDA.907001", "IOTDA.909001"),
    ),
    work=Work.MANY,
)
def create_batch_task(
    caller: Caller,
    app_id: str | None,
    task_name: str,
    task_type: str,
    need_confirm: bool | None,
    targets: list[str] | None,
    targets_filter: Mapping[str, Any] | None,
    document_source: str | None,
    document: Mapping[str, Any],
    task_policy: Mapping[str, Any] | None,
    **noted: Any,
) -> dict[str, Any]:
    """Upgrade devices to a package, which is of the type that the task says, and has bytes here.

    Devices are named by `targets`, or else are in any of the groups, or else are in the file whose `file_id` is the
    `document_source`; all are of one product. Each has a subtask: one
    that runs the version already has succeeded, one that another task is upgrading has failed, as has one whose version
    is not in the package's `support_source_versions`. To other APIs the task is a job.
    """
    package = packages.get(caller.account, (document.get("package_ids") or [document.get("package_id")])[0])
    if package.kind != batches.TYPES[task_type]:
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
    noted = {
        "app_id": app_id or spaces.default(caller.account).id,
        "name": task_name,
        "document": dict(document),
        "filter": dict(targets_filter) if targets_filter and not targets else None,
        "need_confirm": need_confirm,
        **noted,
    }
    group_ids = [] if targets else list((targets_filter or {}).get("group_ids", ()))
    if not targets and not group_ids and document_source:
        targets = device_files.device_ids(caller.account, document_source)
    product_key, names = _devices(caller, package, targets or [], group_ids)
    draft = planning.JobDraft(
        package=str(package.id),
        product_key=product_key,
        target=jobs.GROUP if len(group_ids) == 1 else jobs.SPECIFIC,
        schedule_at=policy.get("schedule_time"),
        group=group_ids[0] if len(group_ids) == 1 else None,
        front_data={name: value for name, value in noted.items() if value is not None},
        rules=device_lists.name(caller.account, rules, names),
    )
    job = selection.begin(planning.create(caller.account, draft))
    return batches.shown(job, job_progress.of(job))


class ListBatchTasks(fields.Paged):
    """The query of a page of batch tasks."""

    app_id = fields.word()
    task_type = Choice(*batches.TYPES, required=True)
    status = Choice(*_PHASE_OF)


@operation(ListBatchTasks, "GET /batchtasks")
def list_batch_tasks(
    caller: Caller, app_id: str | None, task_type: str, status: str | None, limit: int, marker: str, offset: int
) -> dict[str, Any]:
    """List batch tasks of a type, newest first.

    Jobs of other APIs are among them, in each resource space, but for dynamic ones, which have no end.
    """
    found, count = job_progress.below(
        caller.account,
        fields.ceiling(marker),
        offset,
        limit,
        package_kind=batches.TYPES[task_type],
        phase=_PHASE_OF[status] if status else None,
        front_data={"app_id": app_id} if app_id else None,
    )
    return {
        "batchtasks": [batches.shown(job, phase) for job, phase in found],
        "page": fields.page([job.id for job, _ in found], count, marker),
    }


class ShowBatchTask(fields.Paged):
    """What names a batch task, and the query of a page of its subtasks."""

    task_id = Id(required=True)
    task_detail_status = Choice(*batches.DETAILS, batches.REMOVED)
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
    job, phase = job_progress.get(caller.account, task_id)
    name = external_ids.names(caller.account, job.product_key, [target]).get(target, "") if target else None
    found: list[Task] = []
    count = 0
    if task_detail_status != batches.REMOVED:
        among, retrying = batches.DETAILS[task_detail_status] if task_detail_status else (states.TASK_STATES, None)
        found, count = tasks.below(
            job.id, fields.ceiling(marker), offset, limit, among=among, retrying=retrying, name=name
        )
    devices = external_ids.shown(job.product_key, [task.device_name for task in found])
    return {
        "batchtask": batches.shown(job, phase),
        "task_details": [batches.detail(task, device) for task, device in zip(found, devices, strict=True)],
        "page": fields.page([task.id for task in found], count, marker),
    }


def _devices(caller: Caller, package: Package, targets: list[str], group_ids: list[str]) -> tuple[str, list[str]]:
    """Return the product of a task's devices and, unless they are one group's, their names."""
    product_key = package.product_key
    if product_key is None:
        if not targets:
            raise errors.InvalidParameter("targets_filter", "targets, for a package that is of no product")
        product_key = external_ids.find(caller.account, targets[0]).product_key
    if not targets:
        return product_key, groups.names(caller.account, group_ids, product_key) if len(group_ids) > 1 else []
    names = external_ids.names(caller.account, product_key, targets)
    missing = next((target for target in targets if target not in names), None)
    if missing is not None:
        raise errors.NotFound(kind="device", key=missing)
    return product_key, [names[target] for target in targets]
