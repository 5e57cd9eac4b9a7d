"""Batch tasks: what may be asked for, how devices fare, and how it is told."""

import itertools
import json

import pytest

from otagw import clock
from tests.conftest import NOW, OTHER, Client
from tests.device.conftest import Device
from tests.iotda.conftest import DEVICES, PACKAGES, TASKS, Iotda, package


@pytest.fixture
def app(make_app, bucket):
    return make_app(obs_buckets=json.dumps({"firmware": str(bucket)}))


@pytest.fixture(autouse=True)
def _clock():
    pass_time(0, NOW * 1000)
    yield
    clock.hold(None)


def pass_time(minutes, since=None):
    """Let time pass; a millisecond goes by whenever somebody looks, so that what is made later sorts later."""
    ticks = itertools.count((since or clock.now()) + minutes * 60_000)
    clock.hold(lambda: next(ticks))


class Fleet:
    """Packages, devices and tasks of the product p."""

    def __init__(self, app):
        self.iotda, self.client, self.devices = Iotda(app), Client(app), {}

    def package(self, **changes):
        body = package(**{"product_id": "p", "version": "2.0", **changes})
        return self.iotda.ok("POST", PACKAGES, body, status=201)["package_id"]

    def device(self, name, version=None, module="default", **changes):
        body = {"node_id": name, "product_id": "p", "auth_info": {"secret": "devsecret123"}, **changes}
        made = self.iotda.ok("POST", DEVICES, body, status=201)
        device = Device(self.client, name, "devsecret123")
        if version:
            device.report(version, module)
        return made["device_id"], device

    def body(self, package_id, *targets, **changes):
        body = {
            "task_name": "night",
            "task_type": "firmwareUpgrade",
            "document": {"package_ids": [package_id]},
            "targets": list(targets) or None,
            **changes,
        }
        return {name: value for name, value in body.items() if value is not None}

    def task(self, package_id, *targets, **changes):
        return self.iotda.ok("POST", TASKS, self.body(package_id, *targets, **changes), status=201)

    def refused(self, *args, **changes):
        return self.iotda.refused("POST", TASKS, self.body(*args, **changes))

    def show(self, task, **params):
        found = self.iotda.ok("GET", f"{TASKS}/{task['task_id']}", params=params)
        return found["batchtask"], {each["target"]: each["status"] for each in found["task_details"]}

    def act(self, task, what, *targets):
        body = {"targets": list(targets)} if targets else {}
        found = self.iotda.ok("POST", f"{TASKS}/{task['task_id']}/{what}", body)["targets"]
        return {each["target"]: each["status"] for each in found}


@pytest.fixture
def fleet(app):
    return Fleet(app)


def test_create_answers_with_what_was_sent(fleet):
    firmware, (dev, _) = fleet.package(), fleet.device("a", "1.0")
    policy = {"schedule_time": "20261124T110640Z", "retry_count": 3, "retry_interval": 10}
    more = {"app_id": "app1", "task_mode": "GATEWAY", "need_confirm": False, "task_ext_info": {"k": "\u503c"}}
    made = fleet.task(firmware, dev, task_name="\u591c_1", task_policy=policy, **more)
    del more["app_id"]
    assert {name: made[name] for name in more} == more
    assert made["task_id"].isdecimal()
    assert len(made["task_id"]) <= 24
    assert (made["task_name"], made["task_type"], made["targets"]) == ("\u591c_1", "firmwareUpgrade", [dev])
    assert (made["document"], made["task_policy"]) == ({"package_ids": [firmware]}, policy)
    assert (made["status"], made["task_progress"]["waitting"], made["task_progress"]["total"]) == ("Waitting", 1, 1)
    assert made["create_time"] == "20261118T110640Z"
    assert fleet.show(made)[0] == made


def test_a_package_may_be_named_by_its_other_name(fleet):
    firmware, (dev, _) = fleet.package(), fleet.device("a")
    made = fleet.task(firmware, dev, document={"package_id": firmware})
    assert made["document"] == {"package_id": firmware}


