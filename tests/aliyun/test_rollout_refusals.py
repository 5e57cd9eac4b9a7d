"""What the Actions of rollouts refuse, and what they say then."""

import pytest

from tests.aliyun.test_rollout import Fleet, P, dynamic, job_of, listed, static, task_of, tasks
from tests.conftest import OTHER, Client
from tests.oss.conftest import body_of, fields_of, post

URL = "https://files.test/x.bin"
STATIC, DYNAMIC, VERIFY = "CreateOTAStaticUpgradeJob", "CreateOTADynamicUpgradeJob", "CreateOTAVerifyJob"


@pytest.fixture
def fleet(client):
    made = Fleet(client)
    made.register(2, "1.0")
    return made


@pytest.fixture
def firmware(client, fleet):
    return client.make("fw", "2.0", NeedToVerify="false", FirmwareUrl=URL, **P)


QUOTED = '\ufeff"DeviceName"\r\n"dev001"\r\n"dev002"\r\n"nobody"\r\n'
TABS = "ProductKey\tDeviceName\nother\tother001\np\tdev001\np\tdev002\n"
NO_LIST = "iot.device.NotExistedDevice"


def uploaded_list(client, text):
    """Upload a list of names; return its address."""
    data = client.ok("GenerateDeviceNameListURL")["Data"]
    assert post(client, body_of(fields_of(data), text.encode())).status_code == 204
    return data["FileUrl"]


def refused(client, action, firmware, **more):
    return client.refused(action, FirmwareId=firmware, **{**P, **more})


TAGS = {f"Tag.{n}.{part}": "x" * 1000 if part == "Value" else f"k{n}" for n in range(1, 6) for part in ("Key", "Value")}


@pytest.mark.parametrize(
    ("action", "params", "name"),
    [
        (STATIC, {"TargetSelection": "SOME"}, "TargetSelection"),
        (STATIC, {"TargetSelection": "ALL", "GrayPercent": "10"}, "GrayPercent"),
        (STATIC, {"TargetSelection": "ALL", "GroupId": "1"}, "GroupId"),
        (STATIC, {"TargetSelection": "ALL", "TargetDeviceName.1": "dev001"}, "TargetDeviceName"),
        (STATIC, {"TargetSelection": "ALL", "DnListFileUrl": URL}, "DnListFileUrl"),
        (STATIC, {"TargetSelection": "GRAY", "GrayPercent": "0"}, "GrayPercent"),
        (STATIC, {"TargetSelection": "GRAY", "GrayPercent": "100.001"}, "GrayPercent"),
        (STATIC, {"TargetSelection": "GRAY", "GrayPercent": "1.0001"}, "GrayPercent"),
        (STATIC, {"TargetSelection": "GRAY", "GrayPercent": "1e1"}, "GrayPercent"),
        (STATIC, {"TargetSelection": "GRAY", "GrayPercent": "-1"}, "GrayPercent"),
        (STATIC, {"TargetSelection": "SPECIFIC", "TargetDeviceName.1": "dev001", "SrcVersion.1": "1"}, "SrcVersion"),
        (STATIC, {"TargetSelection": "SPECIFIC", "TargetDeviceName.1": "a", "TargetDeviceName.2": "a"}, "TargetDevice"),
        (STATIC, {"TargetSelection": "SPECIFIC", "TargetDeviceName.1": "a", "DnListFileUrl": URL}, "TargetDeviceName"),
        (STATIC, {"TargetSelection": "ALL", **listed(["1"] * 2, "SrcVersion")}, "SrcVersion"),
        (STATIC, {"TargetSelection": "ALL", **listed(map(str, range(11)), "SrcVersion")}, "SrcVersion"),
        (STATIC, {"TargetSelection": "ALL", "RetryInterval": 20, "RetryCount": 1}, "RetryInterval"),
        (STATIC, {"TargetSelection": "ALL", "RetryInterval": 10, "RetryCount": 3}, "RetryCount"),
        (STATIC, {"TargetSelection": "ALL", "RetryInterval": 60, "RetryCount": 1, "TimeoutInMinutes": 60}, "RetryInt"),
        (STATIC, {"TargetSelection": "ALL", "TimeoutInMinutes": 0}, "TimeoutInMinutes"),
        (STATIC, {"TargetSelection": "ALL", "TimeoutInMinutes": 1441}, "TimeoutInMinutes"),
        (STATIC, {"TargetSelection": "ALL", "MaximumPerMinute": 9}, "MaximumPerMinute"),
        (STATIC, {"TargetSelection": "ALL", "MaximumPerMinute": 10_001}, "MaximumPerMinute"),
        (STATIC, {"TargetSelection": "ALL", "OverwriteMode": 3}, "OverwriteMode"),
        (STATIC, {"TargetSelection": "ALL", "OverwriteMode": 2, "MultiModuleMode": "true"}, "OverwriteMode"),
        (STATIC, {"TargetSelection": "ALL", "DownloadProtocol": "FTP"}, "DownloadProtocol"),
        (STATIC, {"TargetSelection": "ALL", "ScheduleTime": 1}, "ScheduleTime"),
        (STATIC, {"TargetSelection": "ALL", "Tag.1.Key": "a b", "Tag.1.Value": "x"}, "Tag.1.Key"),
        (STATIC, {"TargetSelection": "ALL", **TAGS}, "Tag.1.Value"),
        (STATIC, {"TargetSelection": "ALL", "FailureThresholdPercent": 0}, "FailureThresholdPercent"),
        (STATIC, {"TargetSelection": "GROUP", "GroupId": "1", "GroupType": "LINK_PLATFORM_DYNAMIC"}, "GroupType"),
        (DYNAMIC, {"SrcVersion.1": "1.0", "GroupId": "1"}, "SrcVersion"),
        (DYNAMIC, {"SrcVersion.1": "1.0", "DynamicMode": 3}, "DynamicMode"),
        (VERIFY, listed([f"dev{n}" for n in range(11)], "TargetDeviceName"), "TargetDeviceName"),
        (VERIFY, {"TargetDeviceName.1": "dev001", "TargetDeviceName.2": "dev001"}, "TargetDeviceName"),
    ],
)
def test_an_ill_formed_job_is_refused_by_name(client, firmware, action, params, name):
    status, code, text = refused(client, action, firmware, **params)
    assert (status, code) == (400, "InvalidParameter")
    assert name in text
    assert client.ok("ListOTAJobByFirmware", FirmwareId=firmware, CurrentPage=1, PageSize=1)["Total"] == 0


