"""Downloads from an object store that signs: clients are sent there, or given the bytes if the settings say so."""

import io
import json
import logging
import time
import urllib.parse

import pytest
import requests

from otagw.ops import log
from tests import door
from tests.conftest import KEY, Client
from tests.deploy.servers import ALONE
from tests.oss.conftest import fields_of, link_of
from tests.patience import HANG_SECONDS
from tests.signer import query, v1

CONTENT = bytes(range(256)) * 4000
SIZE = len(CONTENT)


def life(params):
    """Return how many seconds a signed address of S3 is good for, in either of its two spellings."""
    return int(params["X-Amz-Expires"]) if "X-Amz-Expires" in params else int(params["Expires"]) - time.time()


@pytest.fixture
def url(object_store, tmp_path):
    return f"s3://ota/{tmp_path.name}"


@pytest.fixture
def client(make_app, url):
    return Client(make_app(storage_url=url, link_life_seconds=600))


@pytest.mark.parametrize(
    ("headers", "status", "wanted"),
    [
        ({}, 200, CONTENT),
        ({"Range": "bytes=10-99"}, 206, CONTENT[10:100]),
        ({"Range": "bytes=-5"}, 206, CONTENT[-5:]),
    ],
)
def test_the_bytes_come_from_the_store(client, headers, status, wanted):
    response = client.http.get(link_of(client, CONTENT), headers=headers)
    assert (response.status_code, response.data) == (302, b"")
    assert response.headers["Cache-Control"] == "private, no-store"
    found = requests.get(response.headers["Location"], headers=headers, timeout=HANG_SECONDS)
    assert (found.status_code, found.content) == (status, wanted)
    assert found.headers["Content-Disposition"].startswith("attachment; filename=")


def test_a_client_with_a_token_is_sent_nowhere(client):
    key = urllib.parse.urlsplit(link_of(client, CONTENT)).path.removeprefix("/oss/")
    path, token = client.app.extensions["otagw"]["runtime"].links.bearer("", key)
    found = client.http.get(path, headers={"Authorization": f"Bearer {token}"})
    assert (found.status_code, found.data) == (200, CONTENT)


def test_the_stores_address_dies_with_the_link(client, held_clock):
    link = link_of(client, CONTENT)
    held_clock.seconds += 599.5
    assert client.http.get(link).status_code == 200  # too late to send anybody elsewhere
    held_clock.seconds -= 300
    address = urllib.parse.urlsplit(client.http.get(link).headers["Location"])
    assert life(dict(urllib.parse.parse_qsl(address.query))) <= 300


def test_head_and_304_are_our_own(client):
    link = link_of(client, CONTENT)
    head = client.http.head(link)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(SIZE))
    again = client.http.get(link, headers={"If-None-Match": head.headers["ETag"]})
    assert again.status_code == 304


def test_without_a_link_nobody_is_sent_anywhere(client):
    assert client.http.get(link_of(client, CONTENT) + "A").status_code == 403


def test_the_stores_address_is_not_logged(client):
    stream = io.StringIO()
    log.configure(door.here().settings)
    logging.getLogger("otagw").handlers[0].setStream(stream)
    response = client.http.get(link_of(client, CONTENT))
    (line,) = [line for line in stream.getvalue().splitlines() if response.headers["X-Request-Id"] in line]
    assert json.loads(line)["status"] == 302
    assert "ignature" not in stream.getvalue()


def test_the_bytes_come_through_us_if_told_so(make_app, url):
    client = Client(make_app(storage_url=url, redirect_downloads="false"))
    response = client.http.get(link_of(client, CONTENT), headers={"Range": "bytes=10-99"})
    assert (response.status_code, response.data) == (206, CONTENT[10:100])


def test_a_file_that_the_store_has_lost_is_not_there(make_app, url, object_store):
    client = Client(make_app(storage_url=url, redirect_downloads="false"))
    link = link_of(client, CONTENT)
    for found in object_store.list_objects_v2(Bucket="ota", Prefix=url.removeprefix("s3://ota/"))["Contents"]:
        object_store.delete_object(Bucket="ota", Key=found["Key"])
    assert client.http.get(link).status_code == 404


@pytest.mark.live
def test_a_client_that_follows_needs_to_know_nothing_of_it(make_live, url):
    gateway = make_live(storage_url=url, workers=1).start(ALONE)

    def call(action, **params):
        return requests.get(f"{gateway.url}/?{query(v1(KEY, action, **params))}", timeout=HANG_SECONDS).json()

    data = call("GenerateOTAUploadURL")["Data"]
    posted = requests.post(data["Host"], data=fields_of(data), files={"file": ("x", CONTENT)}, timeout=HANG_SECONDS)
    assert posted.status_code == 204
    made = call("CreateOTAFirmware", FirmwareName="n", DestVersion="1", FirmwareUrl=data["FirmwareUrl"])
    found = call("QueryOTAFirmware", FirmwareId=made["Data"]["FirmwareID"])["FirmwareInfo"]
    response = requests.get(found["FirmwareUrl"], headers={"Range": "bytes=5-"}, timeout=HANG_SECONDS)
    assert (response.status_code, response.content) == (206, CONTENT[5:])
    assert [step.status_code for step in response.history] == [302]
    assert "ignature" not in gateway.log()
