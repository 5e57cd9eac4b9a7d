"""Connections at the edge: how requests are read within limits of size and time, and answers written.

docs/decisions/0007-http-edge.md says why each limit is as it is.
"""

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any, Final

from gunicorn import sock, util  # type: ignore[import-untyped]  # it has no types
from gunicorn.http import body, message, parser  # type: ignore[import-untyped]
from gunicorn.http import errors as broken
from gunicorn.workers import gthread  # type: ignore[import-untyped]

# Request line and headers together, and the time from their first byte to their last.
HEAD_BYTES = 256 * 1024
HEAD_SECONDS = 30.0
# A TLS handshake in all; each read of a body.
STEP_SECONDS = 30.0
# Each write of an answer. A reader at 1 kB/s lets on that it reads when it has emptied its own buffer of 128 KiB; we
# can write on when a third of ours is free, which therefore must not grow by itself, as it would, to 4 MiB.
WRITE_SECONDS = 300.0
SEND_BUFFER: Final = 128 * 1024
# A write in the loop, where all others wait; less than gunicorn lets a loop stand still. What fits into the send
# buffer, and nearly every answer does, does not wait at all.
WRITE_HERE_SECONDS: Final = 15.0
TLS_HANDSHAKE: Final = b"\x16"


class Late(broken.ParseException):  # type: ignore[misc]  # a base without types, here and below
    """Say that a client took too long over the head of its request."""


class Body(body.Body):  # type: ignore[misc]
    """A request's body; one that breaks off or is ill-formed is an OSError to whoever reads it."""

    def __init__(self, reader: Any, sock: socket.socket) -> None:
        super().__init__(reader)
        self._sock = sock

    def _read_reader(self, size: int) -> Any:
        announced = min(getattr(self.reader, "length", 0), size)
        self._sock.settimeout(STEP_SECONDS)
        try:
            data = super()._read_reader(size)
        except broken.ParseException:
            raise broken.NoMoreData from None
        finally:
            self._sock.settimeout(WRITE_SECONDS)
        if len(data) < announced:
            self.failed = True
            raise broken.NoMoreData
        return data


class Head(message.Request):  # type: ignore[misc]
    """The head of a request, read within `HEAD_SECONDS` and `HEAD_BYTES` in all."""

    body: Any

    def parse(self, unreader: Any) -> Any:
        """Read the head, and leave the socket ready for the answer; return what was read beyond the head."""
        self._until = time.monotonic() + HEAD_SECONDS
        self._size = 0
        self.max_buffer_headers = HEAD_BYTES
        rest = super().parse(unreader)
        unreader.sock.settimeout(WRITE_SECONDS)
        return rest

    def read_into(self, unreader: Any, buf: bytearray, stop: bool = False) -> None:
        """Read on; every byte of the head comes this way."""
        if self._size >= HEAD_BYTES:
            raise broken.LimitRequestHeaders("head")
        held = len(buf)
        try:
            unreader.sock.settimeout(max(self._until - time.monotonic(), 0.001))
            super().read_into(unreader, buf, stop)
        except TimeoutError:
            raise Late from None
        if self._size == 0 and buf.startswith(TLS_HANDSHAKE):
            raise broken.InvalidRequestLine("TLS")  # its sender waits for our answer and would not end the line
        self._size += len(buf) - held

    def set_body_reader(self) -> None:
        """Choose how the body is read."""
        super().set_body_reader()
        self.body = Body(self.body.reader, self.unreader.sock)


class Parser(parser.Parser):  # type: ignore[misc]
    """The requests of one connection, one after another."""

    mesg_class = Head


class Connection(gthread.TConn):  # type: ignore[misc]
    """A client's connection: HTTP/1, with or without TLS."""

    initialized: bool
    sock: Any
    # The request at hand is answered in the loop: it is there as a whole. What is to be sent of its answer.
    here = False
    answer = b""

    def init(self) -> None:
        """Shake hands; called in a thread of the pool, once the first byte is there."""
        if self.initialized:
            return
        self.initialized = True
        if self.cfg.is_ssl:
            self.sock = sock.ssl_wrap_socket(self.sock, self.cfg)
            self.sock.settimeout(STEP_SECONDS)
            try:
                self.sock.do_handshake()
            except TimeoutError:
                raise broken.NoMoreData from None
        self.parser = Parser(self.cfg, self.sock, self.client)

    def send(self) -> None:
        """Send what is left of an answer, all at once."""
        if self.answer:
            self.sock.settimeout(WRITE_HERE_SECONDS)
            self.sock.sendall(self.answer)
            self.answer = b""

    def close(self, graceful: bool = False) -> None:
        """Close at once; the thread that answered has lingered already."""
        util.close(self.sock)


class _Gathered:
    """A socket that keeps what is written to it, so that head and body of an answer go out together."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self.kept: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        """Keep what is to be sent."""
        self.kept.append(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


@contextlib.contextmanager
def gathered(conn: Connection) -> Iterator[None]:
    """Keep what is written to a connection for its `send`; after an error nothing of it."""
    sock = conn.sock
    conn.sock = kept = _Gathered(sock)
    try:
        yield
    finally:
        conn.sock = sock
    conn.answer = b"".join(kept.kept)
