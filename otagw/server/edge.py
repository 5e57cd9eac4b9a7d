"""The edge: gunicorn's threaded worker, with limits on slow and large requests, and its errors in our envelope.

Nothing here logs or repeats what was sent: a request line may carry a signature. docs/decisions/0007-http-edge.md says
why each limit is as it is.
"""

import contextlib
import gc
import http
import logging
import os
import queue
import selectors
import signal
import socket
import ssl
import sys
import time
from functools import partial
from typing import Any, Final, NamedTuple

from gunicorn import glogging, util  # type: ignore[import-untyped]  # it has no types
from gunicorn.http import errors as broken  # type: ignore[import-untyped]
from gunicorn.workers import gthread  # type: ignore[import-untyped]
from werkzeug.wrappers import Request

from otagw import errors, gateway, runtime, settings
from otagw.call import Answer
from otagw.db import database, rounds
from otagw.dialects.iotda import wire as iotda
from otagw.ops import log as our_log
from otagw.server import arrived, connection
from otagw.server.connection import Connection, Head, Late

# How many requests are answered together. More would share the cost of a commit better still, but a process would take
# what another one has time for.
ROUND: Final = 8
# What a refused client may still send, so that it reads the refusal instead of a reset. Much: nginx passes on what it
# gets from a fast client before it looks whether there is an answer.
LINGER_BYTES: Final = 1024 * 1024 * 1024
LINGER_SECONDS: Final = 2.0
# How long a thread that computes may keep the interpreter from one that has come back from the disk, perhaps with the
# lock that every writer waits for. Python's own 5 ms is a dozen requests; docs/decisions/0019-speed.md has the figures.
SWITCH_SECONDS: Final = 0.0005

# Requests leave few cycles: Python's own 700 new objects, two or three requests, are looked over for nothing.
COLLECT_EVERY: Final = 20_000

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


class _Done(NamedTuple):
    """What gunicorn asks of a future, without the locks of one."""

    keep: bool

    def result(self) -> bool:
        """Return whether the connection may bring another request."""
        return self.keep

    def cancelled(self) -> bool:
        """Return that the request was answered."""
        return False


class Worker(gthread.ThreadWorker):  # type: ignore[misc]
    """A process that answers whole requests in its loop, and those that have to be waited for in a pool of threads."""

    early_signals: "queue.SimpleQueue[int]"
    _notified = 0.0
    _round: list[Connection]

    def notify(self) -> None:
        """Tell the master that this process is well."""
        super().notify()
        self._notified = time.monotonic()

    def init_process(self) -> None:
        """Begin, with threads that give way to each other soon."""
        sys.setswitchinterval(SWITCH_SECONDS)
        self._round = []  # the connections that have brought what the next round answers
        super().init_process()

    def run(self) -> None:
        """Serve; what the application is made of stays, and is never looked over for garbage."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_EVERY)
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

    def load_wsgi(self) -> None:
        """Load the application, which takes most of a start, unless or until this process is told to stop."""
        database.patiently(super().load_wsgi, self._go_on)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Stop as SIGTERM does: gunicorn would take the pool's lock, which what the signal interrupts may hold."""
        self.handle_exit(sig, frame)

    def accept(self, listener: Any) -> None:
        """Accept connections for as long as each brings a whole request, up to a round of them.

        Whoever else wants this processor goes first: clients, who bring more for the round, and processes on their way
        to the same connections. docs/decisions/0023-rounds.md says what that gains.
        """
        os.sched_yield()
        for _ in range(ROUND):
            if not (self.alive and self.nr_conns < self.worker_connections and self._accept_one(listener)):
                return

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for clients, and answer together those that have sent a whole request."""
        os.sched_yield()  # see `accept`
        super().wait_for_and_dispatch_events(0 if self._round else timeout)
        while self._round:
            conns, self._round = self._round[:ROUND], self._round[ROUND:]
            answered = rounds.run([partial(self._answer, conn) for conn in conns])
            for conn, keep in zip(conns, answered, strict=True):
                self._send(conn, keep)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close connections that have been silent for too long; gunicorn then closes those that never said anything.

        It last looked before the rounds: who has spoken meanwhile would be cut off, with a request on the way.
        """
        ends = [conns[0].timeout for conns in (self.keepalived_conns, self.pending_conns) if conns]
        if ends and min(ends) <= time.monotonic() and not force:
            super().wait_for_and_dispatch_events(0)
        super().murder_keepalived(force)

    def _answer(self, conn: Connection) -> bool:
        """Answer one request of a round, without sending it; return whether its connection may bring another."""
        self._go_on()
        try:
            return bool(self.handle(conn))
        except Exception:  # gunicorn's own handling of an error has failed
            return False

    def _send(self, conn: Connection, keep: bool) -> None:
        """Send an answer, and end or keep its connection.

        All answers of a round leave one after another: each wakes a client, which may take the processor from us.
        """
        self._go_on()
        try:
            conn.send()
        except OSError:  # the client has left
            keep = False
        self.finish_request(conn, _Done(keep))

    def _go_on(self) -> bool:
        """Tell the master now and then that this process is well, in what takes long; return whether it is to go on."""
        if time.monotonic() - self._notified > 1:
            self.notify()
        return bool(self.alive)

    def _accept_one(self, listener: Any) -> bool:
        """Accept a connection; return whether it has brought a whole request.

        If not, the loop waits for its first byte: one that says nothing costs no thread.
        """
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, connection.SEND_BUFFER)
        conn = Connection(self.cfg, client, address, listener.getsockname())
        conn.set_timeout()
        self.nr_conns += 1
        if self._joins(conn):
            return True
        self.pending_conns.append(conn)
        ready = partial(self.on_pending_socket_readable, conn)
        self.poller.register(client, selectors.EVENT_READ, ready)
        return False

    def enqueue_req(self, conn: Connection) -> None:
        """Answer a request in the next round if it is at hand, else let a thread wait for it."""
        if not self._joins(conn):
            super().enqueue_req(conn)

    def _joins(self, conn: Connection) -> bool:
        """Answer a request in the next round if nobody has to be waited for; return whether it is so.

        A thread costs more than the rest of a short request: it takes turns with the loop at the interpreter, each time
        that the database is asked.
        """
        conn.here = self._is_at_hand(conn)
        if conn.here:
            conn.data_ready = True
            self._round.append(conn)
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
        try:
            if not conn.here:
                return super().handle_request(req, conn)
            with connection.gathered(conn):
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
        ours = self.wsgi.extensions["otagw"]
        environ = {"REMOTE_ADDR": addr[0] if isinstance(addr, tuple) else ""}
        with runtime.entered(ours["runtime"]):
            answer = gateway.refuse(ours[name], Request(environ), _fault(exc))
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
            return errors.Unreadable(f"its head did not arrive within {connection.HEAD_SECONDS:g} seconds")
        case broken.LimitRequestHeaders() | broken.LimitRequestLine():
            return errors.RequestTooLarge(
                f"{connection.HEAD_BYTES} bytes of request line and headers, or than 200 headers"
            )
        case broken.ParseException():
            return errors.Unreadable(PROBLEMS.get(type(exc), "it breaks the rules of HTTP"))
        case _:
            return errors.Internal()


def _bytes(answer: Answer) -> bytes:
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
