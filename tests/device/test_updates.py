"""What a device does over HTTP: it reports, asks, makes progress, ends; in any order, and more than once."""

import hashlib
import os
from urllib.parse import quote

import pytest

from otagw.db import database
from tests.device import signer
from tests.device.conftest import URL, Device
from tests.oss.conftest import body_of, fields_of, post
from tests.races import race

PLAIN = {
    "kind": "firmware",
    "module": "default",
    "version": "2.0",
    "source_version": "1.0",
    "differential": False,
    "size": None,
    "sign_method": "MD5",
    "sign": None,
    "sha256": None,
    "url": URL,
    "files": [],
    "signatures": [],
    "tags": {},
    "custom_info": None,
    "timeout_minutes": None,
}


def task_of(client, job, name="dev1"):
    (task,) = client.ok("ListOTATaskByJob", JobId=job, **{"DeviceNames.1": name})["Data"]["SimpleOTATaskInfo"]
    return task


def upload(client, content):
    """Upload bytes; return the address they have as a package."""
    data = client.ok("GenerateOTAUploadURL")["Data"]
    assert post(client, body_of(fields_of(data), content)).status_code == 204
    return data["FirmwareUrl"]


def test_why_says_which_version_was_reported_and_which_expected(client, device, rollout):
    job = rollout()
    device.poll()
    device.report("1.0")
    device.progress(50)
    device.report("2.0+b7")
    (said,) = client.ok("QueryOTADeviceTimeline", ProductKey="p", DeviceName="dev1")["Data"]["Reason"]
    last = f"Its last task (default 2.0, job {job}) failed: reported 2.0+b7, expected 2.0."
    assert said == f"The device has nothing to do. {last}"


def test_an_update_from_offer_to_version(client, device, rollout, states):
    assert device.poll() is None
    job = rollout()
    offer = device.poll()
    assert offer == {**PLAIN, "task": task_of(client, job)["TaskID"]}
    assert states(job) == {"dev1": "NOTIFIED"}
    assert device.progress(0) == "in_progress"
    assert device.progress(55, message="flashing\r\nslot b\0\ud800") == "in_progress"
    task = task_of(client, job)
    assert (task["TaskStatus"], task["Progress"], task["TaskDesc"]) == ("IN_PROGRESS", "55", "flashing  slot b  ")
    assert device.report("2.0") == {"module": "default", "version": "2.0"}
    assert states(job) == {"dev1": "SUCCEEDED"}
    assert device.poll() is None


def test_an_offer_has_all_that_is_known(client, device, rollout):
    digest = hashlib.sha256(b"x").hexdigest()
    package = {"FirmwareSign": digest, "SignMethod": "SHA256", "FirmwareSize": 7, "Udi": "{}", "Type": 1}
    package["SrcVersion"] = "1.0"
    tags = {"Tag.1.Key": "ring", "Tag.1.Value": "1", "Tag.2.Key": "area", "Tag.2.Value": "9"}
    rollout(package=package, TimeoutInMinutes=10, **tags)
    offer = device.poll()
    assert (offer["sign_method"], offer["sign"], offer["sha256"], offer["size"]) == ("SHA256", digest, digest, 7)
    assert (offer["differential"], offer["source_version"], offer["custom_info"]) == (True, "1.0", "{}")
    assert (offer["timeout_minutes"], offer["tags"]) == (10, {"ring": "1", "area": "9"})


def test_a_file_of_ours_comes_by_a_link_of_the_host_that_was_asked(client, device, rollout):
    content = os.urandom(5000)
    rollout(package={"FirmwareUrl": upload(client, content)})
    offer = device.send("GET", "/update", Host="ota.test:8443").json
    assert offer["url"].startswith("http://ota.test:8443/oss/")
    assert client.http.get(offer["url"].removeprefix("http://ota.test:8443")).data == content
    assert (offer["size"], offer["sha256"]) == (5000, hashlib.sha256(content).hexdigest())
    assert offer["sign"] == hashlib.md5(content).hexdigest()


