"""What the tests of hawkBit's front share: a client as its protocol is described, and rollouts of real bytes."""

import json

import pytest

from otagw import clock
from otagw.ota.devices import presence
from tests.oss.conftest import body_of, fields_of, post

SWU = b"07070200" + b"an image of SWUpdate" * 50
PROCEEDING = {"execution": "proceeding", "result": {"finished": "none", "progress": {"cnt": 0, "of": 1}}}


class Device:
    """A device of the product p: it follows the links that it is given, and knows no address but its own."""

    def __init__(self, http, name, authorization, product="p"):
        self.http, self.name, self.authorization = http, name, authorization
        self.base = f"/{product}/controller/v1/{name}"

    def send(self, method, path="", data=None, **headers):
        """Send a request; ``data`` is JSON, or bytes as they are."""
        path = path.removeprefix("http://localhost")
        path = path if path.startswith(("/p/", "/oss/")) else self.base + path
        body = data if isinstance(data, bytes) else b"" if data is None else json.dumps(data).encode()
        given = {"Accept": "application/hal+json", **headers}
        if self.authorization is not None:
            given["Authorization"] = self.authorization
        return self.http.open(path, method=method, data=body, headers=given, content_type="application/json")

    def poll(self, **headers):
        response = self.send("GET", "", **headers)
        assert response.status_code == 200, response.text
        return response.json

    def links(self):
        """Return where the poll's links lead."""
        return {name: link["href"] for name, link in self.poll().get("_links", {}).items()}

    def action(self):
        """Return the number of the action that is shown, or None."""
        href = self.links().get("deploymentBase")
        return href and href.rpartition("/")[2].partition("?")[0]

    def deployment(self):
        """Fetch what is shown."""
        response = self.send("GET", self.links()["deploymentBase"])
        assert response.status_code == 200, response.text
        return response.json

    def tell(self, action, execution, finished="none", *details, kind="deploymentBase", **result):
        status = {"execution": execution, "result": {"finished": finished, **result}, "details": list(details)}
        body = {"id": action, "time": "20261122T203317", "status": status}
        return self.send("POST", f"/{kind}/{action}/feedback", body)

    def identify(self, mode=None, **data):
        body = {"id": "", "time": "20261122T203317", "status": PROCEEDING, "data": data}
        return self.send("PUT", "/configData", body | ({"mode": mode} if mode else {}))


def refusal(response):
    """Check that an answer is a refusal as all are; return its status and code."""
    assert response.content_type == "application/json"
    assert set(response.json) == {"errorCode", "message", "request_id"}
    assert response.headers["X-Request-Id"] == response.json["request_id"]
    return response.status_code, response.json["errorCode"]


@pytest.fixture
def register(client):
    """Register a device that proves itself with its secret; it has told its version if one is given."""

    def register(name="dev1", version=None):
        data = client.ok("RegisterDevice", ProductKey="p", DeviceName=name)["Data"]
        device = Device(client.http, name, f"TargetToken {data['DeviceSecret']}")
        if version:
            assert device.identify(version=version).status_code == 200
        return device

    return register


@pytest.fixture
def device(register):
    return register(version="1.0")


@pytest.fixture
def upload(client):
    """Upload bytes; return the FirmwareUrl they have."""

    def upload(content=SWU, suffix="bin"):
        data = client.ok("GenerateOTAUploadURL", FileSuffix=suffix)["Data"]
        assert post(client, body_of(fields_of(data), content)).status_code == 204
        return data["FirmwareUrl"]

    return upload


@pytest.fixture
def rollout(client, upload):
    """Make a package and a job of it for all devices; return the job's id. ``package`` has the package's parameters."""

    def rollout(version="2.0", *, package=(), name=None, **rules):
        given = {"NeedToVerify": "false", "ProductKey": "p", **dict(package)}
        if not any(key.startswith(("FirmwareUrl", "MultiFiles")) for key in given):
            given["FirmwareUrl"] = upload()
        firmware = client.make(name or f"fw{clock.new_id()}", version, **given)
        params = {"FirmwareId": firmware, "ProductKey": "p", "TargetSelection": "ALL", **rules}
        return client.ok("CreateOTAStaticUpgradeJob", **params)["Data"]["JobID"]

    return rollout


@pytest.fixture
def task(client):
    """Return the task of a device in a job as the operator sees it."""

    def task(job, name="dev1"):
        (found,) = client.ok("ListOTATaskByJob", JobId=job, **{"DeviceNames.1": name})["Data"]["SimpleOTATaskInfo"]
        return found

    return task


@pytest.fixture
def cancel(client):
    """Cancel the tasks of a job, whatever they have come to."""

    def cancel(job):
        states = ("CancelQueuedTask", "CancelNotifiedTask", "CancelInProgressTask", "CancelUnconfirmedTask")
        client.ok("CancelOTATaskByJob", JobId=job, **dict.fromkeys(states, "true"))

    return cancel


@pytest.fixture
def runs(client):
    """Return what a device is said to run, by module."""

    def runs(name="dev1"):
        found = client.ok("ListOTAModuleVersionsByDevice", ProductKey="p", DeviceName=name, CurrentPage=1, PageSize=50)
        return {m["ModuleName"]: m["ModuleVersion"] for m in found["Data"]["SimpleOTAModuleInfo"]}

    return runs


@pytest.fixture
def written():
    """Write what was heard of devices, as the process does every few seconds."""
    return presence.flush
