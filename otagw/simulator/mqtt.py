"""A client of MQTT 3.1.1, as small as devices have it: one connection, messages out with QoS 1, and what comes in.

It knows the standard (the numbers in brackets are its sections) and none of the gateway's code.
"""

import json
import select
import socket
import ssl
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from otagw.simulator.transport import Transport

CONNECT, CONNACK, PUBLISH, PUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 12, 13, 14
PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
# Seconds until an answer counts as missing, and for which a device may say nothing.
PATIENCE: Final = 60.0
KEEP_ALIVE: Final = 1200
_CHUNK: Final = 64 * 1024


class Credentials(NamedTuple):
    """What a device says in CONNECT."""

    client_id: str
    user_name: str
    password: str


class Message(NamedTuple):
    """What a device is told."""

    topic: str
    data: Mapping[str, Any]


class Connection:
    """One connection at a time to ``endpoint``, mqtt://HOST:PORT or mqtts://HOST:PORT; what fails is `Trouble`."""

    def __init__(self, transport: Transport, endpoint: str) -> None:
        self._transport, self._endpoint = transport, endpoint
        self._socket: socket.socket | None = None
        self._bytes, self._number = b"", 0
        self._messages: deque[Message] = deque()

    @property
    def is_open(self) -> bool:
        """Tell whether it has been opened, and not closed."""
        return self._socket is not None

    def open(self, given: Credentials) -> None:
        """Connect, and say who the device is."""
        self.close()
        with self._timed("connect"):
            self._socket = self._connected()
            flags = 0xC2  # user name, password, clean session
            body = _text("MQTT") + bytes((4, flags)) + KEEP_ALIVE.to_bytes(2, "big") + b"".join(map(_text, given))
            self._send(CONNECT, body)
            code = self._answer(CONNACK)[1]
        if code:
            self.close()
            raise self._transport.trouble(f"connect: refused with code {code}")

    def close(self) -> None:
        """End the connection without a word, as a device does that goes down; what came and was not taken is lost."""
        found, self._socket = self._socket, None
        self._bytes, self._number = b"", 0
        self._messages.clear()
        if found:
            found.close()

    def say(self, what: str, topic: str, data: Mapping[str, Any]) -> None:
        """Publish a message, and wait until the gateway has it; the report knows it as ``what``."""
        self._number = self._number % 0xFFFF + 1
        number = self._number.to_bytes(2, "big")
        with self._timed(what):
            self._send(PUBLISH, _text(topic) + number + json.dumps(data).encode(), 0x02)
            if self._answer(PUBACK) != number:
                raise ConnectionError("another message was acknowledged")

    def ping(self, what: str) -> None:
        """Wait until the gateway has answered: what it said before is there then."""
        with self._timed(what):
            self._send(PINGREQ, b"")
            self._answer(PINGRESP)

    def has_news(self) -> bool:
        """Tell whether something came, or the gateway has ended the connection."""
        if not self._socket or self._messages or self._bytes:
            return bool(self._messages or self._bytes)
        pending = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()
        return bool(pending or select.select([self._socket], [], [], 0)[0])

    def taken(self) -> list[Message]:
        """Return what came since the last time, oldest first."""
        found = list(self._messages)
        self._messages.clear()
        return found

    def _connected(self) -> socket.socket:
        url = urlsplit(self._endpoint)
        found = socket.create_connection((url.hostname or "", url.port or PORTS[url.scheme]), PATIENCE)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if url.scheme != "mqtts":
            return found
        try:
            return ssl.create_default_context(cafile=self._transport.cacert).wrap_socket(
                found, server_hostname=url.hostname
            )
        except BaseException:
            found.close()
            raise

    def _timed(self, what: str) -> "_Closing":
        return _Closing(self, self._transport, what)

    def _send(self, kind: int, body: bytes, flags: int = 0) -> None:
        if not self._socket:
            raise ConnectionError("there is no connection")
        self._socket.sendall(_packet(kind, body, flags))

    def _answer(self, kind: int) -> bytes:
        """Return the body of the next packet of a kind; messages before it are acknowledged and kept."""
        while True:
            found, flags, body = self._receive()
            if found == kind:
                return body
            if found != PUBLISH:
                raise ConnectionError(f"a packet of type {found} came")
            self._keep(flags, body)

    def _keep(self, flags: int, body: bytes) -> None:
        size = 2 + int.from_bytes(body[:2], "big")
        topic, rest = body[2:size].decode(), body[size:]
        if flags & 0x06:
            self._send(PUBACK, rest[:2])
            rest = rest[2:]
        try:
            data = json.loads(rest)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise self._transport.trouble("a message is no JSON object")
        self._messages.append(Message(topic, data))

    def _receive(self) -> tuple[int, int, bytes]:
        """Return the next packet: its type, its flags and its body (2.2)."""
        length, at = 0, 1
        while True:
            data = self._at_least(at + 1)
            length |= (data[at] & 0x7F) << 7 * (at - 1)
            at += 1
            if data[at - 1] < 0x80:
                break
        data = self._at_least(at + length)
        self._bytes = data[at + length :]
        return data[0] >> 4, data[0] & 0x0F, data[at : at + length]

    def _at_least(self, size: int) -> bytes:
        while len(self._bytes) < size:
            data = self._socket.recv(_CHUNK) if self._socket else b""
            if not data:
                raise ConnectionError("the gateway has ended the connection")
            self._bytes += data
        return self._bytes


class _Closing:
    """Time and judge a step by the transport; a connection that fails is closed."""

    def __init__(self, connection: Connection, transport: Transport, what: str) -> None:
        self._connection, self._timed = connection, transport.timed(what)

    def __enter__(self) -> None:
        self._timed.__enter__()

    def __exit__(self, *raised: Any) -> bool | None:
        if raised[0]:
            self._connection.close()
        return self._timed.__exit__(*raised)


def _text(value: str) -> bytes:
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def _packet(kind: int, body: bytes, flags: int) -> bytes:
    length, digits = len(body), bytearray()
    while True:
        length, digit = length >> 7, length & 0x7F
        digits.append(digit | 0x80 if length else digit)
        if not length:
            return bytes((kind << 4 | flags, *digits)) + body
