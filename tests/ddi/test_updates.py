"""Updates from poll to success, as SWUpdate and rauc-hawkbit go about them; docs/wire/ddi.md has their traces."""

import hashlib
import re

import pytest

from otagw import clock
from otagw.db import database
from tests.conftest import OTHER
from tests.ddi.conftest import SWU, Device, refusal
from tests.races import race


def test_swupdate_from_poll_to_the_report_after_its_restart(device, rollout, task, runs):
    job = rollout(name="demo-fw")
    links = device.links()
    assert set(links) == {"deploymentBase"}
    assert re.fullmatch(
        r"http://localhost/p/controller/v1/dev1/deploymentBase/[0-9]+\?c=[0-9]+", links["deploymentBase"]
    )
    assert task(job)["TaskStatus"] == "QUEUED"
    found = device.deployment()
    assert task(job)["TaskStatus"] == "NOTIFIED"
    action = found["id"]
    assert 1 <= int(action) <= 2147483647
    (chunk,) = found["deployment"]["chunks"]
    (artifact,) = chunk["artifacts"]
    link = artifact.pop("_links")
    assert (found["deployment"]["download"], found["deployment"]["update"]) == ("forced", "forced")
    assert (chunk["part"], chunk["name"], chunk["version"]) == ("os", "demo-fw", "2.0")
    assert artifact == {
        "filename": "demo-fw-2.0.swu",
        "size": len(SWU),
        "hashes": {name: hashlib.new(name, SWU).hexdigest() for name in ("sha1", "md5", "sha256")},
    }
    assert set(link) == {"download", "download-http", "md5sum", "md5sum-http"}
    steps = [((0, 1), "Installing Update Chunk Artifacts."), ((0, 0), "log"), ((1, 1), "Installed Chunk.")]
    for (count, whole), text in [*steps, ((1, 1), "All Chunks Installed.")]:
        sent = device.tell(int(action), "proceeding", "none", text, progress={"cnt": count, "of": whole})
        assert (sent.status_code, sent.data) == (200, b"")
    assert device.send("GET", link["download-http"]["href"]).data == SWU
    assert (task(job)["TaskStatus"], task(job)["Progress"]) == ("IN_PROGRESS", "100")
    assert device.action() == action
    assert device.deployment()["id"] == action
    assert device.poll()["config"]["polling"]["sleep"] == "00:00:05"
    assert (
        device.tell(int(action), "closed", "success", "Update Installed.", progress={"cnt": 0, "of": 0}).status_code
        == 200
    )
    assert task(job)["TaskStatus"] == "SUCCEEDED"
    assert runs() == {"default": "2.0"}
    assert device.links().keys() == {"configData"}
    assert refusal(device.tell(action, "closed", "success")) == (410, "ended")
    assert refusal(device.send("GET", f"/deploymentBase/{action}")) == (410, "ended")


def test_rauc_says_percentages_and_its_id_as_a_text(device, rollout, task, runs):
    job = rollout()
    action = device.deployment()["id"]
    for percentage in (0, 20, 40, 80, 99, 100):
        assert device.tell(action, "proceeding", "none", "…", progress={"percentage": percentage}).status_code == 200
        assert task(job)["Progress"] == str(percentage)
    assert device.tell(action, "closed", "success").status_code == 200
    assert (task(job)["TaskStatus"], runs()) == ("SUCCEEDED", {"default": "2.0"})


@pytest.mark.parametrize(
    ("texts", "percent"),
    [
        (["40% Copying image to rootfs.1"], "40"),
        (["Installing", " 20% Checking bundle", "100 % Installing done."], "100"),
        (["Copying 7%"], "7"),
        (["140% of it", "a40% b", "1.5% left", "40%2"], "0"),
        ([], "0"),
    ],
)
def test_a_percentage_in_the_text_is_shown(device, rollout, task, texts, percent):
    job = rollout()
    action = device.deployment()["id"]
    assert device.tell(action, "proceeding", "none", *texts).status_code == 200
    assert task(job)["Progress"] == percent


def test_a_percentage_beside_the_text_comes_first(device, rollout, task):
    job = rollout()
    device.tell(device.deployment()["id"], "proceeding", "none", "90% of the disk", progress={"percentage": 5})
    assert task(job)["Progress"] == "5"


