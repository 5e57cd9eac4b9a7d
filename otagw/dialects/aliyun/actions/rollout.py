"""Actions that make jobs, which roll a firmware out."""

from collections.abc import Mapping
from typing import Any, Final

from otagw import clock, errors
from otagw.access import Caller
from otagw.dialects.aliyun import fields
from otagw.dialects.aliyun.action import BOTH, operation
from otagw.dialects.aliyun.actions.device import NO_DEVICE, NO_PRODUCT
from otagw.dialects.aliyun.actions.upload import DEVICES
from otagw.dialects.aliyun.render import utc
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.dialects.schema import MISSING, wrong
from otagw.files import links
from otagw.operation import Work
from otagw.ota.packages import packages, stored_files
from otagw.ota.rollouts import dry_run, jobs, planning, selection
from otagw.ota.rollouts.planning import JobDraft
from otagw.ota.rollouts.records import AT_WORK, FAIL, SUPERSEDE, Rules

NO_FIRMWARE: Final = "iot.ota.FirmwareNotFound"
_CREATE: Final = (
    *(NO_FIRMWARE, NO_PRODUCT, "iot.ota.InvalidFirmwareStatus", "iot.ota.FirmwareUrlMissing"),
    "iot.ota.VersionBelowMinimum",
)
_MINUTE: Final = 60_000
_INTERVALS: Final = (0, 10, 30, 60, 1440)
_LONGEST_TAGS: Final = 4096
_LONGEST_BY_MQTT: Final = 16 * 1024 * 1024


class Tag(AliyunSchema):
    """A word for the devices of a job."""

    key = fields.Text(30, r"[A-Za-z0-9.]+", required=True, expected="1 to 30 of A-Z a-z 0-9 .")
    value = fields.Text(1024, required=True, expected="1 to 1024 characters")


class NewJob(AliyunSchema):
    """The parameters that every new job may have."""

    firmware_id = fields.Id(required=True)
    product_key = fields.ProductKey(required=True)
    timeout_in_minutes = fields.Integer(1, 1440)
    need_push = fields.Boolean(default=True)
    need_confirm = fields.Boolean(default=False)
    download_protocol = fields.Choice("HTTPS", "MQTT", default="HTTPS")
    tag = fields.Objects(Tag(), 10)
    dry_run = fields.Boolean(default=False)
    client_token = fields.client_token()

    def check(self, values: Mapping[str, Any]) -> None:
        """Check that the tags are not too long together."""
        if sum(len(tag["key"]) + len(tag["value"]) for tag in values["tag"].values()) > _LONGEST_TAGS:
            raise wrong(
                f"at most {_LONGEST_TAGS} characters in all keys and values", "tag", min(values["tag"]), "value"
            )


class CreateOTAVerifyJob(NewJob):
    """The parameters of a verification."""

    target_device_name = fields.List(fields.device_name(), 10, required=True)

    def check(self, values: Mapping[str, Any]) -> None:
        """Check that no device comes twice."""
        super().check(values)
        _distinct(values, "target_device_name")


class NewUpgrade(NewJob):
    """The parameters that both kinds of rollouts may have."""

    src_version = fields.List(fields.version(), 10)
    retry_interval = fields.Integer(0, 1440)
    retry_count = fields.Integer(1, 5)
    maximum_per_minute = fields.Integer(10, 10_000, default=10_000)
    overwrite_mode = fields.Integer(1, 2, default=1)
    multi_module_mode = fields.Boolean(default=False)
    group_id = fields.Id()
    failure_threshold_percent = fields.Integer(1, 100)
    failure_threshold_count = fields.Integer(1, 1_000_000)
    minimum_executed = fields.Integer(1, 1_000_000, default=1)

    def check(self, values: Mapping[str, Any]) -> None:
        """Check retries against the timeout, and what excludes each other."""
        super().check(values)
        _distinct(values, "src_version")
        _check_retries(values)
        if values["multi_module_mode"] and values["overwrite_mode"] == 2:
            raise wrong("1 where MultiModuleMode is true", "overwrite_mode")


class CreateOTAStaticUpgradeJob(NewUpgrade):
    """The parameters of a rollout to devices that are chosen now."""

    target_selection = fields.Choice("ALL", "SPECIFIC", "GRAY", "GROUP", required=True)
    gray_percent = fields.Percent()
    target_device_name = fields.List(fields.device_name(), 200)
    dn_list_file_url = fields.Url()
    group_type = fields.Choice("LINK_PLATFORM")
    schedule_time = fields.Integer(10**12, 10**13 - 1)
    schedule_finish_time = fields.Integer(10**12, 10**13 - 1)
    reinstall = fields.Boolean(default=False)
    at_work = fields.Choice(*map(str.upper, AT_WORK), default=FAIL.upper())

    def check(self, values: Mapping[str, Any]) -> None:
        """Check what goes with each kind of selection, and the times."""
        super().check(values)
        _distinct(values, "target_device_name")
        _check_target(values)
        _check_times(values)
        if values["at_work"] == SUPERSEDE.upper() and values["overwrite_mode"] != 2:
            raise wrong("2 where AtWork is SUPERSEDE", "overwrite_mode")


