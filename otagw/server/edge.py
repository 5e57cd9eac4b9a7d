"""A process of the server: gunicorn's gevent worker, with limits on slow and large requests, and our own refusals.

Nothing here logs or repeats what was sent: a request line may carry a signature. docs/decisions/0007-server.md says
why each limit is as it is.
"""

import gc
import http
import logging
import os
import queue
import signal
import socket
import ssl
import sys
import time
import traceback
from contextvars import Context
from typing import Any, Final

import gevent
from greenlet import getcurrent, greenlet
from gunicorn import glogging, util  # type: ignore[import-untyped]  # it has no types
from gunicorn.http import errors as broken  # type: ignore[import-untyped]
from gunicorn.workers import ggevent  # type: ignore[import-untyped]
from gunicorn.workers.base_async import AsyncWorker  # type: ignore[import-untyped]
from werkzeug.wrappers import Request

from otagw import errors, hosts, runtime, settings
from otagw.call import Answer
from otagw.db import database
from otagw.db.hub import Hub
from otagw.ops import log as our_log
from otagw.server import connection, share
from otagw.server.connection import READ, Connection, Head, Late, Parser
from otagw.server.crowd import Crowd

# What is read of a connection at once, where nothing larger is asked for: less than glibc maps by itself.
READ_AT_ONCE: Final = 16 * 1024
# How many connections are accepted before those that came with them have a turn.
ROUND: Final = 8
# How many greenlets without a connection are kept.
SPARE: Final = 64
# How long nobody is accepted where there is no place, or no descriptor.
FULL_SECONDS: Final = 0.02
LOOK_SECONDS: Final = 0.1
# How long the rest of a body that nobody wanted is read, so that the connection can be kept.
STEP_SECONDS: Final = 2.0
# How long a thread that computes may keep the interpreter from one that has come back from the disk, perhaps with the
# lock that every writer waits for. Python's own 5 ms is a dozen requests.
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


