"""A small MQTT client of the tests' own: it knows the standard's bytes, and none of the gateway's code.

Every wait ends by itself: a packet that does not come fails the test.
"""

import contextlib
import hashlib
import hmac
import json
import socket
import ssl
from typing import NamedTuple

from tests.patience import HANG_SECONDS

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9
UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 10, 11, 12, 13, 14


class Credentials(NamedTuple):
    """What a vendor's SDK says of a device in CONNECT."""

    client_id: str
    user_name: str
    password: str


def alibaba(product, name, secret, *, method="sha1", timestamp="1700000000000", client=None):
    """Sign as Alibaba's SDKs do; ``timestamp`` may be None."""
    client = f"{product}&{name}" if client is None else client
    signed = f"clientId{client}deviceName{name}productKey{product}" + (f"timestamp{timestamp}" if timestamp else "")
    told = f"|securemode=3,signmethod=hmac{method}" + (f",timestamp={timestamp}" if timestamp else "") + "|"
    password = hmac.new(secret.encode(), signed.encode(), method).hexdigest()
    return Credentials(client + told, f"{name}&{product}", password)


def huawei(device_id, secret, hour="2026112800", *, kind=0):
    """Sign as Huawei's SDKs do: kind 1 says that the time is to be checked."""
    password = hmac.new(hour.encode(), secret.encode(), hashlib.sha256).hexdigest()
    return Credentials(f"{device_id}_0_{kind}_{hour}", device_id, password)


def tuya(device_id, secret, timestamp="1700000000"):
    """Sign as TuyaLink's SDK does: with the first 16 bytes of the secret."""
    signed = f"deviceId={device_id},timestamp={timestamp},secureMode=1,accessType=1"
    password = hmac.new(secret.encode()[:16], signed.encode(), hashlib.sha256).hexdigest()
    user = f"{device_id}|signMethod=hmacSha256,timestamp={timestamp},secureMode=1,accessType=1"
    return Credentials(f"tuyalink_{device_id}", user, password)


class Packet(NamedTuple):
    """A packet as it came."""

    kind: int
    flags: int
    body: bytes


class Message(NamedTuple):
    """A PUBLISH; ``number`` is None where the server wants no acknowledgement."""

    topic: str
    payload: bytes
    number: int | None
    is_repeated: bool

    @property
    def json(self):
        return json.loads(self.payload)


def text(value):
    """Return a text, or bytes, with the length before it."""
    data = value.encode() if isinstance(value, str) else value
    return len(data).to_bytes(2, "big") + data


def packet(kind, body=b"", flags=0):
    """Return a packet with its length as the standard writes it."""
    length, digits = len(body), []
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (128 if length else 0))
        if not length:
            return bytes([kind << 4 | flags, *digits]) + body


def connect(given, *, keep_alive=60, clean=True, will=None, level=4, name="MQTT"):
    """Return CONNECT; ``will`` is a topic and a payload."""
    flags = 0xC0 | (2 if clean else 0) | (0x2C if will else 0)  # a will: of QoS 1, and retained
    body = text(name) + bytes([level, flags]) + keep_alive.to_bytes(2, "big") + (b"\0" if level == 5 else b"")
    last = text(will[0]) + text(will[1]) if will else b""
    return packet(CONNECT, body + text(given.client_id) + last + text(given.user_name) + text(given.password))


def publish(topic, payload, *, number=None, retain=False, repeated=False, qos=None):
    """Return PUBLISH: of QoS 0 without a number."""
    payload = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    qos = (0 if number is None else 1) if qos is None else qos
    numbered = b"" if number is None else number.to_bytes(2, "big")
    return packet(PUBLISH, text(topic) + numbered + payload, (8 if repeated else 0) | qos << 1 | retain)


def split(data):
    """Return the packets in some bytes, and what is left."""
    found = []
    while len(data) > 1:
        length = shift = 0
        for at in range(1, len(data)):
            length |= (data[at] & 127) << shift
            shift += 7
            if data[at] < 128:
                break
        else:
            break
        if len(data) < at + 1 + length:
            break
        found.append(Packet(data[0] >> 4, data[0] & 15, data[at + 1 : at + 1 + length]))
        data = data[at + 1 + length :]
    return found, data


def message(found):
    """Read a PUBLISH."""
    assert found.kind == PUBLISH, found
    size = int.from_bytes(found.body[:2], "big")
    topic, rest = found.body[2 : 2 + size].decode(), found.body[2 + size :]
    qos = found.flags >> 1 & 3
    number = int.from_bytes(rest[:2], "big") if qos else None
    return Message(topic, rest[2:] if qos else rest, number, bool(found.flags & 8))


class Client:
    """One connection; ``context`` is for TLS."""

    def __init__(self, port, seconds=HANG_SECONDS, context: ssl.SSLContext | None = None, source=None):
        self.socket = socket.create_connection(("127.0.0.1", port), seconds, source and (source, 0))
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self._left, self._found, self._number = b"", [], 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def connect(self, given, **how):
        """Say who the client is; return CONNACK's code."""
        self.send(connect(given, **how))
        found = self.expect(CONNACK)
        assert len(found) == 2, found
        assert found[0] == 0, "no session is ever there from before"
        return found[1]

    def say(self, topic, payload, *, qos=1, **how):
        """Publish; return the number that is to be acknowledged, None for QoS 0."""
        number = None
        if qos:
            number = self._number = self._number % 65535 + 1
        self.send(publish(topic, payload, number=number, **how))
        return number

    def tell(self, topic, payload, **how):
        """Publish with QoS 1, and wait for PUBACK; messages that come before it are kept."""
        number = self.say(topic, payload, **how)
        assert self.expect(PUBACK) == number.to_bytes(2, "big")

    def ack(self, found):
        self.send(packet(PUBACK, found.number.to_bytes(2, "big")))

    def ping(self):
        """Ping, and wait for the answer: all that was sent before has been read by then."""
        self.send(packet(PINGREQ))
        assert self.expect(PINGRESP) == b""

    def subscribe(self, *topics, qos=1, number=7):
        """Subscribe; return what is granted to each topic."""
        self.send(packet(SUBSCRIBE, number.to_bytes(2, "big") + b"".join(text(t) + bytes([qos]) for t in topics), 2))
        found = self.expect(SUBACK)
        assert found[:2] == number.to_bytes(2, "big")
        return list(found[2:])

    def message(self):
        """Return the next message; nothing is acknowledged by that."""
        return message(self._take(PUBLISH))

    def messages(self):
        """Return the messages that are there now, without waiting for others.

        A message that nobody takes is acknowledged once all is done that waited before it.
        """
        self.tell("/nobody/takes/this", b"")
        return [message(self._take(PUBLISH)) for found in list(self._found) if found.kind == PUBLISH]

    def expect(self, kind):
        """Return the body of the next packet of a kind."""
        return self._take(kind).body

    def _take(self, kind):
        while True:
            for at, found in enumerate(self._found):
                if found.kind == kind:
                    return self._found.pop(at)
            assert self._read(), f"the server closed; expected a packet of type {kind}, found {self._found}"

    def _read(self):
        """Wait for bytes; tell whether there are any before the server closes."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        found, self._left = split(self._left + data)
        self._found += found
        return bool(data)

    def rest(self):
        """Wait until the server closes; return all packets that were not taken."""
        with contextlib.suppress(ConnectionError):
            while self._read():
                pass
        return self._found

    @property
    def is_open(self):
        """Tell whether the server has not closed by now."""
        try:
            self.ping()
        except (AssertionError, ConnectionError):
            return False
        return True
