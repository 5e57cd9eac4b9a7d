"""The edge: gunicorn's threaded worker, with limits on slow and large requests, and its errors in our envelope.

Nothing here logs or repeats what was sent: a request line may carry a signature. docs/decisions/0007-http-edge.md says
why each limit is as it is.
"""

import contextlib
import gc
import http
import logging
import queue
import selectors
import signal
import socket
import ssl
import sys
import time
from concurrent import futures
from functools import partial
from typing import Any, Final

from gunicorn import glogging, sock, util  # type: ignore[import-untyped]  # it has no types
from gunicorn.http import body, message, parser  # type: ignore[import-untyped]
from gunicorn.http import errors as broken
from gunicorn.workers import gthread  # type: ignore[import-untyped]
from werkzeug.wrappers import Request

from otagw import arrived, errors, gateway, settings
from otagw import log as our_log
from otagw.dialects.iotda import wire as iotda

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
# What a refused client may still send, so that it reads the refusal instead of a reset. Much: nginx passes on what it
# gets from a fast client before it looks whether there is an answer.
LINGER_BYTES: Final = 1024 * 1024 * 1024
LINGER_SECONDS: Final = 2.0
TLS_HANDSHAKE: Final = b"\x16"
# How long a thread that computes may keep the interpreter from one that has come back from the disk, perhaps with the
# lock that every writer waits for. Python's own 5 ms is a dozen requests; docs/decisions/0019-speed.md has the figures.
SWITCH_SECONDS: Final = 0.0005

PROBLEMS: Final[dict[type[Exception], str]] = {
    broken.InvalidRequestLine: "its first line is not a method, an address and a version",
    broken.InvalidRequestMethod: "its method is not one of HTTP",
    broken.InvalidHTTPVersion: "its version of HTTP is not 1.0 or 1.1",
    broken.InvalidHeader: "one of its headers is ill-formed or contradicts another",
    broken.InvalidHeaderName: "the name of one of its headers is ill-formed",
    broken.ObsoleteFolding: "one of its headers is folded over two lines",
    broken.UnsupportedTransferCoding: "its Transfer-Encoding is not chunked",
    broken.ExpectationFailed: "its Expect is not 100-continue",
}


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
    # The request at hand is answered in the loop: it is there as a whole.
    here = False

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

    def close(self, graceful: bool = False) -> None:
        """Close at once; the thread that answered has lingered already."""
        util.close(self.sock)