@pytest.fixture
def why(client):
    def why():
        found = client.ok("QueryOTADeviceTimeline", ProductKey="p", DeviceName="dev1")["Data"]["Reason"]
        (sentence,) = found["String"] if isinstance(found, dict) else found
        return sentence

    return why


def test_why_says_the_one_cause(client, device, rollout, cancel, why):
    job = rollout("2.0.0")
    assert "the device has not asked since the task was made" in why()
    device.poll()
    assert why() == f"default 2.0.0, job {job}: shown, not fetched."
    action = device.deployment()["id"]
    assert "offered, and the device has not said that it began" in why()
    device.tell(action, "proceeding")
    device.identify(version="2.0.0+b7")
    assert why() == f"default 2.0.0, job {job}: the device is at work, and reported 2.0.0+b7, expected 2.0.0."
    cancel(job)
    rollout("3.0")
    assert why() == f"default 2.0.0, job {job}: canceled; the gateway waits for its answer to a cancellation."
    device.tell(action, "closed", "failure")
    assert why().startswith("default 3.0, job ")


def test_why_cuts_a_note_and_the_timeline_has_it(client, device, rollout, why):
    rollout()
    device.tell(device.deployment()["id"], "closed", "failure", *[f"line {number}" for number in range(100)])
    said = why()
    assert len(said) < 320
    assert said.endswith(" ….")
    events = client.ok("QueryOTADeviceTimeline", ProductKey="p", DeviceName="dev1")["Data"]["Event"]
    assert any(event["Detail"].endswith("line 99") for event in events)


@pytest.mark.parametrize("execution", ["proceeding", "scheduled", "resumed", "download", "downloaded"])
def test_whatever_is_no_end_is_progress(device, rollout, task, execution):
    job = rollout()
    assert device.tell(device.action(), execution).status_code == 200
    assert task(job)["TaskStatus"] == "IN_PROGRESS"


@pytest.mark.parametrize(
    ("execution", "finished"), [("closed", "failure"), ("canceled", "none"), ("canceled", "success")]
)
def test_a_failure_ends_it_with_what_the_device_says(device, rollout, task, execution, finished):
    job = rollout()
    action = device.deployment()["id"]
    assert device.tell(action, execution, finished, "ERROR :", "SW not\ncompatible\0" + "x" * 2000).status_code == 200
    found = task(job)
    assert found["TaskStatus"] == "FAILED"
    assert "ERROR : SW not compatible x" in found["TaskDesc"]
    assert len(found["TaskDesc"]) <= 1024
    assert device.links() == {}


@pytest.mark.parametrize(
    ("length", "kept"), [(1024, "x" * 1024), (1025, "x" * 1023 + "…"), (500_000, "x" * 1023 + "…")]
)
def test_the_timeline_marks_what_it_has_not_kept(client, device, rollout, cancel, length, kept):
    job = rollout()
    action = device.deployment()["id"]
    cancel(job)
    assert device.tell(action, "closed", "failure", "x" * length).status_code == 200
    events = client.ok("QueryOTADeviceTimeline", ProductKey="p", DeviceName="dev1")["Data"]["Event"]
    assert kept in [event["Detail"] for event in events if event["Kind"] == "PROGRESS"]


def test_a_raw_line_feed_in_a_text_is_read(device, rollout, task):
    job = rollout()
    action = device.deployment()["id"]
    body = b'{"id":%s,"status":{"result":{"finished":"failure"},"execution":"closed","details":["no\nsha1"]}}'
    assert device.send("POST", f"/deploymentBase/{action}/feedback", body % action.encode()).status_code == 200
    assert (task(job)["TaskStatus"], task(job)["TaskDesc"]) == ("FAILED", "no sha1")


def test_closed_without_a_result_is_a_success(device, rollout, task, runs):
    job = rollout()
    assert device.tell(device.deployment()["id"], "closed", "none").status_code == 200
    assert (task(job)["TaskStatus"], runs()) == ("SUCCEEDED", {"default": "2.0"})


