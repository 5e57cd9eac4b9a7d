"""Actions on tasks: one device in one job."""

from collections.abc import Mapping
from typing import Any, Final

from otagw.access import Caller
from otagw.dialects.aliyun import fields
from otagw.dialects.aliyun.action import BOTH, OWN, operation
from otagw.dialects.aliyun.actions.device import NO_DEVICE, NO_PRODUCT, DeviceReference, find
from otagw.dialects.aliyun.actions.job import NO_JOB, WRONG_JOB, JobId
from otagw.dialects.aliyun.actions.rollout import NO_FIRMWARE
from otagw.dialects.aliyun.render import utc
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.dialects.schema import MISSING, wrong
from otagw.operation import Work
from otagw.ota import ids, states
from otagw.ota.devices import timeline
from otagw.ota.products import products
from otagw.ota.rollouts import job_control, jobs, tasks
from otagw.ota.rollouts.records import Task
from otagw.ota.updates import reasons

NO_TASK: Final = "iot.ota.TaskNotFound"
WRONG_TASK: Final = "iot.ota.InvalidTaskStatus"
ALL_STATES: Final = tuple(state.upper() for state in states.TASK_STATES)
OPEN_STATES: Final = tuple(state.upper() for state in states.OPEN)


class ListOTATaskByJob(JobId):
    """The parameters of a page of a job's tasks."""

    current_page = fields.Integer(1, 2**31 - 1, default=1)
    page_size = fields.Integer(1, 100, default=10)
    task_status = fields.Choice(*ALL_STATES)
    device_names = fields.List(fields.device_name(), 200)


@operation(ListOTATaskByJob, needs="ota:ListOTATaskByJob", origin=BOTH, codes=(NO_JOB,))
def list_ota_task_by_job(
    caller: Caller,
    job_id: str,
    current_page: int,
    page_size: int,
    task_status: str | None,
    device_names: tuple[str, ...],
) -> dict[str, Any]:
    """List the tasks of a job, newest first: all, in one state, or of some devices."""
    job = jobs.get(caller.account, job_id)
    state = task_status.lower() if task_status else None
    page = tasks.page(caller.account, job.id, current_page, page_size, state=state, names=device_names)
    timeout = str(job.rules.timeout or "")
    return {
        "current_page": page.number,
        "page_size": page.size,
        "page_count": page.count,
        "total": page.total,
        "data": {
            "simple_ota_task_info": [
                {**_summary(caller, task), "progress": str(task.progress), "task_desc": task.note, "timeout": timeout}
                for task in page.items
            ]
        },
    }


class ListOTAUnfinishedTaskByDevice(DeviceReference):
    """The parameters of a look at what a device has to do."""

    module_name = fields.version()
    task_status = fields.Choice(*OPEN_STATES)
    task_status_list = fields.List(fields.Choice(*OPEN_STATES), 4)

    def check(self, values: Mapping[str, Any]) -> None:
        """Check that the states are given in one way."""
        super().check(values)
        if values["task_status"] and values["task_status_list"]:
            raise wrong("nothing where TaskStatus is given", "task_status_list")


@operation(
    ListOTAUnfinishedTaskByDevice,
    needs="ota:ListOTAUnfinishedTaskByDevice",
    origin=BOTH,
    codes=(NO_PRODUCT, NO_DEVICE),
)
def list_ota_unfinished_task_by_device(
    caller: Caller,
    iot_id: str | None,
    product_key: str | None,
    device_name: str | None,
    module_name: str | None,
    task_status: str | None,
    task_status_list: tuple[str, ...],
) -> dict[str, Any]:
    """List the open tasks of a device, of all its modules or of one: what an app asks to know what to confirm."""
    device = find(caller, iot_id, product_key, device_name)
    wanted = {state.lower() for state in task_status_list or ((task_status,) if task_status else OPEN_STATES)}
    found = [task for task in tasks.open_of(device.id, module_name) if task.state in wanted]
    return {
        "data": {"simple_ota_task_info": [{**_summary(caller, task), "module_name": task.module} for task in found]}
    }


class CancelOTATaskByJob(JobId):
    """The parameters of the end of a job's tasks."""

    cancel_scheduled_task = fields.Boolean()
    cancel_queued_task = fields.Boolean()
    cancel_notified_task = fields.Boolean()
    cancel_in_progress_task = fields.Boolean()
    cancel_unconfirmed_task = fields.Boolean()

    def check(self, values: Mapping[str, Any]) -> None:
        """Check that something is said."""
        if all(value is None for name, value in values.items() if name != "job_id"):
            raise wrong(MISSING, "cancel_queued_task")


