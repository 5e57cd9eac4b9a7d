"""Files through the real nginx, sent by the gateway and handed over to nginx."""

import contextlib
import email
import grp
import hashlib
import http.client
import os
import random
import ssl
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

import pytest
import requests

from tests.deploy import servers
from tests.deploy.fronts import FRONTS
from tests.deploy.servers import assert_documented
from tests.oss.conftest import BOUNDARY, fields_of
from tests.patience import HANG_SECONDS, eventually

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("bytes")]
MIB = 1024 * 1024
SIZE = 30 * MIB
CONTENT = random.Random(30).randbytes(SIZE)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ETAG = f'"{SHA256}"'


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    path = tmp_path_factory.mktemp("content") / "firmware.bin"
    path.write_bytes(CONTENT)
    return path


def reachable(folder):
    """Let the group pass through a folder, and those above it that are the user's own."""
    for each in (folder, *folder.parents):
        if each.stat().st_uid == os.geteuid() and each.stat().st_mode & 0o077 == 0:
            each.chmod(0o710)
    return folder


@pytest.fixture(scope="module", params=["by the gateway", "by nginx"])
def store(request):
    """A gateway behind nginx, without and with ``x_accel``; nginx is another user, of the gateway's group.

    Not in pytest's own folder: each run of pytest that begins on this machine closes that to others.
    """
    with tempfile.TemporaryDirectory() as name:
        yield from served(request, reachable(Path(name)))


def served(request, folder):
    handed = {"x_accel": "/files/"} if request.param == "by nginx" else {}
    gateway = servers.Gunicorn(folder, trusted_proxies=1, **handed).prepare().start()
    (folder / "data").chmod(0o710)
    site = servers.Site(folder, gateway.port, gateway, user=f"nobody {grp.getgrgid(os.getegid()).gr_name}")
    site.nginx.start()
    store = servers.Store(gateway, site.url, site.ca)
    store.site, store.handed = site, bool(handed)
    yield store
    site.nginx.stop()
    gateway.stop()


@pytest.fixture(scope="module")
def link(store, firmware):
    return store.upload(firmware)


def test_the_whole_file_comes_back_with_our_headers(store, link):
    response = store.get(link)
    assert (response.status_code, hashlib.sha256(response.content).hexdigest()) == (200, SHA256)
    wanted = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(SIZE),
        "ETag": ETAG,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private",
        "X-Content-Type-Options": "nosniff",
        "Last-Modified": None,
        "X-Accel-Redirect": None,
    }
    assert {name: response.headers.get(name) for name in wanted} == wanted
    assert response.headers["Content-Disposition"].startswith("attachment; filename=")
    assert len(store.lines(response)) == 1


# Method, headers, status, and which bytes of the file: one slice, or several.


def asked(parts):
    """Return the Range header that asks for parts."""
    return "bytes=" + ",".join(f"{part.start}-{part.stop - 1}" for part in parts)


