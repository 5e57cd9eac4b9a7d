"""The vendor's SDKs of devices, unmodified, are updated by jobs that the vendor's API SDK has made."""

import hashlib

import pytest

from tests.aliyun.test_sdk_tour import TeaFamily
from tests.mqtt.judges import Judge
from tests.patience import eventually
from tests.ports import free_port

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("judges")]
CONTENT = bytes(range(256)) * 1200


class Site:
    """A gateway with MQTT, and somebody who calls it with Alibaba's API SDK."""

    def __init__(self, make_live):
        self.port = free_port()
        self.gateway = make_live(mqtt_bind=f"127.0.0.1:{self.port}")
        self.gateway.environ["OTAGW_DEVICE_URL"] = self.gateway.url
        self.gateway.start()
        self.call = TeaFamily(self.gateway.host)

    def device(self, name):
        made = self.call("RegisterDevice", ProductKey="p", DeviceName=name)["Data"]
        return {"product": "p", "name": name, "secret": made["DeviceSecret"], "port": self.port}

    def rollout(self, url, **more):
        firmware = self.call(
            "CreateOTAFirmware",
            **{"FirmwareName": "fw", "DestVersion": "2.0.0", "ProductKey": "p", "FirmwareUrl": url},
            **{"FirmwareSize": len(CONTENT), "NeedToVerify": False, "SignMethod": "SHA256"},
            FirmwareSign=hashlib.sha256(CONTENT).hexdigest(),
        )["Data"]["FirmwareId"]
        made = self.call(
            "CreateOTAStaticUpgradeJob", FirmwareId=firmware, ProductKey="p", TargetSelection="ALL", **more
        )
        return made["Data"]["JobId"]

    def task(self, job):
        (task,) = self.call("ListOTATaskByJob", JobId=job, CurrentPage=1, PageSize=10)["Data"]["SimpleOTATaskInfo"]
        return task["TaskStatus"], task["SrcVersion"], task["DestVersion"]

    def runs(self, name):
        found = self.call("ListOTAModuleVersionsByDevice", ProductKey="p", DeviceName=name, CurrentPage=1, PageSize=10)
        return [each["ModuleVersion"] for each in found["Data"]["SimpleOTAModuleInfo"]]


@pytest.fixture
def site(make_live):
    return Site(make_live)


@pytest.fixture
def uploaded(site, tmp_path):
    """Upload the firmware as the vendor's tools do; return its address."""
    from tests.deploy.servers import Store

    path = tmp_path / "firmware"
    path.write_bytes(CONTENT)
    return Store(site.gateway, site.gateway.url).upload(path)


@pytest.mark.parametrize("language", ["python", "node"])
@pytest.mark.parametrize("asks", [False, True], ids=["push", "request"])
def test_an_unmodified_sdk_is_updated(site, uploaded, tmp_path, language, asks):
    given = site.device("dev1")
    path = tmp_path / "got"
    with Judge(language, **given, version="1.0.0", path=str(path), asks=False) as before:
        assert before.hear()[0] == "connected"
        eventually(lambda: site.runs("dev1") == ["1.0.0"])
        job = None if asks else site.rollout(uploaded)
        if not asks:
            finish(site, before, job, "pushed", path)
    if asks:
        job = site.rollout(uploaded, NeedPush=False)
        with Judge(language, **given, version="1.0.0", path=str(path), asks=True) as device:
            assert device.hear()[0] == "connected"
            finish(site, device, job, "asked", path)


def finish(site, device, job, how, path):
    """See a device install what it is told of, to the end."""
    kind, told, version, size, method, module, *_ = device.hear()
    assert (kind, told, version, int(size)) == ("offer", how, "2.0.0", len(CONTENT))
    assert (method, module) == ("SHA256", "default")
    assert device.hear() == ["downloaded", 0]
    eventually(lambda: site.task(job)[0] == "SUCCEEDED")
    assert site.task(job) == ("SUCCEEDED", "1.0.0", "2.0.0")
    assert path.read_bytes() == CONTENT
    assert site.runs("dev1") == ["2.0.0"]
