"""The device API under jobs that install again, wait, or supersede: its reports name no task."""

import pytest


def working(device, rollout):
    job = rollout("2.0")
    assert device.poll()["version"] == "2.0"
    device.progress(30)
    return job


def test_the_same_version_is_a_success_once_the_device_is_at_work(device, rollout, states):
    job = rollout("1.0", Reinstall="true")
    device.report("1.0")  # it starts
    assert states(job) == {"dev1": "QUEUED"}
    assert device.poll()["version"] == "1.0"
    device.report("1.0")
    assert states(job) == {"dev1": "NOTIFIED"}
    device.progress(50)
    device.report("1.0")
    assert states(job) == {"dev1": "SUCCEEDED"}


def test_what_waits_is_offered_after_the_older(device, rollout, states):
    old = working(device, rollout)
    new = rollout("3.0", AtWork="WAIT")
    assert device.poll()["version"] == "2.0"
    device.progress(60)
    assert (states(old), states(new)) == ({"dev1": "IN_PROGRESS"}, {"dev1": "QUEUED"})
    device.report("2.0")
    assert (states(old), states(new)) == ({"dev1": "SUCCEEDED"}, {"dev1": "QUEUED"})
    assert device.refused("POST", "/update/progress", {"percent": 10})[1] == "no_task"
    assert device.poll()["version"] == "3.0"
    device.report("3.0")
    assert states(new) == {"dev1": "SUCCEEDED"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/update/progress", {"percent": 80}),
        ("/update/progress", {"percent": -1}),
        ("/update/result", {"result": "failed"}),
    ],
)
def test_what_is_said_of_the_superseded_update_is_not_of_the_newer(device, rollout, states, path, body):
    old = working(device, rollout)
    new = rollout("3.0", AtWork="SUPERSEDE", OverwriteMode=2)
    assert states(old) == {"dev1": "CANCELED"}
    assert device.refused("POST", path, body)[:2] == (409, "no_task")
    device.report("2.0")  # it had gone too far to stop
    assert states(new) == {"dev1": "QUEUED"}
    assert device.poll()["version"] == "3.0"
    assert device.progress(10) == "in_progress"


def test_a_version_that_a_dynamic_job_is_for_gives_no_second_task(client, device, rollout, states):
    working(device, rollout)
    new = rollout("3.0", AtWork="WAIT")
    firmware = client.make("dyn", "4.0", ProductKey="p", NeedToVerify="false", FirmwareUrl="https://files.test/x.bin")
    dynamic = client.ok("CreateOTADynamicUpgradeJob", FirmwareId=firmware, ProductKey="p", **{"SrcVersion.1": "2.0"})
    device.report("2.0")
    device.report("2.0")
    assert device.poll()["version"] == "3.0"
    assert states(dynamic["Data"]["JobID"]) == {}
    assert states(new) == {"dev1": "NOTIFIED"}
