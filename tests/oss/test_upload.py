"""Uploads by form: what is taken, what is refused, and that nothing is left of what was not taken whole."""

import base64
import hashlib
import io
import json
import re
import xml.etree.ElementTree as ET
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otagw.db import database
from tests.conftest import KEY, OTHER, Client
from tests.oss.conftest import BOUNDARY, FIELDS, body_of, fields_of, link_of, post

CONTENT = bytes(range(256)) * 400
MD5 = hashlib.md5(CONTENT).hexdigest()


def refused(response):
    """Return status and code of a refusal in the XML form of the vendor."""
    root = ET.fromstring(response.data)
    assert root.tag == "Error"
    assert root.findtext("RequestId") == response.headers["X-Request-Id"]
    return response.status_code, root.findtext("Code")


def query(client, url, **params):
    identity = client.make(FirmwareUrl=url, **params)
    return client.ok("QueryOTAFirmware", FirmwareId=identity)["FirmwareInfo"]


def test_an_announced_upload_has_the_fields_of_the_vendor(announce, held_clock):
    data = announce("tar.gz")
    assert sorted(data) == [
        "FirmwareUrl", "Host", "Key", "OSSAccessKeyID", "ObjectStorage", "Policy", "Signature", "UtcCreate",
    ]  # fmt: skip
    assert data["Host"] == "http://localhost/oss"
    assert data["FirmwareUrl"] == f"{data['Host']}/{data['Key']}"
    assert data["Key"].startswith("ota/firmware/")
    assert data["Key"].endswith(".tar.gz")
    assert json.loads(base64.b64decode(data["Policy"])) == {
        "expiration": "2026-11-18T11:07:40.000Z",
        "conditions": [["content-length-range", 0, 1073741824], ["eq", "$key", data["Key"]]],
        "holder": KEY[0],
    }


def test_a_list_of_devices_has_names_of_its_own(client):
    data = client.ok("GenerateDeviceNameListURL")["Data"]
    assert data["FileUrl"] == f"{data['Host']}/{data['Key']}"
    assert data["Key"].startswith("ota/devices/")
    assert "AccessKeyId" in data


@pytest.mark.parametrize("suffix", ["com", "bin/../x", ".bin", "tar.bz2"])
def test_another_suffix_is_refused(client, suffix):
    assert client.refused("GenerateOTAUploadURL", FileSuffix=suffix)[1] == "InvalidParameter"


@pytest.mark.parametrize("suffix", ["pack", "exe", "bat", "tar.xz"])
def test_a_suffix_that_a_vendor_lists_is_taken(announce, suffix):
    assert announce(suffix)["Key"].endswith(f".{suffix}")


def test_the_size_of_packages_is_a_setting_and_stands_in_the_policy(make_app, stored):
    client = Client(make_app(max_package_bytes=1000))
    data = client.ok("GenerateOTAUploadURL")["Data"]
    assert json.loads(base64.b64decode(data["Policy"]))["conditions"][0] == ["content-length-range", 0, 1000]
    assert refused(post(client, body_of(fields_of(data), b"x" * 1001))) == (400, "EntityTooLarge")
    assert post(client, body_of(fields_of(data), b"x" * 1000)).status_code == 204
    names = client.ok("GenerateDeviceNameListURL")["Data"]
    assert json.loads(base64.b64decode(names["Policy"]))["conditions"][0][2] == 5 * 1024 * 1024
    assert post(client, body_of(fields_of(names), b"d" * 2000)).status_code == 204


def test_the_whole_way_of_a_file(client, upload, stored):
    found = query(client, upload(CONTENT))
    assert (found["FirmwareSize"], found["FirmwareSign"], found["Verified"]) == (len(CONTENT), MD5, True)
    response = client.http.get(found["FirmwareUrl"])
    assert response.status_code == 200
    assert response.data == CONTENT
    assert len(stored()) == 1


def test_an_empty_file_is_refused_and_its_key_stays_free(client, announce, stored):
    for data in (announce(), client.ok("GenerateDeviceNameListURL")["Data"]):
        before = stored()
        assert refused(post(client, body_of(fields_of(data), b""))) == (400, "EntityTooSmall")
        assert stored() == before
        assert post(client, body_of(fields_of(data), b"x")).status_code == 204
        assert len(stored()) == len(before) + 1


