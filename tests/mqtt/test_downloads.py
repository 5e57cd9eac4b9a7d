"""The addresses that devices get, and what they get from there: as their SDKs read it."""

import contextlib
import hashlib
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from otagw.files.links import Links
from tests.iotda.test_batch_task import Fleet
from tests.mqtt.client import Client, huawei, tuya
from tests.mqtt.fleets import bring

CONTENT = bytes(range(256)) * 40
SECRET = "devsecret123devsecret123"
# No port, and as long as names of hosts tend to be at most.
FILES = "https://ota-files.devices.eu-central-1.example-industries.com"
LONGEST = 255


@pytest.fixture
def app(make_app, tmp_path):
    folder = tmp_path / "bucket"
    (folder / "a").mkdir(parents=True)
    (folder / "a/upgrade.bin").write_bytes(CONTENT)
    return make_app(device_url=FILES, obs_buckets=json.dumps({"firmware": str(folder)}))


@pytest.fixture
def firmware(upload, rollout):
    """Roll out uploaded bytes; return the job."""
    return lambda: rollout(package={"FirmwareUrl": upload(CONTENT), "FirmwareSize": None})


@pytest.fixture
def connect(node):
    with contextlib.ExitStack() as stack:

        def connect(given):
            found = stack.enter_context(Client(node.port))
            assert found.connect(given) == 0
            return found

        yield connect


def in_gateway(url, base=FILES):
    """Return an address without the host by which devices reach it."""
    assert url.startswith(f"{base}/oss/ota/")
    assert len(url) <= LONGEST
    return url.removeprefix(base)


@pytest.mark.parametrize("ranges", [None, "bytes=0-"])
def test_alibabas_devices_have_an_address_without_a_port(client, device, firmware, ranges):
    connection = device.connect()
    device.report(connection)
    firmware()
    data = connection.message().json["data"]
    assert urlsplit(data["url"]).port is None
    found = client.http.get(in_gateway(data["url"]), headers={"Range": ranges} if ranges else {})
    assert (found.status_code, found.data) == (206 if ranges else 200, CONTENT)
    assert b"Content-Length: 10240\r\n" in str(found.headers).encode()  # the C SDK goes by case
    assert found.headers.get("Content-Range") == ("bytes 0-10239/10240" if ranges else None)
    assert (data["signMethod"], data["sign"]) == ("Md5", hashlib.md5(CONTENT).hexdigest())


def test_tuyas_devices_have_one_address_under_three_names(client, connect, firmware):
    bring("p", "dev1", SECRET)
    connection = connect(tuya("dev1", SECRET))
    connection.tell("tylink/dev1/ota/firmware/report", {"data": {"otaChannel": [{"channel": 0, "version": "1.0"}]}})
    firmware()
    data = connection.message().json["data"]
    assert data["url"] == data["cdnUrl"] == data["httpsUrl"]
    assert client.http.get(in_gateway(data["url"])).data == CONTENT
    assert (data["md5"], data["size"]) == (hashlib.md5(CONTENT).hexdigest(), "10240")


def test_huaweis_devices_have_an_address_with_a_port(client, connect, firmware):
    bring("p", "dev1", SECRET)
    connection = connect(huawei("p_dev1", SECRET))
    says(connection, "p_dev1", "version_report", fw_version="1.0")
    firmware()
    kind, paras = heard(connection)
    assert (kind, "?" in paras["url"]) == ("firmware_upgrade", False)
    headers = {"Authorization": f"Bearer {paras['access_token']}"}
    found = client.http.get(in_gateway(paras["url"], f"{FILES}:443"), headers=headers)
    assert (found.status_code, found.data) == (200, CONTENT)  # the C SDK takes no other status


def says(connection, device_id, kind, **paras):
    services = [{"service_id": "$ota", "event_type": kind, "paras": paras}]
    connection.tell(f"$oc/devices/{device_id}/sys/events/up", {"services": services})


def heard(connection):
    (service,) = connection.message().json["services"]
    return service["event_type"], service["paras"]


def test_a_task_of_huaweis_api_updates_a_device_of_huaweis_sdk(app, client, connect):
    fleet = Fleet(app)
    device_id, _ = fleet.device("dev1")
    connection = connect(huawei(device_id, "devsecret123"))
    task = fleet.task(fleet.package(custom_info="hello"), device_id)
    assert heard(connection) == ("version_query", {})
    says(connection, device_id, "version_report", fw_version="1.0", sw_version="1.0")
    kind, paras = heard(connection)
    assert (kind, paras["version"], paras["custom_info"]) == ("firmware_upgrade_v2", "2.0", "hello")
    assert ("access_token" in paras, paras["expires"], paras["file_size"]) == (False, 86400, len(CONTENT))
    url = paras["url"]
    assert url.partition("?")[0].rpartition("/")[2] == paras["file_name"]  # as the C SDK finds the name
    found = client.http.get(in_gateway(url, f"{FILES}:443"))
    assert (found.status_code, hashlib.sha256(found.data).hexdigest()) == (200, paras["sign"])
    says(connection, device_id, "upgrade_progress_report", result_code=0, version="2.0", progress=100)
    summary, states = fleet.show(task)
    assert (summary["status"], states) == ("Success", {device_id: "Success"})


def test_the_longest_address_of_a_file_is_short_enough(client):
    suffixes = ("raucb", "mender", "tar.gz", "tar.xz")
    keys = [client.ok("GenerateOTAUploadURL", FileSuffix=suffix)["Data"]["Key"] for suffix in suffixes]
    url = Links(b"", b"", b"", 31 * 86400).download(FILES, max(keys, key=len))
    (signature,) = parse_qs(urlsplit(url).query)["Signature"]
    written = url.rpartition("=")[2]
    # As if all of its letters had to be escaped, but the last before "=": that stands for 4 bits, and is no + or /.
    assert len(url) - len(written) + 3 * len(signature) - 2 <= LONGEST


def test_without_an_address_of_its_own_for_files_a_device_has_the_public_one(make_app, make_node, register, firmware):
    make_app(public_url="https://ota.example.com:8686/ota")
    device, node = register(), make_node("public")
    connection = device.connect(node.port)
    device.report(connection)
    firmware()
    assert connection.message().json["data"]["url"].startswith("https://ota.example.com:8686/ota/oss/ota/firmware/")