@pytest.mark.parametrize(
    ("action", "params", "name"),
    [
        (STATIC, {"TargetSelection": "GRAY"}, "GrayPercent"),
        (STATIC, {"TargetSelection": "GROUP"}, "GroupId"),
        (STATIC, {"TargetSelection": "SPECIFIC"}, "TargetDeviceName.1"),
        (STATIC, {"TargetSelection": "ALL", "RetryInterval": 10}, "RetryCount"),
        (STATIC, {"TargetSelection": "ALL", "RetryCount": 1}, "RetryInterval"),
        (STATIC, {"TargetSelection": "ALL", "Tag.1.Key": "a"}, "Tag.1.Value"),
        (DYNAMIC, {}, "SrcVersion.1"),
        (VERIFY, {}, "TargetDeviceName.1"),
    ],
)
def test_what_goes_with_what_is_given_is_missed(client, firmware, action, params, name):
    assert refused(client, action, firmware, **params)[:2] == (400, f"Missing{name}")


@pytest.mark.parametrize(
    ("begin", "end", "name"),
    [
        (299, None, "ScheduleTime"),
        (7 * 86400 + 1, None, "ScheduleTime"),
        (None, 3599, "ScheduleFinishTime"),
        (None, 30 * 86400 + 1, "ScheduleFinishTime"),
        (600, 600 + 3599, "ScheduleFinishTime"),
    ],
)
def test_times_out_of_bounds_are_refused(client, firmware, held_clock, begin, end, name):
    times = {"ScheduleTime": begin, "ScheduleFinishTime": end}
    given = {key: (held_clock.seconds + value) * 1000 for key, value in times.items() if value}
    status, code, text = refused(client, STATIC, firmware, TargetSelection="ALL", **given)
    assert (status, code, name in text) == (400, "InvalidParameter", True)


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"FirmwareId": "1"}, (404, "iot.ota.FirmwareNotFound")),
        ({"ProductKey": "none"}, (404, "iot.ota.FirmwareNotFound")),
        ({"TargetSelection": "SPECIFIC", "TargetDeviceName.1": "nobody"}, (404, "iot.device.NotExistedDevice")),
        ({"TargetSelection": "GROUP", "GroupId": "17"}, (404, "iot.group.NotExistedGroup")),
        ({"TargetSelection": "SPECIFIC", "DnListFileUrl": "https://elsewhere/x.csv"}, (404, "iot.ota.FileNotFound")),
    ],
)
def test_a_job_of_what_is_not_there_is_refused(client, firmware, params, found):
    given = {"FirmwareId": firmware, "TargetSelection": "ALL", **P, **params}
    assert client.refused(STATIC, **given)[:2] == found


