"""What gunicorn refuses before the application sees it: an envelope or a clean close, never a page, never an echo."""

import contextlib
import http.client
import select
import socket
import xml.etree.ElementTree as ET

import pytest

from tests import signer
from tests.conftest import KEY
from tests.deploy import servers
from tests.deploy.servers import assert_documented, parse, read, send
from tests.iotda import signer as iotda_signer
from tests.patience import HANG_SECONDS, eventually, seconds

pytestmark = pytest.mark.live

MARK = "should-stay-unseen"
GET = f"GET /?{MARK} HTTP/1.1\r\nHost: a\r\n".encode()
POST = f"POST /?{MARK} HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n".encode()
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(32)) + b"\x00" * 150
INVALID, LARGE = (400, "InvalidRequest"), (413, "RequestEntityTooLarge")

BROKEN = {
    "garbage": (f"{MARK}\r\n\r\n".encode(), INVALID),
    "garbage with a bare LF": (f"{MARK}\n\n".encode(), INVALID),
    "lower-case method": (f"get /?{MARK} HTTP/1.1\r\n\r\n".encode(), INVALID),
    "unknown version": (f"GET /?{MARK} HTTP/3.0\r\n\r\n".encode(), INVALID),
    "no version": (f"GET /?{MARK}\r\n".encode(), INVALID),
    "space in the address": (f"GET /?{MARK} a HTTP/1.1\r\n\r\n".encode(), INVALID),
    "NUL in the address": (f"GET /?{MARK}\0 HTTP/1.1\r\n\r\n".encode(), INVALID),
    "NUL in a header": (GET + b"X: \0\r\n\r\n", INVALID),
    "header without colon": (GET + f"{MARK}\r\n\r\n".encode(), INVALID),
    "header with a space in its name": (GET + f"{MARK} b: c\r\n\r\n".encode(), INVALID),
    "folded header": (GET + b"X: a\r\n b\r\n\r\n", INVALID),
    "two hosts": (GET + b"Host: b\r\n\r\n", INVALID),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", INVALID),
    "negative length": (POST + b"Content-Length: -1\r\n\r\n", INVALID),
    "length and chunks": (CHUNKED + b"Content-Length: 3\r\n\r\n0\r\n\r\n", INVALID),
    "unknown coding": (POST + f"Transfer-Encoding: {MARK}\r\n\r\n".encode(), INVALID),
    "unknown expectation": (POST + f"Expect: {MARK}\r\n\r\n".encode(), INVALID),
    "bad chunk size": (CHUNKED + f"\r\n{MARK}\r\n".encode(), INVALID),
    "chunk without end": (CHUNKED + b"\r\n3\r\nabcdef\r\n0\r\n\r\n", INVALID),
    "endless trailers": (CHUNKED + b"\r\n0\r\n" + b"A: b\r\n" * 50_000, INVALID),
    "TLS": (TLS_HELLO, INVALID),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", INVALID),
    "PROXY": (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n" + GET + b"\r\n", INVALID),
    "300 headers": (GET + b"A: b\r\n" * 300 + b"\r\n", LARGE),
    "a header of 300 KiB": (GET + b"A: " + b"b" * 300 * 1024 + b"\r\n\r\n", LARGE),
    "a head of 300 KiB": (GET + (b"A: " + b"b" * 2048 + b"\r\n") * 150 + b"\r\n", LARGE),
    "an address of 300 KiB": (b"GET /?" + b"a" * 300 * 1024 + b" HTTP/1.1\r\n\r\n", LARGE),
    "a first line without end": (b"a" * 300 * 1024, LARGE),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_request_is_answered_with_an_envelope_and_a_close(live, name):
    data, expected = BROKEN[name]
    answer = send(live.port, data)
    assert_documented(parse(answer), *expected)
    assert MARK.encode() not in answer
    assert MARK not in live.log()


@pytest.mark.parametrize(
    ("spot", "name"),
    [(b" ", "a space, which has to be percent-encoded: %20"), (b"\0", "a NUL, which has to be percent-encoded: %00"),
     (b"\t", "a tab, which has to be percent-encoded: %09"), (b"\x7f", "the byte 0x7f, which")],
)  # fmt: skip
def test_what_an_address_cannot_have_is_named(live, spot, name):
    answer = parse(send(live.port, b"GET /?a=b" + spot + b"c HTTP/1.1\r\n\r\n"))
    assert_documented(answer, *INVALID)
    assert f"its address has {name}" in answer.json["ErrorMessage"]


ENDS = {
    "a space": (b"GET %s a HTTP/1.1\r\n\r\n", "its address has a space"),
    "a version": (b"GET %s HTTP/3.0\r\n\r\n", "its version of HTTP"),
    "a header": (b"GET %s HTTP/1.1\r\nno colon\r\n\r\n", "one of its headers"),
    "two lengths": (b"POST %s HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "one of its headers"),
    "the absolute form": (b"GET http://a%s HTTP/3.0\r\n\r\n", "its version of HTTP"),
}
FRONTS = {
    "/": ("ErrorMessage", "Code", "InvalidRequest"),
    "/v5/iot/p/devices": ("error_msg", "error_code", "IOTDA.000008"),
    "/v3/projects?name=a": ("error_msg", "error_code", "IOTDA.000008"),
    "/device/v1/p/d/update": ("message", "code", "unreadable"),
    "/p/controller/v1/d": ("message", "errorCode", "unreadable"),
    "/oss/a/b.bin": ("Message", "Code", "MalformedPOSTRequest"),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("path", FRONTS)
def test_a_broken_request_is_refused_by_the_front_of_its_path(live, path, end):
    data, problem = ENDS[end]
    answer = parse(send(live.port, data % path.encode()))
    text, code, name = FRONTS[path]
    if path.startswith("/oss"):
        assert answer.headers["content-type"] == "application/xml"
        found = {each.tag: each.text for each in ET.fromstring(answer.body)}
    else:
        found = answer.json
    assert (answer.status, found[code]) == (400, name)
    assert problem in found[text]


def test_the_path_of_an_earlier_request_is_not_that_of_a_broken_one(live):
    first = b"GET /v5/iot/p/devices HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = send(live.port, first + b"garbage\r\n\r\n")
    assert answer.count(b"error_code") == 1
    assert b"InvalidRequest" in answer


RAW = "固件 é".replace(" ", "")


def test_an_address_may_have_utf8_as_it_is(live):
    params = signer.v1(KEY, "CreateOTAFirmware", FirmwareName="raw", DestVersion="1", FirmwareDesc=RAW)
    given = "&".join(f"{n}={v if n == 'FirmwareDesc' else signer.percent(v)}" for n, v in params.items())
    answer = parse(send(live.port, f"GET /?{given} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()))
    assert answer.json["Success"] is True
    identity = answer.json["Data"]["FirmwareID"]
    shown = live.get("QueryOTAFirmware", FirmwareId=identity).json()
    assert shown["FirmwareInfo"]["FirmwareDesc"] == RAW


def test_an_address_of_iotda_may_have_utf8_as_it_is(live):
    path, params = f"/v5/iot/{iotda_signer.PROJECT}/devices", {"device_name": RAW}
    headers = iotda_signer.headers(KEY, "GET", path, params)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    data = f"GET {path}?device_name={RAW} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode()
    answer = parse(send(live.port, data))
    assert (answer.status, answer.json["devices"]) == (200, [])


@pytest.mark.parametrize("raw", [b"\xff", b"\xe5\x9b", b"\xc3(", b"\xed\xa0\x80"])
def test_what_is_no_utf8_is_refused_by_its_name(live, raw):
    answer = parse(send(live.port, b"GET /?Action=X&FirmwareDesc=" + raw + b" HTTP/1.1\r\nConnection: close\r\n\r\n"))
    assert (answer.status, answer.json["Code"]) == (400, "InvalidParameter")
    assert "FirmwareDesc" in answer.json["ErrorMessage"]
    assert "percent-encoded UTF-8" in answer.json["ErrorMessage"]


def test_a_kept_connection_says_for_how_long(live):
    request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
    answer = send(live.port, request + b"\r\n" + request + b"Connection: close\r\n\r\n")
    kept, closed = answer.split(b"HTTP/1.1 200")[1:]
    assert kept.count(b"\r\nKeep-Alive: timeout=5\r\n") == 1
    assert b"Keep-Alive" not in closed


def test_a_body_that_looks_like_a_head_is_sent_as_it_is(live):
    store = servers.Store(live, live.url)
    content = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n" * 3000
    (live.folder / "looks").write_bytes(content)
    link = store.upload(live.folder / "looks")
    assert store.get(link).content == content


@pytest.mark.parametrize("name", ["garbage", "unknown version", "header without colon", "a head of 300 KiB"])
def test_a_refusal_of_the_edge_says_that_the_connection_closes(live, name):
    assert parse(send(live.port, BROKEN[name][0])).headers["connection"] == "close"


@pytest.mark.parametrize("data", [b"", b"GET / HT", GET, POST + b"Content-Length: 9\r\n\r\nabc"])
def test_a_request_that_breaks_off_ends_in_a_close(live, data):
    with socket.create_connection(("127.0.0.1", live.port), HANG_SECONDS) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = parse(read(connection))
    if answer:
        assert_documented(answer, *INVALID)


def test_a_refusal_of_the_edge_is_one_line_in_the_log_with_its_client(live):
    identity = parse(send(live.port, BROKEN["garbage"][0])).json["RequestID"]
    lines = eventually(lambda: [line for line in live.log().splitlines() if identity in line])
    assert len(lines) == 1
    assert '"code": "InvalidRequest"' in lines[0]
    assert '"client": "127.0.0.1"' in lines[0]


def test_workers_survive_every_broken_request(live):
    before = servers.session(live.process.pid)
    for data, _ in BROKEN.values():
        send(live.port, data)
    assert servers.session(live.process.pid) == before
    assert live.get("ListOTAFirmware").status_code in {200, 400}


@pytest.mark.parametrize("kilobytes", [37, 200])
def test_a_long_address_passes(live, kilobytes):
    params = signer.v1(KEY, "CreateOTAFirmware", Padding="x" * kilobytes * 1000)
    connection = http.client.HTTPConnection(live.host, timeout=HANG_SECONDS)
    connection.request("GET", "/?" + signer.query(params))
    answer = connection.getresponse()
    assert b"MissingDestVersion" in answer.read()
    connection.close()


def test_a_connection_serves_two_requests(live):
    connection = http.client.HTTPConnection(live.host, timeout=HANG_SECONDS)
    ends = []
    for _ in range(2):
        connection.request("GET", "/healthz")
        ends.append(connection.sock.getsockname())
        answer = connection.getresponse()
        assert (answer.status, answer.version) == (200, 11)
        answer.read()
    connection.close()
    assert ends[0] == ends[1]


def test_two_requests_sent_at_once_are_both_answered(live):
    request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
    answer = send(live.port, request + b"\r\n" + request + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 2


def test_a_body_over_the_limit_is_refused_and_the_refusal_can_be_read(live):
    body = b"a=" + b"b" * 5 * 1024 * 1024
    data = POST.replace(MARK.encode(), b"Action=X") + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    assert_documented(parse(send(live.port, data)), *LARGE)


@pytest.fixture(scope="module")
def hurried(tmp_path_factory):
    """A gateway with one thread that gives its clients one second."""
    gateway = servers.Gunicorn(tmp_path_factory.mktemp("hurried"), workers=1, threads=1).prepare()
    yield gateway.start("tests/deploy/hurried.conf.py")
    gateway.stop()


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """A gateway with one thread that waits for its clients for ever: one answered beside them was not held up."""
    gateway = servers.Gunicorn(tmp_path_factory.mktemp("patient"), workers=1, threads=1).prepare()
    yield gateway.start("tests/deploy/patient.conf.py")
    gateway.stop()


def dribble(port, data):
    """Send byte by byte until the other side has enough, long before the last one; return its answer."""
    with socket.create_connection(("127.0.0.1", port), 0.05) as connection:
        for byte in data:
            connection.sendall(bytes([byte]))
            try:
                return connection.recv(65536)
            except TimeoutError:
                continue
    raise AssertionError("the other side waits for ever")


def test_a_head_that_comes_byte_by_byte_is_cut_off_in_time(hurried):
    answer = dribble(hurried.port, b"GET / HTTP/1.1\r\nX: " + b"a" * 4000)
    assert_documented(parse(answer), *INVALID)
    assert b"within 1 seconds" in answer


def test_a_body_that_stops_coming_is_cut_off_in_time(hurried):
    answer = send(hurried.port, POST + b"Content-Length: 9\r\n\r\nabc")
    assert_documented(parse(answer), *INVALID)


def test_a_connection_that_says_nothing_is_closed(hurried):
    assert send(hurried.port, b"") == b""


def is_served(gateway):
    return b" 200 " in send(gateway.port, b"GET /healthz HTTP/1.0\r\n\r\n", seconds(20))


def test_connections_that_say_nothing_hold_up_nobody(patient):
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(socket.create_connection(("127.0.0.1", patient.port)))
        assert is_served(patient)


def test_a_client_that_asks_and_asks_and_never_reads_holds_up_nobody(patient):
    with socket.socket() as greedy:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        greedy.connect(("127.0.0.1", patient.port))
        for _ in range(20):
            while select.select([], [greedy], [], 0.1)[1]:  # until its one thread waits for it to read
                servers.fill(greedy, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 1000)
            assert is_served(patient)


def test_a_body_that_is_waited_for_holds_up_nobody(patient):
    with socket.create_connection(("127.0.0.1", patient.port)) as slow:
        slow.sendall(POST + b"Content-Length: 9\r\n\r\nabc")
        assert is_served(patient)
