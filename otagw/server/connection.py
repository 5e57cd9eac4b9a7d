"""A client's connection: how requests are read within limits of size and time, and answers written.

docs/operations.md has the table of limits, docs/decisions/0007-server.md the reasons.
"""

import re
import socket
import ssl
import time
import weakref
from collections.abc import Callable
from typing import Any, Final

import gevent
from gunicorn import util  # type: ignore[import-untyped]  # it has no types
from gunicorn.http import body, message, parser  # type: ignore[import-untyped]  # it has no types
from gunicorn.http import errors as broken

from otagw.files import links
from otagw.server.crowd import COPIES, Crowd, Guest

# Request line and headers together, and the time from their first byte to their last; also a TLS handshake in all.
HEAD_BYTES = 256 * 1024
HEAD_SECONDS = 30.0
# So many chunks may be as small as they like; more are of so many bytes on average, since each costs 8 µs.
SMALL_CHUNKS: Final = 1000
CHUNK_BYTES: Final = 64
# A body: so much time for each byte that has come, after the first moments; but for an upload, so much in all.
BODY_GRACE_SECONDS = 30.0
BODY_BYTES_A_SECOND: Final = 500
BODY_SECONDS = 300.0
# Each write of an answer. A reader at 1 kB/s lets on that it reads when it has emptied its own buffer of 128 KiB; we
# can write on when a third of ours is free, which therefore must not grow by itself, as it would, to 4 MiB.
WRITE_SECONDS = 300.0
SEND_BUFFER: Final = 128 * 1024
# As much of an answer is kept until it is sent at once, its head with it.
GATHERED_BYTES: Final = 64 * 1024
# What OpenSSL keeps of one whose client does not read, besides what is to be sent.
TLS_BYTES: Final = 32 * 1024
# What a refused client may still send. Much: nginx passes on what it gets from a fast client before it looks whether
# there is an answer.
LINGER_BYTES: Final = 1024 * 1024 * 1024
LINGER_SECONDS: Final = 2.0
READ, WRITE = 1, 2  # events of gevent's loop
TLS_HANDSHAKE: Final = 0x16
_UNESCAPED: Final = re.compile(rb"[\x00-\x20\x7f]")
_ABOVE_ASCII: Final = re.compile(rb"[\x80-\xff]")
# What gunicorn writes into the head of an answer, and before it.
_KEPT: Final = b"\r\nConnection: keep-alive\r\n"
_GO_ON: Final = b"HTTP/1.1 100"
_ORIGIN: Final = re.compile("^[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")


class Late(broken.ParseException):  # type: ignore[misc]  # a base without types, here and below
    """Say that a client took too long over the head of its request."""


class Unescaped(broken.InvalidRequestLine):  # type: ignore[misc]
    """Say which byte in the address of a request should have been percent-encoded."""

    def __init__(self, byte: int) -> None:
        super().__init__("")
        self.byte = byte


class Silent(Exception):
    """Say that a client has sent nothing for a while, and is owed nothing."""


class Chunks(body.ChunkedReader):  # type: ignore[misc]
    """A body in chunks, of which many are not tiny."""

    def __init__(self, head: "Head", unreader: Any) -> None:
        # Without a cycle: what it has read goes with its client, not when garbage is next looked for.
        super().__init__(weakref.proxy(head), unreader)
        self._count = self._size = 0

    def parse_chunk_size(self, unreader: Any, data: Any = None) -> Any:
        """Return the size of the next chunk, and what came behind it."""
        size, rest = super().parse_chunk_size(unreader, data)
        self._count, self._size = self._count + 1, self._size + size
        if self._count > SMALL_CHUNKS and self._size < self._count * CHUNK_BYTES:
            raise broken.InvalidChunkSize(b"")
        return size, rest