def test_a_firmware_without_a_file_is_not_rolled_out(client, fleet):
    bare = client.make("bare", "2.0", NeedToVerify="false", **P)
    assert refused(client, STATIC, bare, TargetSelection="ALL")[:2] == (400, "iot.ota.FirmwareUrlMissing")


def test_a_differential_firmware_is_for_the_version_it_starts_from(client, fleet):
    given = {"Type": 1, "SrcVersion": "1.0", "NeedToVerify": "false", "FirmwareUrl": URL, **P}
    diff = client.make("diff", "2.0", **given)
    found = refused(client, STATIC, diff, TargetSelection="ALL", **{"SrcVersion.1": "0.9"})
    assert (found[1], "1.0" in found[2]) == ("InvalidParameter", True)
    fleet.register(1, "0.9", "odd")
    assert sorted(tasks(client, static(client, diff))) == ["dev001", "dev002"]


def test_a_firmware_has_one_dynamic_job_at_a_time(client, firmware):
    job = dynamic(client, firmware, "1.0")
    assert refused(client, DYNAMIC, firmware, **{"SrcVersion.1": "1.1"})[:2] == (409, "iot.ota.DynamicJobExists")
    client.ok("CancelOTAStrategyByJob", JobId=job)
    dynamic(client, firmware, "1.1")


def test_a_static_job_cannot_be_stopped_like_a_dynamic_one(client, firmware):
    job = static(client, firmware)
    assert client.refused("CancelOTAStrategyByJob", JobId=job)[:2] == (409, "iot.ota.InvalidJobStatus")


def test_a_cancel_says_what(client, firmware):
    job = static(client, firmware)
    assert client.refused("CancelOTATaskByJob", JobId=job)[:2] == (400, "MissingCancelQueuedTask")
    client.ok("CancelOTATaskByJob", JobId=job, CancelQueuedTask="false")
    assert set(tasks(client, job).values()) == {"QUEUED"}


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        ({"CancelQueuedTask": "true"}, "CANCELED"),
        ({"CancelQueuedTask": "true", "CancelUnconfirmedTask": "false"}, "CONFIRM"),
        ({"CancelUnconfirmedTask": "true"}, "CANCELED"),
        ({"CancelNotifiedTask": "true"}, "CONFIRM"),
    ],
)
def test_unconfirmed_tasks_follow_the_queued_unless_said(client, firmware, flags, state):
    job = static(client, firmware, NeedConfirm="true")
    client.ok("CancelOTATaskByJob", JobId=job, **flags)
    assert set(tasks(client, job).values()) == {state}


def test_a_task_in_progress_is_canceled_by_its_own_flag_only(client, fleet, firmware):
    job = static(client, firmware)
    fleet.ask("dev001")
    fleet.progress("dev001", 1)
    client.ok("CancelOTATaskByJob", JobId=job, CancelQueuedTask="true", CancelNotifiedTask="true")
    assert tasks(client, job) == {"dev001": "IN_PROGRESS", "dev002": "CANCELED"}
    client.ok("CancelOTATaskByDevice", FirmwareId=firmware, **{"DeviceName.1": "dev001"}, **P)
    assert tasks(client, job)["dev001"] == "IN_PROGRESS"
    client.ok("CancelOTATaskByJob", JobId=job, CancelInProgressTask="true")
    assert tasks(client, job)["dev001"] == "CANCELED"