def test_devices_are_upgraded_and_told_of(fleet):
    firmware = fleet.package()
    (a, first), (b, second), (c, _), (d, _) = (
        fleet.device(name, version) for name, version in (("a", "1.0"), ("b", "1.0"), ("c", "2.0"), ("d", None))
    )
    made = fleet.task(firmware, a, b, c, d)
    assert made["status"] == "Processing"
    assert fleet.show(made)[1] == {a: "Waitting", b: "Waitting", c: "Success", d: "Waitting"}
    offer = first.poll()
    assert (offer["version"], offer["size"]) == ("2.0", 8000)
    first.progress(50)
    task, details = fleet.show(made)
    assert details == {a: "Processing", b: "Waitting", c: "Success", d: "Waitting"}
    assert task["task_progress"] == {
        **dict.fromkeys(("fail", "fail_wait_retry", "stopped", "removed"), 0),
        **{"total": 4, "processing": 1, "success": 1, "waitting": 2},
    }
    first.report("2.0")
    second.poll()
    second.result("failed", message="no space")
    assert fleet.act(made, "stop", d) == {d: "success"}
    task, details = fleet.show(made)
    assert details == {a: "Success", b: "Fail", c: "Success", d: "Stopped"}
    assert task["status"] == "PartialSuccess"
    found = fleet.iotda.ok("GET", f"{TASKS}/{made['task_id']}", params={"target": b})["task_details"]
    assert found == [{"target": b, "status": "Fail", "error": {"error_code": "IOTDA.905003", "error_msg": "no space"}}]


def test_a_device_that_the_package_does_not_start_from_fails(fleet):
    firmware = fleet.package(support_source_versions=["1.0"])
    (a, _), (b, _), (c, third) = fleet.device("a", "1.0"), fleet.device("b", "0.9"), fleet.device("c")
    made = fleet.task(firmware, a, b, c)
    assert fleet.show(made)[1] == {a: "Waitting", b: "Fail", c: "Waitting"}
    third.report("0.9")
    assert third.poll() is None
    assert fleet.show(made)[1] == {a: "Waitting", b: "Fail", c: "Fail"}


def test_a_device_that_another_task_is_upgrading_fails(fleet):
    firmware, (dev, _) = fleet.package(), fleet.device("a", "1.0")
    fleet.task(firmware, dev)
    second = fleet.task(firmware, dev)
    assert second["status"] == "Fail"
    found = fleet.iotda.ok("GET", f"{TASKS}/{second['task_id']}")["task_details"]
    assert found[0]["error"]["error_msg"] == "Task Conflict"


def test_a_failure_is_retried_by_the_policy(fleet):
    firmware, (dev, device) = fleet.package(), fleet.device("a", "1.0")
    made = fleet.task(firmware, dev, task_policy={"retry_count": 1, "retry_interval": 5})
    device.poll()
    device.result("failed")
    task, details = fleet.show(made)
    assert (details, task["task_progress"]["fail_wait_retry"]) == ({dev: "FailWaitRetry"}, 1)
    assert fleet.show(made, task_detail_status="FailWaitRetry")[1] == details
    assert fleet.show(made, task_detail_status="Processing")[1] == {}
    assert device.poll() is None
    pass_time(5)
    assert device.poll()
    device.progress(10)
    assert fleet.show(made)[1] == {dev: "Processing"}
    device.result("failed")
    task, details = fleet.show(made)
    assert (task["status"], details) == ("Fail", {dev: "Fail"})


def test_retry_does_not_wait_for_the_interval(fleet):
    firmware, (dev, device) = fleet.package(), fleet.device("a", "1.0")
    made = fleet.task(firmware, dev, task_policy={"retry_count": 1, "retry_interval": 1440})
    device.poll()
    device.result("failed")
    assert fleet.act(made, "retry") == {}
    assert device.poll()["version"] == "2.0"


