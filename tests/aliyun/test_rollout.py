"""Rollouts by the Actions: who is selected, what a device is offered, and how it ends."""

import pytest

from otagw.ota import accounts
from otagw.ota.devices import devices
from otagw.ota.rollouts import due_work
from otagw.ota.updates import updates
from tests.conftest import OTHER, Client

P = {"ProductKey": "p"}
URL = "https://files.test/x.bin"


class Fleet:
    """Devices of the product p, by their names."""

    def __init__(self, client):
        self.client = client

    def device(self, name):
        return devices.named(accounts.get("main"), "p", name)

    def register(self, count, version=None, prefix="dev", **more):
        names = [f"{prefix}{n:03}" for n in range(1, count + 1)]
        for name in names:
            self.client.ok("RegisterDevice", DeviceName=name, **P)
            if version:
                self.report(name, version, **more)
        return names

    def report(self, name, version, **more):
        updates.reported_version(self.device(name), version, **more)

    def ask(self, name, **more):
        return updates.asked(self.device(name), **more)

    def progress(self, name, percent, text="", **more):
        return updates.progress(self.device(name), percent, text, **more)

    def update(self, name):
        """Do all that a device does that succeeds."""
        offer = self.ask(name)
        assert offer is not None
        self.progress(name, 50)
        self.report(name, offer.task.version, module=offer.task.module)


@pytest.fixture
def fleet(client):
    return Fleet(client)


@pytest.fixture
def package(client):
    """Make a firmware that needs no verification; return its id."""

    def make(name="fw", version="2.0", **more):
        return client.make(name, version, **{**P, "NeedToVerify": "false", "FirmwareUrl": URL, **more})

    return make


def static(client, firmware, target="ALL", **more):
    params = {"FirmwareId": firmware, "TargetSelection": target, **P, **more}
    return client.ok("CreateOTAStaticUpgradeJob", **params)["Data"]["JobID"]


def dynamic(client, firmware, *versions, **more):
    given = {f"SrcVersion.{number}": version for number, version in enumerate(versions, 1)}
    return client.ok("CreateOTADynamicUpgradeJob", FirmwareId=firmware, **P, **given, **more)["Data"]["JobID"]


def listed(values, name):
    return {f"{name}.{number}": value for number, value in enumerate(values, 1)}


def tasks(client, job, **more):
    """Return the tasks of a job by device, as their states."""
    found = client.ok("ListOTATaskByJob", JobId=job, PageSize=100, **more)["Data"]["SimpleOTATaskInfo"]
    return {task["DeviceName"]: task["TaskStatus"] for task in found}


def task_of(client, job, name):
    (task,) = client.ok("ListOTATaskByJob", JobId=job, **{"DeviceNames.1": name})["Data"]["SimpleOTATaskInfo"]
    return task


def job_of(client, job):
    return client.ok("QueryOTAJob", JobId=job)["Data"]


COUNTS = ("Selected", "Waiting", "Succeeded", "Failed", "Canceled")


def counts(shown, spelled=str):
    return tuple(shown[spelled(name)] for name in COUNTS)


def rows_of(client, firmware, device):
    """Return the jobs of a firmware and a device, as both lists have them."""
    page = {"FirmwareId": firmware, "CurrentPage": 1, "PageSize": 100}
    of_firmware = client.ok("ListOTAJobByFirmware", **page)["Data"]["SimpleOTAJobInfo"]
    of_device = client.ok("ListOTAJobByDevice", DeviceName=device, **page, **P)["Data"]["SimpleOTAJobInfo"]
    return of_firmware, of_device


