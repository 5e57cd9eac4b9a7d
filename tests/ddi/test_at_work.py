"""Jobs for devices that have the version already, and for devices that another job is updating."""

import pytest

from tests.ddi.conftest import refusal


def working(device, rollout):
    """Let a device be at work on a first job; return the job and the action."""
    job = rollout("2.0")
    action = device.deployment()["id"]
    assert device.tell(action, "proceeding").status_code == 200
    return job, action


def version(device):
    return device.deployment()["deployment"]["chunks"][0]["version"]


def test_a_device_that_has_the_version_is_passed_over(device, rollout):
    rollout("1.0")
    assert device.links() == {}


def test_the_same_version_is_installed_again_where_the_job_says_so(device, rollout, task, runs):
    job = rollout("1.0", Reinstall="true")
    assert task(job)["TaskStatus"] == "QUEUED"
    action = device.action()
    assert device.identify(version="1.0").status_code == 200  # the version that it runs says nothing of that
    assert task(job)["TaskStatus"] == "QUEUED"
    assert version(device) == "1.0"
    device.tell(action, "proceeding")
    assert device.identify(version="1.0").status_code == 200
    assert task(job)["TaskStatus"] == "IN_PROGRESS"
    assert device.tell(action, "closed", "success").status_code == 200
    assert (task(job)["TaskStatus"], runs()) == ("SUCCEEDED", {"default": "1.0"})
    assert "deploymentBase" not in device.links()


def test_a_success_without_progress_ends_a_reinstallation(device, rollout, task):
    job = rollout("1.0", Reinstall="true")
    device.tell(device.deployment()["id"], "closed", "success")
    assert task(job)["TaskStatus"] == "SUCCEEDED"


def test_a_failed_reinstallation_has_failed(device, rollout, task):
    job = rollout("1.0", Reinstall="true")
    device.tell(device.deployment()["id"], "closed", "failure", "worn out")
    assert (task(job)["TaskStatus"], task(job)["TaskDesc"]) == ("FAILED", "worn out")


def test_with_source_versions_the_same_version_is_another_of_them(client, register, rollout):
    for name, runs in (("dev1", "1.0"), ("dev2", "2.0"), ("dev3", "1.5")):
        register(name, runs)
    job = rollout("2.0", Reinstall="true", **{"SrcVersion.1": "1.0"})
    found = client.ok("ListOTATaskByJob", JobId=job)["Data"]["SimpleOTATaskInfo"]
    assert {task["DeviceName"] for task in found} == {"dev1", "dev2"}
    assert client.ok("QueryOTAJob", JobId=job)["Data"]["Reinstall"] is True


def test_a_differential_firmware_is_not_installed_again(client, device, upload):
    firmware = client.make("diff", "2.0", ProductKey="p", NeedToVerify="false", Type=1, SrcVersion="1.0",
                           FirmwareUrl=upload())  # fmt: skip
    given = {"FirmwareId": firmware, "ProductKey": "p", "TargetSelection": "ALL", "Reinstall": "true"}
    assert "Reinstall" in client.refused("CreateOTAStaticUpgradeJob", **given)[2]


def test_a_busy_device_fails_in_the_newer_job_by_default(device, rollout, task):
    old, action = working(device, rollout)
    new = rollout("3.0")
    assert (task(old)["TaskStatus"], task(new)["TaskStatus"]) == ("IN_PROGRESS", "FAILED")
    assert device.action() == action
    newer = rollout("3.1", OverwriteMode=2)
    assert (task(old)["TaskStatus"], task(newer)["TaskStatus"]) == ("IN_PROGRESS", "FAILED")


@pytest.mark.parametrize("finished", ["success", "failure"])
@pytest.mark.parametrize("mode", [1, 2])
def test_a_job_that_waits_gives_its_task_after_the_older_has_ended(client, device, rollout, task, mode, finished):
    old, action = working(device, rollout)
    new = rollout("3.0", AtWork="WAIT", OverwriteMode=mode)
    assert (task(old)["TaskStatus"], task(new)["TaskStatus"]) == ("IN_PROGRESS", "QUEUED")
    assert device.action() == action
    (why, behind) = client.ok("QueryOTADeviceTimeline", ProductKey="p", DeviceName="dev1")["Data"]["Reason"]
    assert behind.endswith(f"not offered, because the update of job {old} has not ended.")
    assert "0 percent done" in why
    device.tell(action, "closed", finished)
    assert task(new)["TaskStatus"] == "QUEUED"
    assert version(device) == "3.0"
    device.tell(device.action(), "closed", "success")
    assert task(new)["TaskStatus"] == "SUCCEEDED"


