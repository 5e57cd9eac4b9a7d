"""Downloads by signed link: the right bytes, parts of them, and nobody without a link."""

import hashlib
import re
import urllib.parse
import xml.etree.ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CONTENT = hashlib.sha512(b"seed").digest() * 1000
SIZE = len(CONTENT)
ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'


@pytest.fixture
def link(client, upload):
    identity = client.make(FirmwareUrl=upload(CONTENT))
    return client.ok("QueryOTAFirmware", FirmwareId=identity)["FirmwareInfo"]["FirmwareUrl"]


@pytest.fixture
def get(client, link):
    def get(method="GET", **headers):
        return client.http.open(link, method=method, headers={n.replace("_", "-"): v for n, v in headers.items()})

    return get


def test_the_whole_file(get):
    response = get()
    assert (response.status_code, response.data) == (200, CONTENT)
    assert response.headers["Content-Length"] == str(SIZE)
    assert response.headers["ETag"] == ETAG
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"].startswith("attachment; filename=")
    assert response.content_type == "application/octet-stream"


def test_head_has_the_same_headers_and_no_bytes(get):
    whole, head = get(), get("HEAD")
    assert head.data == b""
    names = ("Content-Length", "ETag", "Accept-Ranges", "Content-Disposition", "Content-Type")
    assert [head.headers[name] for name in names] == [whole.headers[name] for name in names]


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, SIZE),
        ("bytes=-5", SIZE - 5, SIZE),
        (f"bytes=-{SIZE * 2}", 0, SIZE),
        (f"bytes={SIZE - 1}-{SIZE * 2}", SIZE - 1, SIZE),
    ],
)
def test_one_part(get, asked, start, stop):
    response = get(Range=asked)
    assert (response.status_code, response.data) == (206, CONTENT[start:stop])
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert response.headers["Content-Length"] == str(stop - start)


def parts(response):
    """Take a multipart/byteranges body apart by its own words."""
    boundary = re.fullmatch(r"multipart/byteranges; boundary=(\w+)", response.content_type)[1].encode()
    *found, end = response.data.split(b"\r\n--" + boundary)[1:]
    assert end == b"--\r\n"
    for part in found:
        head, _, data = part.partition(b"\r\n\r\n")
        yield re.search(rb"Content-Range: bytes (\d+)-(\d+)/(\d+)", head).groups(), data


@pytest.mark.parametrize("asked", ["bytes=0-9,20-29", "bytes=0-9,-10", f"bytes=5-6,8-9,{SIZE}-", "bytes=0-4,5-9,20-29"])
def test_several_parts(get, asked):
    response = get(Range=asked)
    assert response.status_code == 206
    assert response.headers["Content-Length"] == str(len(response.data))
    found = list(parts(response))
    assert len(found) == 2
    for (first, last, size), data in found:
        assert data == CONTENT[int(first) : int(last) + 1]
        assert int(size) == SIZE


@pytest.mark.parametrize("count", [100, 101, 150, 256])
def test_many_parts(get, count):
    asked = [(3 * number, 3 * number + 1) for number in range(count)]
    response = get(Range="bytes=" + ",".join(f"{first}-{last}" for first, last in asked))
    assert response.status_code == 206
    expected = [((str(f), str(t), str(SIZE)), CONTENT[f : t + 1]) for f, t in asked]
    assert [(tuple(word.decode() for word in words), data) for words, data in parts(response)] == expected


def test_more_parts_are_answered_with_the_whole_file(get):
    response = get(Range="bytes=" + ",".join(f"{3 * number}-{3 * number + 1}" for number in range(257)))
    assert (response.status_code, response.data) == (200, CONTENT)


def test_parts_side_by_side_are_one(get):
    response = get(Range="bytes=" + ",".join(f"{2 * number}-{2 * number + 1}" for number in range(150)))
    assert (response.status_code, response.data) == (206, CONTENT[:300])
    assert response.headers["Content-Range"] == f"bytes 0-299/{SIZE}"


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE * 2}-{SIZE * 3}"])
def test_parts_that_are_not_there(get, asked):
    response = get(Range=asked)
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes",
        "bytes=",
        "bytes=-0",
        "bytes=x-y",
        "bytes=9-5",
        "lines=0-5",
        "bytes=0-5;1-2",
        "bytes=" + "0-1," * 200 + "2-3",
        "bytes=20-29,0-9",
    ],
)
def test_a_range_that_says_nothing_sensible_gives_the_whole_file(get, asked):
    response = get(Range=asked)
    assert (response.status_code, response.data) == (200, CONTENT)


