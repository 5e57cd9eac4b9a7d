"""A tour through every Action by both generations of the vendor's Python SDK, whose models know all the answers."""

import itertools

import pytest

import otagw.dialects.aliyun.actions  # noqa: F401 - fills the table
from otagw.dialects.aliyun.action import OWN, actions
from tests.aliyun.test_sdk_core import Core
from tests.aliyun.test_sdk_tea import Tea

pytestmark = [
    pytest.mark.live,
    # The SDK of the first generation never closes a connection: the garbage collector does.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
# What we answer beside what the vendor does.
OURS = {"Verified", "Selected", "Waiting", "Succeeded", "Failed", "Canceled", "Skipped"}
_numbers = itertools.count(1)


class TeaFamily:
    """Call by the request models, and hold the answer against the response models."""

    def __init__(self, host):
        self.tea = Tea(host, None, False)

    def __call__(self, action, **params):
        from alibabacloud_iot20180120 import models
        from alibabacloud_tea_util.models import RuntimeOptions

        client, raw = self.tea.client(), []
        call_api = client.call_api
        client.call_api = lambda *arguments: raw.append(call_api(*arguments)) or raw[-1]
        request = getattr(models, f"{action}Request")().from_map(params)
        wanted = f"{action}WithOptions".lower()
        method = next(name for name in dir(client) if name.replace("_", "") == wanted)
        body = getattr(client, method)(request, RuntimeOptions()).body
        answer = raw[0]["body"]
        assert_known(answer, body.to_map(), action)
        assert body.success is True, answer
        return answer


class CoreFamily:
    """Call by the setters of the request classes."""

    def __init__(self, host):
        self.core = Core(host)

    def __call__(self, action, **params):
        request = self.core.request(action)
        for name, value in params.items():
            setter = getattr(request, f"set_{name}", None) or getattr(request, f"set_{name}s", None)
            setter(value) if setter else request.add_query_param(name, value)
        answer = self.core.send(request)
        assert answer["Success"] is True, answer
        return answer


def assert_known(answer, model, where):
    """Check that a model, which drops what it does not know, has everything of an answer."""
    if isinstance(answer, dict):
        for name in answer.keys() - OURS:
            assert name in model, f"{where} does not know {name}"
            assert_known(answer[name], model[name], f"{where}.{name}")
    elif isinstance(answer, list):
        assert len(answer) == len(model)
        for item, known in zip(answer, model, strict=True):
            assert_known(item, known, where)
    else:
        assert answer == model, where


def filled(answer, *path):
    """Return the list at a path, which has entries."""
    for step in path:
        answer = answer[step]
    assert isinstance(answer, list)
    assert answer, path
    return answer


class Tour:
    """Walk through what a fleet's operator does, and note which Actions were called."""

    def __init__(self, family):
        self.family, self.called = family, set()
        self.name = f"tour_{next(_numbers)}"

    def __call__(self, action, **params):
        self.called.add(action)
        return self.family(action, **params)

    def walk(self):
        self("GenerateOTAUploadURL", FileSuffix="zip")
        self("GenerateDeviceNameListURL")
        product = self.products()
        self.packages(product)
        self.devices(product)
        self.batches(product)
        self.groups(product)
        self.jobs(product)
        self.ends(product)

    def products(self):
        made = self(
            "CreateProduct", ProductName=self.name, NodeType=1, Description="d", DataFormat=1, AuthType="secret"
        )
        product = made["ProductKey"]
        self("UpdateProduct", ProductKey=product, ProductName=f"{self.name}x")
        assert self("QueryProduct", ProductKey=product)["Data"]["ProductName"] == f"{self.name}x"
        listed = filled(self("QueryProductList", CurrentPage=1, PageSize=10), "Data", "List", "ProductInfo")
        assert product in [item["ProductKey"] for item in listed]
        return product

    def packages(self, product):
        self("CreateOTAModule", ProductKey=product, ModuleName="mcu", AliasName="MCU", Desc="d")
        self("UpdateOTAModule", ProductKey=product, ModuleName="mcu", AliasName="MCU-2")
        assert len(filled(self("ListOTAModuleByProduct", ProductKey=product), "Data")) == 2
        self("DeleteOTAModule", ProductKey=product, ModuleName="mcu")
        made = self("CreateOTAFirmware", FirmwareName=self.name, DestVersion="2", ProductKey=product)
        identity = made["Data"]["FirmwareId"]
        self("ModifyOTAFirmware", FirmwareId=identity, FirmwareDesc="d")
        assert self("QueryOTAFirmware", FirmwareId=identity)["FirmwareInfo"]["FirmwareDesc"] == "d"
        page = self("ListOTAFirmware", CurrentPage=1, PageSize=10, ProductKey=product)
        assert len(filled(page, "FirmwareInfo", "SimpleFirmwareInfo")) == 1
        self("DeleteOTAFirmware", FirmwareId=identity)

    def devices(self, product):
        made = self("RegisterDevice", ProductKey=product, DeviceName="dev1", Nickname="front_door")["Data"]
        assert self("QueryDeviceDetail", IotId=made["IotId"])["Data"]["DeviceSecret"] == made["DeviceSecret"]
        assert filled(self("QueryDevice", ProductKey=product), "Data", "DeviceInfo")[0]["Nickname"] == "front_door"
        self("DisableThing", IotId=made["IotId"])
        several = self("BatchQueryDeviceDetail", ProductKey=product, DeviceName=["dev1", "dev2"])
        assert filled(several, "Data", "Data")[0]["Status"] == "DISABLE"
        self("EnableThing", ProductKey=product, DeviceName="dev1")
        versions = self("ListOTAModuleVersionsByDevice", IotId=made["IotId"], CurrentPage=1, PageSize=10)
        assert versions["Data"]["SimpleOTAModuleInfo"] == []

    def batches(self, product):
        bad = self("BatchCheckDeviceNames", ProductKey=product, DeviceName=["x", "dev1"])["Data"]
        assert filled(bad, "InvalidDeviceNameList", "InvalidDeviceName") == ["x"]
        assert filled(bad, "RepeatedDeviceNameList", "RepeatDevieNameList") == ["dev1"]
        assert len(filled(bad, "InvalidDetailList", "InvalidDetailList")) == 2
        refused = self("QueryBatchRegisterDeviceStatus", ProductKey=product, ApplyId=bad["ApplyId"])["Data"]
        assert len(filled(refused, "InvalidDetailList", "invalidDetailList")) == 2
        assert filled(refused, "InvalidList", "Name") == ["dev1", "x"]
        names = [f"batch{number}" for number in range(12)]
        batch = self("BatchCheckDeviceNames", ProductKey=product, DeviceName=names)["Data"]["ApplyId"]
        self("BatchRegisterDeviceWithApplyId", ProductKey=product, ApplyId=batch)
        found = self("QueryBatchRegisterDeviceStatus", ProductKey=product, ApplyId=batch)["Data"]
        assert filled(found, "ValidList", "Name") == names
        page = self("QueryPageByApplyId", ApplyId=batch, CurrentPage=2, PageSize=10)
        assert len(filled(page, "ApplyDeviceList", "ApplyDeviceInfo")) == 2
        self("BatchRegisterDevice", ProductKey=product, Count=3)

    def groups(self, product):
        outer = self("CreateDeviceGroup", GroupName=self.name, GroupDesc="d")["Data"]["GroupId"]
        group = self("CreateDeviceGroup", GroupName=f"{self.name}x", SuperGroupId=outer)["Data"]["GroupId"]
        listed = filled(self("QueryDeviceGroupList", SuperGroupId=outer), "Data", "GroupInfo")
        assert [item["GroupId"] for item in listed] == [group]
        devices = [{"ProductKey": product, "DeviceName": f"batch{number}"} for number in range(11)]
        added = self("BatchAddDeviceGroupRelations", GroupId=group, Device=devices)
        assert added["SuccessAddedDeviceCount"] == 11
        assert self("QueryDeviceGroupInfo", GroupId=group)["Data"]["DeviceCount"] == 11
        assert len(filled(self("QueryDeviceListByDeviceGroup", GroupId=group), "Data", "SimpleDeviceInfo")) == 10
        gone = self("BatchDeleteDeviceGroupRelations", GroupId=group, Device=devices[:2])
        assert gone["SuccessDeviceCount"] == 2
        self("DeleteDeviceGroup", GroupId=group)

    def firmware(self, product, version, **more):
        given = {"FirmwareName": f"{self.name}-{version[0]}", "DestVersion": version, "ProductKey": product, **more}
        return self("CreateOTAFirmware", FirmwareUrl="https://files.test/x", **given)["Data"]["FirmwareId"]

    def jobs(self, product):
        tags = [{"Key": "site", "Value": "east"}]
        tested = self.firmware(product, "4.0")
        job = self("CreateOTAVerifyJob", FirmwareId=tested, ProductKey=product, TargetDeviceName=["batch1"], Tag=tags)
        found = self("QueryOTAJob", JobId=job["Data"]["JobId"])["Data"]
        assert (found["JobType"], found["Tags"]["OtaTagDTO"]) == ("VERIFY_FIRMWARE", tags)
        self.static_job(product, tags)
        self.dynamic_job(product, tags)

    def static_job(self, product, tags):
        firmware = self.firmware(product, "5.0", NeedToVerify=False)
        names = [f"batch{number}" for number in range(2, 12)]
        asked = {"FirmwareId": firmware, "ProductKey": product, "NeedConfirm": True, "Tag": tags}
        asked |= {"TargetSelection": "SPECIFIC", "TargetDeviceName": names}
        job = self("CreateOTAStaticUpgradeJob", **asked)["Data"]["JobId"]
        page = self("ListOTAJobByFirmware", FirmwareId=firmware, CurrentPage=1, PageSize=10)
        assert filled(page, "Data", "SimpleOTAJobInfo")[0]["Tags"]["OtaTagDTO"] == tags
        device = {"ProductKey": product, "DeviceName": "batch2"}
        page = self("ListOTAJobByDevice", FirmwareId=firmware, CurrentPage=1, PageSize=10, **device)
        assert len(filled(page, "Data", "SimpleOTAJobInfo")) == 1
        page = self("ListOTATaskByJob", JobId=job, CurrentPage=1, PageSize=100, DeviceNames=names[:11])
        tasks = [task["TaskId"] for task in filled(page, "Data", "SimpleOTATaskInfo")]
        assert len(tasks) == 10
        found = self("ListOTAUnfinishedTaskByDevice", TaskStatus="CONFIRM", **device)
        assert filled(found, "Data", "SimpleOTATaskInfo")[0]["ModuleName"] == "default"
        self("ConfirmOTATask", TaskId=tasks)
        self(
            "UpdateOTAJob", JobId=job, MaximumPerMinute=100, UpgradeType="STATIC", TargetSelection="SPECIFIC", Tags=tags
        )
        self("CancelOTATaskByDevice", FirmwareId=firmware, ProductKey=product, DeviceName=["batch2"], JobId=job)
        self("CancelOTATaskByJob", JobId=job, CancelQueuedTask=True)
        assert self("QueryOTAJob", JobId=job)["Data"]["JobStatus"] == "CANCELED"
        self("ReupgradeOTATask", JobId=job, TaskId=tasks[:2])
        assert self("QueryOTAJob", JobId=job)["Data"]["JobStatus"] == "IN_PROGRESS"

    def dynamic_job(self, product, tags):
        firmware = self.firmware(product, "6.0", NeedToVerify=False)
        asked = {"FirmwareId": firmware, "ProductKey": product, "SrcVersion": ["1.0", "2.0"], "Tag": tags}
        job = self("CreateOTADynamicUpgradeJob", **asked)["Data"]["JobId"]
        found = self("QueryOTAJob", JobId=job)["Data"]
        assert filled(found, "SrcVersions", "SrcVersion") == ["1.0", "2.0"]
        self("CancelOTAStrategyByJob", JobId=job)

    def ends(self, product):
        made = self("CreateProduct", ProductName=f"{self.name}y", NodeType=0)["ProductKey"]
        self("DeleteProduct", ProductKey=made)
        self("DeleteDevice", ProductKey=product, DeviceName="dev1")


@pytest.mark.parametrize("family", [TeaFamily, CoreFamily])
def test_a_tour_through_every_action(live, family):
    tour = Tour(family(live.host))
    tour.walk()
    assert tour.called == {operation.name for operation in actions if operation.origin != OWN}
