"""What a device of Huawei's C SDK asks for after a push, byte for byte, through the real nginx."""

import contextlib
import os
import socket
import ssl
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import Live, free_port
from tests.deploy import servers
from tests.deploy.test_bytes import reachable, served
from tests.mqtt.client import Client, huawei
from tests.patience import HANG_SECONDS, eventually

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("bytes")]
CONTENT = os.urandom(200_000)
REFUSED = b"<Code>AccessDenied</Code>"


@pytest.fixture(scope="module", params=["by the gateway", "by nginx"])
def store(request):
    with tempfile.TemporaryDirectory() as name:
        yield from served(request, reachable(Path(name)))


@pytest.fixture(scope="module")
def port(store):
    """A node for devices, which reach files through nginx."""
    port = free_port()
    node = Live(store.gateway.folder, mqtt_bind=f"127.0.0.1:{port}", device_url=store.url)
    node.launch("mqtt")

    def answers():
        assert node.process.poll() is None, node.log()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True

    eventually(answers)
    yield port
    node.stop()


@pytest.fixture(scope="module")
def told(store, port, tmp_path_factory):
    """What a device was told by the first version of the event."""
    path = tmp_path_factory.mktemp("device") / "firmware.bin"
    path.write_bytes(CONTENT)
    data = store.announce()
    subprocess.run(store.post(data, path), capture_output=True, check=True, timeout=HANG_SECONDS)
    firmware = {"ProductKey": "p", "FirmwareName": "fw", "DestVersion": "2.0", "FirmwareUrl": data["FirmwareUrl"]}
    made = store.call("CreateOTAFirmware", NeedToVerify="false", **firmware)["Data"]["FirmwareID"]
    secret = store.call("RegisterDevice", ProductKey="p", DeviceName="dev1")["Data"]["DeviceSecret"]
    with Client(port) as connection:
        assert connection.connect(huawei("p_dev1", secret)) == 0
        service = {"service_id": "$ota", "event_type": "version_report", "paras": {"fw_version": "0"}}
        connection.tell("$oc/devices/p_dev1/sys/events/up", {"services": [service]})
        job = {"ProductKey": "p", "TargetSelection": "ALL", "FirmwareId": made}
        assert store.call("CreateOTAStaticUpgradeJob", **job)["Success"]
        (service,) = connection.message().json["services"]
    assert service["event_type"] == "firmware_upgrade"
    return service["paras"]


def ask(store, url, authorization):
    """Send the request that the C SDK sends: bare line feeds, and no blank behind the colon."""
    parts = urlsplit(url)
    lines = (f"GET {parts.path} HTTP/1.1", f"Host: {parts.hostname}", "Content-Type: application/json", authorization)
    context = ssl.create_default_context(cafile=store.ca)
    with (
        socket.create_connection((parts.hostname, parts.port), HANG_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=parts.hostname) as connection,
    ):
        connection.settimeout(HANG_SECONDS)
        connection.sendall("\n".join(lines).encode() + b"\r\n\r\n")
        found = b""
        while b"\r\n\r\n" not in found:
            found += connection.recv(65536)
        head, _, _ = found.partition(b"\r\n\r\n")
        size = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])  # as the SDK looks for it
        while len(found) < len(head) + 4 + size:
            found += connection.recv(65536)
    return servers.parse(found), head


def test_the_c_sdks_request_gets_the_file_as_the_sdk_reads_it(store, told):
    reply, head = ask(store, told["url"], f"Authorization:Bearer {told['access_token']}")
    assert (head[:13], reply.body) == (b"HTTP/1.1 200 ", CONTENT)
    name = head.partition(b"filename=")[2].partition(b";")[0].decode()
    assert (name, len(name) <= 19) == (told["file_name"], True)
    assert told["url"].startswith(f"{store.url}/oss/")
    assert len(told["url"]) <= 255


@pytest.mark.parametrize("spoil", ["", "Authorization:Bearer ", "Authorization:Bearer 9999999999.0", "Authorization:x"])
def test_a_wrong_token_is_refused_in_our_own_words(store, told, spoil):
    reply, _ = ask(store, told["url"], spoil or "Accept: */*")
    assert (reply.status, reply.headers["content-type"]) == (403, "application/xml")
    assert REFUSED in reply.body