@pytest.mark.parametrize("several", [False, True])
def test_no_firmware_is_made_of_an_empty_file_from_before(client, upload, several):
    url = upload(b"x")
    database.execute("UPDATE stored_file SET size = 0")
    given = {"MultiFiles.1.Name": "a", "MultiFiles.1.Url": url} if several else {"FirmwareUrl": url}
    found = client.refused("CreateOTAFirmware", FirmwareName="fw", DestVersion="2", **given)
    assert found[:2] == (400, "iot.ota.FileEmpty")


@pytest.mark.parametrize(("asked", "status"), [("200", 200), ("201", 201), ("204", 204), ("302", 204), ("", 204)])
def test_the_form_may_ask_for_a_status(client, announce, asked, status):
    fields = {**fields_of(announce()), "success_action_status": asked}
    response = post(client, body_of(fields, CONTENT))
    assert response.status_code == status
    assert response.headers["ETag"] == f'"{MD5.upper()}"'
    if status == 201:
        assert ET.fromstring(response.data).findtext("Key") == fields["key"]


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_needed(client, announce, stored, name):
    fields = {key: value for key, value in fields_of(announce()).items() if key != name}
    assert refused(post(client, body_of(fields, CONTENT))) == (400, "InvalidArgument")
    assert stored() == []


def test_fields_behind_the_file_are_too_late(client, announce, stored):
    fields = fields_of(announce())
    late = {"key": fields.pop("key")}
    body = body_of(fields, CONTENT).replace(f"--{BOUNDARY}--".encode(), b"") + body_of(late, b"")
    assert refused(post(client, body)) == (400, "InvalidArgument")
    assert stored() == []


def change(fields, name):
    value = fields[name]
    return {**fields, name: ("A" if value[0] != "A" else "B") + value[1:]}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("policy", (403, "SignatureDoesNotMatch")),
        ("Signature", (403, "SignatureDoesNotMatch")),
        ("OSSAccessKeyId", (403, "InvalidAccessKeyId")),
        ("key", (403, "AccessDenied")),
    ],
)
def test_a_forged_field_is_refused(client, announce, stored, name, found):
    assert refused(post(client, body_of(change(fields_of(announce()), name), CONTENT))) == found
    assert stored() == []


def test_a_widened_policy_is_refused(client, announce):
    fields = fields_of(announce())
    policy = json.loads(base64.b64decode(fields["policy"]))
    policy["conditions"][0][2] *= 10
    fields["policy"] = base64.b64encode(json.dumps(policy).encode()).decode()
    assert refused(post(client, body_of(fields, CONTENT))) == (403, "SignatureDoesNotMatch")


def test_the_signature_of_a_link_is_none_of_a_policy(client, announce, stored):
    link = urlsplit(link_of(client, CONTENT))
    query = dict(parse_qsl(link.query))
    kept = stored()
    text = f"GET\n{query['Expires']}\n{link.path.removeprefix('/oss/')}"
    fields = {**fields_of(announce()), "policy": text, "Signature": query["Signature"]}
    assert refused(post(client, body_of(fields, b"other"))) == (403, "SignatureDoesNotMatch")
    assert client.http.get(f"{link.path}?{link.query}").data == CONTENT
    assert stored() == kept


def test_a_policy_holds_for_a_whole_minute(client, announce, held_clock):
    fields = fields_of(announce())
    held_clock.seconds += 60
    assert post(client, body_of(fields, CONTENT)).status_code == 204


def test_an_expired_policy_is_refused(client, announce, held_clock):
    fields = fields_of(announce())
    held_clock.seconds += 60.001
    assert refused(post(client, body_of(fields, CONTENT))) == (403, "AccessDenied")
    held_clock.seconds += 3 * 3600
    assert b"The policy or the link expired 3 h ago." in post(client, body_of(fields, CONTENT)).data


