"""What a device is given to download: names its client takes, digests it insists on, links that live long enough."""

import base64
import hashlib
import json
import os

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from otagw import settings
from otagw.cli import main
from otagw.db import database
from tests import door
from tests.ddi.conftest import SWU, Device, refusal
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
    assert artifact["_links"]["download-http"]["href"].startswith("http://ota.test:8443/p/controller/v1/dev1/")
    assert artifact["_links"]["download"] == artifact["_links"]["download-http"]
    secure = Device(make_app(public_url="https://ota.test").test_client(), "dev1", device.authorization)
    hrefs = secure.poll()["_links"]["deploymentBase"]["href"]
    assert hrefs.startswith("https://ota.test/p/controller/v1/dev1/")
    (artifact,) = secure.send("GET", hrefs.removeprefix("https://ota.test")).json["deployment"]["chunks"][0][
        "artifacts"
    ]
    assert artifact["_links"]["download"]["href"].startswith("https://ota.test/p/controller/v1/dev1/")
    assert artifact["_links"]["download"] == artifact["_links"]["download-http"]


@pytest.fixture
def link(device, rollout):
    """A device that has fetched its deployment, and its link to the one artifact."""
    rollout("2.0", name="fw")
    return device, artifacts(device)[0]["_links"]["download"]["href"]


def test_an_artifact_has_hawkbits_own_links(device, rollout):
    rollout("2.0", name="fw")
    (artifact,) = artifacts(device)
    found = {kind: link["href"] for kind, link in artifact["_links"].items()}
    folder = f"http://localhost/p/controller/v1/dev1/softwaremodules/{device.action()}/artifacts/"
    assert found == {
        "download": f"{folder}fw-2.0.swu",
        "download-http": f"{folder}fw-2.0.swu",
        "md5sum": f"{folder}fw-2.0.swu.MD5SUM",
        "md5sum-http": f"{folder}fw-2.0.swu.MD5SUM",
    }
    whole = device.send("GET", found["download"])
    assert (whole.status_code, whole.data) == (200, SWU)
    assert whole.headers["ETag"] == f'"{artifact["hashes"]["sha256"]}"'
    assert whole.headers["Content-Disposition"] == "attachment; filename=fw-2.0.swu; filename*=UTF-8''fw-2.0.swu"
    summed = device.send("GET", found["md5sum"])
    assert (summed.status_code, summed.text) == (200, f"{artifact['hashes']['md5']}  fw-2.0.swu")
    assert summed.content_type == "text/plain; charset=utf-8"
    head = device.send("HEAD", found["download"])
    assert (head.status_code, head.headers["Content-Length"], head.data) == (200, str(len(SWU)), b"")