def test_what_needs_confirmation_waits_for_it(fleet):
    firmware, (a, first), (b, second) = fleet.package(), fleet.device("a", "1.0"), fleet.device("b", "1.0")
    made = fleet.task(firmware, a, b, need_confirm=True)
    assert first.poll() is None
    assert fleet.act(made, "confirm", a, "p_nobody") == {a: "success", "p_nobody": "failure"}
    assert first.poll()
    assert second.poll() is None
    assert fleet.act(made, "confirm", a) == {a: "failure"}
    fleet.act(made, "confirm")
    assert second.poll()


def test_stop_and_retry_of_all(fleet):
    firmware, (a, first), (b, _) = fleet.package(), fleet.device("a", "1.0"), fleet.device("b", "1.0")
    made = fleet.task(firmware, a, b)
    first.poll()
    first.report("2.0")
    assert fleet.act(made, "stop") == {}
    task, details = fleet.show(made)
    assert (task["status"], details) == ("Stopped", {a: "Success", b: "Stopped"})
    for what in ("stop", "retry", "confirm"):
        path = f"{TASKS}/{made['task_id']}/{what}"
        text = f"The task {made['task_id']} is Stopped: that cannot be done now."
        assert fleet.iotda.refused("POST", path) == (400, "IOTDA.905002", text)


def test_retry_runs_failed_and_stopped_devices_again(fleet):
    firmware = fleet.package()
    (a, first), (b, _), (c, _) = (fleet.device(name, "1.0") for name in "abc")
    made = fleet.task(firmware, a, b, c)
    first.poll()
    first.result("failed")
    fleet.act(made, "stop", b)
    assert fleet.act(made, "retry", a, c) == {a: "success", c: "failure"}
    assert fleet.show(made)[1] == {a: "Waitting", b: "Stopped", c: "Waitting"}
    fleet.act(made, "retry")
    assert fleet.show(made)[1] == dict.fromkeys((a, b, c), "Waitting")
    assert first.poll()


def test_software_is_another_part_than_firmware(fleet):
    dev, device = fleet.device("a", "1.0")
    device.report("7", "software")
    software = fleet.package(package_type="softwarePackage", version="8")
    made = fleet.task(software, dev, task_type="softwareUpgrade")
    both = fleet.task(fleet.package(), dev)
    offer = device.poll("software")
    assert (offer["module"], offer["version"], offer["task"] != device.poll("default")["task"]) == (
        "software",
        "8",
        True,
    )
    device.report("8", "software")
    assert fleet.show(made)[0]["status"] == "Success"
    assert fleet.show(both)[0]["status"] == "Processing"
    shown = fleet.iotda.ok("GET", f"{DEVICES}/{dev}")
    assert (shown["fw_version"], shown["sw_version"]) == ("1.0", "8")


def test_a_module_is_upgraded(fleet):
    dev, device = fleet.device("a", "1", "mcu")
    firmware = fleet.package(package_type="modulePackage", module_name="mcu")
    made = fleet.task(firmware, dev, task_type="moduleUpgrade")
    assert device.poll("mcu")["module"] == "mcu"
    device.report("2.0", "mcu")
    assert fleet.show(made)[0]["status"] == "Success"
    assert fleet.iotda.ok("GET", f"{DEVICES}/{dev}")["modules"] == [{"module_name": "mcu", "module_version": "2.0"}]


def test_groups_of_the_other_api_are_targets(fleet):
    firmware, made = fleet.package(), []
    for name in "ab":
        dev, _ = fleet.device(name, "1.0")
        group = fleet.client.ok("CreateDeviceGroup", GroupName=f"group{name}")["Data"]["GroupId"]
        given = {"Device.1.ProductKey": "p", "Device.1.DeviceName": name}
        fleet.client.ok("BatchAddDeviceGroupRelations", GroupId=group, **given)
        made.append((dev, group))
    (a, first), (b, second) = made
    task = fleet.task(firmware, targets_filter={"group_ids": [first]})
    assert (task["targets_filter"], fleet.show(task)[1]) == ({"group_ids": [first]}, {a: "Waitting"})
    fleet.act(task, "stop")
    task = fleet.task(firmware, targets_filter={"group_ids": [first, second]})
    assert fleet.show(task)[1] == {a: "Waitting", b: "Waitting"}
    fleet.act(task, "stop")
    task = fleet.task(firmware, b, targets_filter={"group_ids": [first]})
    assert fleet.show(task)[1] == {b: "Waitting"}
    assert "targets_filter" not in task


