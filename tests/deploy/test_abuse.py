"""What no honest client sends: the gateway refuses it in its envelope, soon, and without holding it in memory."""

import concurrent.futures
import contextlib
import json
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import signer
from tests.conftest import KEY
from tests.deploy import servers
from tests.deploy.servers import assert_documented, children, parse, read, send
from tests.patience import HANG_SECONDS, eventually

pytestmark = pytest.mark.live
MIB = 1024 * 1024
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
# What a process may grow by, whatever it is sent.
GROWTH = 96 * MIB


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """A gateway with one process, whose memory is looked at."""
    made = servers.Gunicorn(tmp_path_factory.mktemp("abuse"), workers=1, threads=2).prepare().start()
    made.get("ListOTAFirmware", CurrentPage="1", PageSize="1")
    yield made
    made.stop()


def memory(gateway):
    """Return the most that the gateway's process ever had."""
    (worker,) = eventually(lambda: children(gateway.process.pid))
    status = Path(f"/proc/{worker}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@pytest.fixture
def bounded(gateway):
    """The process stays the one that it was, and small."""
    before, started = children(gateway.process.pid), memory(gateway)
    yield
    assert children(gateway.process.pid) == before
    assert memory(gateway) < started + GROWTH
    assert gateway.get("ListOTAFirmware", CurrentPage="1", PageSize="1").json()["Success"]


def stream(gateway, head, pieces):
    """Send a body piece by piece, until it ends or the other side has had enough; return the answer."""
    with socket.create_connection(("127.0.0.1", gateway.port), HANG_SECONDS) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(head)
            for piece in pieces:
                connection.sendall(piece)
        return parse(read(connection))


def test_a_hundred_megabytes_to_the_actions_are_refused(gateway, bounded):
    head = b"POST / HTTP/1.1\r\nHost: a\r\n" + FORM + f"Content-Length: {100 * MIB}\r\n\r\n".encode()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(stream, gateway, head, (b"a" * MIB for _ in range(100))) for _ in range(4)]
        for answer in asked:
            assert_documented(answer.result(), 413, "RequestEntityTooLarge")


def test_a_hundred_megabytes_in_chunks_are_refused(gateway, bounded):
    head = b"POST / HTTP/1.1\r\nHost: a\r\n" + FORM + b"Transfer-Encoding: chunked\r\n\r\n"
    piece = f"{MIB:x}\r\n".encode() + b"a" * MIB + b"\r\n"
    answer = stream(gateway, head, [*[piece] * 100, b"0\r\n\r\n"])
    if answer is not None:  # it may be cut off while it is still sending
        assert_documented(answer, 413, "RequestEntityTooLarge")


def test_a_hundred_megabytes_to_a_device_address_are_refused(gateway, bounded):
    path = b"/device/v1/p/device-1/versions/default"
    head = b"PUT " + path + b" HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    answer = stream(gateway, head + f"Content-Length: {100 * MIB}\r\n\r\n".encode(), [b"a" * MIB] * 100)
    assert 400 <= answer.status < 500
    assert json.loads(answer.body)["code"]


def test_ten_thousand_parameters_are_answered(gateway, bounded):
    params = signer.v1(KEY, "ListOTAFirmware", CurrentPage="1", PageSize="1", **{f"P{n}": "x" for n in range(10_000)})
    query = signer.query(params).encode()
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + FORM + b"Content-Length: %d\r\n\r\n" % len(query)
    # The method is signed: what was signed for GET is refused, but only after all of it has been read and sorted.
    assert_documented(stream(gateway, head, [query]), 400, "SignatureDoesNotMatch")


def test_a_million_parameters_are_refused(gateway, bounded):
    body = b"a=&" * 1_000_000
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + FORM + b"Content-Length: %d\r\n\r\n" % len(body)
    assert_documented(stream(gateway, head, [body]), 413, "RequestEntityTooLarge")


@pytest.mark.parametrize(
    "line",
    [b"X-%d: a\r\n", b"X: " + b"b" * 8000 + b"%d\r\n", b"Cookie: a%d=b; c=d\r\n", b"X-Forwarded-For: 10.0.0.%d\r\n"],
)
def test_a_flood_of_headers_is_refused(gateway, bounded, line):
    flood = b"".join(line % number for number in range(20_000))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(send, gateway.port, b"GET / HTTP/1.1\r\nHost: a\r\n" + flood + b"\r\n") for _ in range(8)]
        for answer in asked:
            assert_documented(parse(answer.result()), 413, "RequestEntityTooLarge")


def test_deeply_nested_json_is_refused(gateway, bounded):
    body = b"[" * 60_000
    head = b"PUT /device/v1/p/device-1/versions/default HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    answer = stream(gateway, head, [body])
    assert 400 <= answer.status < 500


starts = st.sampled_from(
    [b"", b"GET / HTTP/1.1\r\nHost: a\r\n", b"POST / HTTP/1.1\r\nContent-Length: 5\r\n", b"POST /oss HTTP/1.1\r\n"]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=starts, noise=st.binary(max_size=600))
def test_any_bytes_end_in_an_envelope_or_a_close(gateway, start, noise):
    with socket.create_connection(("127.0.0.1", gateway.port), HANG_SECONDS) as connection:
        connection.sendall(start + noise)
        connection.shutdown(socket.SHUT_WR)
        answer = read(connection)
    if answer:
        reply = parse(answer)
        assert reply.status != 500
        assert b"<html" not in answer.lower()
        assert b"Traceback" not in answer
        assert reply.headers["content-type"].startswith(("application/json", "application/xml"))


def test_after_all_of_it_the_gateway_answers_and_has_logged_no_crash(gateway, bounded):
    assert "crashed" not in gateway.log()
