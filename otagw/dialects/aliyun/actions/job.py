"""Actions on jobs that are there: look, pause, resume, change, stop."""

from collections.abc import Mapping
from typing import Any, Final

from otagw.access import Caller
from otagw.dialects.aliyun import fields
from otagw.dialects.aliyun.action import BOTH, OWN, operation
from otagw.dialects.aliyun.actions.device import NO_DEVICE, NO_PRODUCT
from otagw.dialects.aliyun.actions.rollout import NO_FIRMWARE, Tag
from otagw.dialects.aliyun.render import utc
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.operation import Work
from otagw.ota.devices import devices, groups
from otagw.ota.listing import Page
from otagw.ota.packages import packages
from otagw.ota.packages.records import Package
from otagw.ota.rollouts import job_control, job_progress, jobs
from otagw.ota.rollouts.records import FAIL, Job

NO_JOB: Final = "iot.ota.JobNotFound"
WRONG_JOB: Final = "iot.ota.InvalidJobStatus"
KINDS: Final[Mapping[str, str]] = {jobs.VERIFY: "VERIFY_FIRMWARE", jobs.UPGRADE: "UPGRADE_FIRMWARE"}


class JobId(AliyunSchema):
    """The one parameter of what is asked about one job."""

    job_id = fields.Id(required=True)


class QueryOTAJob(JobId):
    """The parameters of a look at one job."""


@operation(QueryOTAJob, needs="ota:QueryOTAJob", origin=BOTH, codes=(NO_JOB,))
def query_ota_job(caller: Caller, job_id: str) -> dict[str, Any]:
    """Show a job with its rules. A paused one stays IN_PROGRESS, with Paused and PauseReason beside it.

    Selected, Waiting, Succeeded, Failed and Canceled count its devices; Skipped says whom it passed over, as of DryRun.
    """
    job = jobs.get(caller.account, job_id)
    package = packages.find(job.package_id)
    outcome = job_progress.outcomes(caller.account, [job])[job.id]
    return {"data": {**_summary(job), **_times(job), **outcome, **_shown_rules(caller, job, package)}}


class ListOTAJobByFirmware(AliyunSchema):
    """The parameters of a page of a firmware's jobs."""

    firmware_id = fields.Id(required=True)
    current_page = fields.Integer(1, 2**31 - 1, required=True)
    page_size = fields.Integer(1, 200, required=True)


@operation(ListOTAJobByFirmware, needs="ota:ListOTAJobByFirmware", origin=BOTH, codes=(NO_FIRMWARE,))
def list_ota_job_by_firmware(caller: Caller, firmware_id: str, current_page: int, page_size: int) -> dict[str, Any]:
    """List the jobs of a firmware, newest first."""
    return _page(caller, jobs.of_package(caller.account, firmware_id, current_page, page_size))


class ListOTAJobByDevice(AliyunSchema):
    """The parameters of a page of the jobs of a firmware for a device."""

    firmware_id = fields.Id(required=True)
    product_key = fields.ProductKey(required=True)
    device_name = fields.device_name(required=True)
    current_page = fields.Integer(1, 2**31 - 1, required=True)
    page_size = fields.Integer(1, 100, required=True)


@operation(ListOTAJobByDevice, needs="ota:ListOTAJobByDevice", origin=BOTH, codes=(NO_FIRMWARE, NO_PRODUCT, NO_DEVICE))
def list_ota_job_by_device(
    caller: Caller, firmware_id: str, product_key: str, device_name: str, current_page: int, page_size: int
) -> dict[str, Any]:
    """List those jobs of a firmware that have selected a device, newest first."""
    device = devices.named(caller.account, product_key, device_name)
    return _page(caller, jobs.of_device(caller.account, firmware_id, device, current_page, page_size))


class UpdateOTAJob(JobId):
    """The parameters of a change to a job that runs."""

    maximum_per_minute = fields.Integer(10, 10_000, required=True)
    upgrade_type = fields.Choice("STATIC", "DYNAMIC")
    target_selection = fields.Choice("ALL", "SPECIFIC", "GRAY", "GROUP")
    timeout_in_minutes = fields.Integer(1, 1440)
    src_version_list = fields.List(fields.version(), 10)
    tags = fields.Objects(Tag(), 10)