@pytest.mark.parametrize(
    "key",
    [
        "ota/firmware/../../otagw.db", "ota/firmware/./x.bin", "/etc/passwd", "ota/firmware//x", "..",
        "ota/devices/x.csv",
        "ota/firmware/00000000-0000-4000-8000-000000000000.bin", "ota/firmware/%2e%2e/x", "ota/firmware/x\0.bin",
    ],
)  # fmt: skip
def test_a_key_that_was_not_announced_is_refused(client, announce, stored, key):
    found = refused(post(client, body_of({**fields_of(announce()), "key": key}, CONTENT)))
    assert found == (403, "AccessDenied")
    assert stored() == []


@pytest.mark.parametrize("filename", ["../../x", "/etc/passwd", "x\\..\\y", "名前.bin"])
def test_the_name_of_the_file_does_not_matter(client, announce, stored, filename):
    data = announce()
    assert post(client, body_of(fields_of(data), CONTENT, filename=filename)).status_code == 204
    assert len(stored()) == 1
    assert stored()[0].startswith(data["Key"] + "/")


def test_a_file_over_the_limit_is_refused_and_leaves_nothing(client, stored):
    data = client.ok("GenerateDeviceNameListURL")["Data"]
    response = post(client, body_of(fields_of(data), b"x" * (5 * 1024 * 1024 + 1)))
    assert refused(response) == (400, "EntityTooLarge")
    assert stored() == []


def test_the_second_upload_to_a_key_is_refused_and_the_first_stays(client, announce, stored):
    data = announce()
    assert post(client, body_of(fields_of(data), CONTENT)).status_code == 204
    assert refused(post(client, body_of(fields_of(data), b"other"))) == (409, "FileAlreadyExists")
    assert len(stored()) == 1
    assert client.http.get(query(client, data["FirmwareUrl"])["FirmwareUrl"]).data == CONTENT


@pytest.mark.parametrize("cut", [3, 10, 100, 1000, 50_000])
def test_an_upload_that_breaks_off_leaves_nothing(client, announce, stored, cut):
    body = body_of(fields_of(announce()), CONTENT)[:-cut]
    assert refused(post(client, body)) == (400, "MalformedPOSTRequest")
    assert stored() == []


@pytest.mark.parametrize("kind", ["application/octet-stream", "multipart/form-data", "multipart/mixed; boundary=x", ""])
def test_a_body_that_is_no_form_is_refused(client, kind):
    response = client.http.post("/oss", data=b"x", headers={"Content-Type": kind})
    assert refused(response) == (400, "MalformedPOSTRequest")


def test_a_repeated_field_is_refused(client, announce):
    body = body_of({**fields_of(announce()), "KEY": "ota/firmware/x"}, CONTENT)
    assert refused(post(client, body)) == (400, "InvalidArgument")


def test_fields_without_end_are_refused(client, announce):
    body = body_of({**fields_of(announce()), "x": "y" * 70_000}, CONTENT)
    assert refused(post(client, body)) == (400, "EntityTooLarge")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.binary(max_size=2000))
def test_any_body_is_answered_and_leaves_nothing(client, stored, body):
    response = post(client, f"--{BOUNDARY}\r\n".encode() + body)
    assert 400 <= response.status_code < 500
    assert ET.fromstring(response.data).tag == "Error"
    assert stored() == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.binary(min_size=1, max_size=200_000).filter(lambda content: BOUNDARY.encode() not in content))
def test_any_bytes_come_back_as_they_were_sent(client, upload, content):
    url = upload(content)
    identity = client.ok("CreateOTAFirmware", FirmwareName=f"n{url[-20:-4]}", DestVersion="1", FirmwareUrl=url)
    found = client.ok("QueryOTAFirmware", FirmwareId=identity["Data"]["FirmwareID"])["FirmwareInfo"]
    assert found["FirmwareSign"] == hashlib.md5(content).hexdigest()
    assert client.http.get(found["FirmwareUrl"]).data == content
    client.ok("DeleteOTAFirmware", FirmwareId=identity["Data"]["FirmwareID"])