ALL, NONE = slice(None), slice(0)
MANY = [slice(30 * number, 30 * number + 20) for number in range(256)]
CASES = {
    "one part": ("GET", {"Range": "bytes=1000-1999999"}, 206, slice(1000, 2_000_000)),
    "the rest": ("GET", {"Range": f"bytes={SIZE - 7}-"}, 206, slice(SIZE - 7, SIZE)),
    "the last bytes": ("GET", {"Range": "bytes=-5"}, 206, slice(SIZE - 5, SIZE)),
    "more than there is": ("GET", {"Range": f"bytes=5-{SIZE * 2}"}, 206, slice(5, SIZE)),
    "far more than there is": ("GET", {"Range": "bytes=5-99999999999999999999999"}, 206, slice(5, SIZE)),
    "several parts": ("GET", {"Range": "bytes=0-9, 20-29,-3"}, 206, [slice(10), slice(20, 30), slice(SIZE - 3, SIZE)]),
    "as many parts as may be": ("GET", {"Range": asked(MANY)}, 206, MANY),
    "parts side by side": ("GET", {"Range": "bytes=0-9,10-19,20-29"}, 206, slice(30)),
    "some parts side by side": ("GET", {"Range": "bytes=0-9,10-19,30-39"}, 206, [slice(20), slice(30, 40)]),
    "one of two parts": ("GET", {"Range": f"bytes=5-6,{SIZE}-"}, 206, slice(5, 7)),
    "parts that are not there": ("GET", {"Range": f"bytes={SIZE}-"}, 416, NONE),
    "no part at all": ("GET", {"Range": "bytes=9-5"}, 200, ALL),
    "an empty suffix": ("GET", {"Range": "bytes=-0"}, 200, ALL),
    "no range at all": ("GET", {"Range": "bytes=x-y"}, 200, ALL),
    "another unit": ("GET", {"Range": "lines=0-5"}, 200, ALL),
    "more of it than it is": ("GET", {"Range": "bytes=0-,0-"}, 200, ALL),
    "too many parts": ("GET", {"Range": asked([*MANY, slice(10_000, 10_010)])}, 200, ALL),
    "parts that overlap": ("GET", {"Range": "bytes=0-9,5-19"}, 200, ALL),
    "parts that go backwards": ("GET", {"Range": "bytes=20-29,0-9"}, 200, ALL),
    "HEAD": ("HEAD", {}, 200, NONE),
    "HEAD of a part": ("HEAD", {"Range": "bytes=0-9"}, 206, NONE),
    "our If-Range": ("GET", {"Range": "bytes=0-9", "If-Range": ETAG}, 206, slice(10)),
    "a stale If-Range": ("GET", {"Range": "bytes=0-9", "If-Range": '"stale"'}, 200, ALL),
    "a weak If-Range": ("GET", {"Range": "bytes=0-9", "If-Range": f"W/{ETAG}"}, 200, ALL),
    "a dated If-Range": ("GET", {"Range": "bytes=0-9", "If-Range": "Fri, 01 Jan 2100 00:00:00 GMT"}, 200, ALL),
    "If-Range alone": ("GET", {"If-Range": '"stale"'}, 200, ALL),
    "our If-None-Match": ("GET", {"If-None-Match": f'"x", {ETAG}'}, 304, NONE),
    "any If-None-Match": ("GET", {"If-None-Match": "*"}, 304, NONE),
    "another If-None-Match": ("GET", {"If-None-Match": '"x"', "Range": "bytes=0-9"}, 206, slice(10)),
    "our If-Match": ("GET", {"If-Match": ETAG, "Range": "bytes=0-9"}, 206, slice(10)),
    "another If-Match": ("GET", {"If-Match": '"x"'}, 412, NONE),
    "If-Modified-Since": ("GET", {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 200, ALL),
    "If-Unmodified-Since": ("GET", {"If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, 200, ALL),
}


def parts(response):
    """Return the parts of a multipart answer, read by a reader of mail."""
    head = f"Content-Type: {response.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + response.content)
    return [(part["Content-Range"], part.get_payload(decode=True)) for part in message.get_payload()]


@pytest.mark.parametrize("case", CASES)
def test_whoever_sends_the_bytes_they_and_the_status_are_the_same(store, link, case):
    method, headers, status, wanted = CASES[case]
    response = store.get(link, method, **headers)
    assert response.status_code == status
    if isinstance(wanted, list):
        assert parts(response) == [(f"bytes {s.start or 0}-{s.stop - 1}/{SIZE}", CONTENT[s]) for s in wanted]
        return
    if method == "GET" and status < 300:
        assert hashlib.sha256(response.content).digest() == hashlib.sha256(CONTENT[wanted]).digest()
    if status == 206 and method == "GET":
        assert response.headers["Content-Range"] == f"bytes {wanted.start or 0}-{wanted.stop - 1}/{SIZE}"
    if status == 416:
        assert response.headers["Content-Range"] == f"bytes */{SIZE}"
    if status != 412:
        assert response.headers["ETag"] == ETAG


def test_nginx_sends_the_bytes_itself_if_told_to(store, link):
    response = store.get(link, Range="bytes=0-9", If_Range=ETAG)
    handed = '"status": 200' in store.lines(response)[0]
    assert (response.status_code, handed) == (206, store.handed)


def test_a_download_counts_as_a_connection_whoever_sends_the_bytes(store, link, tmp_path):
    gateway = store.gateway
    group = grp.getgrgid(os.getegid()).gr_name
    files = (f"alias {tmp_path}/data/files/;", f"alias {gateway.folder}/data/files/;")
    one = ("limit_conn connections 200;", "limit_conn connections 1;")
    site = servers.Site(reachable(tmp_path), gateway.port, gateway, [files, one], user=f"nobody {group}")
    site.nginx.start()
    path = urllib.parse.urlsplit(link)._replace(scheme="", netloc="").geturl()
    try:
        with requests.get(site.url + path, verify=site.ca, stream=True, timeout=HANG_SECONDS) as under_way:
            assert under_way.status_code == 200
            reply = site.curl(path)
            assert (reply.status, FRONTS["download"].code(reply)) == (503, "SlowDown")
            assert hashlib.sha256(under_way.content).hexdigest() == SHA256
        eventually(lambda: site.curl(path, "-r", "0-9").status == 206)
    finally:
        site.nginx.stop()


@pytest.mark.parametrize("path", ["/files/", "/files/ota/firmware/", "/files/../otagw.db", "/files//etc/passwd"])
def test_nobody_gets_at_the_folder_itself(store, link, path):
    (file,) = [path for path in store.stored() if path.stat().st_size == SIZE]
    inside = file.relative_to(store.gateway.folder / "data/files")
    for asked in (path, f"/files/{inside}", f"/files/{inside}?{urllib.parse.urlsplit(link).query}"):
        assert_documented(store.site.curl(asked), 404, "InvalidApi.NotFound")


def test_a_link_that_is_not_ours_or_whose_file_is_gone_gives_nothing(store, tmp_path):
    content = tmp_path / "small"
    content.write_bytes(b"small")
    before = store.stored()
    link = store.upload(content)
    (file,) = store.stored() - before
    assert store.get(link + "A").status_code == 403
    file.unlink()
    response = store.get(link)
    assert response.status_code == 404
    assert b"<Code>NoSuchKey</Code>" in response.content


def test_a_body_above_the_limit_is_refused_by_nginx(store, tmp_path):
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(1026 * MIB)
    done = subprocess.run(store.post(store.announce(), large), capture_output=True, check=False, timeout=HANG_SECONDS)
    reply = servers.parse(done.stdout)
    assert (reply.status, FRONTS["upload"].code(reply)) == (413, "EntityTooLarge")


def test_a_refused_form_is_answered_though_all_of_its_file_is_sent(store, firmware):
    command = store.post(store.announce(), firmware, Signature="forged")
    done = subprocess.run(command, capture_output=True, check=False, timeout=HANG_SECONDS)
    reply = servers.parse(done.stdout)
    assert reply.status == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in reply.body


def test_a_refused_form_is_answered_before_its_file_is_sent(store):
    fields = {**fields_of(store.announce()), "Signature": "forged"}
    head = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    context = ssl.create_default_context(cafile=store.ca)
    with contextlib.closing(
        http.client.HTTPSConnection(store.site.host, context=context, timeout=HANG_SECONDS)
    ) as connection:
        connection.putrequest("POST", "/oss")
        connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
        connection.putheader("Content-Length", str(100 * MIB))
        connection.endheaders(head.encode() + bytes(128 * 1024))
        with connection.getresponse() as response:
            assert response.status == 403
            assert b"SignatureDoesNotMatch" in response.read()


def test_an_upload_reaches_the_storage_while_it_is_being_sent(store, firmware):
    def length():
        return sum(path.stat().st_size for path in store.stored() if path.suffix == ".part")

    command = store.post(store.announce(), firmware, "--limit-rate", "1m")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as curl:
        first = eventually(length)
        eventually(lambda: length() > first)
        assert curl.poll() is None
        curl.kill()
    eventually(lambda: not length())
