"""Devices as they are in the field: over real HTTP, many at once, and as docs/device-api.md has them."""

import hashlib
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.conftest import ROOT, need
from tests.device import signer
from tests.oss.conftest import fields_of
from tests.patience import HANG_SECONDS
from tests.test_readme import paste

pytestmark = pytest.mark.live
COUNT = 100


class Device:
    """A device on the network, which knows its secret and where the gateway is."""

    def __init__(self, url, product, name, secret):
        self.url, self.path, self.secret = url, f"/device/v1/{product}/{name}", secret
        self.session = requests.Session()

    def send(self, method, path, data=None, seconds=None):
        headers, body = signer.request(self.secret, method, self.path + path, data, seconds)
        return self.session.request(
            method, self.url + self.path + path, data=body, headers=headers, timeout=HANG_SECONDS
        )

    def ok(self, method, path, data=None):
        response = self.send(method, path, data)
        assert response.status_code in (200, 204), response.text
        return response.json() if response.content else None

    def update(self):
        """Do what a device does that is asked twice, restarts in between, and says everything late and again."""
        offer = self.ok("GET", "/update")
        self.ok("POST", "/update/progress", {"percent": 30})
        self.ok("POST", "/update/progress", {"percent": 10, "message": "late"})
        content = self.session.get(offer["url"], timeout=HANG_SECONDS).content
        assert hashlib.sha256(content).hexdigest() == offer["sha256"]
        self.ok("PUT", "/versions/default", {"version": "1.0"})
        assert self.ok("GET", "/update")["task"] == offer["task"]
        for _ in range(2):
            self.ok("PUT", "/versions/default", {"version": offer["version"]})
        assert self.send("POST", "/update/progress", {"percent": 100}).status_code == 409
        return self.ok("GET", "/update")


def roll_out(live, product, content):
    """Upload a file and roll it out; return the job's id."""
    data = live.get("GenerateOTAUploadURL").json()["Data"]
    requests.post(data["Host"], data=fields_of(data), files={"file": content}, timeout=HANG_SECONDS).raise_for_status()
    params = {"FirmwareName": f"fw-{product}", "DestVersion": "2.0.0", "ProductKey": product, "NeedToVerify": "false"}
    made = live.get("CreateOTAFirmware", FirmwareUrl=data["FirmwareUrl"], **params).json()["Data"]
    params = {"FirmwareId": made["FirmwareID"], "ProductKey": product, "TargetSelection": "ALL"}
    return live.get("CreateOTAStaticUpgradeJob", **params).json()["Data"]["JobID"]


def test_a_hundred_devices_are_updated(live, tmp_path):
    names = [f"dev:{number:03}@x" for number in range(COUNT)]
    rows = "\n".join(f"{name},secret-{name}" for name in names)
    (tmp_path / "fleet.csv").write_text(f"DeviceName,DeviceSecret\n{rows}\n")
    live.cli("devices", "import", str(tmp_path / "fleet.csv"), "--product", "hundred")
    devices = [Device(live.url, "hundred", name, f"secret-{name}") for name in names]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda device: device.ok("PUT", "/versions/default", {"version": "1.0"}), devices))
        job = roll_out(live, "hundred", os.urandom(20_000))
        assert list(pool.map(Device.update, devices)) == [None] * COUNT
    for device in devices:
        device.session.close()
    assert live.get("QueryOTAJob", JobId=job).json()["Data"]["JobStatus"] == "COMPLETED"
    found = live.get("ListOTATaskByJob", JobId=job, PageSize="100").json()["Data"]["SimpleOTATaskInfo"]
    assert [task["TaskStatus"] for task in found] == ["SUCCEEDED"] * COUNT
    assert "secret-" not in live.log()
    assert "Traceback" not in live.log()


def on_busybox(folder, script):
    """Run a script where there is nothing but BusyBox, curl and openssl; return what it prints."""
    busybox, programs = need("busybox"), folder / "bin"
    programs.mkdir()
    for name in subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True).stdout.split():
        (programs / name).symlink_to(busybox)
    for name in ("curl", "openssl"):
        (programs / name).unlink(missing_ok=True)
        (programs / name).symlink_to(need(name))
    done = subprocess.run(
        [programs / "ash", "-euc", script], check=False, cwd=folder, env={"PATH": str(programs)},
        capture_output=True, text=True, timeout=HANG_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "busybox"])
def test_the_page_is_as_it_stands_there(live, tmp_path, shell):
    need("curl")
    need("openssl")
    page = (ROOT / "docs/device-api.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"^```bash\n(.*?)^```$", page, re.M | re.S)
    (tmp_path / "one.csv").write_text("DeviceName,DeviceSecret\nlock:1@east,p+s/x=\n")
    live.cli("devices", "import", str(tmp_path / "one.csv"), "--product", f"page-{shell}")
    job = roll_out(live, f"page-{shell}", b"firmware")
    given = f"GATEWAY={live.url} PRODUCT=page-{shell} DEVICE=lock:1@east SECRET='p+s/x='\n"
    said = paste(live, tmp_path, given + script)[0] if shell == "bash" else on_busybox(tmp_path, given + script)
    assert '{"module":"default","version":"2.0.0"}' in said
    assert "firmware.bin: OK" in said
    assert live.get("QueryOTAJob", JobId=job).json()["Data"]["JobStatus"] == "COMPLETED"


def test_a_clock_is_set_by_a_refusal_and_a_proxy_may_escape(live, tmp_path):
    (tmp_path / "one.csv").write_text("DeviceName,DeviceSecret\nclock@1,s\n")
    live.cli("devices", "import", str(tmp_path / "one.csv"), "--product", "clocks")
    device = Device(live.url, "clocks", "clock@1", "s")
    refused = device.send("GET", "/update", seconds=0)
    assert (refused.status_code, "Date" in refused.headers) == (401, True)
    assert device.send("GET", "/update", seconds=refused.json()["time"]).status_code == 204
    headers, _ = signer.request("s", "GET", device.path + "/update")
    escaped = live.url + device.path.replace("@", "%40") + "/update"
    assert device.session.get(escaped, headers=headers, timeout=HANG_SECONDS).status_code == 204
    device.session.close()