class Worker(gthread.ThreadWorker):  # type: ignore[misc]
    """A process that answers whole requests in its loop, and those that have to be waited for in a pool of threads."""

    early_signals: "queue.SimpleQueue[int]"

    def init_process(self) -> None:
        """Begin, with threads that give way to each other soon."""
        sys.setswitchinterval(SWITCH_SECONDS)
        super().init_process()

    def run(self) -> None:
        """Serve; what the application is made of stays, and is never looked over for garbage."""
        gc.collect()
        gc.freeze()
        super().run()

    def init_signals(self) -> None:
        """Leave Ctrl-C, which reaches every process of the terminal, to the master.

        A signal to stop may have come before: gunicorn would forget it, and kill the process half a minute later.
        """
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while not self.early_signals.empty():
            if self.early_signals.get() in (signal.SIGTERM, signal.SIGQUIT):
                self.alive = False

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Stop as SIGTERM does: gunicorn would take the pool's lock, which what the signal interrupts may hold."""
        self.handle_exit(sig, frame)

    def accept(self, listener: Any) -> None:
        """Accept a connection and let the loop wait for its first byte: one that says nothing costs no thread."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        connection = Connection(self.cfg, client, address, listener.getsockname())
        connection.set_timeout()
        self.nr_conns += 1
        if self._answer_here(connection):
            return
        self.pending_conns.append(connection)
        ready = partial(self.on_pending_socket_readable, connection)
        self.poller.register(client, selectors.EVENT_READ, ready)

    def enqueue_req(self, conn: Connection) -> None:
        """Answer a request now if it is at hand, else let a thread wait for it."""
        if not self._answer_here(conn):
            super().enqueue_req(conn)

    def _answer_here(self, conn: Connection) -> bool:
        """Answer a request in the loop if nobody has to be waited for; return whether it was so.

        A thread costs more than the rest of a short request: it takes turns with the loop at the interpreter, each time
        that the database is asked.
        """
        conn.here = self._is_at_hand(conn)
        if conn.here:
            conn.data_ready = True
            done: futures.Future[Any] = futures.Future()
            try:
                done.set_result(self.handle(conn))
            except Exception as error:
                done.set_exception(error)
            self.finish_request(conn, done)
            self.notify()  # many may be answered in one round of the loop
        return conn.here

    def _is_at_hand(self, conn: Connection) -> bool:
        """Tell whether a request can be answered without waiting for its client, or for files."""
        if self.cfg.is_ssl or self.wsgi.config["WAITS_FOR_FILES"]:
            return False
        ready = not conn.initialized or (not conn.parser.unreader.buf.getvalue() and arrived.has_read(conn.sock))
        return ready and arrived.is_whole(conn.sock)

    def handle(self, conn: Connection) -> Any:
        """Answer one request; return whether the connection may bring another."""
        keep = super().handle(conn)
        if not keep and not conn.here:
            # gunicorn lingers in the loop that accepts, where one client that does not hang up holds up all others.
            util.close_graceful(conn.sock, LINGER_SECONDS, LINGER_BYTES)
        return keep

    def handle_request(self, req: Head, conn: Connection) -> Any:
        """Run the application; a client that stops reading its answer has left."""
        if conn.here:
            conn.sock.settimeout(WRITE_HERE_SECONDS)
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            raise broken.NoMoreData from None

    def handle_error(self, req: Head | None, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what gunicorn could not read, or could not do, in the envelope of the gateway."""
        if isinstance(exc, ssl.SSLError) and exc.reason != "HTTP_REQUEST":
            return  # whoever cannot shake hands cannot read either
        if not isinstance(exc, broken.ParseException | ssl.SSLError):
            self.log.exception("a request crashed outside the application")
        name = "iotda" if req is not None and iotda.is_ours(req.path or "") else "actions"
        dialect = self.wsgi.extensions["otagw"][name]
        environ = {"REMOTE_ADDR": addr[0] if isinstance(addr, tuple) else ""}
        answer = gateway.refuse(dialect, Request(environ), _fault(exc))
        with contextlib.suppress(OSError):
            # Past the TLS layer: it has not come up, if this client spoke plain http to it.
            send = partial(socket.socket.sendall, client) if isinstance(exc, ssl.SSLError) else client.sendall
            send(_bytes(answer))


def _fault(exc: BaseException) -> errors.Fault:
    """Return what went wrong, in words of ours alone."""
    match exc:
        case ssl.SSLError():
            return errors.Unreadable("it is plain http, and this port expects https")
        case Late():
            return errors.Unreadable(f"its head did not arrive within {HEAD_SECONDS:g} seconds")
        case broken.LimitRequestHeaders() | broken.LimitRequestLine():
            return errors.RequestTooLarge(f"{HEAD_BYTES} bytes of request line and headers, or than 200 headers")
        case broken.ParseException():
            return errors.Unreadable(PROBLEMS.get(type(exc), "it breaks the rules of HTTP"))
        case _:
            return errors.Internal()


def _bytes(answer: gateway.Answer) -> bytes:
    """Return an answer as HTTP/1.1 writes it."""
    head = (
        f"HTTP/1.1 {answer.status} {http.HTTPStatus(answer.status).phrase}\r\n"
        f"Date: {util.http_date()}\r\n"
        f"Content-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(answer.body)}\r\n"
        f"X-Request-Id: {answer.request_id}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + answer.body


class Log(glogging.Logger):  # type: ignore[misc]
    """What gunicorn says, through our own log; it keeps no access log, whose lines would show signatures."""

    def setup(self, cfg: Any) -> None:
        """Follow the settings; called at the start and by every reload."""
        our_log.configure(settings.load())
        self.cfg = cfg
        self.error_log = logging.getLogger("otagw.gunicorn")
        self._access_log_enabled = False

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Say nothing: on this level gunicorn quotes what was sent."""
