"""What a device is given to download: names its client takes, digests it insists on, links that live long enough."""

import base64
import hashlib
import json
import os
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from otagw import settings
from otagw.cli import main
from otagw.db import database
from tests import door
from tests.ddi.conftest import SWU, Device
from tests.web import answer

DIGESTS = ("sha1", "md5", "sha256")


def artifacts(device):
    (chunk,) = device.deployment()["deployment"]["chunks"]
    return chunk["artifacts"]


@pytest.mark.parametrize(
    ("content", "suffix", "expected"),
    [
        (SWU, "bin", ".swu"),
        (SWU, "swu", ".swu"),
        (b"hsqs" + bytes(100), "img", ".raucb"),
        (b"hsqs", "raucb", ".raucb"),
        (b"plain", "bin", ".bin"),
        (b"plain", "swu", ".swu"),
        (b"plain", "tar.gz", ".tar.gz"),
        (b"plain", "tar.xz", ".tar.xz"),
        (b"07070", "img", ".img"),
        (b"070701aaaa", "mender", ".mender"),
    ],
)
def test_a_name_ends_as_its_bytes_are(device, rollout, upload, content, suffix, expected):
    rollout("2.0", name="fw", package={"FirmwareUrl": upload(content, suffix)})
    (artifact,) = artifacts(device)
    assert artifact["filename"] == f"fw-2.0{expected}"
    assert artifact["size"] == len(content)
    assert artifact["hashes"] == {name: hashlib.new(name, content).hexdigest() for name in DIGESTS}


def test_a_file_that_was_uploaded_before_formats_were_known(device, rollout, upload):
    rollout(name="fw", package={"FirmwareUrl": upload(SWU, "swu")})
    database.execute("UPDATE stored_file SET format = NULL")
    database.execute("UPDATE package SET facts = NULL")
    (artifact,) = artifacts(device)
    assert artifact["filename"] == "fw-2.0.swu"
    assert artifact["hashes"]["sha1"] == hashlib.sha1(SWU).hexdigest()


@pytest.mark.parametrize(("name", "expected"), [("门锁(v1)", "门锁(v1)"), ("a/b\\c:d", "a_b_c_d"), ("..", "..")])
def test_what_file_names_cannot_bear_becomes_a_line(device, rollout, name, expected):
    rollout(name="fw")
    database.execute("UPDATE package SET name = ?", name)
    assert artifacts(device)[0]["filename"] == f"{expected}-2.0.swu"


def test_a_name_is_no_longer_than_file_systems_take(device, rollout):
    rollout(name="fw")
    database.execute("UPDATE package SET name = ?", "锁" * 256)
    found = artifacts(device)[0]["filename"]
    assert len(found.encode()) <= 255
    assert found.endswith(".swu")


def test_several_files_are_several_artifacts_of_one_chunk(device, rollout, upload):
    files = {f"MultiFiles.{n}.Name": name for n, name in ((1, "root"), (2, "boot.bin"))}
    files |= {"MultiFiles.1.Url": upload(SWU), "MultiFiles.2.Url": upload(b"boot")}
    rollout(name="fw", package=files)
    found = artifacts(device)
    assert [artifact["filename"] for artifact in found] == ["fw-2.0-root.swu", "fw-2.0-boot.bin"]
    assert [artifact["size"] for artifact in found] == [len(SWU), 4]
    assert found[1]["hashes"]["md5"] == hashlib.md5(b"boot").hexdigest()


def test_tags_and_information_are_metadata(device, rollout):
    rollout(package={"Udi": '{"a":1}'}, **{"Tag.1.Key": "ring", "Tag.1.Value": "1"})
    (chunk,) = device.deployment()["deployment"]["chunks"]
    assert chunk["metadata"] == [{"key": "ring", "value": "1"}, {"key": "custom_info", "value": '{"a":1}'}]


def test_links_are_of_the_address_that_was_asked(client, device, rollout, make_app):
    rollout()
    found = device.send("GET", device.links()["deploymentBase"], Host="ota.test:8443").json
    (artifact,) = found["deployment"]["chunks"][0]["artifacts"]
    assert artifact["_links"]["download-http"]["href"].startswith("http://ota.test:8443/oss/")
    secure = Device(make_app(public_url="https://ota.test").test_client(), "dev1", device.authorization)
    hrefs = secure.poll()["_links"]["deploymentBase"]["href"]
    assert hrefs.startswith("https://ota.test/p/controller/v1/dev1/")
    (artifact,) = secure.send("GET", hrefs.removeprefix("https://ota.test")).json["deployment"]["chunks"][0][
        "artifacts"
    ]
    assert artifact["_links"].keys() == {"download"}
    assert artifact["_links"]["download"]["href"].startswith("https://ota.test/oss/")