class Worker(ggevent.GeventWorker):  # type: ignore[misc]
    """A process of many requests at once, each in a greenlet of its own; nothing of Python is patched."""

    early_signals: "queue.SimpleQueue[int]"
    _notified = 0.0
    crowd: Crowd
    sockets: list[Any]

    def patch(self) -> None:
        """Patch nothing; gunicorn's own would patch all of Python."""

    def notify(self) -> None:
        """Tell the master that this process is well."""
        super().notify()
        self._notified = time.monotonic()

    def init_process(self) -> None:
        """Begin, with threads that give way to each other soon."""
        sys.setswitchinterval(SWITCH_SECONDS)
        share.keep_apart(connection.GATHERED_BYTES)
        self._spare: list[greenlet] = []
        self.crowd = Crowd(share.room(self.worker_connections), settings.load().connections_per_address)
        with hosts.settled(Hub(self.cfg.threads)):
            super().init_process()

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
        """Stop as SIGTERM does."""
        self.handle_exit(sig, frame)

    def run(self) -> None:
        """Serve until told to stop; then answer what has been asked, for as long as the options say.

        What the application is made of stays, and is never looked over for garbage.
        """
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_EVERY)
        self._tls = _tls(self.cfg) if self.cfg.is_ssl else None
        accepting = [self._accepting(sock.sock) for sock in self.sockets]
        while self._go_on():
            gevent.sleep(LOOK_SECONDS)
            if self.crowd.has_shrunk():
                share.give_back()
        for watcher, sock in zip(accepting, self.sockets, strict=True):
            watcher.close()
            sock.close()
        until = time.monotonic() + self.cfg.graceful_timeout
        while self.crowd and time.monotonic() < until:
            self._go_on()
            self.crowd.dismiss_idle()
            gevent.sleep(LOOK_SECONDS)
        self.crowd.dismiss_all()
        gevent.sleep(0)

    def _go_on(self) -> bool:
        """Tell the master now and then that this process is well; return whether it is to go on."""
        if time.monotonic() - self._notified > 1:
            self.notify()
        return bool(self.alive)

    def _accepting(self, listener: socket.socket) -> Any:
        """Accept connections from now on; return the watcher that does so until it is closed."""
        listener.setblocking(False)
        watcher = gevent.get_hub().loop.io(listener.fileno(), READ)
        watcher.start(self._accept, watcher, listener, listener.getsockname())
        return watcher

    def _accept(self, watcher: Any, listener: socket.socket, name: Any) -> None:
        """Accept some connections, each of which gets a greenlet, and goes as far as it can at once."""
        os.sched_yield()
        for _ in range(ROUND):
            if not self.crowd.has_room():
                self._pause(watcher, listener, name)
                return
            try:
                client, address = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor is left
                self.crowd.dismiss()
                self._pause(watcher, listener, name)
                return
            attendant = self._spare.pop() if self._spare else greenlet(self._attend, gevent.get_hub())
            attendant.gr_context = Context()
            attendant.switch(name, client, address)

    def _pause(self, watcher: Any, *arguments: Any) -> None:
        """Accept nobody for a moment."""

        def go_on() -> None:
            if self.alive:
                watcher.start(self._accept, watcher, *arguments)

        watcher.stop()
        gevent.spawn_later(FULL_SECONDS, go_on)

    def _attend(self, listener: Any, client: Any, address: Any) -> None:
        """Attend to one connection after another: to make a greenlet takes as long as a tenth of a request."""
        while True:
            self.handle(listener, client, address)
            if len(self._spare) >= SPARE:
                return
            self._spare.append(getcurrent())
            listener, client, address = gevent.get_hub().switch()

    def handle(self, listener: Any, client: Any, address: Any) -> None:
        """Answer the requests of one connection."""
        conn = Connection(client, address, self.crowd, self.cfg.keepalive)
        try:
            self.crowd.enter(conn)
            if self._converse(listener, conn):
                conn.linger()
        except gevent.GreenletExit as told:  # to go; its body goes now, not when garbage is next looked for
            traceback.clear_frames(told.__traceback__)
        except (connection.Silent, OSError):
            pass  # it says nothing, or has left
        except Exception:
            self.log.exception("a connection crashed")
        finally:
            conn.gone = True
            self.crowd.leave(conn)
            conn.close()

    def _converse(self, listener: Any, conn: Connection) -> bool:
        """Answer request after request; return whether the client may still be sending."""
        head: Head | None = None
        try:
            if self._tls and not conn.shake(self._tls):
                raise Plain
            parser = Parser(self.cfg, conn, conn.peer)
            parser.unreader.mxchunk = READ_AT_ONCE
            while True:
                conn.begin()
                head = None
                head = next(parser)
                if not self._answer(listener, head, conn) or not parser.finish_body(time.monotonic() + STEP_SECONDS):
                    return not head.body.is_whole()
        except (StopIteration, broken.NoMoreData):  # it has left
            return False
        except (gevent.GreenletExit, connection.Silent, ssl.SSLError, ConnectionError):
            raise
        except Exception as error:
            self.handle_error(head, conn, conn.peer, error)
            return True

    def _answer(self, listener: Any, head: Head, conn: Connection) -> bool:
        """Run the application, and send its answer; return whether the connection may bring another request."""
        keep = True
        try:
            AsyncWorker.handle_request(self, listener, head, conn, conn.peer)
        except StopIteration:
            keep = False
        self.crowd.work(conn)
        gevent.sleep(0)
        conn.flush()
        return keep

    def handle_error(self, req: Head | None, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what gunicorn could not read, or could not do, in the envelope of the gateway."""
        if not isinstance(exc, broken.ParseException | Plain):
            self.log.exception("a request crashed outside the application")
        ours = self.wsgi.extensions["otagw"]
        environ = {"REMOTE_ADDR": addr[0] if isinstance(addr, tuple) else ""}
        with runtime.entered(ours["runtime"]):
            answer = ours["refusal"](Request(environ), getattr(req, "path", None) or client.asked, _fault(exc))
        client.sendall(_bytes(answer))
        client.flush()


class Plain(Exception):
    """Say that a client speaks http where https is expected."""


def _tls(cfg: Any) -> Any:
    """Return what TLS is served with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cfg.certfile, cfg.keyfile)
    return context


def _fault(exc: BaseException) -> errors.Fault:
    """Return what went wrong, in words of ours alone."""
    match exc:
        case Plain():
            return errors.Unreadable("it is plain http, and this port expects https")
        case Late():
            return errors.Unreadable(f"its head did not arrive within {connection.HEAD_SECONDS:g} seconds")
        case broken.LimitRequestHeaders() | broken.LimitRequestLine():
            return errors.RequestTooLarge(
                f"{connection.HEAD_BYTES} bytes of request line and headers, or than 200 headers"
            )
        case connection.Unescaped():
            seen = {0: "a NUL", 9: "a tab", 32: "a space"}.get(exc.byte, f"the byte {exc.byte:#04x}")
            return errors.Unreadable(f"its address has {seen}, which has to be percent-encoded: %{exc.byte:02X}")
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
