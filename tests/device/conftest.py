"""What the tests of the device API share: devices that sign by themselves, and jobs for them."""

import pytest

from otagw import clock
from tests.device import signer

URL = "https://files.test/x.bin"


class Device:
    """A device of the product p, which speaks to a gateway in process."""

    def __init__(self, client, name, secret):
        self.http, self.name, self.secret = client.http, name, secret
        self.path = f"/device/v1/p/{name}"

    def send(self, method, path, data=None, **headers):
        """Send a signed request below the device's own path."""
        path = self.path + path
        signed, body = signer.request(self.secret, method, path, data, clock.now() // 1000)
        return self.http.open(path, method=method, data=body, headers={**signed, **headers})

    def ok(self, method, path, data=None):
        response = self.send(method, path, data)
        assert response.status_code == 200, response.json
        return response.json

    def refused(self, method, path, data=None, **headers):
        response = self.send(method, path, data, **headers)
        return response.status_code, response.json["code"], response.json["message"]

    def report(self, version, module="default"):
        return self.ok("PUT", f"/versions/{module}", {"version": version})

    def poll(self, module=None):
        """Return the offer, or None."""
        response = self.send("GET", "/update" + (f"?module={module}" if module else ""))
        assert (response.status_code, bool(response.data)) in ((200, True), (204, False)), response.text
        return response.json if response.data else None

    def progress(self, percent, **more):
        return self.ok("POST", "/update/progress", {"percent": percent, **more})["state"]

    def result(self, result, **more):
        return self.ok("POST", "/update/result", {"result": result, **more})["state"]


@pytest.fixture
def register(client):
    """Register a device, which has reported a version if one is given."""

    def register(name="dev1", version=None):
        data = client.ok("RegisterDevice", ProductKey="p", DeviceName=name)["Data"]
        device = Device(client, name, data["DeviceSecret"])
        if version:
            device.report(version)
        return device

    return register


@pytest.fixture
def device(register):
    return register(version="1.0")


@pytest.fixture
def rollout(client):
    """Make a package and a job of it for all devices; return the job's id. ``package`` has the package's parameters."""

    def rollout(version="2.0", *, package=(), **rules):
        given = {"NeedToVerify": "false", "FirmwareUrl": URL, "ProductKey": "p", **dict(package)}
        firmware = client.make(f"fw{clock.new_id()}", version, **{k: v for k, v in given.items() if v is not None})
        params = {"FirmwareId": firmware, "ProductKey": "p", "TargetSelection": "ALL", **rules}
        return client.ok("CreateOTAStaticUpgradeJob", **params)["Data"]["JobID"]

    return rollout