def test_a_package_of_several_files(client, device, rollout):
    own = b"one"
    files = {
        "MultiFiles.1.Name": "app",
        "MultiFiles.1.Url": upload(client, own),
        "MultiFiles.2.Name": "data",
        "MultiFiles.2.Url": URL,
        "MultiFiles.2.FileMd5": "0" * 32,
    }
    rollout(package={"FirmwareUrl": None, **files})
    offer = device.poll()
    assert (offer["url"], offer["size"], offer["sha256"]) == (None, None, None)
    app, data = offer["files"]
    assert (app["name"], app["size"], app["sha256"]) == ("app", 3, hashlib.sha256(own).hexdigest())
    assert client.http.get(app["url"].removeprefix("http://localhost")).data == own
    assert data == {"name": "data", "size": None, "md5": "0" * 32, "sign": None, "sha256": None, "url": URL}


def test_version_first(device, rollout, states):
    job = rollout()
    device.report("2.0")
    assert states(job) == {"dev1": "SUCCEEDED"}
    assert device.refused("POST", "/update/progress", {"percent": 100})[:2] == (409, "no_task")


def test_what_is_said_again_or_late_changes_nothing(client, device, rollout, states):
    job = rollout()
    assert device.poll() == device.poll()
    device.progress(60)
    device.progress(60)
    device.progress(20)
    assert task_of(client, job)["Progress"] == "60"
    assert device.poll()["version"] == "2.0"
    device.report("1.0")
    assert states(job) == {"dev1": "IN_PROGRESS"}
    device.report("2.0")
    device.report("2.0")
    for late in ({"percent": 70}, {"percent": -1}):
        assert device.refused("POST", "/update/progress", late)[:2] == (409, "no_task")
    assert device.refused("POST", "/update/result", {"result": "failed"})[:2] == (409, "no_task")
    device.report("1.0")
    assert states(job) == {"dev1": "SUCCEEDED"}


def test_progress_without_an_offer_begins_the_update(device, rollout, states):
    job = rollout()
    assert device.progress(1) == "in_progress"
    assert states(job) == {"dev1": "IN_PROGRESS"}


def test_a_device_that_boots_the_old_version_again_is_offered_until_its_time_is_over(
    client, held_clock, device, rollout, states
):
    job = rollout(TimeoutInMinutes=10)
    device.poll()
    device.progress(100)
    for _ in range(3):
        held_clock.seconds += 199
        device.report("1.0")
        assert device.poll()["version"] == "2.0"
    held_clock.seconds += 3
    assert device.poll() is None
    assert (states(job), task_of(client, job)["TaskDesc"]) == ({"dev1": "FAILED"}, "timeout")


def test_the_first_version_that_a_device_reports_is_no_failure(register, rollout, states):
    device = register()
    job = rollout()
    assert device.poll()["source_version"] is None
    device.progress(10)
    device.report("1.0")
    device.report("1.0")
    assert states(job) == {"dev1": "IN_PROGRESS"}
    device.report("1.7")
    assert states(job) == {"dev1": "FAILED"}


def test_the_version_that_a_device_had_when_it_began_is_no_failure(device, rollout, states):
    job = rollout()
    device.report("1.1")  # updated by hand, before it began
    device.poll()
    device.progress(10)
    device.report("1.1")
    assert states(job) == {"dev1": "IN_PROGRESS"}
    device.report("9.9")
    assert states(job) == {"dev1": "FAILED"}


@pytest.mark.parametrize(
    ("percent", "text"),
    [(-1, "the update failed"), (-2, "the download failed"), (-3, "the check failed"), (-4, "flashing failed")],
)
def test_a_negative_step_is_a_failure(client, device, rollout, states, percent, text):
    job = rollout()
    device.poll()
    assert device.progress(percent) == "failed"
    assert (states(job), task_of(client, job)["TaskDesc"]) == ({"dev1": "FAILED"}, text)
    assert device.poll() is None