def test_a_job_and_its_rows_say_what_came_of_its_devices(client, fleet, package):
    names = fleet.register(5, "1.0")
    fleet.register(1, "2.0", "new")
    firmware = package()
    dry = client.ok("CreateOTAStaticUpgradeJob", FirmwareId=firmware, TargetSelection="ALL", DryRun="true", **P)["Data"]
    job = static(client, firmware)
    assert counts(job_of(client, job)) == (5, 5, 0, 0, 0)
    fleet.update(names[0])
    fleet.ask(names[1])
    fleet.progress(names[1], -1)
    fleet.ask(names[2])
    fleet.progress(names[2], 10)
    cancel = {"FirmwareId": firmware, "JobId": job, "DeviceName.1": names[3]}
    client.ok("CancelOTATaskByDevice", **cancel, **P)
    for shown in (
        job_of(client, job),
        *rows_of(client, firmware, names[0])[0],
        *rows_of(client, firmware, names[0])[1],
    ):
        assert counts(shown) == (5, 2, 1, 1, 1)
        assert (dry["Selected"], shown["Skipped"]) == (5, dry["Skipped"])
    assert dry["Skipped"] == [{"Reason": "the device runs this version already", "Count": 1, "Examples": ["new001"]}]


def test_a_job_over_nobody_is_completed_and_says_so(client, fleet, package):
    fleet.register(2, "1.0")
    group = client.ok("CreateDeviceGroup", GroupName="empty")["Data"]["GroupId"]
    client.ok("CreateProduct", ProductName="none", NodeType=0)
    key = client.ok("QueryProductList", CurrentPage=1, PageSize=9)["Data"]["List"]["ProductInfo"]
    empty = next(product["ProductKey"] for product in key if product["ProductName"] == "none")
    unfit = {
        "Reason": "the device runs a version that the job is not for",
        "Count": 2,
        "Examples": ["dev001", "dev002"],
    }
    cases = (
        (package(), {"target": "GROUP", "GroupId": group}, []),
        (package("other", **{"ProductKey": empty}), {"ProductKey": empty}, []),
        (package("third"), {"SrcVersion.1": "0.9"}, [unfit]),
        (package("fourth"), {"target": "GRAY", "GrayPercent": "50", "SrcVersion.1": "0.9"}, [unfit]),
    )
    for firmware, given, skipped in cases:
        found = job_of(client, static(client, firmware, **given))
        assert (found["JobStatus"], counts(found), found["Skipped"]) == ("COMPLETED", (0, 0, 0, 0, 0), skipped)


def test_counts_of_jobs_are_spelled_like_the_rest(make_app):
    client = Client(make_app(spelling="example"))
    client("RegisterDevice", DeviceName="dev001", **P)
    new = {"FirmwareName": "fw", "DestVersion": "2.0", "NeedToVerify": "false", "FirmwareUrl": URL, **P}
    firmware = client("CreateOTAFirmware", **new).json["data"]["firmwareId"]
    made = client("CreateOTAStaticUpgradeJob", FirmwareId=firmware, TargetSelection="ALL", **P).json["data"]
    shown = client("QueryOTAJob", JobId=made["jobId"]).json["data"]
    assert (counts(shown, str.lower), shown["skipped"]) == ((1, 1, 0, 0, 0), [])


def test_counting_what_came_of_jobs_looks_at_no_task(client, fleet, package, caplog):
    fleet.register(3, "1.0")
    firmware = package()
    job = static(client, firmware)
    caplog.set_level("DEBUG", "peewee")
    assert counts(job_of(client, job)) == (3, 3, 0, 0, 0)
    (row,) = client.ok("ListOTAJobByFirmware", FirmwareId=firmware, CurrentPage=1, PageSize=9)["Data"][
        "SimpleOTAJobInfo"
    ]
    assert counts(row) == (3, 3, 0, 0, 0)
    asked = [str(record.msg) for record in caplog.records]
    assert any("FROM counter" in text for text in asked)
    assert not [text for text in asked if "FROM task" in text]