@operation(UpdateOTAJob, needs="ota:UpdateOTAJob", codes=(NO_JOB, WRONG_JOB))
def update_ota_job(
    caller: Caller,
    job_id: str,
    maximum_per_minute: int,
    upgrade_type: str | None,
    target_selection: str | None,
    timeout_in_minutes: int | None,
    src_version_list: tuple[str, ...],
    tags: Mapping[int, Mapping[str, str]],
) -> None:
    """Change the rate of a job and its tags, which are gone if they are not sent again.

    Timeout and source versions change on dynamic jobs only. UpgradeType and TargetSelection are what they are.
    """
    rules: dict[str, Any] = {
        "per_minute": maximum_per_minute,
        "tags": tuple((tag["key"], tag["value"]) for tag in tags.values()),
    }
    if jobs.get(caller.account, job_id).selection == jobs.DYNAMIC:
        rules |= {"timeout": timeout_in_minutes} if timeout_in_minutes else {}
        rules |= {"source_versions": src_version_list} if src_version_list else {}
    job_control.change(caller.account, job_id, **rules)


class CancelOTAStrategyByJob(JobId):
    """The parameters of the end of a dynamic job."""


@operation(CancelOTAStrategyByJob, needs="ota:CancelOTAStrategyByJob", codes=(NO_JOB, WRONG_JOB), work=Work.MANY)
def cancel_ota_strategy_by_job(caller: Caller, job_id: str) -> None:
    """Stop a dynamic job: it takes no more devices and is CANCELED; those that it has go on."""
    job_control.stop(caller.account, job_id)


class PauseOTAJob(JobId):
    """The parameters of a pause."""

    reason = fields.Text(200)


@operation(PauseOTAJob, needs="ota:PauseOTAJob", origin=OWN, codes=(NO_JOB, WRONG_JOB))
def pause_ota_job(caller: Caller, job_id: str, reason: str | None) -> None:
    """Let a job offer nothing more until it is resumed; devices at work go on."""
    job_control.pause(caller.account, job_id, reason or "paused by the operator")


class ResumeOTAJob(JobId):
    """The parameters of the end of a pause."""


@operation(ResumeOTAJob, needs="ota:ResumeOTAJob", origin=OWN, codes=(NO_JOB, WRONG_JOB))
def resume_ota_job(caller: Caller, job_id: str) -> None:
    """Let a paused job go on; one that paused itself does not do so again."""
    job_control.resume(caller.account, job_id)


def _page(caller: Caller, page: Page[Job]) -> dict[str, Any]:
    outcomes = job_progress.outcomes(caller.account, page.items)
    return {
        "current_page": page.number,
        "page_size": page.size,
        "page_count": page.count,
        "total": page.total,
        "data": {"simple_ota_job_info": [{**_summary(job), **_times(job), **outcomes[job.id]} for job in page.items]},
    }


def _summary(job: Job) -> dict[str, Any]:
    """Return what lists show of a job; a dynamic one is for all."""
    return {
        "job_id": str(job.id),
        "firmware_id": str(job.package_id),
        "product_key": job.product_key,
        "job_status": job.state.upper(),
        "job_type": KINDS[job.kind],
        "selection_type": job.selection.upper(),
        "target_selection": "ALL" if job.selection == jobs.DYNAMIC else job.target.upper(),
        "tags": {"ota_tag_dto": [{"key": key, "value": value} for key, value in job.rules.tags]},
        "paused": True if job.paused else None,
        "pause_reason": job.paused,
    }


def _times(job: Job) -> dict[str, Any]:
    times = {
        "utc_create": job.created,
        "utc_modified": job.modified,
        "utc_start_time": job.started,
        "utc_end_time": job.ended,
    }
    return {name: utc(at) if at else None for name, at in times.items()}


def _shown_rules(caller: Caller, job: Job, package: Package | None) -> dict[str, Any]:
    rules = job.rules
    group = groups.find(caller.account, rules.group_id) if rules.group_id else None
    is_dynamic = job.selection == jobs.DYNAMIC
    return {
        "dest_version": job.version,
        "name": package.name if package else None,
        "download_protocol": rules.protocol,
        "need_confirm": rules.need_confirm,
        "need_push": rules.need_push,
        "timeout_in_minutes": rules.timeout,
        "retry_interval": rules.retry_interval,
        "retry_count": rules.retry_count or None,
        "maximum_per_minute": rules.per_minute,
        "overwrite_mode": 2 if rules.overwrite else 1,
        "at_work": rules.at_work.upper() if rules.at_work != FAIL else None,
        "reinstall": rules.reinstall or None,
        "multi_module_mode": rules.several_modules,
        "dynamic_mode": rules.mode if is_dynamic else None,
        "gray_percent": f"{rules.percent / 1000:g}" if rules.percent else None,
        "group_id": str(rules.group_id) if rules.group_id else None,
        "group_name": group.name if group else None,
        "src_versions": {"src_version": list(rules.source_versions)},
        "utc_schedule_time": utc(job.schedule_at) if job.schedule_at else None,
        "utc_schedule_finish_time": utc(job.finish_at) if job.finish_at else None,
    }