def test_many_targets_are_not_told_again(fleet):
    firmware, wanted = fleet.package(), [fleet.device(f"d{number}")[0] for number in range(201)]
    made = fleet.task(firmware, *wanted)
    assert ("targets" in made, made["task_progress"]["total"]) == (False, 201)
    assert set(fleet.show(made, limit=50, offset=151)[1]) == set(wanted[:50])


def test_many_targets_need_room_for_their_list(make_app, bucket):
    size = (bucket / "a/upgrade.bin").stat().st_size
    fleet = Fleet(make_app(obs_buckets=json.dumps({"firmware": str(bucket)}), bytes_per_account=size + 200))
    firmware, wanted = fleet.package(), [fleet.device(f"d{number}")[0] for number in range(201)]
    assert fleet.refused(firmware, *wanted)[:2] == (403, "IOTDA.901004")
    assert fleet.task(firmware, *wanted[1:])["task_progress"]["total"] == 200


def test_a_task_over_nobody_succeeds_and_says_so(fleet):
    fleet.device("a", "1.0")
    group = fleet.client.ok("CreateDeviceGroup", GroupName="empty")["Data"]["GroupId"]
    made = fleet.task(fleet.package(), targets_filter={"group_ids": [group]})
    found, details = fleet.show(made)
    assert (found["status"], found["status_desc"], details) == ("Success", "no device was selected", {})
    assert set(found["task_progress"].values()) == {0}
    (row,) = fleet.iotda.ok("GET", TASKS, params={"task_type": "firmwareUpgrade"})["batchtasks"]
    assert (row["task_progress"], row["status_desc"]) == (found["task_progress"], found["status_desc"])


def test_subtasks_are_paged_by_marker(fleet):
    firmware, wanted = fleet.package(), [fleet.device(f"d{number}")[0] for number in range(3)]
    path = f"{TASKS}/{fleet.task(firmware, *wanted)['task_id']}"
    first = fleet.iotda.ok("GET", path, params={"limit": 2})
    rest = fleet.iotda.ok("GET", path, params={"limit": 2, "marker": first["page"]["marker"]})
    seen = [each["target"] for each in first["task_details"] + rest["task_details"]]
    assert (seen, first["page"]["count"], rest["page"]["count"]) == (wanted[::-1], 3, 3)


def test_tasks_are_listed_by_type_status_and_space(fleet):
    firmware, software = fleet.package(), fleet.package(package_type="softwarePackage")
    devices = [fleet.device(name, "1.0") for name in "abc"]
    wanted = itertools.cycle(("app1", "app2"))
    made = [fleet.task(firmware, dev, app_id=next(wanted))["task_id"] for dev, _ in devices]
    fleet.task(software, devices[0][0], task_type="softwareUpgrade")
    devices[1][1].report("2.0")

    def listed(**params):
        found = fleet.iotda.ok("GET", TASKS, params={"task_type": "firmwareUpgrade", **params})
        assert found["page"]["count"] == len(found["batchtasks"])
        return [task["task_id"] for task in found["batchtasks"]]

    assert listed() == made[::-1]
    assert listed(app_id="app1") == [made[2], made[0]]
    assert listed(status="Success") == [made[1]]
    assert listed(status="Processing") == [made[2], made[0]]
    assert listed(status="Initializing") == []