class Body(body.Body):  # type: ignore[misc]
    """A request's body; one that breaks off, is ill-formed or comes too slowly is an OSError to its reader."""

    def __init__(self, reader: Any, connection: "Connection", is_upload: bool) -> None:
        super().__init__(reader)
        self._connection, self._is_upload = connection, is_upload
        self._began, self._size = time.monotonic(), 0

    def _read_reader(self, size: int) -> Any:
        announced = min(getattr(self.reader, "length", 0), size)
        limit = BODY_GRACE_SECONDS + self._size / BODY_BYTES_A_SECOND
        if not self._is_upload:
            limit = min(limit, BODY_SECONDS)
        self._connection.settimeout(max(self._began + limit - time.monotonic(), 0.001))
        try:
            data = super()._read_reader(size)
        except broken.ParseException:
            raise broken.NoMoreData from None
        if len(data) < announced:
            self.failed = True
            raise broken.NoMoreData
        self._size += len(data)
        self._connection.came(len(data), self._is_upload, is_whole=self.is_whole())
        return data

    def is_whole(self) -> bool:
        """Tell whether all of it has been read."""
        left = getattr(self.reader, "length", None)
        return self.reader.parser is None if left is None else left == 0


class Head(message.Request):  # type: ignore[misc]
    """The head of a request, read within `HEAD_SECONDS` and `HEAD_BYTES` in all."""

    body: Any

    def parse(self, unreader: Any) -> Any:
        """Read the head; return what was read beyond it."""
        self._until = time.monotonic() + self.cfg.keepalive
        self._size = 0
        self.max_buffer_headers = HEAD_BYTES
        return super().parse(unreader)

    def parse_request_line(self, line_bytes: bytes) -> None:
        """Read the first line; bytes above ASCII in its address are taken for what they would be percent-encoded."""
        method, _, rest = bytes(line_bytes).partition(b" ")
        target, _, version = rest.rpartition(b" ")
        self.unreader.sock.asked = _ORIGIN.sub("", target.decode("latin-1"), 1).partition("?")[0]
        spot = _UNESCAPED.search(target)
        if spot and version.startswith(b"HTTP/"):
            raise Unescaped(spot[0][0])
        if not target.isascii():
            target = _ABOVE_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], target)
            line_bytes = b" ".join((method, target, version))
        super().parse_request_line(line_bytes)

    def read_into(self, unreader: Any, buf: bytearray, stop: bool = False) -> None:
        """Read on; every byte of the head comes this way."""
        if self._size >= HEAD_BYTES:
            raise broken.LimitRequestHeaders("head")
        held = len(buf)
        try:
            unreader.sock.settimeout(max(self._until - time.monotonic(), 0.001))
            super().read_into(unreader, buf, stop)
        except TimeoutError:
            raise Late if self._size else Silent from None
        if self._size == 0:
            self._until = time.monotonic() + HEAD_SECONDS
            if buf[0] == TLS_HANDSHAKE:
                raise broken.InvalidRequestLine("TLS")  # its sender waits for our answer and would not end the line
        self._size += len(buf) - held

    def set_body_reader(self) -> None:
        """Choose how the body is read."""
        super().set_body_reader()
        is_upload = self.path.startswith(links.PATH)
        reader = self.body.reader
        if isinstance(reader, body.ChunkedReader):
            reader = Chunks(self, self.unreader)
        self.body = Body(reader, self.unreader.sock, is_upload)
        self.unreader.sock.came(0, is_upload, is_whole=self.body.is_whole())


class Parser(parser.Parser):  # type: ignore[misc]
    """The requests of one connection, one after another."""

    mesg_class = Head