def base64_md5(content):
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def with_md5(client, data, place, text, content=CONTENT):
    """Upload a file with a Content-MD5 in one of the places that it may be in."""
    fields = fields_of(data)
    if place == "field":
        return post(client, body_of({"content-MD5": text, **fields}, content))
    body = body_of(fields, content)
    if place == "header":
        return post(client, body, headers={"Content-MD5": text})
    kind = b"Content-Type: application/octet-stream"
    return post(client, body.replace(kind, kind + f"\r\nContent-MD5: {text}".encode()))


PLACES = pytest.mark.parametrize("place", ["field", "header", "part"])


@PLACES
def test_a_file_that_has_its_content_md5_is_taken(client, announce, place):
    data = announce()
    assert with_md5(client, data, place, base64_md5(CONTENT)).status_code == 204
    assert query(client, data["FirmwareUrl"])["FirmwareSign"] == MD5


def test_a_header_may_be_of_the_whole_body(client, announce):
    body = body_of(fields_of(announce()), CONTENT) + b"and what stands behind"
    assert post(client, body, headers={"Content-MD5": base64_md5(body)}).status_code == 204


@PLACES
def test_a_file_with_another_content_md5_is_refused_and_its_key_stays_free(client, announce, stored, place):
    data = announce()
    response = with_md5(client, data, place, base64_md5(b"other"))
    assert refused(response) == (400, "BadDigest")
    assert base64_md5(CONTENT) in response.text
    assert stored() == []
    assert with_md5(client, data, place, base64_md5(CONTENT)).status_code == 204


@PLACES
@pytest.mark.parametrize("text", ["", MD5, "x", base64_md5(b"")[:-1], base64_md5(b"") + "=", "AAAA" * 6, "\u00e9" * 24])
def test_what_is_no_md5_is_refused(client, announce, stored, place, text):
    assert refused(with_md5(client, announce(), place, text)) == (400, "InvalidDigest")
    assert stored() == []


def test_who_may_not_upload_is_not_told_of_a_digest(client, announce):
    data = {**announce(), "Signature": "forged"}
    assert refused(with_md5(client, data, "header", "x")) == (403, "SignatureDoesNotMatch")


def test_each_content_md5_counts(client, announce):
    fields = {"Content-MD5": base64_md5(CONTENT), **fields_of(announce())}
    response = post(client, body_of(fields, CONTENT), headers={"Content-MD5": base64_md5(b"other")})
    assert refused(response) == (400, "BadDigest")


def assert_no_file_of_ours(client, url):
    for asked in ({"FirmwareUrl": url}, {"MultiFiles.1.Name": "a", "MultiFiles.1.Url": url}):
        found = client.refused("CreateOTAFirmware", FirmwareName="fw", DestVersion="2", **asked)
        assert found[:2] == (404, "iot.ota.FileNotFound")
        assert "secret" not in found[2]


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://localhost",
        "http://localhost:80/files/x.bin",
        "HTTP://LOCALHOST/oss/",
        "http://localhost./x.bin",
        "http://user:secret@localhost/x.bin?token=secret",
        "http://localhost//oss/ota/firmware/none.bin",
        "http://localhost/oss/ota/firmware/none.bin",
    ],
)
def test_our_own_address_without_a_file_of_ours_is_refused(client, url):
    assert_no_file_of_ours(client, url)


@pytest.mark.parametrize(
    "url", ["https://ota.example/x.bin", "http://inside.example:8686/x.bin", "https://in2.example/"]
)
def test_every_address_that_the_settings_call_ours_is_ours(make_app, url):
    hosts = json.dumps(["inside.example:8686", "in2.example"])
    assert_no_file_of_ours(Client(make_app(public_url="https://ota.example:443", signed_hosts=hosts)), url)


@pytest.mark.parametrize(
    "url", ["http://localhost:8443/x.bin", "http://localhost.test/x.bin", "http://a/?u=http://localhost/"]
)
def test_an_address_that_only_looks_like_ours_is_another_hosts(client, url):
    assert query(client, url)["FirmwareUrl"] == url


