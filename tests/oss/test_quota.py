"""The bytes that an account may store: what is refused, in the words of the front at hand, and what frees them."""

import io

import pytest

from tests.conftest import OTHER, Client
from tests.oss.conftest import BOUNDARY, body_of, fields_of, post
from tests.oss.test_running import Meanwhile
from tests.oss.test_upload import refused

LIMIT = 200_000
KIND = f"multipart/form-data; boundary={BOUNDARY}"
NO_ROOM = (403, "QuotaExceeded")


@pytest.fixture
def app(make_app):
    """A gateway whose accounts may store so many bytes."""
    return make_app(bytes_per_account=LIMIT)


def test_an_upload_may_take_all_the_room_and_no_byte_more(client, announce, upload, stored):
    upload(b"x" * 150_000)
    form = fields_of(announce())
    assert refused(post(client, body_of(form, b"x" * 50_001))) == NO_ROOM
    assert len(stored()) == 1
    assert post(client, body_of(form, b"x" * 50_000)).status_code == 204  # the form is good for what has room
    assert len(stored()) == 2


def test_the_refusal_says_how_much_may_be_stored(client, announce):
    response = post(client, body_of(fields_of(announce()), b"x" * (LIMIT + 1)))
    assert f"The account may store {LIMIT} bytes" in response.text


@pytest.mark.parametrize("action", ["GenerateOTAUploadURL", "GenerateDeviceNameListURL"])
def test_an_account_without_room_announces_nothing(client, upload, action):
    upload(b"x" * LIMIT)
    status, code, text = client.refused(action)
    assert (status, code) == (403, "iot.ota.StorageQuotaExceeded")
    assert f"{LIMIT} bytes" in text
    assert Client(client.app, OTHER).ok(action)


def test_a_list_of_devices_counts_too(client, stored):
    form = fields_of(client.ok("GenerateDeviceNameListURL")["Data"])
    assert refused(post(client, body_of(form, b"x" * (LIMIT + 1)))) == NO_ROOM
    assert stored() == []


def test_a_body_that_announces_too_much_is_refused_before_its_file(client, announce, stored):
    body = io.BytesIO(body_of(fields_of(announce()), b"x" * (LIMIT + 5_000_000)))
    response = client.http.post("/oss", input_stream=body, content_length=len(body.getvalue()), content_type=KIND)
    assert refused(response) == NO_ROOM
    assert body.tell() < LIMIT
    assert stored() == []


def test_two_uploads_at_once_do_not_share_the_room(client, announce, stored):
    first, second, found = fields_of(announce()), fields_of(announce()), []
    body = body_of(first, b"x" * 150_000)
    stream = Meanwhile(body, lambda: found.append(post(client, body_of(second, b"y" * 150_000)).status_code))
    response = client.http.post("/oss", input_stream=stream, content_length=len(body), content_type=KIND)
    assert (refused(response), found) == (NO_ROOM, [204])
    assert [key.rpartition("/")[0] for key in stored()] == [second["key"]]


def test_a_deleted_firmware_makes_room(client, upload):
    identity = client.make(FirmwareUrl=upload(b"x" * LIMIT))
    client.refused("GenerateOTAUploadURL")
    client.ok("DeleteOTAFirmware", FirmwareId=identity)
    upload(b"y" * LIMIT)


def test_a_file_that_nobody_claims_makes_room_after_an_hour(client, upload, held_clock):
    upload(b"x" * LIMIT)
    client.refused("GenerateOTAUploadURL")
    held_clock.seconds += 3601
    upload(b"y" * LIMIT)


def test_what_was_stored_without_a_quota_counts_with_one(make_app, environment):
    client = Client(make_app(link_life_seconds=600))
    form = fields_of(client.ok("GenerateOTAUploadURL")["Data"])
    assert post(client, body_of(form, b"x" * 10)).status_code == 204
    limited = Client(make_app(bytes_per_account=10))
    assert limited.refused("GenerateOTAUploadURL")[1] == "iot.ota.StorageQuotaExceeded"