def test_a_static_job_runs_from_creation_to_completion(client, fleet, package):
    names = fleet.register(3, "1.0")
    job = static(client, package())
    assert tasks(client, job) == dict.fromkeys(names, "QUEUED")
    assert job_of(client, job)["JobStatus"] == "IN_PROGRESS"
    for name in names:
        offer = fleet.ask(name)
        assert (offer.task.version, offer.package.url) == ("2.0", URL)
        assert task_of(client, job, name)["TaskStatus"] == "NOTIFIED"
        fleet.progress(name, 40, "flashing")
        task = task_of(client, job, name)
        assert (task["TaskStatus"], task["Progress"], task["TaskDesc"]) == ("IN_PROGRESS", "40", "flashing")
        fleet.progress(name, 100)
        assert task_of(client, job, name)["TaskStatus"] == "IN_PROGRESS"
        fleet.report(name, "2.0")
        assert task_of(client, job, name)["TaskStatus"] == "SUCCEEDED"
        assert fleet.ask(name) is None
    found = job_of(client, job)
    assert (found["JobStatus"], "UtcEndTime" in found) == ("COMPLETED", True)


def test_devices_that_run_the_version_already_are_passed_over(client, fleet, package):
    fleet.register(2, "2.0", "new")
    names = fleet.register(2, "1.0", "old")
    assert sorted(tasks(client, static(client, package()))) == names


def test_source_versions_limit_a_job(client, fleet, package):
    fleet.register(1, "1.0", "one")
    fleet.register(1, "1.1", "two")
    fleet.register(1, None, "unknown")
    job = static(client, package(), **listed(["1.1", "1.2"], "SrcVersion"))
    assert list(tasks(client, job)) == ["two001"]
    assert task_of(client, job, "two001")["SrcVersion"] == "1.1"


@pytest.mark.parametrize(
    ("percent", "count"), [("0.001", 1), ("10", 1), ("19.999", 1), ("20", 2), ("55", 5), ("100", 10)]
)
def test_a_share_is_rounded_down_and_one_at_least(client, fleet, package, percent, count):
    fleet.register(10, "1.0")
    job = static(client, package(), "GRAY", GrayPercent=percent)
    assert len(tasks(client, job)) == count
    assert job_of(client, job)["GrayPercent"] == percent


def test_named_devices_are_selected(client, fleet, package):
    fleet.register(3)
    job = static(client, package(), "SPECIFIC", **listed(["dev001", "dev003"], "TargetDeviceName"))
    assert sorted(tasks(client, job)) == ["dev001", "dev003"]


def test_a_group_is_selected_as_far_as_it_is_of_the_product(client, fleet, package):
    fleet.register(3)
    client.ok("RegisterDevice", ProductKey="q", DeviceName="dev001")
    group = client.ok("CreateDeviceGroup", GroupName="east")["Data"]["GroupId"]
    members = {"Device.1.ProductKey": "p", "Device.1.DeviceName": "dev002"}
    members |= {"Device.2.ProductKey": "q", "Device.2.DeviceName": "dev001"}
    client.ok("BatchAddDeviceGroupRelations", GroupId=group, **members)
    job = static(client, package(), "GROUP", GroupId=group, GroupType="LINK_PLATFORM")
    assert list(tasks(client, job)) == ["dev002"]
    assert (job_of(client, job)["GroupName"], job_of(client, job)["GroupId"]) == ("east", group)


def test_a_busy_device_fails_at_once_in_a_later_job(client, fleet, package):
    fleet.register(1, "1.0")
    first = static(client, package())
    second = static(client, package("fw3", "3.0"))
    assert tasks(client, second) == {"dev001": "FAILED"}
    assert task_of(client, second, "dev001")["TaskDesc"] == "the device has another update under way"
    assert job_of(client, second)["JobStatus"] == "COMPLETED"
    assert fleet.ask("dev001").task.job_id == int(first)