def test_a_task_that_has_ended_is_deleted_and_no_other(fleet):
    firmware, (dev, _) = fleet.package(), fleet.device("a", "1.0")
    made = fleet.task(firmware, dev)
    path = f"{TASKS}/{made['task_id']}"
    assert fleet.iotda.refused("DELETE", path)[:2] == (400, "IOTDA.905002")
    assert fleet.iotda.refused("DELETE", f"{PACKAGES}/{firmware}")[:2] == (403, "IOTDA.901002")
    fleet.act(made, "stop")
    fleet.iotda.ok("DELETE", path, status=204)
    for method in ("GET", "DELETE"):
        text = f"The task {made['task_id']} does not exist."
        assert fleet.iotda.refused(method, path) == (404, "IOTDA.905001", text)
    page = fleet.client.ok("ListOTAJobByFirmware", FirmwareId=firmware, CurrentPage=1, PageSize=10)
    assert page["Total"] == 0
    fleet.iotda.ok("DELETE", f"{PACKAGES}/{firmware}", status=204)


def test_a_job_of_the_other_api_is_a_task(fleet):
    dev, _ = fleet.device("a", "1.0")
    given = {"NeedToVerify": "false", "FirmwareUrl": "https://files.test/x.bin", "ProductKey": "p"}
    firmware = fleet.client.make("theirs", "3.0", **given)
    params = {"FirmwareId": firmware, "ProductKey": "p"}
    static = fleet.client.ok("CreateOTAStaticUpgradeJob", TargetSelection="ALL", **params)["Data"]["JobID"]
    dynamic = fleet.client.ok("CreateOTADynamicUpgradeJob", **params, **{"SrcVersion.1": "0"})["Data"]["JobID"]
    listed = fleet.iotda.ok("GET", TASKS, params={"task_type": "firmwareUpgrade"})["batchtasks"]
    assert [(task["task_id"], task["document"]) for task in listed] == [(static, {"package_id": firmware})]
    assert fleet.iotda.refused("GET", f"{TASKS}/{dynamic}")[:2] == (404, "IOTDA.905001")
    task = {"task_id": static}
    assert fleet.act(task, "stop", dev) == {dev: "success"}
    assert fleet.show(task)[0]["status"] == "Stopped"


def test_a_task_is_a_job_of_the_other_api(fleet):
    firmware, (dev, _) = fleet.package(), fleet.device("a", "1.0")
    made = fleet.task(firmware, dev)
    page = fleet.client.ok("ListOTAJobByFirmware", FirmwareId=firmware, CurrentPage=1, PageSize=10)
    (job,) = page["Data"]["SimpleOTAJobInfo"]
    assert (job["JobID"], job["TargetSelection"]) == (made["task_id"], "SPECIFIC")
    fleet.client.ok("CancelOTATaskByJob", JobId=job["JobID"], CancelQueuedTask="true")
    assert fleet.show(made)[0]["status"] == "Stopped"


REFUSED = (
    ("task_name", "a b"),
    ("task_name", "x" * 129),
    ("task_type", "createDevices"),
    ("task_mode", "DEVICE"),
    ("need_confirm", "yes"),
    ("need_confirm", 1),
    ("task_ext_info", "text"),
    ("task_ext_info", {"k": "x" * 510}),
    ("targets", ["p_a", "p_a"]),
    ("targets", "p_a"),
    ("targets", ["p_a"] * 30_001),
    ("document.package_ids", ["1", "2"]),
    ("task_policy.retry_count", 6),
    ("task_policy.retry_count", "1"),
    ("task_policy.retry_count", True),
    ("task_policy.retry_interval", 1441),
    ("task_policy.schedule_time", "2026-12-01"),
    ("task_policy.schedule_time", "20261331T000000Z"),
    ("task_policy.schedule_time", "20261118T110639Z"),
    ("task_policy.schedule_time", "20261125T110740Z"),
)


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_wrong_field_is_named(fleet, name, value):
    outer, _, inner = name.partition(".")
    retried = {"retry_count": 1, "retry_interval": 1} if inner.startswith("retry") else {}  # one asks for the other
    given = {**retried, inner: value} if inner else value
    status, code, text = fleet.iotda.refused("POST", TASKS, {**fleet.body("1", "p_a"), outer: given})
    assert (status, code) == (400, "IOTDA.000006")
    assert name in text


