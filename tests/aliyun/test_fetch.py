"""FirmwareUrl on other hosts: verified where the host is listed, and taken as it is where not."""

import hashlib
import json

import pytest

from otagw.db import database
from tests.conftest import Client
from tests.web import answer

BODY = b"firmware" * 10_000
MD5, SHA256 = hashlib.md5(BODY).hexdigest(), hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def app(make_app, web):
    web.pages["/x.bin"] = answer(BODY)
    return make_app(fetch_hosts=json.dumps([f"127.0.0.1:{web.port}", "cdn.example.com"]))


def info(client, identity):
    return client.ok("QueryOTAFirmware", FirmwareID=identity)["FirmwareInfo"]


def create(**params):
    return {"FirmwareName": "name", "DestVersion": "1.0.0", **params}


def test_size_and_digest_are_filled_in(client, web):
    found = info(client, client.make(FirmwareUrl=web.url("/x.bin?a=b")))
    assert found["FirmwareUrl"] == web.url("/x.bin?a=b")
    assert (found["FirmwareSize"], found["FirmwareSign"], found["SignMethod"]) == (len(BODY), MD5, "MD5")
    assert found["Verified"] is True


def test_size_and_digest_that_are_right_stay_as_they_came(client, web):
    params = {"FirmwareSize": str(len(BODY)), "FirmwareSign": SHA256.upper(), "SignMethod": "SHA256"}
    found = info(client, client.make(FirmwareUrl=web.url(), **params))
    assert (found["FirmwareSign"], found["Verified"]) == (SHA256, True)


def test_an_unlisted_host_is_not_asked(client, web, names):
    url = "https://elsewhere.example/x.bin"
    found = info(client, client.make(FirmwareUrl=url, FirmwareSize="7"))
    assert (found["FirmwareUrl"], found["FirmwareSize"], found["Verified"]) == (url, 7, False)
    assert "FirmwareSign" not in found
    assert names.asked == []


def test_nothing_is_fetched_unless_the_setting_says_so(make_app, web):
    client = Client(make_app())
    assert info(client, client.make(FirmwareUrl=web.url()))["Verified"] is False
    assert web.seen == []


def test_another_size_is_refused(client, web):
    _, code, text = client.refused("CreateOTAFirmware", **create(FirmwareUrl=web.url(), FirmwareSize="7"))
    assert code == "iot.ota.FileSizeMismatch"
    assert text == f"The file has {len(BODY)} bytes, not 7."


@pytest.mark.parametrize(("method", "actual"), [("MD5", MD5), ("SHA256", SHA256)])
def test_another_digest_is_refused(client, web, method, actual):
    given = "0" * len(actual)
    params = create(FirmwareUrl=web.url(), SignMethod=method, FirmwareSign=given)
    status, code, text = client.refused("CreateOTAFirmware", **params)
    assert (status, code) == (400, "iot.ota.FileSignMismatch")
    assert text == f"The file's {method} is {actual}, not {given}."


def test_what_cannot_be_fetched_is_refused_and_no_secret_is_repeated(client, web, log_lines):
    params = create(FirmwareUrl=web.url("/none?Signature=secret&X=%41"))
    status, code, text = client.refused("CreateOTAFirmware", **params)
    assert (status, code) == (400, "iot.ota.FileFetchFailed")
    assert text == f"The file at {web.url('/none')} cannot be verified: it answers with status 404."
    assert "secret" not in json.dumps(log_lines())
    assert client.ok("ListOTAFirmware", CurrentPage="1", PageSize="1")["Total"] == 0


def test_a_listed_name_does_not_lead_inside(client, web, names):
    names["cdn.example.com"] = ["169.254.169.254"]
    _, code, text = client.refused("CreateOTAFirmware", **create(FirmwareUrl="http://CDN.example.com/latest/"))
    assert code == "iot.ota.FileFetchFailed"
    assert text == (
        "The file at http://cdn.example.com/latest/ cannot be verified: "
        "its host resolves to an address that is not allowed."
    )