class CreateOTADynamicUpgradeJob(NewUpgrade):
    """The parameters of a rollout to devices when they report a version."""

    group_type = fields.Choice("LINK_PLATFORM_DYNAMIC", "LINK_PLATFORM")
    dynamic_mode = fields.Integer(1, 2, default=1)

    def check(self, values: Mapping[str, Any]) -> None:
        """Check that devices are told by their version, or by their group."""
        super().check(values)
        if values["group_id"] and values["src_version"]:
            raise wrong("nothing where GroupId is given", "src_version")
        if not values["group_id"] and not values["src_version"]:
            raise wrong(MISSING, "src_version", 1)


def _distinct(values: Mapping[str, Any], name: str) -> None:
    if len(set(values[name])) < len(values[name]):
        raise wrong("no entry twice", name)


def _check_retries(values: Mapping[str, Any]) -> None:
    interval, timeout = values["retry_interval"], values["timeout_in_minutes"]
    if interval is not None and interval not in _INTERVALS:
        raise wrong("one of 0, 10, 30, 60, 1440", "retry_interval")
    if values["retry_count"] not in (None, 1, 2, 5):
        raise wrong("one of 1, 2, 5", "retry_count")
    if interval is not None and values["retry_count"] is None:
        raise wrong(MISSING, "retry_count")
    if interval is None and values["retry_count"] is not None:
        raise wrong(MISSING, "retry_interval")
    if interval is not None and timeout is not None and interval >= timeout:
        raise wrong("less than TimeoutInMinutes", "retry_interval")


def _check_target(values: Mapping[str, Any]) -> None:
    target = values["target_selection"]
    names, file = values["target_device_name"], values["dn_list_file_url"]
    if target == "SPECIFIC":
        if not names and not file:
            raise wrong(MISSING, "target_device_name", 1)
        if names and file:
            raise wrong("nothing where DnListFileUrl is given", "target_device_name")
    needs = {"gray_percent": "GRAY", "group_id": "GROUP"}
    for name, only in needs.items():
        if target == only and not values[name]:
            raise wrong(MISSING, name)
    only_with = {**needs, "target_device_name": "SPECIFIC", "dn_list_file_url": "SPECIFIC"}
    for name, only in only_with.items():
        if values[name] and target != only:
            raise wrong(f"nothing unless TargetSelection is {only}", name)
    if values["src_version"] and target not in ("ALL", "GRAY"):
        raise wrong("nothing unless TargetSelection is ALL or GRAY", "src_version")


def _check_times(values: Mapping[str, Any]) -> None:
    now, begin, end = clock.now(), values["schedule_time"], values["schedule_finish_time"]
    if begin is not None and not now + 5 * _MINUTE <= begin <= now + 7 * 1440 * _MINUTE:
        raise wrong("milliseconds since 1970, from 5 minutes to 7 days from now", "schedule_time")
    start = begin or now
    if end is not None and not start + 60 * _MINUTE <= end <= start + 30 * 1440 * _MINUTE:
        raise wrong("milliseconds since 1970, from 1 hour to 30 days after the job begins", "schedule_finish_time")


@operation(CreateOTAVerifyJob, needs="ota:CreateOTAVerifyJob", origin=BOTH, codes=(*_CREATE, NO_DEVICE), work=Work.MANY)
def create_ota_verify_job(caller: Caller, target_device_name: tuple[str, ...], **params: Any) -> dict[str, Any]:
    """Try a firmware on up to ten devices; it is verified once all of them have it.

    A firmware that is being verified, or is verified, cannot be verified again. With DryRun nothing is written, and the
    answer says who would be selected, who not, and why.
    """
    rules = Rules(names=target_device_name, **_rules(params))
    return _create(caller, params, kind=jobs.VERIFY, target=jobs.SPECIFIC, rules=rules)


