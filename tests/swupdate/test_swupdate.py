"""Firmware registered by the vendor's own SDK arrives on an unmodified SWUpdate.

What each message of the client means is in docs/wire/ddi.md.
"""

import contextlib
import hashlib
import itertools
import random

import pytest
import requests

from tests.aliyun.test_sdk_tour import TeaFamily
from tests.conftest import need
from tests.oss.conftest import fields_of
from tests.patience import HANG_SECONDS, eventually
from tests.swupdate.client import FAILED, Client, Line
from tests.swupdate.image import Signer

# The clients of one machine share a name for their socket, of which there are few: one worker runs them all.
pytestmark = [pytest.mark.live, pytest.mark.xdist_group("swupdate")]
SIZE = 300_000
_numbers = itertools.count(1)


class Lab:
    """A product with devices on a bench, and the firmware team's SDK."""

    def __init__(self, live, folder, stack):
        need("swupdate")
        self.live, self.folder, self._stack = live, folder, stack
        self.call = TeaFamily(live.host)
        self.name = f"bench_{next(_numbers)}"
        self.signer = Signer(folder, self.name)
        made = self.call("CreateProduct", ProductName=self.name, NodeType=0)
        self.product = made["ProductKey"]

    def device(self, name="dev-0", port=None, token=None, **options):
        """Register a device; return its client, not yet started."""
        made = self.call("RegisterDevice", ProductKey=self.product, DeviceName=name)
        secret = token or made["Data"]["DeviceSecret"]
        client = Client(self.folder, self.signer, self.product, name, secret, port or self.live.port, **options)
        self._stack.callback(client.stop)
        return client

    def upload(self, image):
        form = self.call("GenerateOTAUploadURL", FileSuffix="bin")["Data"]
        requests.post(
            form["Host"], data=fields_of(form), files={"file": image}, timeout=HANG_SECONDS
        ).raise_for_status()
        return form["FirmwareUrl"]

    def release(self, client, version="2.0", signer=None, revision="1.0"):
        """Make a firmware that writes its payload to a client's file; return its id and the payload."""
        payload = random.Random(f"{self.product}{version}").randbytes(SIZE)
        image = (signer or self.signer).image(version, payload, client.target, revision)
        made = self.call(
            "CreateOTAFirmware",
            FirmwareName=f"{self.product}-{version[0]}",
            DestVersion=version,
            ProductKey=self.product,
            FirmwareUrl=self.upload(image),
            FirmwareSize=len(image),
            SignMethod="SHA256",
            FirmwareSign=hashlib.sha256(image).hexdigest(),
            NeedToVerify=False,
        )
        return made["Data"]["FirmwareId"], payload

    def roll_out(self, firmware, **more):
        given = {"TargetSelection": "ALL", **more}
        made = self.call("CreateOTAStaticUpgradeJob", FirmwareId=firmware, ProductKey=self.product, **given)
        return made["Data"]["JobId"]

    def status(self, job):
        return self.call("QueryOTAJob", JobId=job)["Data"]["JobStatus"]

    def task(self, job):
        """Return the only task of a job."""
        listed = self.call("ListOTATaskByJob", JobId=job, CurrentPage=1, PageSize=10)["Data"]["SimpleOTATaskInfo"]
        (found,) = listed
        return found

    def becomes(self, job, status):
        """Wait until the only task of a job is in a state; return it."""
        eventually(lambda: self.task(job)["TaskStatus"] == status)
        return self.task(job)

    def version(self, device="dev-0"):
        found = self.call("QueryDeviceDetail", ProductKey=self.product, DeviceName=device)["Data"]
        return found.get("FirmwareVersion")


@pytest.fixture
def make_lab(live, tmp_path):
    with contextlib.ExitStack() as stack:
        yield lambda: Lab(live, tmp_path, stack)


@pytest.fixture
def lab(make_lab):
    return make_lab()


@pytest.fixture
def line(live):
    with contextlib.closing(Line(live.port)) as found:
        yield found


def installs(client, payload):
    """Wait until the whole payload is there."""
    eventually(lambda: client.installed() == payload and "SWUPDATE successful" in client.log())


def test_a_firmware_arrives_and_the_job_is_completed(lab):
    client = lab.device()
    firmware, payload = lab.release(client)
    job = lab.roll_out(firmware)
    client.start()
    installs(client, payload)
    eventually(lambda: lab.becomes(job, "IN_PROGRESS")["Progress"] == "100")
    assert lab.status(job) == "IN_PROGRESS"
    client.restart()
    lab.becomes(job, "SUCCEEDED")
    assert lab.status(job) == "COMPLETED"
    assert lab.version() == "2.0"