@operation(CancelOTATaskByJob, needs="ota:CancelOTATaskByJob", origin=BOTH, codes=(NO_JOB,), work=Work.MANY)
def cancel_ota_task_by_job(
    caller: Caller,
    job_id: str,
    cancel_scheduled_task: bool | None,
    cancel_queued_task: bool | None,
    cancel_notified_task: bool | None,
    cancel_in_progress_task: bool | None,
    cancel_unconfirmed_task: bool | None,
) -> None:
    """Cancel the tasks of a job that are in the states of the flags.

    CancelUnconfirmedTask follows CancelQueuedTask where it is left out; CancelScheduledTask is for all tasks of a job
    whose time has not come. None of them is offered from the answer on; more than 500 move to CANCELED by and by.
    """
    unconfirmed = cancel_queued_task if cancel_unconfirmed_task is None else cancel_unconfirmed_task
    flags = {
        states.CONFIRM: unconfirmed,
        states.QUEUED: cancel_queued_task,
        states.NOTIFIED: cancel_notified_task,
        states.IN_PROGRESS: cancel_in_progress_task,
    }
    wanted = [state for state, flag in flags.items() if flag]
    if cancel_scheduled_task and jobs.get(caller.account, job_id).state == states.PLANNED:
        wanted = list(states.OPEN)
    job_control.cancel_states(caller.account, job_id, wanted)


class CancelOTATaskByDevice(AliyunSchema):
    """The parameters of the end of some devices' tasks."""

    firmware_id = fields.Id(required=True)
    product_key = fields.ProductKey(required=True)
    device_name = fields.List(fields.device_name(), 200, required=True)
    job_id = fields.Id()


@operation(
    CancelOTATaskByDevice,
    needs="ota:CancelOTATaskByDevice",
    origin=BOTH,
    codes=(NO_FIRMWARE, NO_PRODUCT, NO_DEVICE, NO_JOB),
    work=Work.MANY,
)
def cancel_ota_task_by_device(
    caller: Caller, firmware_id: str, product_key: str, device_name: tuple[str, ...], job_id: str | None
) -> None:
    """Cancel the tasks of up to 200 devices that are not at work on them, of all jobs of a firmware or of one."""
    job_control.cancel_devices(caller.account, firmware_id, product_key, device_name, job_id)


class ConfirmOTATask(AliyunSchema):
    """The parameters of a confirmation."""

    task_id = fields.List(fields.Id(), 10, required=True)


@operation(ConfirmOTATask, needs="ota:ConfirmOTATask", origin=BOTH, codes=(NO_TASK, WRONG_TASK, WRONG_JOB))
def confirm_ota_task(caller: Caller, task_id: tuple[str, ...]) -> None:
    """Confirm up to ten tasks that wait for it, all or none; a job whose time has not come cannot be confirmed yet."""
    job_control.confirm(caller.account, task_id)


class ReupgradeOTATask(JobId):
    """The parameters of another try."""

    task_id = fields.List(fields.Id(), 10, required=True)


@operation(ReupgradeOTATask, needs="ota:ReupgradeOTATask", codes=(NO_JOB, NO_TASK, WRONG_TASK), work=Work.MANY)
def reupgrade_ota_task(caller: Caller, job_id: str, task_id: tuple[str, ...]) -> None:
    """Restart up to ten tasks of a job that failed or were canceled, all or none; the job is IN_PROGRESS again."""
    job_control.restart(caller.account, job_id, task_id)


class QueryOTADeviceTimeline(DeviceReference):
    """The parameters of a look at what happened to a device."""

    current_page = fields.Integer(1, 2**31 - 1, default=1)
    page_size = fields.Integer(1, 200, default=50)


@operation(QueryOTADeviceTimeline, needs="ota:QueryOTADeviceTimeline", origin=OWN, codes=(NO_PRODUCT, NO_DEVICE))
def query_ota_device_timeline(
    caller: Caller,
    iot_id: str | None,
    product_key: str | None,
    device_name: str | None,
    current_page: int,
    page_size: int,
) -> dict[str, Any]:
    """Say why a device does not update, in a sentence for each of its open tasks, and what happened, newest first."""
    device = find(caller, iot_id, product_key, device_name)
    page = timeline.page(caller.account, device, current_page, page_size)
    return {
        "current_page": page.number,
        "page_size": page.size,
        "page_count": page.count,
        "total": page.total,
        "data": {
            "reason": reasons.sentences(device),
            "event": [
                {
                    "utc_time": utc(event.at),
                    "kind": event.kind.upper(),
                    "detail": event.detail,
                    "job_id": str(event.job_id) if event.job_id else None,
                    "task_id": str(event.task_id) if event.task_id else None,
                }
                for event in page.items
            ],
        },
    }


def _summary(caller: Caller, task: Task) -> dict[str, Any]:
    return {
        "task_id": str(task.id),
        "job_id": str(task.job_id),
        "firmware_id": str(task.package_id),
        "product_key": task.product_key,
        "product_name": products.name_of(task.product_key),
        "device_name": task.device_name,
        "iot_id": ids.as_uuid(task.device_id),
        "src_version": task.source_version,
        "dest_version": task.version,
        "task_status": task.state.upper(),
        "utc_create": utc(task.created),
        "utc_modified": utc(task.modified),
    }