def test_behind_a_proxy_that_shares_its_host_only_what_is_below_our_path_is_ours(make_app):
    client = Client(make_app(public_url="https://shop.example/ota/"))
    assert query(client, "https://shop.example/files/x.bin")["FirmwareUrl"] == "https://shop.example/files/x.bin"
    assert_no_file_of_ours(client, "https://shop.example/ota/files/x.bin")
    data = client.ok("GenerateOTAUploadURL")["Data"]
    assert post(client, body_of(fields_of(data), CONTENT)).status_code == 204
    assert data["FirmwareUrl"].startswith("https://shop.example/ota/oss/")
    assert client.make("second", FirmwareUrl=data["FirmwareUrl"], FirmwareSize=len(CONTENT))


def create(url, **params):
    return {"FirmwareName": "name", "DestVersion": "1", "FirmwareUrl": url, **params}


def test_a_wrong_size_is_refused_with_both_values(client, upload):
    status, code, text = client.refused("CreateOTAFirmware", **create(upload(CONTENT), FirmwareSize="5"))
    assert (status, code) == (400, "iot.ota.FileSizeMismatch")
    assert str(len(CONTENT)) in text
    assert " 5" in text


@pytest.mark.parametrize(("method", "digits"), [("MD5", 32), ("SHA256", 64)])
def test_a_wrong_digest_is_refused_with_both_values(client, upload, method, digits):
    wrong = "0" * digits
    params = create(upload(CONTENT), SignMethod=method, FirmwareSign=wrong)
    status, code, text = client.refused("CreateOTAFirmware", **params)
    assert (status, code) == (400, "iot.ota.FileSignMismatch")
    assert wrong in text
    assert hashlib.new(method, CONTENT).hexdigest() in text


def test_a_right_digest_may_be_in_upper_case_and_is_kept_in_lower_case(client, upload):
    sign = hashlib.sha256(CONTENT).hexdigest()
    given = {"SignMethod": "SHA256", "FirmwareSign": sign.upper(), "FirmwareSize": str(len(CONTENT))}
    found = query(client, upload(CONTENT), **given)
    assert (found["FirmwareSign"], found["Verified"]) == (sign, True)


def test_a_file_that_was_never_uploaded_is_refused(client, announce):
    found = client.refused("CreateOTAFirmware", **create(announce()["FirmwareUrl"]))
    assert found[:2] == (404, "iot.ota.FileNotFound")


def test_a_file_of_another_account_is_not_there(app, client, upload):
    found = Client(app, OTHER).refused("CreateOTAFirmware", **create(upload(CONTENT)))
    assert found[:2] == (404, "iot.ota.FileNotFound")


def test_another_hosts_url_is_taken_as_it_is(client):
    found = query(client, "https://cdn.example.com/oss/ota/firmware/x.bin", FirmwareSize="5")
    assert (found["FirmwareUrl"], found["Verified"]) == ("https://cdn.example.com/oss/ota/firmware/x.bin", False)


def test_our_file_is_known_by_its_key_under_another_name_of_ours(client, upload):
    found = query(client, upload(CONTENT).replace("localhost", "ota.example.com"))
    assert found["Verified"] is True


def test_each_of_several_files_is_checked(client, upload):
    one, two = upload(b"one"), upload(b"two")
    files = {"MultiFiles.1.Name": "a", "MultiFiles.1.Url": one, "MultiFiles.2.Name": "b", "MultiFiles.2.Url": two}
    names = {"FirmwareName": "name", "DestVersion": "1"}
    wrong = client.refused("CreateOTAFirmware", **names, **files, **{"MultiFiles.2.Size": "9"})
    assert wrong[1] == "iot.ota.FileSizeMismatch"
    identity = client.ok("CreateOTAFirmware", **names, **files)["Data"]["FirmwareID"]
    found = client.ok("QueryOTAFirmware", FirmwareId=identity)["FirmwareInfo"]
    assert found["Verified"] is True
    assert [client.http.get(file["Url"]).data for file in found["MultiFiles"]] == [b"one", b"two"]
    assert found["MultiFiles"][0]["FileMd5"] == hashlib.md5(b"one").hexdigest()


