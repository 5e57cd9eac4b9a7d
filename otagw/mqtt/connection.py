"""One connection of a client: what it may do when, and what is done with each packet, one after the other."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol, cast

from otagw.dialects.messages import Message, MessageFront, Visit
from otagw.mqtt import packets
from otagw.mqtt.packets import Connect, Disconnect, Ping, Publish, Subscribe, Unsubscribe
from otagw.ota.devices import connections

# How long a client may be silent, by the keep-alive that it asks for (3.1.2.10).
SILENCE: Final = 1.5
# Packets that wait before no more is read, and messages that a device has not acknowledged before it is told no more.
WAITING: Final = 32
UNACKNOWLEDGED: Final = 8
# Bytes that a client does not take before nothing more is read of it.
UNSENT: Final = 64 * 1024
# Bytes that are read of a client before the others have their turn: a thousand of the smallest packets.
AT_A_TIME: Final = 2048
# How long the end of a connection over TLS may take.
SHUTDOWN_SECONDS: Final = 1.0
_LAST_NUMBER: Final = 0xFFFF


class Seconds(NamedTuple):
    """How long a node waits, and how often it looks, in seconds.

    ``connect`` is how long a client may take from its TCP connection to the end of its CONNECT, ``silence`` the longest
    silence of a client, also where it asks for a longer keep-alive. ``sweep`` is how often silent clients are looked
    for, ``look`` and ``longest_look`` how often what jobs have for devices, ``write`` how often what waits is written,
    ``beat`` how often a node says that it is there, and ``seen`` that its devices are.
    """

    connect: float = 10.0
    silence: float = 1800.0
    sweep: float = 1.0
    look: float = 0.5
    longest_look: float = 1.5
    write: float = 1.0
    beat: float = connections.BEAT_SECONDS
    seen: float = 300.0


class Push(NamedTuple):
    """In the place of a packet: a device may be told of an offer for a module."""

    module: str


class Believed(NamedTuple):
    """A client that was let in: its front, what is kept of this connection, and what the device was when it came.

    Of the device its number, its name and its sealed secret alone: a node has thousands.
    """

    front: MessageFront
    visit: Visit
    device_id: int
    name: str
    sealed: str | None


class Refused(Exception):
    """Say that a client is not let in; ``code`` is what CONNACK says, ``reason`` is for the log.

    ``note`` writes more to the log. It waits until the client has its answer: how long it takes would tell which
    devices there are.
    """

    def __init__(self, code: int, reason: str, note: Callable[[], None] = lambda: None) -> None:
        super().__init__(reason)
        self.code, self.note = code, note


class Broken(Exception):
    """Say that a connection has to end, and why; what was being taken is not acknowledged."""


class Cut(Broken):
    """Say that a connection ends on purpose, without an answer: a test wants it."""


class Node(Protocol):
    """What a connection needs of the node that it is on."""

    seconds: Seconds
    # What is read goes through it, of one connection after the other.
    buffer: memoryview

    def arrive(self, connection: "Connection") -> bool:
        """Take a connection in; tell whether there is room."""

    def leave(self, connection: "Connection", reason: str) -> None:
        """Forget a connection that has ended."""

    async def admit(self, connection: "Connection", packet: Connect) -> Believed:
        """Return who a client is; raise `Refused`."""

    async def refused(self, refusal: Refused) -> None:
        """Note why a client was not let in, after it was told."""

    async def hear(self, connection: "Connection", packet: Publish) -> Sequence[Message]:
        """Take a message; return what the device is to be sent. Raises `Broken`."""

    async def tell(self, connection: "Connection", module: str) -> Sequence[Message]:
        """Return what tells a device what there is for a module. Raises `Broken`."""

    def acknowledged(self, connection: "Connection") -> None:
        """Note that a device has all that it was told."""

    def bad_packet(self, connection: "Connection", problem: str) -> None:
        """Note that a client has broken the protocol."""


class Connection(asyncio.BufferedProtocol):
    """A client, from its TCP connection on; with a ``context`` it has to speak TLS."""

    __slots__ = (
        *("address", "believed", "heard", "number", "patience", "seen", "transport"),
        *("_context", "_decoder", "_last", "_node", "_reading", "_sent", "_told", "_waiting", "_work", "_writable"),
    )

    def __init__(self, node: Node, number: int, context: ssl.SSLContext | None = None) -> None:
        self._node, self.number = node, number
        # What TLS is still to be begun by.
        self._context = context
        self.transport: asyncio.Transport | None = None
        self.believed: Believed | None = None
        self.address: str | None = None
        # When something was heard of it last, and how long it may be silent.
        self.heard, self.patience = 0.0, node.seconds.connect
        # When it was noted last that the device is there.
        self.seen = 0.0
        self._decoder = packets.Decoder(packets.LONGEST_CONNECT)
        self._waiting: list[Connect | Publish | Subscribe | Unsubscribe | Push] = []
        self._work: asyncio.Task[None] | None = None
        self._reading = self._writable = True
        # Numbers of messages that it has not acknowledged, the last one given out, and whether a push waits.
        self._sent: set[int] = set()
        self._last, self._told = 0, False

    # --- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; where there is no room, end at once."""
        self.transport = transport = cast("asyncio.Transport", transport)
        transport.set_write_buffer_limits(high=UNSENT)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else None
        self.heard = self.seen = asyncio.get_running_loop().time()
        if not self._node.arrive(self):
            self.end("no room for another connection")
        elif self._context:
            transport.pause_reading()
            self._work = asyncio.get_running_loop().create_task(self._secure(transport, self._context))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes are to be put; TLS puts them there in parts."""
        return self._node.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes."""
        if self.believed:  # before, all of CONNECT has to come in its time
            self.heard = asyncio.get_running_loop().time()
        self._decoder.feed(bytes(self._node.buffer[:nbytes]))
        if self._context is None:  # or what is answered would leave in the clear
            self._read()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the client has gone."""
        self.end("the client has gone")

    def pause_writing(self) -> None:
        """Read nothing more of a client that does not take what it is sent."""
        self._writable = False
        self._listen()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable = True
        self._read()

    # --- for the node

    @property
    def is_open(self) -> bool:
        """Tell whether it has not ended."""
        return self.transport is not None

    @property
    def is_stranger(self) -> bool:
        """Tell whether its client has not said who it is; one whose CONNECT is at work has."""
        return self.believed is None and not self._waiting

    @property
    def has_room(self) -> bool:
        """Tell whether the device can be told of an offer now."""
        return bool(self.believed) and not self._told and len(self._sent) < UNACKNOWLEDGED and self._writable

    def push(self, module: str) -> None:
        """Tell the device, in its turn, what there is for a module."""
        self._told = True
        self._waiting.append(Push(module))
        self._go_on()

    def end(self, reason: str) -> None:
        """End the connection; what its client has not taken by now is lost."""
        transport, self.transport = self.transport, None
        if transport is None:
            return
        if transport.get_write_buffer_size() > 0:
            transport.abort()
        else:
            transport.close()
        self._waiting.clear()
        self._node.leave(self, reason)

    async def _secure(self, transport: asyncio.Transport, context: ssl.SSLContext) -> None:
        """Speak TLS from here on. A client that does not is counted and timed like any other stranger."""
        begun = asyncio.get_running_loop().start_tls(
            transport,
            self,
            context,
            server_side=True,
            ssl_handshake_timeout=self.patience,
            ssl_shutdown_timeout=SHUTDOWN_SECONDS,
        )
        self._work = None
        try:
            secured = await begun
        except (OSError, asyncio.CancelledError):  # ssl.SSLError is one; it is cancelled where the client has gone
            self.end("the handshake of TLS failed")
            return
        if secured is None or self.transport is None:
            transport.abort()
            return
        self.transport, self._context = secured, None
        secured.set_write_buffer_limits(high=UNSENT)
        self._read()

    # --- packets

    def _read(self) -> None:
        """Take packets as long as there is room for them."""
        try:
            while self.transport and self._is_listening:
                packet = self._decoder.take()
                if packet is None:
                    break
                self._take(packet)
        except packets.Malformed as problem:
            self._node.bad_packet(self, str(problem))
            if isinstance(problem, packets.WrongVersion):
                self._write(problem.answer)
            self.end(str(problem))
        self._listen()

    def _take(self, packet: packets.Packet) -> None:
        if isinstance(packet, Connect) != (self.believed is None and not self._waiting):
            raise packets.Malformed("expected CONNECT first, and once")
        if isinstance(packet, Ping):
            self._write(packets.pingresp())
        elif isinstance(packet, Disconnect):
            self.end("the client says goodbye")
        elif isinstance(packet, packets.Acknowledge):
            self._sent.discard(packet.number)
            if not self._sent:
                self._node.acknowledged(self)
        else:
            self._waiting.append(packet)
            self._go_on()

    @property
    def _is_listening(self) -> bool:
        """Tell whether another packet may be read: a stranger has one, and its CONNECT comes first."""
        return self._writable and len(self._waiting) < (WAITING if self.believed else 1)

    def _listen(self) -> None:
        """Read on, or stop reading for a while."""
        wanted = self._is_listening
        if self.transport and wanted != self._reading:
            self._reading = wanted
            (self.transport.resume_reading if wanted else self.transport.pause_reading)()

    def _go_on(self) -> None:
        if self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        """Do what the packets ask for, one after the other, until none waits."""
        try:
            while self._waiting and self.transport:
                await self._do(self._waiting[0])
                if self._waiting:
                    del self._waiting[0]
                self.heard = asyncio.get_running_loop().time()
                self._read()
        except Broken as problem:
            self.end(str(problem))
        finally:
            self._work = None

    async def _do(self, packet: "Connect | Publish | Subscribe | Unsubscribe | Push") -> None:
        match packet:
            case Connect():
                await self._let_in(packet)
            case Subscribe():
                self._write(packets.suback(packet))
            case Unsubscribe():
                self._write(packets.unsuback(packet.number))
            case Push():
                self._told = False
                self._make_room()
                self._send(await self._node.tell(self, packet.module))
            case Publish():
                self._make_room()
                answers = await self._node.hear(self, packet)
                if packet.number:  # all that follows from it is durable
                    self._write(packets.puback(packet.number))
                self._send(answers)

    async def _let_in(self, packet: Connect) -> None:
        try:
            self.believed = await self._node.admit(self, packet)
        except Refused as refusal:
            self._write(packets.connack(refusal.code))
            self.end(str(refusal))
            await self._node.refused(refusal)
            return
        self._decoder.longest = packets.LONGEST
        longest = self._node.seconds.silence
        self.patience = min(packet.keep_alive * SILENCE or longest, longest)
        self._write(packets.connack(packets.ACCEPTED))

    def _make_room(self) -> None:
        if self.believed:
            self.believed.visit.room = UNACKNOWLEDGED - len(self._sent)

    def _send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            number = self._number() if message.offer else 0
            self._write(packets.publish(message.topic, message.payload, number))

    def _number(self) -> int:
        """Return a number for a message that the device is to acknowledge."""
        self._last = self._last % _LAST_NUMBER + 1
        self._sent.add(self._last)
        return self._last

    def _write(self, data: bytes) -> None:
        if self.transport:
            self.transport.write(data)