def test_a_device_that_says_what_it_runs_is_found_by_its_version(lab):
    lab.live.cli("products", "poll-interval", lab.product, "00:00:05")  # its first poll is not told anything yet
    client = lab.device().identify(**{"fw.version": "1.1.0", "hw": "lab-board"})
    firmware, payload = lab.release(client)
    made = lab.call("CreateOTADynamicUpgradeJob", FirmwareId=firmware, ProductKey=lab.product, SrcVersion=["1.1.0"])
    job = made["Data"]["JobId"]
    client.start()
    installs(client, payload)
    client.identify(**{"fw.version": "2.0", "hw": "lab-board"})
    client.restart()
    lab.becomes(job, "SUCCEEDED")


def test_a_download_that_is_cut_goes_on_where_it_was(lab, line):
    client = lab.device(port=line.port)
    firmware, payload = lab.release(client)
    line.cut_after = SIZE // 2
    job = lab.roll_out(firmware)
    client.start()
    installs(client, payload)
    assert line.cuts == 1
    assert any(b"\r\nRange: bytes=" in asked for asked in line.asked)
    client.restart()
    lab.becomes(job, "SUCCEEDED")


def test_a_wrong_token_gets_nothing(lab, line):
    client = lab.device(port=line.port, token="wrong")
    firmware, _ = lab.release(client)
    job = lab.roll_out(firmware)
    client.start()
    eventually(lambda: "HTTP/1.1 401" in client.log())
    assert lab.task(job)["TaskStatus"] == "QUEUED"
    assert client.installed() is None


def test_a_gateway_token_of_the_product_is_enough(lab, live):
    live.cli("products", "gateway-token", "set", lab.product, "line-three")
    client = lab.device(token="line-three", gateway_token=True)
    firmware, payload = lab.release(client)
    job = lab.roll_out(firmware)
    client.start()
    installs(client, payload)
    client.restart()
    lab.becomes(job, "SUCCEEDED")


def test_a_job_that_is_canceled_during_the_download_installs_nothing(lab, line):
    client = lab.device(port=line.port)
    firmware, _ = lab.release(client)
    line.slow.set()
    lab.live.cli("products", "poll-interval", lab.product, "00:00:05")
    job = lab.roll_out(firmware)
    client.start()
    eventually(lambda: line.is_slow_now)
    lab.call("CancelOTATaskByJob", JobId=job, CancelInProgressTask=True, CancelNotifiedTask=True, CancelQueuedTask=True)
    assert lab.task(job)["TaskStatus"] == "CANCELED"
    eventually(lambda: any(b"/cancelAction/" in asked and b"/feedback" in asked for asked in line.asked))
    line.slow.clear()
    polls = len(line.asked)
    eventually(lambda: len(line.asked) > polls + 1)
    assert lab.task(job)["TaskStatus"] == "CANCELED"
    assert "SWUPDATE successful" not in client.log()


@pytest.mark.parametrize(("signer", "revision"), [("stranger", "1.0"), (None, "9.9")], ids=["signature", "hardware"])
def test_an_image_that_does_not_fit_is_a_failure_that_says_so(lab, tmp_path, signer, revision):
    client = lab.device()
    firmware, _ = lab.release(client, signer=signer and Signer(tmp_path, signer), revision=revision)
    job = lab.roll_out(firmware)
    client.start()
    task = lab.becomes(job, "FAILED")
    assert task["TaskDesc"]
    assert client.installed() is None
    assert lab.status(job) == "COMPLETED"


def test_a_device_that_falls_back_after_the_restart_is_a_failure(lab):
    client = lab.device()
    firmware, payload = lab.release(client)
    job = lab.roll_out(firmware)
    client.start()
    installs(client, payload)
    client.restart(FAILED)
    lab.becomes(job, "FAILED")
    assert lab.version() != "2.0"


def test_a_version_that_a_newer_job_replaced_is_skipped(lab):
    client = lab.device()
    second, _ = lab.release(client, "2.0")
    third, payload = lab.release(client, "3.0")
    skipped = lab.roll_out(second)
    job = lab.roll_out(third, OverwriteMode=2)
    assert lab.task(skipped)["TaskStatus"] == "CANCELED"
    client.start()
    installs(client, payload)
    client.restart()
    lab.becomes(job, "SUCCEEDED")
    assert lab.version() == "3.0"


def test_devices_of_two_products_get_what_is_theirs(make_lab):
    both = [make_lab(), make_lab()]
    clients = [lab.device() for lab in both]
    jobs, payloads = [], []
    for lab, client in zip(both, clients, strict=True):
        firmware, payload = lab.release(client)
        payloads.append(payload)
        jobs.append(lab.roll_out(firmware))
        client.start()
    for lab, client, job, payload in zip(both, clients, jobs, payloads, strict=True):
        installs(client, payload)
        client.restart()
        lab.becomes(job, "SUCCEEDED")
        assert lab.status(job) == "COMPLETED"
    assert payloads[0] != payloads[1]