def test_a_deployment_is_the_same_while_nothing_changes(device, rollout, held_clock):
    rollout()
    href = device.links()["deploymentBase"]
    first = device.send("GET", href)
    held_clock.seconds += 86_401
    assert device.send("GET", href).headers["ETag"] == first.headers["ETag"]
    assert device.send("GET", href, **{"If-None-Match": first.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("name", ["x" * 250, "锁" * 80, "f"])
@pytest.mark.parametrize("device_name", ["dev1", "d" * 32])
def test_a_link_has_199_characters_at_most(register, rollout, name, device_name):
    device = register(device_name, "1.0")
    rollout(name="fw")
    database.execute("UPDATE package SET name = ?", name)
    (artifact,) = artifacts(device)
    for kind, link in artifact["_links"].items():
        assert len(link["href"]) <= 199, kind
    assert device.send("GET", artifact["_links"]["download"]["href"]).data == SWU
    md5 = f"{artifact['hashes']['md5']}  {artifact['filename']}"
    assert device.send("GET", artifact["_links"]["md5sum"]["href"]).text == md5


def test_files_whose_names_are_cut_to_the_same_have_links_of_their_own(device, rollout, upload):
    files = {f"MultiFiles.{n}.Name": name for n, name in ((1, "root"), (2, "boot"))}
    files |= {"MultiFiles.1.Url": upload(SWU), "MultiFiles.2.Url": upload(SWU + b"2")}
    rollout(name="fw", package=files)
    database.execute("UPDATE package SET name = ?", "锁" * 256)
    one, two = (device.send("GET", artifact["_links"]["download"]["href"]).data for artifact in artifacts(device))
    assert (one, two) == (SWU, SWU + b"2")


def test_half_a_download_goes_on(device, rollout, upload, held_clock):
    content = SWU[:6] + os.urandom(302074)
    rollout(package={"FirmwareUrl": upload(content)})
    link = artifacts(device)[0]["_links"]["download-http"]["href"]
    begun = device.send("GET", link, Range="bytes=0-119999")
    held_clock.seconds += 86401
    rest = device.send("GET", link, **{"Range": "bytes=120000-", "If-Range": begun.headers["ETag"]})
    assert (rest.status_code, rest.headers["Content-Range"]) == (206, "bytes 120000-302079/302080")
    assert begun.data + rest.data == content
    whole = device.send("GET", link, **{"Range": "bytes=120000-", "If-Range": '"other"'})
    assert (whole.status_code, whole.data) == (200, content)
    assert device.send("GET", link, Range="bytes=302080-").status_code == 416
    assert device.send("GET", link, **{"If-None-Match": begun.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("authorization", [None, "TargetToken wrong", "GatewayToken wrong"])
def test_an_artifact_is_for_its_device_alone(link, authorization):
    device, href = link
    assert refusal(Device(device.http, "dev1", authorization).send("GET", href)) == (401, "wrong_token")


def test_a_gateway_token_fetches_an_artifact(link, environment, monkeypatch):
    device, href = link
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made = CliRunner().invoke(main, ["products", "gateway-token", "set", "p", "for-all-of-p"])
    assert made.exit_code == 0, made.output
    door.enter(settings.load(environment))  # the command leaves the process without one
    assert Device(device.http, "dev1", "GatewayToken for-all-of-p").send("GET", href).data == SWU


def test_another_device_has_no_such_artifact(link, register):
    href = link[1]
    other = register("dev2", "1.0")
    assert refusal(other.send("GET", href.replace("/dev1/", "/dev2/"))) == (404, "no_action")
    assert refusal(other.send("GET", href)) == (401, "wrong_token")


@pytest.mark.parametrize("end", ["x.swu", "fw-2.0.swu.MD5", ".MD5SUM", "1.bin", "2.swu"])
def test_what_is_no_artifact_of_an_action(link, end):
    device, href = link
    assert refusal(device.send("GET", href.removesuffix("fw-2.0.swu") + end)) == (404, "no_action")


def test_an_artifact_is_there_while_its_action_is(client, device, rollout, cancel):
    job = rollout()
    href = artifacts(device)[0]["_links"]["download"]["href"]
    action = device.action()
    cancel(job)
    assert refusal(device.send("GET", href)) == (404, "no_action")
    device.tell(action, "rejected", "success", kind="cancelAction")
    assert device.send("GET", href).data == SWU  # it goes on nevertheless
    device.tell(action, "closed", "success")
    assert refusal(device.send("GET", href)) == (404, "no_action")


def test_a_tenant_is_its_product_in_any_case_that_is_the_only_one(client, link):
    device, href = link
    path = href.removeprefix("http://localhost").replace("/p/", "/P/", 1)

    def given(path):
        return device.http.get(path, headers={"Authorization": device.authorization})

    assert given(path).data == SWU
    polled = given("/P/controller/v1/dev1")
    assert polled.json["_links"]["deploymentBase"]["href"].startswith("http://localhost/p/controller/")
    for unknown in ("/nothing/controller/v1/dev1", "/p p/controller/v1/dev1"):
        assert refusal(given(unknown)) == (401, "wrong_token")  # as where the product is another's
    for key in ("Twin", "tWin"):
        client.ok("RegisterDevice", ProductKey=key, DeviceName="dev1")
    assert refusal(given("/twin/controller/v1/dev1")) == (401, "wrong_token")
    client.ok("RegisterDevice", ProductKey="P", DeviceName="other")
    assert refusal(given(path)) == (401, "wrong_token")  # the exact one has no such device


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
        "_links": {"download": {"href": url}, "download-http": {"href": url}},
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
