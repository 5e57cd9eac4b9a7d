"""MQTT 3.1.1 as bytes: what a client sends is read into packets, and what it is answered is written. No I/O.

Only what devices of these vendors use is here; a packet of anything else is `Malformed`. The numbers in brackets are
the sections of the OASIS standard. docs/wire/mqtt.md lists what is taken and what is refused.
"""

from typing import Final, NamedTuple, TypeAlias

# The longest packet that is taken, without the two to five bytes before it; and the longest CONNECT, of a stranger.
LONGEST: Final = 64 * 1024
LONGEST_CONNECT: Final = 4 * 1024
VERSION: Final = 4
# What CONNACK says: the codes of the standard (3.2.2.3).
ACCEPTED, BAD_VERSION, BAD_CLIENT_ID, UNAVAILABLE, BAD_CREDENTIALS, NOT_AUTHORIZED = range(6)
# A client of MQTT 5 is told in its own words that its version is not spoken here.
VERSION_5: Final = 5
_BAD_VERSION_5: Final = bytes((0x20, 3, 0, 0x84, 0))
GRANTED: Final = 1
_LENGTH_BYTES: Final = 4


class Malformed(Exception):
    """Say that what a client sent is not taken; the text names the packet and what is wrong with it."""


class WrongVersion(Malformed):
    """Say that a client speaks another version of the protocol; ``answer`` is what it understands."""

    def __init__(self, level: int) -> None:
        super().__init__(f"CONNECT: protocol level {level}, expected {VERSION} (MQTT 3.1.1)")
        self.answer = _BAD_VERSION_5 if level == VERSION_5 else connack(BAD_VERSION)


class Connect(NamedTuple):
    """A client says who it is; ``keep_alive`` is in seconds, 0 for none."""

    client_id: str
    user_name: str
    password: str
    keep_alive: int
    is_clean: bool


class Publish(NamedTuple):
    """A message; ``number`` is 0 where it is not to be acknowledged."""

    topic: str
    payload: bytes
    number: int = 0
    is_repeated: bool = False


class Acknowledge(NamedTuple):
    """A client has a message that it was sent."""

    number: int


class Subscribe(NamedTuple):
    """A client asks for the messages of so many topics."""

    number: int
    topics: int


class Unsubscribe(NamedTuple):
    """A client does not want some topics any more."""

    number: int


class Ping(NamedTuple):
    """A client is there."""


class Disconnect(NamedTuple):
    """A client goes."""


Packet: TypeAlias = Connect | Publish | Acknowledge | Subscribe | Unsubscribe | Ping | Disconnect


class Decoder:
    """Read packets out of the bytes of one connection, each up to ``longest`` bytes, as many as are asked for."""

    __slots__ = ("_at", "_data", "longest")

    def __init__(self, longest: int = LONGEST) -> None:
        self.longest = longest
        self._data, self._at = b"", 0

    def feed(self, data: bytes) -> None:
        """Take bytes as they came."""
        left = self._data[self._at :]
        self._data, self._at = left + data if left else data, 0

    def take(self) -> Packet | None:
        """Return the next packet, or None until more bytes are there; raise `Malformed`."""
        data, first = self._data, self._at
        if len(data) > first and data[first] not in _FIRST:  # a client of something else need not say all of it
            raise Malformed(_foreign(data[first]))
        if len(data) < first + 2:
            return None
        length, at = _length(data, first + 1)
        if length is None:
            return None
        if length > self.longest:
            raise Malformed(f"packet of {length} bytes, expected {self.longest} at most")
        end = at + length
        if len(data) < end:
            return None
        self._data, self._at = (b"", 0) if end == len(data) else (data, end)
        return _read(data[first], _Body(data[at:end]))


def _length(data: bytes, at: int) -> tuple[int | None, int]:
    """Return how long a packet is whose length is at ``at`` (2.2.3), None until that is known, and where it begins."""
    length = 0
    for place in range(_LENGTH_BYTES):
        if len(data) <= at + place:
            return None, 0
        digit = data[at + place]
        length |= (digit & 0x7F) << 7 * place
        if not digit & 0x80:
            return length, at + place + 1
    raise Malformed("the length of a packet takes more than four bytes")