@pytest.mark.parametrize(("execution", "finished"), [("rejected", "success"), ("rejected", "failure")])
def test_what_decides_nothing_is_noted(client, device, rollout, task, execution, finished):
    job = rollout()
    action = device.deployment()["id"]
    assert device.tell(action, execution, finished, "not now").status_code == 200
    assert (task(job)["TaskStatus"], task(job)["TaskDesc"]) == ("NOTIFIED", f"{execution}: not now")
    assert device.action() == action
    events = client.ok("QueryOTADeviceTimeline", ProductKey="p", DeviceName="dev1")["Data"]["Event"]
    assert any(event["Detail"] == f"{execution}: not now" for event in events)


@pytest.mark.parametrize("execution", ["rejected", "scheduled"])
def test_a_device_that_goes_on_later_asks_at_the_normal_interval(device, rollout, execution):
    rollout()
    action = device.deployment()["id"]
    assert device.tell(action, execution).status_code == 200
    assert device.poll()["config"]["polling"]["sleep"] >= "00:04:30"
    assert device.action() == action
    device.tell(action, "proceeding")
    assert device.poll()["config"]["polling"]["sleep"] == "00:00:05"


def test_a_failure_that_may_be_tried_again_comes_back_as_another_deployment(held_clock, device, rollout, task):
    job = rollout(RetryInterval=10, RetryCount=1, **{"SrcVersion.1": "1.0"})
    first = device.links()["deploymentBase"]
    action = device.deployment()["id"]
    assert device.tell(action, "closed", "failure").status_code == 200
    assert device.links() == {}
    held_clock.seconds += 600
    again = device.links()["deploymentBase"]
    assert again != first
    assert again.partition("?")[0] == first.partition("?")[0]
    assert device.tell(action, "closed", "failure").status_code == 200
    assert task(job)["TaskStatus"] == "FAILED"


def test_looking_moves_nothing_and_fetching_notifies(device, rollout, task):
    job = rollout()
    assert device.poll() == device.poll()
    assert task(job)["TaskStatus"] == "QUEUED"
    assert device.deployment()["id"] == device.deployment()["id"]
    assert task(job)["TaskStatus"] == "NOTIFIED"


def test_the_minutes_budget_counts_what_is_fetched(held_clock, register, rollout, task):
    one, two = register("dev1", "1.0"), register("dev2", "1.0")
    job = rollout(MaximumPerMinute=10)
    database.execute("UPDATE job SET rules = REPLACE(rules, '\"per_minute\": 10', '\"per_minute\": 1')")
    hrefs = one.links()["deploymentBase"], two.links()["deploymentBase"]
    assert one.send("GET", hrefs[0]).status_code == 200
    refused = two.send("GET", hrefs[1])
    assert refusal(refused) == (429, "too_early")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert two.links() == {}
    assert task(job, "dev2")["TaskStatus"] == "QUEUED"
    held_clock.seconds += 60
    assert two.deployment()["id"]


def test_what_the_core_does_not_offer_is_not_shown(client, held_clock, device, rollout, task):
    job = rollout()
    href = device.links()["deploymentBase"]
    client.ok("PauseOTAJob", JobId=job, Reason="lunch")
    assert device.links() == {}
    assert refusal(device.send("GET", href)) == (404, "no_action")
    client.ok("ResumeOTAJob", JobId=job)
    assert device.links()["deploymentBase"] == href


def test_a_device_at_work_sees_its_action_though_the_job_is_paused(client, device, rollout, task):
    job = rollout()
    action = device.deployment()["id"]
    device.tell(action, "proceeding")
    client.ok("PauseOTAJob", JobId=job, Reason="lunch")
    assert device.deployment()["id"] == action
    assert device.tell(action, "closed", "success").status_code == 200
    assert task(job)["TaskStatus"] == "SUCCEEDED"


def test_a_device_that_is_too_slow_has_failed(held_clock, device, rollout, task):
    job = rollout(TimeoutInMinutes=10)
    action = device.deployment()["id"]
    device.tell(action, "proceeding")
    held_clock.seconds += 600
    assert refusal(device.tell(action, "closed", "failure")) == (410, "ended")
    assert device.links() == {}
    assert (task(job)["TaskStatus"], task(job)["TaskDesc"]) == ("FAILED", "timeout")


def test_a_task_that_waits_for_confirmation_is_not_shown(client, device, rollout, task):
    job = rollout(NeedConfirm="true")
    assert device.links() == {}
    client.ok("ConfirmOTATask", **{"TaskId.1": task(job)["TaskID"]})
    assert device.deployment()