def test_several_jobs_wait_for_their_turn(device, rollout, task):
    _, action = working(device, rollout)
    jobs = [rollout(version, AtWork="WAIT") for version in ("3.0", "4.0")]
    for job, expected in zip(jobs, ("3.0", "4.0"), strict=True):
        device.tell(action, "closed", "success")
        assert version(device) == expected
        action = device.action()
        assert task(job)["TaskStatus"] == "NOTIFIED"


def test_a_task_that_waits_is_canceled_as_any(device, rollout, task, cancel):
    old, action = working(device, rollout)
    new = rollout("3.0", AtWork="WAIT")
    cancel(new)
    assert task(new)["TaskStatus"] == "CANCELED"
    assert device.action() == action
    device.tell(action, "closed", "success")
    assert task(old)["TaskStatus"] == "SUCCEEDED"
    assert "deploymentBase" not in device.links()


def test_a_canceled_update_is_answered_before_what_waits_is_given(device, rollout, cancel):
    old, action = working(device, rollout)
    rollout("3.0", AtWork="WAIT")
    cancel(old)
    assert device.links().keys() == {"cancelAction"}
    device.tell(action, "closed", "success", kind="cancelAction")
    assert version(device) == "3.0"


def test_a_job_that_supersedes_cancels_what_the_device_is_at_work_on(device, rollout, task):
    old, action = working(device, rollout)
    new = rollout("3.0", AtWork="SUPERSEDE", OverwriteMode=2)
    assert (task(old)["TaskStatus"], task(new)["TaskStatus"]) == ("CANCELED", "QUEUED")
    assert task(old)["TaskDesc"] == "a newer job has taken the device"
    assert device.links().keys() == {"cancelAction"}
    assert device.tell(action, "proceeding").status_code == 200  # it goes on until it has read that
    assert task(new)["TaskStatus"] == "QUEUED"
    device.tell(action, "closed", "success", kind="cancelAction")
    assert version(device) == "3.0"
    device.tell(device.action(), "closed", "success")
    assert task(new)["TaskStatus"] == "SUCCEEDED"


def test_a_device_that_refuses_to_stop_gets_the_newer_one_nevertheless(device, rollout, task):
    _, action = working(device, rollout)
    rollout("3.0", AtWork="SUPERSEDE", OverwriteMode=2)
    device.tell(action, "rejected", "success", kind="cancelAction")
    assert version(device) == "3.0"


@pytest.mark.parametrize("mode", ["1", None])
def test_superseding_needs_the_mode_that_overwrites(client, device, upload, mode):
    firmware = client.make("fw", "3.0", ProductKey="p", NeedToVerify="false", FirmwareUrl=upload())
    given = {"FirmwareId": firmware, "ProductKey": "p", "TargetSelection": "ALL", "AtWork": "SUPERSEDE"}
    assert (
        "OverwriteMode"
        in client.refused("CreateOTAStaticUpgradeJob", **given, **({"OverwriteMode": mode} if mode else {}))[2]
    )


@pytest.mark.parametrize("rule", ["LATER", "2", "WAIT,FAIL"])
def test_another_rule_for_busy_devices_is_refused(client, device, upload, rule):
    firmware = client.make("fw", "3.0", ProductKey="p", NeedToVerify="false", FirmwareUrl=upload())
    given = {"FirmwareId": firmware, "ProductKey": "p", "TargetSelection": "ALL", "AtWork": rule}
    assert "AtWork" in client.refused("CreateOTAStaticUpgradeJob", **given)[2]


@pytest.mark.parametrize(("rules", "busy"), [
    ({}, 1), ({"OverwriteMode": 2}, 1), ({"AtWork": "WAIT"}, 0), ({"AtWork": "SUPERSEDE", "OverwriteMode": 2}, 0),
])  # fmt: skip
def test_a_dry_run_counts_who_would_be_in_the_way(client, device, rollout, upload, rules, busy):
    working(device, rollout)
    firmware = client.make("fw", "3.0", ProductKey="p", NeedToVerify="false", FirmwareUrl=upload())
    given = {"FirmwareId": firmware, "ProductKey": "p", "TargetSelection": "ALL", "DryRun": "true", **rules}
    assert client.ok("CreateOTAStaticUpgradeJob", **given)["Data"]["Selected"] == 1 - busy


def test_an_older_action_is_not_the_newer_jobs(device, rollout, task):
    _, action = working(device, rollout)
    new = rollout("3.0", AtWork="SUPERSEDE", OverwriteMode=2)
    device.tell(action, "closed", "failure", "torn down")
    assert task(new)["TaskStatus"] == "QUEUED"
    assert refusal(device.tell(action, "proceeding")) == (410, "ended")
    assert version(device) == "3.0"