def test_a_result_in_the_devices_own_words(client, device, rollout, states):
    job = rollout()
    assert device.result("succeeded", message="written") == "in_progress"
    assert task_of(client, job)["Progress"] == "100"
    assert device.result("failed", message="no\nspace" + "x" * 2000) == "failed"
    assert task_of(client, job)["TaskDesc"] == "no space" + "x" * 1016
    job = rollout("3.0")
    assert device.result("failed") == "failed"
    assert task_of(client, job)["TaskDesc"] == "the update failed"


def test_a_failure_that_is_said_twice_uses_up_one_try(held_clock, device, rollout):
    rollout(RetryInterval=10, RetryCount=1, **{"SrcVersion.1": "1.0"})
    device.poll()
    device.progress(20)
    for _ in range(3):
        assert device.progress(-2) == "in_progress"
    assert device.poll() is None
    held_clock.seconds += 600
    assert device.poll()["version"] == "2.0"
    device.progress(30)
    assert device.progress(-2) == "failed"


def test_modules_are_updated_on_their_own(client, device, rollout, states):
    device.report("5", "MCU")
    whole = rollout("2.0")
    part = rollout("6", package={"ModuleName": "Mcu"}, OverwriteMode=1, MultiModuleMode="true")
    assert device.poll("mcu")["module"] == "Mcu"
    assert device.poll("default")["version"] == "2.0"
    assert device.poll("radio") is None
    device.progress(10, module="MCU")
    assert (states(whole), states(part)) == ({"dev1": "NOTIFIED"}, {"dev1": "IN_PROGRESS"})
    assert device.poll()["module"] == "default"
    device.report("2.0")
    assert device.poll()["module"] == "Mcu"
    device.report("6", "mcu")
    assert (states(whole), states(part)) == ({"dev1": "SUCCEEDED"}, {"dev1": "SUCCEEDED"})
    assert device.refused("POST", "/update/progress", {"percent": 1, "module": "mcu"})[2].endswith("the module mcu.")


def test_a_task_to_be_confirmed_is_neither_offered_nor_begun(client, device, rollout, states):
    job = rollout(NeedConfirm="true")
    assert device.poll() is None
    assert device.refused("POST", "/update/progress", {"percent": 1})[:2] == (409, "no_task")
    client.ok("ConfirmOTATask", **{"TaskId.1": task_of(client, job)["TaskID"]})
    assert device.poll()["version"] == "2.0"


def test_a_paused_job_offers_nothing_and_takes_what_is_said(client, register, rollout, states):
    waiting, working = register("dev1", "1.0"), register("dev2", "1.0")
    job = rollout()
    working.progress(10)
    client.ok("PauseOTAJob", JobId=job, Reason="lunch")
    assert waiting.poll() is None
    assert working.progress(20) == "in_progress"
    working.report("2.0")
    client.ok("ResumeOTAJob", JobId=job)
    assert waiting.poll()["version"] == "2.0"
    assert states(job) == {"dev1": "NOTIFIED", "dev2": "SUCCEEDED"}


def test_a_dynamic_job_takes_a_device_that_reports_and_one_that_asks(client, device, register, states):
    firmware = client.make("fw", "2.0", NeedToVerify="false", FirmwareUrl=URL, ProductKey="p")
    job = client.ok("CreateOTADynamicUpgradeJob", FirmwareId=firmware, ProductKey="p", **{"SrcVersion.1": "1.0"})
    assert device.poll()["version"] == "2.0"
    late = register("dev2")
    assert late.poll() is None
    late.report("1.0")
    assert late.poll()["version"] == "2.0"
    assert states(job["Data"]["JobID"]) == {"dev1": "NOTIFIED", "dev2": "NOTIFIED"}


@pytest.mark.parametrize("name", ["a:b@c.d", "00:1B:44:11:3A:B7", "x" * 32, "_.-_"])
def test_a_name_may_be_escaped_or_not(client, register, name):
    device = register(name, "1.0")
    headers, _ = signer.request(device.secret, "GET", f"{device.path}/update")
    escaped = "".join(f"%{ord(c):02x}" for c in name)
    for written in (quote(name), name, escaped):
        assert client.http.get(f"/device/v1/p/{written}/update", headers=headers).status_code == 204