class Connection(Guest):
    """A client's connection as gunicorn uses a socket, one that does not block: HTTP/1, with or without TLS."""

    def __init__(self, sock: Any, address: Any, crowd: Crowd, idle: float) -> None:
        super().__init__(address[0] if isinstance(address, tuple) else "")
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.sock, self.peer, self._crowd = sock, address, crowd
        self._timeout = idle
        self._answer: list[bytes] = []
        self._size = 0
        self.asked = ""  # the path of the request, as soon as there is one
        # Some of this request has come, after which others have a turn first; what still comes is dropped.
        self._came = self._lingers = False
        # The head of the answer has come, and says how long a connection that is kept may be idle: clients that know do
        # not send a request into one that is just being closed.
        self._answers, self._idle = False, idle

    def shake(self, context: ssl.SSLContext) -> bool:
        """Shake hands for TLS; return False, and nothing is read, if this client does not."""
        try:
            first = self._when_ready(READ, self.sock.recv, 1, socket.MSG_PEEK)
        except TimeoutError:
            raise Silent from None
        if first and first[0] != TLS_HANDSHAKE:
            return False
        self.sock = context.wrap_socket(self.sock, server_side=True, do_handshake_on_connect=False)
        with gevent.Timeout(HEAD_SECONDS, Silent):
            self._when_ready(READ, self.sock.do_handshake)
        return True

    def begin(self) -> None:
        """Wait for another request."""
        self._crowd.release(self)
        self._crowd.wait(self)
        self.asks = self._came = self._answers = False
        self.asked = ""

    def came(self, size: int, is_upload: bool, is_whole: bool) -> None:
        """Note bytes of a body; those of an upload go on to a file, those of others are held until the answer."""
        self.asks = True
        if is_upload:
            self._crowd.hold(self, -min(COPIES * size, self.held))
        if is_whole:
            self._crowd.work(self)
        elif is_upload:
            self._crowd.wait(self)

    def linger(self) -> None:
        """Read on for a while what a refused client still sends, so that it reads the refusal instead of a reset."""
        self.begin()
        self._lingers = True
        util.close_graceful(self, LINGER_SECONDS, LINGER_BYTES)

    def settimeout(self, seconds: float) -> None:
        """Limit how long each of the following waits for the client; they raise TimeoutError."""
        self._timeout = seconds

    def recv(self, size: int) -> bytes:
        """Return what has come, or nothing when the client has closed its side; others have a turn before more."""
        if self._came:
            gevent.sleep(0)
        data: bytes = self._when_ready(READ, self.sock.recv, size)
        self._came = True
        if not self._lingers:
            self._crowd.hold(self, COPIES * len(data))
        return data

    def send(self, data: bytes | memoryview) -> int:
        """Send at once what finds room; return how much that was."""
        sent: int = self._when_ready(WRITE, self.sock.send, data)
        return sent

    def sendall(self, data: bytes) -> None:
        """Keep what is to be sent, until it is much or the answer is complete."""
        self._crowd.work(self)
        if not self._answers and not data.startswith(_GO_ON):
            self._answers = True
            data = data.replace(_KEPT, _KEPT + b"Keep-Alive: timeout=%d\r\n" % self._idle, 1)
        self._answer.append(data)
        self._size += len(data)
        if self._size >= GATHERED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what was kept; raise TimeoutError when the client has taken nothing of it for `WRITE_SECONDS`."""
        size = self._size
        held = size + (TLS_BYTES if isinstance(self.sock, ssl.SSLSocket) else 0)
        parts = self._answer if size >= GATHERED_BYTES else [b"".join(self._answer)]
        self._answer, self._size, self._timeout = [], 0, WRITE_SECONDS
        self.sends, self.since = True, time.monotonic()
        self._crowd.hold(self, held)
        for part in parts:
            left = memoryview(part)
            while left:
                left = left[self.send(left) :]
                self.since = time.monotonic()
        self._crowd.hold(self, -held)
        self.sends = False

    def shutdown(self, how: int) -> None:
        """Say that nothing more will be sent."""
        self.sock.shutdown(how)

    def close(self) -> None:
        """Close at once; what was kept is dropped."""
        self._answer = []
        self.sock.close()

    def _when_ready(self, event: int, do: Callable[..., Any], *arguments: Any) -> Any:
        """Do something with the socket, as soon as that is possible.

        Where this process was late itself, what has come meanwhile still counts.
        """
        late = False
        while True:
            try:
                return do(*arguments)
            except ssl.SSLWantReadError:
                wanted = READ
            except ssl.SSLWantWriteError:
                wanted = WRITE
            except BlockingIOError:
                wanted = event
            if late:
                raise TimeoutError
            late = not self._wait(wanted)

    def _wait(self, event: int) -> bool:
        """Wait until an event has come; return False when that takes longer than it may."""
        has_come = False
        watcher = gevent.get_hub().loop.io(self.sock.fileno(), event)
        try:
            with gevent.Timeout(self._timeout, False):  # type: ignore[arg-type]  # it ends the wait, and raises nothing
                gevent.get_hub().wait(watcher)
                has_come = True
        finally:
            watcher.close()
        return has_come