class _Body:
    """What follows the length of a packet, read from the front."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self, size: int = 2) -> int:
        """Return the next bytes as a number."""
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        found = self.data[self.at : self.at + size]
        if len(found) < size:
            raise Malformed("a packet ends before what it announces")
        self.at += size
        return found

    def text(self) -> str:
        """Return the next text: UTF-8 without NUL (1.5.3)."""
        found = self.take(self.number())
        try:
            text = found.decode()
        except UnicodeDecodeError:
            raise Malformed("a text is not UTF-8") from None
        if "\0" in text:
            raise Malformed("a text has NUL in it")
        return text

    def rest(self) -> bytes:
        """Return all that is left."""
        found = self.data[self.at :]
        self.at = len(self.data)
        return found

    def end(self, packet: str) -> None:
        """Raise `Malformed` where there is more."""
        if self.at < len(self.data):
            raise Malformed(f"{packet}: {len(self.data) - self.at} bytes too many")


_CONNECT, _PUBLISH, _PUBACK, _SUBSCRIBE, _UNSUBSCRIBE, _PINGREQ, _DISCONNECT = 1, 3, 4, 8, 10, 12, 14
# The four low bits of the first byte, which the standard fixes for all but PUBLISH (2.2.2).
_FLAGS: Final = {_CONNECT: 0, _PUBACK: 0, _SUBSCRIBE: 2, _UNSUBSCRIBE: 2, _PINGREQ: 0, _DISCONNECT: 0}
_QOS: Final = 0x06
# The first bytes that a packet may have: of PUBLISH all but those of QoS 2, and of 3, which there is not.
_FIRST: Final = frozenset(
    [kind << 4 | flags for kind, flags in _FLAGS.items()]
    + [_PUBLISH << 4 | flags for flags in range(16) if flags & _QOS < 0x04]
)


def _foreign(first: int) -> str:
    """Say why no packet begins with this byte."""
    kind, flags = first >> 4, first & 0x0F
    if kind == _PUBLISH:
        return f"PUBLISH: QoS {(flags & _QOS) >> 1}, expected 0 or 1"
    return f"packet type {kind} with flags {flags} is not taken"


def _read(first: int, body: _Body) -> Packet:
    kind, flags = first >> 4, first & 0x0F
    if kind == _PUBLISH:
        return _publish(flags, body)
    if kind == _CONNECT:
        return _connect(body)
    packet: Packet
    if kind == _PUBACK:
        packet = Acknowledge(_identifier(body, "PUBACK"))
    elif kind == _SUBSCRIBE:
        packet = Subscribe(_identifier(body, "SUBSCRIBE"), _topics(body, "SUBSCRIBE", qos=True))
    elif kind == _UNSUBSCRIBE:
        packet = Unsubscribe(_identifier(body, "UNSUBSCRIBE"))
        _topics(body, "UNSUBSCRIBE", qos=False)
    else:
        packet = Ping() if kind == _PINGREQ else Disconnect()
    body.end(type(packet).__name__.upper())
    return packet


def _connect(body: _Body) -> Connect:
    """Read CONNECT (3.1). A last will is read and not kept: there is nobody to send it to."""
    name, level = body.text(), body.number(1)
    if name not in ("MQTT", "MQIsdp"):
        raise Malformed("CONNECT: expected the protocol MQTT")
    if level != VERSION or name != "MQTT":
        raise WrongVersion(level)
    flags, keep_alive = body.number(1), body.number()
    has_user, has_password, has_will = flags & 0x80, flags & 0x40, flags & 0x04
    if flags & 0x01 or (has_password and not has_user) or (not has_will and flags & 0x38) or flags & 0x18 == 0x18:
        raise Malformed(f"CONNECT: flags {flags:#04x} do not go together")
    client_id = body.text()
    if has_will:
        body.text()
        body.take(body.number())
    user_name = body.text() if has_user else ""
    password = body.take(body.number()).decode(errors="replace") if has_password else ""
    body.end("CONNECT")
    return Connect(client_id, user_name, password, keep_alive, bool(flags & 0x02))


def _publish(flags: int, body: _Body) -> Publish:
    """Read PUBLISH (3.3). Whether it is to be retained does not matter: nothing is."""
    topic = body.text()
    if not topic or "#" in topic or "+" in topic:
        raise Malformed("PUBLISH: expected a topic without wildcards")
    number = _identifier(body, "PUBLISH") if flags & _QOS else 0
    return Publish(topic, body.rest(), number, bool(flags & 0x08))


def _identifier(body: _Body, packet: str) -> int:
    number = body.number()
    if not number:
        raise Malformed(f"{packet}: packet identifier 0")
    return number


def _topics(body: _Body, packet: str, *, qos: bool) -> int:
    """Read topic filters, each with the quality that is asked for where ``qos`` says so; return how many there are."""
    count = 0
    while body.at < len(body.data):
        if not body.text():
            raise Malformed(f"{packet}: an empty topic")
        if qos and body.number(1) > 2:
            raise Malformed(f"{packet}: expected QoS 0, 1 or 2")
        count += 1
    if not count:
        raise Malformed(f"{packet}: no topic")
    return count


def connack(code: int) -> bytes:
    """Return the answer to CONNECT; no session is ever there from before."""
    return bytes((0x20, 2, 0, code))


def puback(number: int) -> bytes:
    """Return what says that a message has been taken."""
    return bytes((0x40, 2)) + number.to_bytes(2, "big")


def suback(packet: Subscribe) -> bytes:
    """Return what grants a subscription, with QoS 1 at most, which is what is sent."""
    return b"\x90" + _packed(packet.number.to_bytes(2, "big") + bytes((GRANTED,)) * packet.topics)


def unsuback(number: int) -> bytes:
    """Return what answers the end of a subscription."""
    return bytes((0xB0, 2)) + number.to_bytes(2, "big")


def pingresp() -> bytes:
    """Return the answer to a ping."""
    return bytes((0xD0, 0))


def publish(topic: str, payload: bytes, number: int = 0) -> bytes:
    """Return a message; with a number, one that the client is to acknowledge."""
    name = topic.encode()
    identifier = number.to_bytes(2, "big") if number else b""
    first = 0x32 if number else 0x30
    return bytes((first,)) + _packed(len(name).to_bytes(2, "big") + name + identifier + payload)


def _packed(body: bytes) -> bytes:
    """Return the body of a packet with its length before it."""
    length, digits = len(body), bytearray()
    while True:
        length, digit = length >> 7, length & 0x7F
        digits.append(digit | 0x80 if length else digit)
        if not length:
            return bytes(digits) + body