def test_a_device_that_speaks_is_seen(client, held_clock, device, rollout):
    def shown():
        return client.ok("QueryDeviceDetail", ProductKey="p", DeviceName="dev1")["Data"]

    rollout()
    assert (shown()["Status"], shown()["IpAddress"]) == ("ONLINE", "127.0.0.1")
    device.poll()
    held_clock.seconds += 600
    assert shown()["Status"] == "OFFLINE"
    device.progress(5)
    assert shown()["Status"] == "ONLINE"


def test_two_polls_at_once_are_one_offer(client, device, rollout, states):
    job = rollout()

    def poll():
        own = Device(client, device.name, device.secret)
        own.http = client.app.test_client()
        return own.send("GET", "/update").status_code

    answers = race(*[poll] * 8)
    assert set(answers) <= {200, 204}
    assert 200 in answers
    assert states(job) == {"dev1": "NOTIFIED"}
    (offered,) = database.execute("SELECT COUNT(*) FROM device_event WHERE kind = 'offered'").fetchone()
    assert offered == 1
    assert device.poll()["version"] == "2.0"


def test_the_link_that_a_device_is_given_is_noted_once_an_hour(client, device, rollout, held_clock):
    rollout()

    def links():
        found = client.ok("QueryOTADeviceTimeline", ProductKey="p", DeviceName=device.name)["Data"]["Event"]
        return [event["Kind"] for event in found].count("LINK")

    for seconds, noted in ((0, 1), (1, 1), (3598, 1), (1, 2)):
        held_clock.seconds += seconds
        assert device.poll() is not None
        assert links() == noted


def test_a_device_reports_fifty_modules_and_no_more(device):
    for number in range(49):
        device.report("1.0", f"m{number}")
    assert device.refused("PUT", "/versions/m49", {"version": "1.0"})[:2] == (409, "too_many_modules")
    device.report("1.1", "M48")


def test_what_is_reported_after_the_time_is_over_is_too_late(device, rollout, states, held_clock):
    job = rollout(TimeoutInMinutes=10)
    device.poll()
    device.progress(10)
    held_clock.seconds += 600
    assert device.refused("POST", "/update/progress", {"percent": 20})[:2] == (409, "no_task")
    assert set(states(job).values()) == {"FAILED"}


def test_the_version_reported_after_the_time_is_over_is_kept_and_no_success(
    client, device, rollout, states, held_clock
):
    job = rollout(TimeoutInMinutes=10)
    device.poll()
    device.progress(10)
    held_clock.seconds += 600
    device.report("2.0")
    assert set(states(job).values()) == {"FAILED"}
    found = client.ok("QueryDeviceDetail", ProductKey="p", DeviceName=device.name)["Data"]
    assert found["FirmwareVersion"] == "2.0"


def test_a_differential_package_is_not_for_a_device_that_has_moved_on(client, device, rollout, states):
    job = rollout(package={"Type": 1, "SrcVersion": "1.0"})
    device.report("1.5")
    assert device.poll() is None
    assert set(states(job).values()) == {"FAILED"}
    (task,) = client.ok("ListOTATaskByJob", JobId=job)["Data"]["SimpleOTATaskInfo"]
    assert task["TaskDesc"] == "the device runs 1.5, and the package starts from 1.0"


def test_a_task_that_waits_does_not_keep_another_module_from_a_dynamic_job(client, device, rollout):
    device.report("1.0", "mcu")
    rollout(NeedConfirm="true")
    given = {"NeedToVerify": "false", "FirmwareUrl": "https://files.test/m.bin", "ProductKey": "p", "ModuleName": "mcu"}
    firmware = client.make("mcu", "2.0", **given)
    client.ok("CreateOTADynamicUpgradeJob", FirmwareId=firmware, ProductKey="p", **{"SrcVersion.1": "1.0"})
    assert device.poll()["module"] == "mcu"