def test_a_later_job_may_overwrite_what_has_not_begun(client, fleet, package):
    fleet.register(2, "1.0")
    first = static(client, package())
    fleet.ask("dev001")
    fleet.progress("dev001", 10)
    second = static(client, package("fw3", "3.0"), OverwriteMode=2)
    assert tasks(client, first) == {"dev001": "IN_PROGRESS", "dev002": "CANCELED"}
    assert tasks(client, second) == {"dev001": "FAILED", "dev002": "QUEUED"}


def test_a_task_waits_for_its_confirmation(client, fleet, package):
    fleet.register(1, "1.0")
    job = static(client, package(), NeedConfirm="true")
    assert fleet.ask("dev001") is None
    (task,) = client.ok("ListOTAUnfinishedTaskByDevice", DeviceName="dev001", **P)["Data"]["SimpleOTATaskInfo"]
    assert (task["TaskStatus"], task["ModuleName"]) == ("CONFIRM", "default")
    client.ok("ConfirmOTATask", **{"TaskId.1": task["TaskID"]})
    assert client.refused("ConfirmOTATask", **{"TaskId.1": task["TaskID"]})[1] == "iot.ota.InvalidTaskStatus"
    fleet.update("dev001")
    assert tasks(client, job) == {"dev001": "SUCCEEDED"}


def test_a_firmware_is_verified_before_it_is_rolled_out(client, fleet, package):
    fleet.register(3, "1.0")
    firmware = package(NeedToVerify="true")
    found = client.refused("CreateOTAStaticUpgradeJob", FirmwareId=firmware, TargetSelection="ALL", **P)
    assert found[:2] == (409, "iot.ota.InvalidFirmwareStatus")

    def status():
        return client.ok("QueryOTAFirmware", FirmwareId=firmware)["FirmwareInfo"]["Status"]

    given = listed(["dev001", "dev002"], "TargetDeviceName")
    job = client.ok("CreateOTAVerifyJob", FirmwareId=firmware, **P, **given)["Data"]["JobID"]
    assert status() == 2
    assert client.refused("CreateOTAVerifyJob", FirmwareId=firmware, **P, **given)[1] == "iot.ota.InvalidFirmwareStatus"
    fleet.update("dev001")
    assert status() == 2
    fleet.ask("dev002")
    fleet.progress("dev002", -2)
    assert (status(), job_of(client, job)["JobStatus"], job_of(client, job)["JobType"]) == (
        3,
        "COMPLETED",
        "VERIFY_FIRMWARE",
    )
    assert task_of(client, job, "dev002")["TaskDesc"] == "the download failed"
    found = client.refused("CreateOTAStaticUpgradeJob", FirmwareId=firmware, TargetSelection="ALL", **P)
    assert found[:2] == (409, "iot.ota.InvalidFirmwareStatus")  # it failed its verification
    client.ok("CreateOTAVerifyJob", FirmwareId=firmware, **P, **listed(["dev003"], "TargetDeviceName"))
    fleet.update("dev003")
    assert status() == 1
    static(client, firmware)


def test_a_dynamic_job_takes_devices_as_they_report(client, fleet, package):
    fleet.register(1, "1.0")
    job = dynamic(client, package(), "1.0")
    assert tasks(client, job) == {}
    assert fleet.ask("dev001").task.job_id == int(job)  # it reported before: mode 1 takes it when it asks
    client.ok("RegisterDevice", DeviceName="late", **P)
    fleet.report("late", "1.0")
    assert tasks(client, job) == {"dev001": "NOTIFIED", "late": "QUEUED"}
    fleet.update("late")
    assert job_of(client, job)["JobStatus"] == "IN_PROGRESS"
    assert job_of(client, job)["SelectionType"] == "DYNAMIC"
    client.ok("CancelOTAStrategyByJob", JobId=job)
    assert job_of(client, job)["JobStatus"] == "CANCELED"
    client.ok("RegisterDevice", DeviceName="later", **P)
    fleet.report("later", "1.0")
    assert "later" not in tasks(client, job)
    fleet.update("dev001")
    assert tasks(client, job)["dev001"] == "SUCCEEDED"