@operation(
    CreateOTAStaticUpgradeJob,
    needs="ota:CreateOTAStaticUpgradeJob",
    origin=BOTH,
    codes=(*_CREATE, NO_DEVICE, "iot.group.NotExistedGroup", "iot.ota.FileNotFound"),
    work=Work.MANY,
)
def create_ota_static_upgrade_job(
    caller: Caller,
    target_selection: str,
    gray_percent: int | None,
    target_device_name: tuple[str, ...],
    dn_list_file_url: str | None,
    schedule_time: int | None,
    schedule_finish_time: int | None,
    reinstall: bool,
    at_work: str,
    **params: Any,
) -> dict[str, Any]:
    """Roll a firmware out to devices that are chosen now; it must be verified, or need no verification.

    ALL, SPECIFIC (names, or a list from GenerateDeviceNameListURL), GRAY (a share, rounded down, one at least), GROUP.
    Devices that run the version already are passed over; one that has another update under way fails at once, unless
    OverwriteMode is 2 and it has not begun. With AtWork WAIT the device gets this one after that update, and with
    SUPERSEDE (and OverwriteMode 2) that update is canceled, also where the device is at work. With Reinstall devices
    that run the version are updated too. With FailureThresholdPercent or FailureThresholdCount the job pauses itself
    once so many of at least MinimumExecuted devices have failed. With DryRun nothing is written.
    """
    rules = Rules(
        names=target_device_name,
        percent=gray_percent,
        list_key=_list_key(dn_list_file_url, caller.endpoint) if dn_list_file_url else None,
        reinstall=reinstall,
        at_work=at_work.lower(),
        **_rules(params),
        **_upgrade_rules(params),
    )
    times = {"schedule_at": schedule_time, "finish_at": schedule_finish_time}
    return _create(caller, params, target=target_selection.lower(), rules=rules, **times)


@operation(
    CreateOTADynamicUpgradeJob,
    needs="ota:CreateOTADynamicUpgradeJob",
    codes=(*_CREATE, "iot.group.NotExistedGroup", "iot.ota.DynamicJobExists"),
    work=Work.MANY,
)
def create_ota_dynamic_upgrade_job(caller: Caller, dynamic_mode: int, **params: Any) -> dict[str, Any]:
    """Roll a firmware out to each device that reports one of some versions, or is in a group.

    The newest such job wins, and one is tried ten times on a device at most. With DynamicMode 2 only devices count that
    report after the job began. A firmware has one at a time.
    """
    rules = Rules(mode=dynamic_mode, **_rules(params), **_upgrade_rules(params))
    return _create(caller, params, selection=jobs.DYNAMIC, rules=rules)


def _list_key(url: str, endpoint: str) -> str:
    """Return the key of an uploaded list; a firmware, which may be a gigabyte, is none and is not read as one."""
    key = links.key_of(url, endpoint) or ""
    if not key.startswith(DEVICES):
        raise errors.NotFound(kind=stored_files.KIND, key=url)
    return key


def _rules(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "timeout": params["timeout_in_minutes"],
        "need_push": params["need_push"],
        "need_confirm": params["need_confirm"],
        "protocol": params["download_protocol"],
        "tags": tuple((tag["key"], tag["value"]) for tag in params["tag"].values()),
    }


def _upgrade_rules(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "source_versions": params["src_version"],
        "retry_interval": params["retry_interval"],
        "retry_count": params["retry_count"] or 0,
        "per_minute": params["maximum_per_minute"],
        "overwrite": params["overwrite_mode"] == 2,
        "several_modules": params["multi_module_mode"],
        "guard_percent": params["failure_threshold_percent"],
        "guard_count": params["failure_threshold_count"],
        "guard_minimum": params["minimum_executed"],
    }


def _create(caller: Caller, params: Mapping[str, Any], *, rules: Rules, **more: Any) -> dict[str, Any]:
    package = packages.get(caller.account, params["firmware_id"])
    given = rules.source_versions
    if given and package.differential and set(given) != set(package.source_versions):
        raise errors.InvalidParameter("SrcVersion.1", f"{package.source_versions[0]}, which the firmware starts from")
    if rules.reinstall and package.differential:
        raise errors.InvalidParameter(
            "Reinstall", "false for a differential firmware, which starts from another version"
        )
    if rules.protocol == "MQTT" and (package.files or (package.size or 0) > _LONGEST_BY_MQTT):
        expected = f"HTTPS for a firmware of several files, or of more than {_LONGEST_BY_MQTT} bytes"
        raise errors.InvalidParameter("DownloadProtocol", expected)
    draft = JobDraft(
        package=params["firmware_id"],
        product_key=params["product_key"],
        group=params.get("group_id"),
        rules=rules,
        **more,
    )
    if params["dry_run"]:
        return {"data": {"dry_run": True, **dry_run.run(caller.account, draft)}}
    job = selection.begin(planning.create(caller.account, draft, params["client_token"]))
    return {"data": {"job_id": str(job.id), "utc_create": utc(job.created)}}