@pytest.mark.parametrize(("one", "other"), [("retry_count", "retry_interval"), ("retry_interval", "retry_count")])
def test_retries_need_both_of_their_fields(fleet, one, other):
    text = f"Invalid input data. task_policy.{other} is missing."
    assert fleet.refused("1", "p_a", task_policy={one: 1}) == (400, "IOTDA.000006", text)


def test_a_task_without_targets_or_package_is_refused(fleet):
    assert fleet.refused("1")[2] == "Invalid input data. targets is missing."
    assert fleet.refused("1", document_source="")[2] == "Invalid input data. targets is missing."
    assert fleet.refused("1", "p_a", document={})[2] == "Invalid input data. document.package_ids is missing."


def test_what_is_not_there_is_refused_and_nothing_is_made(fleet):
    firmware, (dev, _) = fleet.package(), fleet.device("a")
    fleet.device("b", product_id="q")
    assert fleet.refused("1", dev)[:2] == (404, "IOTDA.901001")
    assert fleet.refused(firmware, dev, "p_nobody") == (404, "IOTDA.906001", "The device p_nobody does not exist.")
    assert fleet.refused(firmware, "q_b")[:2] == (404, "IOTDA.906001")
    assert fleet.refused(firmware, targets_filter={"group_ids": ["1"]})[:2] == (404, "IOTDA.907001")
    assert fleet.refused(firmware, targets_filter={"group_ids": ["1", "2"]})[:2] == (404, "IOTDA.907001")
    assert fleet.iotda.ok("GET", TASKS, params={"task_type": "firmwareUpgrade"})["page"]["count"] == 0


def test_a_package_that_does_not_go_with_the_task_is_refused(fleet):
    firmware, (dev, _) = fleet.package(), fleet.device("a")
    away = fleet.package(location={"bucket_name": "elsewhere"})
    text = f"The package {firmware} does not go with this task: it is a firmwarePackage."
    assert fleet.refused(firmware, dev, task_type="softwareUpgrade") == (400, "IOTDA.900003", text)
    text = f"The package {away} has no file that a device could be given: its bucket elsewhere is not mapped here."
    assert fleet.refused(away, dev) == (400, "IOTDA.900002", text)
    unverified = fleet.client.make("unverified", "9", ProductKey="p", FirmwareUrl="https://files.test/x.bin")
    assert fleet.refused(unverified, dev)[:2] == (400, "IOTDA.900003")


@pytest.mark.parametrize("what", ["stop", "retry", "confirm"])
def test_steering_refuses_wrong_targets_and_strangers(fleet, what):
    firmware, (dev, _) = fleet.package(), fleet.device("a", "1.0")
    path = f"{TASKS}/{fleet.task(firmware, dev)['task_id']}/{what}"
    for wrong in ([], ["x"] * 2, [str(number) for number in range(101)], dev, [7]):
        assert fleet.iotda.refused("POST", path, {"targets": wrong})[1] == "IOTDA.000006"
    assert fleet.iotda.refused("POST", f"{TASKS}/1/{what}")[:2] == (404, "IOTDA.905001")
    other = fleet.iotda.by(OTHER)
    assert other.refused("POST", path.replace("0a1b", "ffff"), project=path.split("/")[3].replace("0a1b", "ffff"))[
        :2
    ] == (404, "IOTDA.905001")
    assert fleet.show({"task_id": path.split("/")[-2]})[1] == {dev: "Waitting"}


def test_retry_and_confirm_say_why_not(fleet):
    firmware, (dev, device) = fleet.package(), fleet.device("a", "1.0")
    made = fleet.task(firmware, dev)
    found = fleet.iotda.ok("POST", f"{TASKS}/{made['task_id']}/confirm", {"targets": [dev]})["targets"]
    assert found == [{"target": dev, "status": "failure", "error_code": "IOTDA.014219", "error_msg": "it is queued"}]
    device.poll()
    device.result("failed")
    fleet.task(firmware, dev)
    (found,) = fleet.iotda.ok("POST", f"{TASKS}/{made['task_id']}/retry", {"targets": [dev]})["targets"]
    assert found["error_msg"] == "the device has another update under way"