def test_a_dynamic_job_takes_a_device_that_polls(client, device, upload):
    given = {"NeedToVerify": "false", "FirmwareUrl": upload(), "ProductKey": "p"}
    firmware = client.make("fw", "2.0", **given)
    client.ok("CreateOTADynamicUpgradeJob", FirmwareId=firmware, ProductKey="p", **{"SrcVersion.1": "1.0"})
    assert device.deployment()["deployment"]["chunks"][0]["version"] == "2.0"


def test_one_action_after_another(device, rollout, task, runs):
    assert device.identify(**{"mcu.version": "5"}).status_code == 200
    assert runs() == {"default": "1.0"}  # the product has no such module yet
    part = rollout("6", package={"ModuleName": "Mcu"})
    whole = rollout("2.0")
    first = device.deployment()
    assert first["deployment"]["chunks"][0]["part"] == "Mcu"
    device.tell(first["id"], "proceeding")
    assert device.action() == first["id"]
    device.tell(first["id"], "closed", "success")
    second = device.deployment()
    assert second["deployment"]["chunks"][0]["part"] == "os"
    assert second["id"] != first["id"]
    device.tell(second["id"], "closed", "success")
    assert runs() == {"default": "2.0", "Mcu": "6"}
    assert {task(part)["TaskStatus"], task(whole)["TaskStatus"]} == {"SUCCEEDED"}


def test_a_number_that_the_device_has_is_drawn_again(device, rollout, monkeypatch):
    drawn = iter([17, 17, 17, 18])
    monkeypatch.setattr(clock.chance(), "randint", lambda *_: next(drawn))
    rollout()
    assert device.action() == "17"
    device.tell("17", "closed", "success")
    rollout("3.0")
    assert device.action() == "18"


def test_two_devices_may_have_one_number(register, rollout, monkeypatch):
    monkeypatch.setattr(clock.chance(), "randint", lambda *_: 1)
    one, two = register("dev1", "1.0"), register("dev2", "1.0")
    rollout()
    assert (one.action(), two.action()) == ("1", "1")


@pytest.mark.parametrize("action", ["0", "1", "2147483648", "99999999999", "-1", "x", "1.0", "١", "1%20"])
def test_what_is_not_the_devices_is_not_found(device, register, rollout, action):
    for path in (f"/deploymentBase/{action}", f"/cancelAction/{action}"):
        assert refusal(device.send("GET", path)) == (404, "no_action")
    for kind in ("deploymentBase", "cancelAction"):
        assert refusal(device.tell(action, "closed", "success", kind=kind)) == (404, "no_action")


def test_another_devices_action_is_not_found(device, register, rollout):
    other = register("dev2", "1.0")
    rollout()
    action = device.deployment()["id"]
    other.action()
    assert refusal(other.send("GET", f"/deploymentBase/{action}")) == (404, "no_action")
    assert refusal(other.tell(action, "closed", "success")) == (404, "no_action")


def test_a_restarted_task_is_another_action(client, device, rollout, task):
    job = rollout()
    first = device.deployment()["id"]
    device.tell(first, "closed", "failure")
    client.ok("ReupgradeOTATask", JobId=job, **{"TaskId.1": task(job)["TaskID"]})
    second = device.deployment()["id"]
    assert first != second
    assert device.tell(second, "closed", "success").status_code == 200


def test_polls_at_once_are_one_action(client, device, rollout, task):
    job = rollout()
    own = [Device(client.app.test_client(), "dev1", device.authorization) for _ in range(6)]
    assert len({found["id"] for found in race(*(each.deployment for each in own))}) == 1
    assert task(job)["TaskStatus"] == "NOTIFIED"
    (offered,) = database.execute("SELECT COUNT(*) FROM device_event WHERE kind = 'offered'").fetchone()
    assert offered == 1


def test_another_accounts_product_is_none_of_ours(client, rollout):
    data = client.by(OTHER).ok("RegisterDevice", ProductKey="q", DeviceName="dev1")["Data"]
    theirs = Device(client.http, "dev1", f"TargetToken {data['DeviceSecret']}", product="q")
    rollout()
    assert "deploymentBase" not in theirs.links()