def test_a_package_with_a_running_job_cannot_be_deleted(client, fleet, package):
    fleet.register(1, "1.0")
    firmware = package()
    job = static(client, firmware)
    assert client.refused("DeleteOTAFirmware", FirmwareId=firmware)[:2] == (409, "iot.ota.FirmwareInUse")
    client.ok("CancelOTATaskByJob", JobId=job, CancelQueuedTask="true")
    assert job_of(client, job)["JobStatus"] == "CANCELED"
    client.ok("DeleteOTAFirmware", FirmwareId=firmware)


def test_a_device_that_is_too_slow_fails(client, fleet, package, held_clock):
    fleet.register(1, "1.0")
    job = static(client, package(), TimeoutInMinutes=10)
    fleet.ask("dev001")
    held_clock.seconds += 3600
    fleet.progress("dev001", 1)
    held_clock.seconds += 599
    assert due_work.end_tasks() == 0
    assert fleet.ask("dev001") is not None
    held_clock.seconds += 1
    assert due_work.end_tasks() == 1
    task = task_of(client, job, "dev001")
    assert (task["TaskStatus"], task["TaskDesc"], task["Timeout"]) == ("FAILED", "timeout", "10")
    fleet.report("dev001", "2.0")
    assert task_of(client, job, "dev001")["TaskStatus"] == "FAILED"


def test_a_planned_job_begins_in_time_and_ends_in_time(client, fleet, package, held_clock):
    fleet.register(3, "1.0")
    begin = (held_clock.seconds + 600) * 1000
    job = static(client, package(), ScheduleTime=begin, ScheduleFinishTime=begin + 3_600_000)
    assert (job_of(client, job)["JobStatus"], fleet.ask("dev001")) == ("PLANNED", None)
    held_clock.seconds += 600
    assert fleet.ask("dev001") is not None
    assert job_of(client, job)["JobStatus"] == "IN_PROGRESS"
    fleet.progress("dev001", 5)
    held_clock.seconds += 3600
    assert fleet.ask("dev002") is None
    while due_work.advance_jobs():
        pass
    assert tasks(client, job) == {"dev001": "IN_PROGRESS", "dev002": "CANCELED", "dev003": "CANCELED"}
    fleet.report("dev001", "2.0")
    assert job_of(client, job)["JobStatus"] == "COMPLETED"


def test_the_rate_of_a_minute_is_kept(client, fleet, package, held_clock):
    names = fleet.register(12, "1.0")
    static(client, package(), MaximumPerMinute=10)
    assert sum(fleet.ask(name) is not None for name in names) == 10
    held_clock.seconds += 60
    assert sum(fleet.ask(name) is not None for name in names) == 12


def test_too_many_failures_pause_a_job(client, fleet, package):
    names = fleet.register(5, "1.0")
    job = static(client, package(), FailureThresholdPercent=50, MinimumExecuted=2)
    fleet.ask(names[0])
    fleet.progress(names[0], -1)
    assert "Paused" not in job_of(client, job)
    fleet.ask(names[1])
    fleet.progress(names[1], -4)
    found = job_of(client, job)
    assert (found["JobStatus"], found["Paused"]) == ("IN_PROGRESS", True)
    assert found["PauseReason"] == "2 of 2 devices failed, and 50 percent are the limit"
    assert fleet.ask(names[2]) is None
    client.ok("ResumeOTAJob", JobId=job)
    assert fleet.ask(names[2]) is not None