def test_a_planned_job_is_canceled_by_its_own_flag(held_clock, client, firmware):
    job = static(client, firmware, ScheduleTime=(held_clock.seconds + 600) * 1000)
    client.ok("CancelOTATaskByJob", JobId=job, CancelScheduledTask="true")
    assert (job_of(client, job)["JobStatus"], set(tasks(client, job).values())) == ("CANCELED", {"CANCELED"})


def test_confirmations_are_all_or_none(client, fleet, firmware):
    job = static(client, firmware, NeedConfirm="true")
    one = task_of(client, job, "dev001")["TaskID"]
    found = client.refused("ConfirmOTATask", **listed([one, "17"], "TaskId"))
    assert found[:2] == (404, "iot.ota.TaskNotFound")
    assert set(tasks(client, job).values()) == {"CONFIRM"}


def test_a_planned_job_is_not_confirmed_before_its_time(held_clock, client, firmware):
    job = static(client, firmware, NeedConfirm="true", ScheduleTime=(held_clock.seconds + 600) * 1000)
    one = task_of(client, job, "dev001")["TaskID"]
    assert client.refused("ConfirmOTATask", **{"TaskId.1": one})[:2] == (409, "iot.ota.InvalidJobStatus")


def test_another_jobs_task_is_not_restarted(client, fleet, firmware):
    first = static(client, firmware)
    second = static(client, firmware)
    failed = task_of(client, second, "dev001")["TaskID"]
    assert client.refused("ReupgradeOTATask", JobId=first, **{"TaskId.1": failed})[1] == "iot.ota.TaskNotFound"
    found = client.refused("ReupgradeOTATask", JobId=second, **{"TaskId.1": failed})
    assert found[:2] == (409, "iot.ota.InvalidTaskStatus")


@pytest.mark.parametrize(
    "action",
    ["QueryOTAJob", "UpdateOTAJob", "PauseOTAJob", "ResumeOTAJob", "CancelOTAStrategyByJob", "ListOTATaskByJob"],
)
def test_another_accounts_job_is_not_there(app, client, firmware, action):
    job = static(client, firmware)
    more = {"MaximumPerMinute": 10} if action == "UpdateOTAJob" else {}
    assert Client(app, OTHER).refused(action, JobId=job, **more)[:2] == (404, "iot.ota.JobNotFound")


def test_an_ended_job_is_not_paused_resumed_or_changed(client, firmware):
    job = static(client, firmware)
    client.ok("CancelOTATaskByJob", JobId=job, CancelQueuedTask="true")
    for action, more in (("PauseOTAJob", {}), ("ResumeOTAJob", {}), ("UpdateOTAJob", {"MaximumPerMinute": 10})):
        assert client.refused(action, JobId=job, **more)[:2] == (409, "iot.ota.InvalidJobStatus")


def test_a_change_clears_tags_that_are_not_sent_again(client, firmware):
    job = static(client, firmware, **{"Tag.1.Key": "a", "Tag.1.Value": "b"})
    client.ok("UpdateOTAJob", JobId=job, MaximumPerMinute=20)
    found = job_of(client, job)
    assert (found["MaximumPerMinute"], found["Tags"]) == (20, {"OtaTagDTO": []})


def test_a_token_makes_one_job(client, firmware):
    assert static(client, firmware, ClientToken="t") == static(client, firmware, ClientToken="t")
    assert client.ok("ListOTAJobByFirmware", FirmwareId=firmware, CurrentPage=1, PageSize=9)["Total"] == 1


@pytest.mark.parametrize(
    "text", ["dev001,dev002", "dev001\ndev002\n", "\ufeffdev001 ,\r\n dev002,,nobody\n\ndev001", QUOTED, TABS]
)
def test_devices_are_selected_by_an_uploaded_list(client, fleet, firmware, text):
    fleet.register(1, "1.0", "other")
    data = client.ok("GenerateDeviceNameListURL")["Data"]
    assert post(client, body_of(fields_of(data), text.encode())).status_code == 204
    job = static(client, firmware, "SPECIFIC", DnListFileUrl=data["FileUrl"])
    assert sorted(tasks(client, job)) == ["dev001", "dev002"]