def test_the_sdks_see_a_refusal_of_the_business(client, web):
    response = client("CreateOTAFirmware", Version="2018-01-20", **create(FirmwareUrl=web.url("/none")))
    assert (response.status_code, response.json["Code"]) == (200, "iot.ota.FileFetchFailed")


def test_an_empty_file_is_refused_alone_and_among_several(client, web):
    web.pages["/empty.bin"] = answer(b"")
    for given in (create(FirmwareUrl=web.url("/empty.bin")), several(web.url(), web.url("/empty.bin"))):
        status, code, text = client.refused("CreateOTAFirmware", **given)
        assert (status, code, text.endswith("it is empty.")) == (400, "iot.ota.FileFetchFailed", True)


def test_a_file_over_the_setting_is_refused(make_app, web):
    web.pages["/x.bin"] = answer(BODY)
    hosts = json.dumps([f"127.0.0.1:{web.port}"])
    client = Client(make_app(fetch_hosts=hosts, max_package_bytes=len(BODY) - 1))
    found = client.refused("CreateOTAFirmware", **create(FirmwareUrl=web.url()))
    assert (found[1], f"more than {len(BODY) - 1} bytes" in found[2]) == ("iot.ota.FileFetchFailed", True)


def several(*urls, **more):
    found = create(**more)
    for number, url in enumerate(urls, 1):
        found |= {f"MultiFiles.{number}.Name": f"f{number}", f"MultiFiles.{number}.Url": url}
    return found


def test_every_file_of_several_is_verified(client, web):
    web.pages["/y.bin"] = answer(b"y")
    params = several(web.url(), web.url("/y.bin"), SignMethod="SHA256", **{"MultiFiles.2.Size": "1"})
    found = info(client, client.ok("CreateOTAFirmware", **params)["Data"]["FirmwareID"])
    assert found["Verified"] is True
    assert found["MultiFiles"] == [
        {"Name": "f1", "Url": web.url(), "Size": len(BODY), "FileMd5": MD5, "SignValue": SHA256},
        {
            "Name": "f2", "Url": web.url("/y.bin"), "Size": 1, "FileMd5": hashlib.md5(b"y").hexdigest(),
            "SignValue": hashlib.sha256(b"y").hexdigest(),
        },
    ]  # fmt: skip


def test_one_unlisted_file_of_several_leaves_the_package_unverified(client, web):
    params = several(web.url(), "https://elsewhere.example/y")
    found = info(client, client.ok("CreateOTAFirmware", **params)["Data"]["FirmwareID"])
    assert found["Verified"] is False
    assert [file.get("Size") for file in found["MultiFiles"]] == [len(BODY), None]


def test_a_wrong_file_of_several_is_refused_before_the_next_is_fetched(client, web):
    params = several(web.url(), web.url("/next"), **{"MultiFiles.1.FileMd5": "0" * 32})
    assert client.refused("CreateOTAFirmware", **params)[1] == "iot.ota.FileSignMismatch"
    assert web.paths() == ["/x.bin"]


def test_a_repeated_create_is_not_fetched_again(client, web):
    params = create(FirmwareUrl=web.url(), ClientToken="t")
    first = client.ok("CreateOTAFirmware", **params)
    del web.pages["/x.bin"]
    assert client.ok("CreateOTAFirmware", **params)["Data"] == first["Data"]
    found = client.refused("CreateOTAFirmware", **{**params, "FirmwareUrl": web.url("/other")})
    assert found[1] == "IdempotentParameterMismatch"
    assert web.paths() == ["/x.bin"]


def test_others_may_write_while_a_file_is_fetched(client, web):
    def page(stream):
        try:
            client.make("meanwhile")
        finally:
            database.disconnect()
        stream.write(answer(BODY))

    web.pages["/slow"] = page
    client.make("name", FirmwareUrl=web.url("/slow"))
    assert client.ok("ListOTAFirmware", CurrentPage="1", PageSize="1")["Total"] == 2
