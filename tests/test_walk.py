"""One walk through a gateway as an operator starts it: the real server, and nothing else that has to be installed."""

import contextlib
import hashlib

import pytest
import requests

from tests.conftest import Live
from tests.device import signer
from tests.oss.conftest import fields_of

FIRMWARE = b"firmware" * 1000
PRODUCT, DEVICE = "a1walk", "lock-1"


@pytest.fixture
def gateway(tmp_path):
    found = Live(tmp_path).prepare()
    with contextlib.ExitStack() as stack:
        stack.callback(found.stop)
        yield found.start()


def ok(gateway, action, **params):
    answer = gateway.get(action, **params).json()
    assert answer["Success"], answer
    return answer.get("Data")


def test_a_package_goes_from_the_upload_to_the_device_and_the_gateway_ends_when_it_is_told_to(gateway):
    form = ok(gateway, "GenerateOTAUploadURL")
    assert requests.post(form["Host"], data=fields_of(form), files={"file": FIRMWARE}, timeout=30).status_code == 204
    named = {"FirmwareName": "walk", "DestVersion": "2.0", "ProductKey": PRODUCT, "NeedToVerify": "false"}
    package = ok(gateway, "CreateOTAFirmware", FirmwareUrl=form["FirmwareUrl"], **named)["FirmwareID"]
    secret = ok(gateway, "RegisterDevice", ProductKey=PRODUCT, DeviceName=DEVICE)["DeviceSecret"]

    def device(method, path, data=None):
        address = f"/device/v1/{PRODUCT}/{DEVICE}{path}"
        headers, body = signer.request(secret, method, address, data)
        answer = requests.request(method, gateway.url + address, data=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    device("PUT", "/versions/default", {"version": "1.0"})
    job = ok(gateway, "CreateOTAStaticUpgradeJob", FirmwareId=package, ProductKey=PRODUCT, TargetSelection="ALL")
    offer = device("GET", "/update")
    assert requests.get(offer["url"], timeout=30).content == FIRMWARE
    assert offer["sha256"] == hashlib.sha256(FIRMWARE).hexdigest()
    device("PUT", "/versions/default", {"version": "2.0"})
    assert ok(gateway, "QueryOTAJob", JobId=job["JobID"])["JobStatus"] == "COMPLETED"
    gateway.stop()
    assert gateway.process.returncode == 0
    assert "Traceback" not in gateway.log()