def test_retries_are_for_failures_of_jobs_with_source_versions(client, fleet, package, held_clock):
    fleet.register(1, "1.0")
    job = static(client, package(), RetryInterval=10, RetryCount=1, **{"SrcVersion.1": "1.0"})
    fleet.ask("dev001")
    fleet.progress("dev001", 20)
    fleet.progress("dev001", -2, "no route")
    assert task_of(client, job, "dev001")["TaskStatus"] == "IN_PROGRESS"
    assert fleet.ask("dev001") is None
    held_clock.seconds += 600
    assert fleet.ask("dev001") is not None
    fleet.report("dev001", "9.9")
    task = task_of(client, job, "dev001")
    assert (task["TaskStatus"], task["TaskDesc"]) == ("FAILED", "report version is not conform")


def test_a_dry_run_says_who_and_why_and_writes_nothing(client, fleet, package):
    fleet.register(2, "1.0", "old")
    fleet.register(1, "2.0", "new")
    fleet.register(1, "1.5", "odd")
    fleet.register(1, None, "mute")
    firmware = package()
    data = client.ok(
        "CreateOTAStaticUpgradeJob",
        FirmwareId=firmware,
        TargetSelection="ALL",
        DryRun="true",
        **{"SrcVersion.1": "1.0"},
        **P,
    )["Data"]
    assert (data["DryRun"], data["Selected"], "JobID" in data) == (True, 2, False)
    reasons = {skipped["Reason"]: (skipped["Count"], skipped["Examples"]) for skipped in data["Skipped"]}
    assert reasons == {
        "the device runs this version already": (1, ["new001"]),
        "the device runs a version that the job is not for": (1, ["odd001"]),
        "the device has not reported a version": (1, ["mute001"]),
    }
    assert client.ok("ListOTAJobByFirmware", FirmwareId=firmware, CurrentPage=1, PageSize=1)["Total"] == 0


def test_a_failed_task_is_restarted(client, fleet, package):
    fleet.register(1, "1.0")
    job = static(client, package())
    fleet.ask("dev001")
    fleet.progress("dev001", -1)
    assert job_of(client, job)["JobStatus"] == "COMPLETED"
    task = task_of(client, job, "dev001")["TaskID"]
    client.ok("ReupgradeOTATask", JobId=job, **{"TaskId.1": task})
    assert (job_of(client, job)["JobStatus"], tasks(client, job)) == ("IN_PROGRESS", {"dev001": "QUEUED"})
    fleet.update("dev001")
    assert job_of(client, job)["JobStatus"] == "COMPLETED"
    assert client.refused("ReupgradeOTATask", JobId=job, **{"TaskId.1": task})[1] == "iot.ota.InvalidTaskStatus"


def test_another_accounts_devices_and_packages_are_not_reached(app, client, fleet, package):
    fleet.register(1, "1.0")
    job = static(client, package())
    stranger = Client(app, OTHER)
    assert stranger.refused("QueryOTAJob", JobId=job)[:2] == (404, "iot.ota.JobNotFound")
    found = stranger.refused("CreateOTAStaticUpgradeJob", FirmwareId=package("x"), TargetSelection="ALL", **P)
    assert found[1] == "iot.ota.FirmwareNotFound"


def test_the_timeline_of_a_device_says_what_happened_and_why(client, fleet, package):
    fleet.register(1, "1.0")
    job = static(client, package())
    client.ok("PauseOTAJob", JobId=job, Reason="wait for the factory")
    fleet.ask("dev001")
    data = client.ok("QueryOTADeviceTimeline", DeviceName="dev001", **P)["Data"]
    assert data["Reason"] == [f"default 2.0, job {job}: not offered, because the job is paused: wait for the factory."]
    client.ok("ResumeOTAJob", JobId=job)
    fleet.update("dev001")
    data = client.ok("QueryOTADeviceTimeline", DeviceName="dev001", **P)["Data"]
    assert data["Reason"][0].startswith("The device has nothing to do.")
    kinds = [event["Kind"] for event in reversed(data["Event"])]
    assert kinds[0] == "REPORTED"
    assert kinds[-2:] == ["REPORTED", "DECIDED"]
    assert {"OFFERED", "PROGRESS"} <= set(kinds)