@pytest.mark.parametrize(("minutes", "seconds"), [(None, 86400), (10, 86400), (1440, 86400), (1500, 86400)])
def test_a_link_lives_as_long_as_the_update_may_take(device, rollout, held_clock, minutes, seconds):
    rollout(**({"TimeoutInMinutes": min(minutes, 1440)} if minutes else {}))
    if minutes:
        database.execute(
            "UPDATE job SET rules = REPLACE(rules, ?, ?)", f'"timeout": {min(minutes, 1440)}', f'"timeout": {minutes}'
        )
    href = artifacts(device)[0]["_links"]["download-http"]["href"]
    (expires,) = parse_qs(urlsplit(href).query)["Expires"]
    assert int(expires) - held_clock.seconds == max(seconds, (minutes or 0) * 60)


def test_half_a_download_goes_on_with_a_fresh_link(device, rollout, upload, held_clock):
    content = SWU[:6] + os.urandom(302074)
    rollout(package={"FirmwareUrl": upload(content)})
    first = artifacts(device)[0]["_links"]["download-http"]["href"]
    begun = device.send("GET", first, Range="bytes=0-119999")
    held_clock.seconds += 86401
    assert device.send("GET", first).status_code == 403
    fresh = artifacts(device)[0]["_links"]["download-http"]["href"]
    rest = device.send("GET", fresh, **{"Range": "bytes=120000-", "If-Range": begun.headers["ETag"]})
    assert rest.status_code == 206
    assert begun.data + rest.data == content


def test_a_package_whose_bytes_nobody_has_seen_is_not_shown(client, device, rollout, task):
    job = rollout(package={"FirmwareUrl": "https://files.test/x.swu", "FirmwareSign": "0" * 32, "FirmwareSize": 5})
    assert device.links() == {}
    assert task(job)["TaskStatus"] == "QUEUED"
    why = client.ok("QueryOTADeviceTimeline", ProductKey="p", DeviceName="dev1")["Data"]["Reason"]
    assert "Not all digests of the package are known" in json.dumps(why)


def test_a_package_of_which_one_file_is_unknown_is_not_shown(device, rollout, upload):
    files = {"MultiFiles.1.Name": "a", "MultiFiles.1.Url": upload(SWU), "MultiFiles.2.Name": "b"}
    rollout(package={**files, "MultiFiles.2.Url": "https://files.test/x.bin"})
    assert device.links() == {}


def test_a_file_of_another_host_that_was_fetched_is_shown(make_app, web, client):
    web.pages["/fw/x.bin"] = answer(SWU)
    client = type(client)(make_app(fetch_hosts=json.dumps([f"127.0.0.1:{web.port}"])))
    data = client.ok("RegisterDevice", ProductKey="p", DeviceName="dev1")["Data"]
    device = Device(client.http, "dev1", f"TargetToken {data['DeviceSecret']}")
    url = web.url("/fw/x.bin")
    firmware = client.make("fw", "2.0", NeedToVerify="false", FirmwareUrl=url, ProductKey="p")
    client.ok("CreateOTAStaticUpgradeJob", FirmwareId=firmware, ProductKey="p", TargetSelection="ALL")
    (artifact,) = artifacts(device)
    assert artifact == {
        "filename": "fw-2.0.swu",
        "size": len(SWU),
        "hashes": {name: hashlib.new(name, SWU).hexdigest() for name in DIGESTS},
        "_links": {"download-http": {"href": url}},
    }


def test_signatures_are_metadata_that_says_what_was_signed(device, rollout, client, environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made = CliRunner().invoke(main, ["keys", "signing", "create", "team", "--auto"])
    assert made.exit_code == 0, made.output
    door.enter(settings.load(environment))  # the command leaves the process without one
    rollout()
    (chunk,) = device.deployment()["deployment"]["chunks"]
    found = {item["key"]: item["value"] for item in chunk["metadata"]}
    assert found["otagw.release.key"] == "team"
    statement = found["otagw.release.statement"].encode()
    key = load_pem_public_key(made.stdout.encode())
    key.verify(base64.b64decode(found["otagw.release.signature"]), statement)
    said = json.loads(statement)
    (artifact,) = chunk["artifacts"]
    assert (said["product"], said["version"]) == ("p", chunk["version"])
    assert (said["sha256"], said["size"]) == (artifact["hashes"]["sha256"], artifact["size"])