@pytest.mark.parametrize(
    "text", ["nobody", '"DeviceName";"Nickname"\r\n"a";"dev001"\r\nb\r\nc\r\nd', "a b;\x01\tc,d,e"]
)
@pytest.mark.parametrize("more", [{}, {"DryRun": "true"}])
def test_a_list_none_of_whose_names_exists_is_refused_with_the_first_three(client, fleet, firmware, text, more):
    named = {"n": "nobody", '"': "a, b, c", "a": "a b, ?, c"}[text[0]]
    given = {"TargetSelection": "SPECIFIC", "DnListFileUrl": uploaded_list(client, text), **more}
    status, code, said = refused(client, STATIC, firmware, **given)
    assert (status, code, said) == (404, NO_LIST, f"The specified device does not exist: {named}.")
    assert client.ok("ListOTAJobByFirmware", FirmwareId=firmware, CurrentPage=1, PageSize=9)["Total"] == 0


@pytest.mark.parametrize("text", ["DeviceName", "DeviceName\n", "DeviceName,ProductKey\n\ndev001,q\n", " \n,,\n"])
@pytest.mark.parametrize("more", [{}, {"DryRun": "true"}])
def test_a_list_that_names_nobody_is_refused(client, fleet, firmware, text, more):
    given = {"TargetSelection": "SPECIFIC", "DnListFileUrl": uploaded_list(client, text), **more}
    status, code, said = refused(client, STATIC, firmware, **given)
    assert (status, code) == (404, NO_LIST)
    assert said == "The specified device does not exist: the list names no device of the product."
    assert client.ok("ListOTAJobByFirmware", FirmwareId=firmware, CurrentPage=1, PageSize=9)["Total"] == 0


def test_what_else_is_wrong_with_a_job_is_said_before_its_list(client, fleet, firmware):
    given = {"TargetSelection": "SPECIFIC", "DnListFileUrl": uploaded_list(client, "nobody")}
    assert refused(client, STATIC, "1", **given)[:2] == (404, "iot.ota.FirmwareNotFound")
    assert refused(client, STATIC, firmware, **{**given, "ProductKey": "q"})[:2] == (404, "iot.ota.FirmwareNotFound")


def test_a_long_name_of_a_list_is_quoted_in_part(client, fleet, firmware):
    given = {"TargetSelection": "SPECIFIC", "DnListFileUrl": uploaded_list(client, "x" * 100_000)}
    assert refused(client, STATIC, firmware, **given)[2].endswith(f" {'x' * 64}.")


def test_another_accounts_list_is_not_there(app, client, firmware):
    data = Client(app, OTHER).ok("GenerateDeviceNameListURL")["Data"]
    assert post(client, body_of(fields_of(data), b"dev001")).status_code == 204
    found = refused(client, STATIC, firmware, TargetSelection="SPECIFIC", DnListFileUrl=data["FileUrl"])
    assert found[:2] == (404, "iot.ota.FileNotFound")


def test_a_large_firmware_or_one_of_several_files_does_not_go_by_mqtt(client, fleet):
    large = {"FirmwareUrl": URL, "FirmwareSize": 16 * 1024 * 1024 + 1}
    several = {"MultiFiles.1.Name": "a", "MultiFiles.1.Url": URL}
    for number, given in enumerate((large, several)):
        made = client.make(f"big{number}", "2.0", NeedToVerify="false", **given, **P)
        found = refused(client, STATIC, made, TargetSelection="ALL", DownloadProtocol="MQTT")
        assert (found[1], "DownloadProtocol" in found[2]) == ("InvalidParameter", True)
    small = client.make("small", "2.0", NeedToVerify="false", FirmwareUrl=URL, FirmwareSize=16 * 1024 * 1024, **P)
    assert job_of(client, static(client, small, DownloadProtocol="mqtt"))["DownloadProtocol"] == "MQTT"


def test_a_firmware_is_not_read_as_a_list(client, fleet, firmware):
    data = client.ok("GenerateOTAUploadURL")["Data"]
    assert post(client, body_of(fields_of(data), b"dev001")).status_code == 204
    found = refused(client, STATIC, firmware, TargetSelection="SPECIFIC", DnListFileUrl=data["FirmwareUrl"])
    assert found[:2] == (404, "iot.ota.FileNotFound")