def test_the_file_goes_with_the_last_package_that_uses_it(client, upload, stored):
    url = upload(CONTENT)
    one, two = client.make("one", FirmwareUrl=url), client.make("two", FirmwareUrl=url)
    client.ok("DeleteOTAFirmware", FirmwareId=one)
    assert len(stored()) == 1
    client.ok("DeleteOTAFirmware", FirmwareId=two)
    assert stored() == []
    assert client.refused("CreateOTAFirmware", **create(url))[1] == "iot.ota.FileNotFound"


def test_a_file_that_nobody_claims_is_purged_after_an_hour(client, announce, upload, held_clock, stored):
    url = upload(CONTENT)
    held_clock.seconds += 3600
    announce()
    assert len(stored()) == 1
    held_clock.seconds += 1
    announce()
    assert stored() == []
    assert client.refused("CreateOTAFirmware", **create(url))[1] == "iot.ota.FileNotFound"


def test_an_upload_that_takes_hours_is_taken_and_has_its_hour(client, announce, held_clock, stored):
    data = announce()
    body = body_of(fields_of(data), CONTENT)

    class Slow(io.BytesIO):
        def readinto(self, buffer):
            if self.tell() and held_clock.seconds == started:
                held_clock.seconds += 5 * 3600
                announce()
            return super().readinto(memoryview(buffer)[:60_000])

    started = held_clock.seconds
    response = post(client, None, input_stream=Slow(body), content_length=len(body))
    assert (response.status_code, held_clock.seconds - started) == (204, 5 * 3600)
    held_clock.seconds += 3600
    announce()
    assert query(client, data["FirmwareUrl"])["FirmwareSize"] == len(CONTENT)


def test_what_is_announced_and_never_comes_is_forgotten_after_a_day(client, announce, held_clock):
    data = announce()
    held_clock.seconds += 24 * 3600
    announce()
    assert database.execute("SELECT COUNT(*) FROM stored_file").fetchone() == (2,)
    held_clock.seconds += 1
    announce()
    assert database.execute("SELECT COUNT(*) FROM stored_file WHERE key = ?", data["Key"]).fetchone() == (0,)


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
SUFFIXES = ("bin", "dav", "apk", "tar", "gz", "tar.gz", "zip", "gzip", "swu", "raucb", "mender", "img", "tar.xz")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(anything | st.sampled_from(SUFFIXES).map(str.upper) | st.sampled_from(SUFFIXES))
def test_a_suffix_is_one_of_the_list_or_refused(client, suffix):
    body = client("GenerateOTAUploadURL", FileSuffix=suffix).json
    if suffix.lower() in SUFFIXES or not suffix:
        assert re.fullmatch(rf"ota/firmware/[-0-9a-f]{{36}}\.{re.escape(suffix.lower() or 'bin')}", body["Data"]["Key"])
    else:
        assert body["Code"] == "InvalidParameter"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(anything, anything)
def test_names_come_back_as_they_were_or_are_refused(client, name, file_name):
    given = {"MultiFiles.1.Name": file_name, "MultiFiles.1.Url": "https://files.test/x"}
    body = client("CreateOTAFirmware", FirmwareName=name, DestVersion="1", **given).json
    if body["Success"]:
        found = client.ok("QueryOTAFirmware", FirmwareId=body["Data"]["FirmwareID"])["FirmwareInfo"]
        assert (found["FirmwareName"], found["MultiFiles"][0]["Name"]) == (name, file_name)
    else:
        codes = ("InvalidParameter", "MissingFirmwareName", "MissingMultiFiles.1.Name", "iot.ota.FirmwareNameExists")
        assert body["Code"] in codes


def test_a_file_that_is_claimed_stays(client, announce, upload, held_clock, stored):
    client.make(FirmwareUrl=upload(CONTENT))
    held_clock.seconds += 100_000
    announce()
    assert len(stored()) == 1


def test_links_are_made_for_the_public_url(make_app):
    client = Client(make_app(public_url="https://ota.example.com:8686/"))
    assert client.ok("GenerateOTAUploadURL")["Data"]["Host"] == "https://ota.example.com:8686/oss"
