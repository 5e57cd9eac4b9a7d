"""Whole rollouts: the vendor's SDKs make the jobs, a hundred devices take them over the device API."""

import concurrent.futures
import itertools

import pytest

from tests.aliyun.test_sdk_tour import CoreFamily, TeaFamily
from tests.device.test_live import Device
from tests.engines import postgres

pytestmark = [
    pytest.mark.live,
    # The SDK of the first generation never closes a connection: the garbage collector does.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
COUNT = 100
_numbers = itertools.count(1)


class Fleet:
    """A product with a hundred devices that run version 1.0, and somebody who rolls firmwares out to it."""

    def __init__(self, live, call):
        self.call, self.name = call, f"fleet_{next(_numbers)}"
        self.product = call("CreateProduct", ProductName=self.name, NodeType=0)["ProductKey"]
        names = [f"dev{number:03}" for number in range(COUNT)]
        batch = call("BatchCheckDeviceNames", ProductKey=self.product, DeviceName=names)["Data"]["ApplyId"]
        call("BatchRegisterDeviceWithApplyId", ProductKey=self.product, ApplyId=batch)
        found = []
        for page in (1, 2):
            listed = call("QueryPageByApplyId", ApplyId=batch, CurrentPage=page, PageSize=50)
            found += listed["ApplyDeviceList"]["ApplyDeviceInfo"]
        self.devices = {
            item["DeviceName"]: Device(live.url, self.product, item["DeviceName"], item["DeviceSecret"])
            for item in found
        }
        self.all(lambda device: device.ok("PUT", "/versions/default", {"version": "1.0"}))

    def all(self, work, names=None):
        """Let devices do something, ten at a time."""
        chosen = [self.devices[name] for name in (names or self.devices)]
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            return list(pool.map(work, chosen))

    def firmware(self, version, **more):
        given = {"FirmwareName": f"{self.name}-{version[0]}", "DestVersion": version, "ProductKey": self.product}
        answer = self.call("CreateOTAFirmware", FirmwareUrl="https://files.test/x.bin", **given, **more)
        return answer["Data"]["FirmwareId"]

    def job(self, action, firmware, **more):
        return self.call(action, FirmwareId=firmware, ProductKey=self.product, **more)["Data"]["JobId"]

    def update(self, device):
        """Take an update as a device does, if there is one."""
        response = device.send("GET", "/update")
        if response.status_code == 204:
            return None
        offer = response.json()
        device.ok("POST", "/update/progress", {"percent": 50})
        device.ok("PUT", "/versions/default", {"version": offer["version"]})
        return offer["version"]

    def ended(self, job):
        """Return the state of a job, and how many of its tasks are in each state."""
        status = self.call("QueryOTAJob", JobId=job)["Data"]["JobStatus"]
        states = ("CONFIRM", "QUEUED", "NOTIFIED", "IN_PROGRESS", "SUCCEEDED", "FAILED", "CANCELED")
        totals = {
            state: self.call("ListOTATaskByJob", JobId=job, CurrentPage=1, PageSize=1, TaskStatus=state)["Total"]
            for state in states
        }
        return status, {state: total for state, total in totals.items() if total}


@pytest.fixture
def on_postgresql(make_live):
    with postgres() as url:
        gateway = make_live(database_url=url).start()
        yield gateway
        gateway.stop()


@pytest.mark.parametrize(
    ("gateway", "family"), [("live", TeaFamily), ("live", CoreFamily), ("on_postgresql", TeaFamily)]
)
def test_a_hundred_devices_take_every_kind_of_rollout(request, gateway, family):
    live = request.getfixturevalue(gateway)
    fleet = Fleet(live, family(live.host))
    names = sorted(fleet.devices)

    firmware = fleet.firmware("2.0")
    job = fleet.job("CreateOTAVerifyJob", firmware, TargetDeviceName=names[:3])
    assert fleet.all(fleet.update).count("2.0") == 3
    assert fleet.ended(job) == ("COMPLETED", {"SUCCEEDED": 3})
    assert fleet.call("QueryOTAFirmware", FirmwareId=firmware)["FirmwareInfo"]["Status"] == 1

    job = fleet.job(
        "CreateOTAStaticUpgradeJob", firmware, TargetSelection="GRAY", GrayPercent="10.5", SrcVersion=["1.0"]
    )
    assert fleet.all(fleet.update).count("2.0") == 10  # of the 97 that run 1.0, rounded down
    assert fleet.ended(job) == ("COMPLETED", {"SUCCEEDED": 10})

    job = fleet.job("CreateOTAStaticUpgradeJob", firmware, TargetSelection="ALL")
    assert fleet.all(fleet.update).count("2.0") == COUNT - 13
    assert fleet.ended(job) == ("COMPLETED", {"SUCCEEDED": COUNT - 13})

    third = fleet.firmware("3.0", NeedToVerify=False)
    given = {"TargetSelection": "SPECIFIC", "TargetDeviceName": names[:20], "NeedConfirm": True}
    job = fleet.job("CreateOTAStaticUpgradeJob", third, **given)
    assert set(fleet.all(fleet.update)) == {None}
    for page in (1, 2):
        listed = fleet.call("ListOTATaskByJob", JobId=job, CurrentPage=page, PageSize=10)["Data"]["SimpleOTATaskInfo"]
        fleet.call("ConfirmOTATask", TaskId=[task["TaskId"] for task in listed])
    assert fleet.all(fleet.update).count("3.0") == 20
    assert fleet.ended(job) == ("COMPLETED", {"SUCCEEDED": 20})

    group = fleet.call("CreateDeviceGroup", GroupName=fleet.name)["Data"]["GroupId"]
    members = [{"ProductKey": fleet.product, "DeviceName": name} for name in names[10:40]]
    fleet.call("BatchAddDeviceGroupRelations", GroupId=group, Device=members)
    job = fleet.job(
        "CreateOTAStaticUpgradeJob", third, TargetSelection="GROUP", GroupId=group, GroupType="LINK_PLATFORM"
    )
    assert fleet.all(fleet.update).count("3.0") == 20  # ten of the group have it already
    assert fleet.ended(job) == ("COMPLETED", {"SUCCEEDED": 20})

    fourth = fleet.firmware("4.0", NeedToVerify=False)
    job = fleet.job("CreateOTADynamicUpgradeJob", fourth, SrcVersion=["2.0", "3.0"])
    assert fleet.all(fleet.update) == ["4.0"] * COUNT
    assert fleet.ended(job) == ("IN_PROGRESS", {"SUCCEEDED": COUNT})
    fleet.call("CancelOTAStrategyByJob", JobId=job)
    assert fleet.ended(job) == ("CANCELED", {"SUCCEEDED": COUNT})
