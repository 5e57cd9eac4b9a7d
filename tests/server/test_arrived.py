"""What the edge answers at once: whole requests alone, of clients that read."""

import contextlib
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otagw.server import arrived
from tests.deploy import servers

GET = b"GET /?Action=X&Signature=a%2Bb HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=b"


@contextlib.contextmanager
def connected():
    """A client's end and the server's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        with client, server:
            yield client, server


def is_whole(data):
    with connected() as (client, server):
        client.sendall(data)
        if data:
            server.recv(len(data), socket.MSG_PEEK | socket.MSG_WAITALL)  # all of it is there
        return arrived.is_whole(server)


@pytest.mark.parametrize(
    "data",
    [
        GET,
        POST,
        b"GET //?a=b HTTP/1.0\r\n\r\n",
        b"GET /device/v1/p/d/update HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PUT /device/v1/p/d/versions/default HTTP/1.1\r\ncontent-length:\t2\t\r\nHost: a\r\n\r\n{}",
        b"DELETE /v5/iot/p/ota-upgrades/packages/1 HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_a_whole_request_is_recognized_and_left_to_be_read(data):
    with connected() as (client, server):
        client.sendall(data)
        server.recv(len(data), socket.MSG_PEEK | socket.MSG_WAITALL)
        assert arrived.is_whole(server)
        assert server.recv(65536) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GET + b"G",
        GET + GET,
        POST + b"c",
        b"GET /oss/ab/c.bin?Expires=1&Signature=x HTTP/1.1\r\n\r\n",
        b"POST /oss HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        b"GET /%6fss/c.bin HTTP/1.1\r\n\r\n",
        b"GET http://a/oss/c.bin HTTP/1.1\r\n\r\n",
        b"GET /?a=b HTTP/2.0\r\n\r\n",
        b"GET /?a=b\r\n\r\n",
        b"HEAD /oss/c.bin HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\na=b",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\na=b",
        b"POST / HTTP/1.1\r\nContent-Length : 9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\na=b",
        b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\na=b",
        b"GET /?a=" + b"a" * arrived.PEEK_BYTES + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_whatever_may_have_to_be_waited_for_is_not_whole(data):
    assert not is_whole(data)


@given(st.sampled_from([GET, POST]), st.data())
def test_no_part_of_a_request_is_whole(request_, data):
    assert not is_whole(request_[: data.draw(st.integers(0, len(request_) - 1))])


@given(st.binary(max_size=200))
def test_random_bytes_are_not_whole(data):
    assert not is_whole(data)


def test_a_client_that_is_gone_has_sent_nothing():
    with connected() as (client, server):
        client.close()
        assert not arrived.is_whole(server)
        server.close()
        assert not arrived.is_whole(server)
        assert not arrived.has_read(server)


def test_a_client_that_does_not_read_is_noticed():
    with connected() as (_, server):
        assert arrived.has_read(server)
        server.setblocking(False)
        servers.fill(server, b"a" * 65536)
        assert not arrived.has_read(server)