def test_overlapping_parts_do_not_make_more_of_the_file_than_it_is(get):
    response = get(Range="bytes=" + ",".join(["0-"] * 50))
    assert (response.status_code, len(response.data)) == (200, SIZE)


@pytest.mark.parametrize(
    ("tag", "status"), [(ETAG, 206), ('"other"', 200), (f"W/{ETAG}", 200), ("Wed, 21 Oct 2015 07:28:00 GMT", 200)]
)
def test_if_range(get, tag, status):
    response = get(Range="bytes=0-9", If_Range=tag)
    assert response.status_code == status
    assert response.data == (CONTENT[:10] if status == 206 else CONTENT)


@pytest.mark.parametrize(("tag", "status"), [(ETAG, 304), ("*", 304), (f'"x", {ETAG}', 304), ('"other"', 200)])
def test_if_none_match(get, tag, status):
    response = get(If_None_Match=tag)
    assert response.status_code == status
    assert response.headers["ETag"] == ETAG
    assert bool(response.data) is (status == 200)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.integers(0, SIZE + 10), st.integers(0, SIZE + 10))
def test_any_part_is_what_a_slice_is(get, start, length):
    response = get(Range=f"bytes={start}-{start + length}")
    wanted = CONTENT[start : start + length + 1]
    assert response.status_code == (206 if wanted else 416)
    assert response.data == wanted


def spoiled(link, **changes):
    parts = urllib.parse.urlsplit(link)
    query = dict(urllib.parse.parse_qsl(parts.query))
    query = {name: value for name, value in {**query, **changes}.items() if value is not None}
    return f"{parts.path}?{urllib.parse.urlencode(query)}"


@pytest.mark.parametrize(
    "changes",
    [
        *({"Expires": None}, {"OSSAccessKeyId": None}, {"Signature": None}, {"Signature": "AAAA"}, {"Signature": "é"}),
        *(
            {"Expires": "9999999999"},
            {"Expires": "x"},
            {"Expires": "１"},
            {"OSSAccessKeyId": "testid"},
            {"Expires": "9" * 40},
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_that_is_not_ours_is_refused(client, link, changes, method):
    response = client.http.open(spoiled(link, **changes), method=method)
    assert response.status_code == 403
    assert CONTENT[:64] not in response.data
    if method == "GET":
        assert b"<Code>AccessDenied</Code>" in response.data


def test_a_link_is_for_one_file(client, link, upload):
    other = upload(b"secret").removeprefix("http://localhost")
    query = urllib.parse.urlsplit(link).query
    assert client.http.get(f"{other}?{query}").status_code == 403


def test_a_link_expires(client, make_app, held_clock, link):
    held_clock.seconds += 86400
    assert client.http.get(link).status_code == 200
    held_clock.seconds += 1
    assert client.http.get(link).status_code == 403
    held_clock.seconds += 299
    assert b"The policy or the link expired 5 min ago." in client.http.get(link).data


def test_a_new_link_has_the_same_etag(client, link, held_clock):
    held_clock.seconds += 1000
    assert client.http.get(link).headers["ETag"] == ETAG


def test_a_link_to_a_deleted_file_finds_nothing(client, link):
    items = client.ok("ListOTAFirmware", CurrentPage="1", PageSize="1")["FirmwareInfo"]["SimpleFirmwareInfo"]
    client.ok("DeleteOTAFirmware", FirmwareId=items[0]["FirmwareID"])
    assert client.http.get(link).status_code == 404


@pytest.mark.parametrize(
    "path", ["/oss/", "/oss/ota/firmware/x.bin", "/oss/../otagw.db", "/oss//etc/passwd", "/oss/%2e%2e/otagw.db"]
)
def test_without_a_link_there_is_nothing(client, path):
    assert client.http.get(path).status_code in (403, 404, 405)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "POST", "GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "taken"),
    [("/oss", ["POST"]), ("/oss/", ["POST"]), ("/oss/a", ["GET", "HEAD"]), ("/oss/a/b.bin", ["GET", "HEAD"])],
)
def test_another_method_is_refused_in_xml(client, method, path, taken):
    response = client.http.open(path, method=method)
    assert response.content_type == "application/xml"
    if method in taken:
        assert response.status_code in (400, 403)
        return
    assert response.status_code == 405
    assert sorted(response.headers["Allow"].split(", ")) == taken
    if method != "HEAD":
        assert ET.fromstring(response.data).findtext("Code") == "MethodNotAllowed"
        assert ET.fromstring(response.data).findtext("RequestId") == response.headers["X-Request-Id"]


def test_what_only_begins_like_the_address_is_not_of_it(client):
    assert client.http.get("/ossx").json["Code"] == "InvalidApi.NotFound"
