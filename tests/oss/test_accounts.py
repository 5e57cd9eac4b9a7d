"""Files between accounts: form, key and file are good for the account that announced them, and for nobody else."""

import base64
import json

import pytest

from otagw import runtime
from tests.conftest import OTHER, Client
from tests.oss.conftest import body_of, fields_of, post
from tests.oss.test_upload import refused

LIST = b"DeviceName\ndev1\n"
FIRMWARES, LISTS = "GenerateOTAUploadURL", "GenerateDeviceNameListURL"
URLS = {FIRMWARES: "FirmwareUrl", LISTS: "FileUrl"}


@pytest.fixture
def other(app):
    return Client(app, OTHER)


def stranger_file(client, other, operation, content=b"a stranger's"):
    """Let the other account upload a file; return its address."""
    data = other.ok(operation)["Data"]
    assert post(client, body_of(fields_of(data), content)).status_code == 204
    return data[URLS[operation]]


@pytest.mark.parametrize("operation", URLS)
@pytest.mark.parametrize("mine", [False, True])
def test_a_form_is_good_for_no_other_announced_key(client, other, stored, operation, mine):
    form = fields_of(client.ok(operation)["Data"])
    second = (client if mine else other).ok(operation)["Data"]
    assert refused(post(client, body_of({**form, "key": second["Key"]}, b"bytes"))) == (403, "AccessDenied")
    assert stored() == []
    assert post(client, body_of(fields_of(second), b"bytes")).status_code == 204
    assert post(client, body_of(form, b"bytes")).status_code == 204


def test_a_form_is_good_for_no_key_that_begins_or_ends_like_its_own(client, announce, stored):
    form = fields_of(announce())
    for key in (form["key"] + "x", form["key"][:-1], form["key"].upper(), "/" + form["key"], form["key"] + "/x"):
        assert refused(post(client, body_of({**form, "key": key}, b"bytes"))) == (403, "AccessDenied")
    assert stored() == []


def old_policy(form, condition):
    """Return a form as a gateway of before made it, or would: its policy ends with another condition."""
    policy = json.loads(base64.b64decode(form["policy"]))
    policy["conditions"][1] = condition
    text = base64.b64encode(json.dumps(policy).encode()).decode()
    return {**form, "policy": text, "Signature": runtime.current().links.sign_policy(text)}


@pytest.mark.parametrize("condition", [["starts-with", "$key", "ota/firmware/"], ["starts-with", "$key", ""]])
def test_a_form_of_before_the_upgrade_is_refused(client, announce, stored, condition):
    form = old_policy(fields_of(announce()), condition)
    assert refused(post(client, body_of(form, b"bytes"))) == (403, "AccessDenied")
    assert stored() == []


def test_a_form_that_is_sent_again_changes_nothing(client, announce, stored):
    data = announce()
    form = fields_of(data)
    assert post(client, body_of(form, b"first")).status_code == 204
    before = stored()
    assert refused(post(client, body_of(form, b"second"))) == (409, "FileAlreadyExists")
    identity = client.make(FirmwareUrl=data["FirmwareUrl"])
    assert refused(post(client, body_of(form, b"third"))) == (409, "FileAlreadyExists")
    url = client.ok("QueryOTAFirmware", FirmwareId=identity)["FirmwareInfo"]["FirmwareUrl"]
    assert client.http.get(url).data == b"first"
    assert stored() == before


def test_a_form_does_not_bring_a_deleted_file_back(client, announce, stored):
    data = announce()
    assert post(client, body_of(fields_of(data), b"first")).status_code == 204
    client.ok("DeleteOTAFirmware", FirmwareId=client.make(FirmwareUrl=data["FirmwareUrl"]))
    assert stored() == []
    assert refused(post(client, body_of(fields_of(data), b"second"))) == (404, "NoSuchKey")
    assert stored() == []


@pytest.mark.parametrize("operation", URLS)
@pytest.mark.parametrize("spell", [str, lambda url: url.replace("localhost", "LOCALHOST") + "?x=y"])
def test_a_package_claims_no_file_of_another_account(client, other, operation, spell):
    url = spell(stranger_file(client, other, operation))
    names = {"FirmwareName": "name", "DestVersion": "1"}
    for place in ({"FirmwareUrl": url}, {"MultiFiles.1.Name": "a", "MultiFiles.1.Url": url}):
        assert client.refused("CreateOTAFirmware", **names, **place)[:2] == (404, "iot.ota.FileNotFound")


def test_another_accounts_file_under_a_foreign_host_is_an_address_and_not_the_file(client, other):
    url = stranger_file(client, other, FIRMWARES).replace("localhost", "files.test")
    found = client.ok("QueryOTAFirmware", FirmwareId=client.make(FirmwareUrl=url))["FirmwareInfo"]
    assert (found["FirmwareUrl"], found["Verified"]) == (url, False)
    assert client.http.get(url.removeprefix("http://files.test")).status_code == 403


def test_a_job_takes_no_list_of_devices_of_another_account(client, other, upload):
    client.ok("RegisterDevice", ProductKey="p", DeviceName="dev1")
    firmware = client.make(FirmwareUrl=upload(b"bytes"), ProductKey="p", NeedToVerify="false")
    given = {"FirmwareId": firmware, "ProductKey": "p", "TargetSelection": "SPECIFIC"}
    for operation in (LISTS, FIRMWARES):
        url = stranger_file(client, other, operation, LIST)
        found = client.refused("CreateOTAStaticUpgradeJob", **given, DnListFileUrl=url)
        assert found[:2] == (404, "iot.ota.FileNotFound")
    own = stranger_file(client, client, LISTS, LIST)
    client.ok("CreateOTAStaticUpgradeJob", **given, DnListFileUrl=own)
