"""A WSGI server within a process, on a port of its own: kept threads, and connections that can be made to break.

It is Werkzeug's, with threads that stay: each keeps its connection to the database, which costs more than most answers.
"""

import contextlib
import queue
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

LOOPBACK: Final = ("127.0.0.1", 0)
# Where a server that listens on every address is reached from here.
ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
# Seconds that requests under way may take when the server closes.
PATIENCE: Final = 2.0
# Closed with this, a socket sends a reset and not an end.
_AT_ONCE: Final = struct.pack("ii", 1, 0)


class Hangup(ConnectionError):
    """Let an application end the connection of its request: by a TCP reset, or as if the server had gone."""

    def __init__(self, reset: bool = True) -> None:
        super().__init__("the connection is ended on purpose")
        self.reset = reset


class _Handler(WSGIRequestHandler):
    """Answers without a log; each answer is the last on its connection, as Werkzeug has it."""

    protocol_version = "HTTP/1.1"
    # An answer is two writes: the second must not wait for the first to be acknowledged.
    disable_nagle_algorithm = True

    def version_string(self) -> str:
        """Return what the header Server says."""
        return "otagw"

    def connection_dropped(self, error: BaseException, environ: object = None) -> None:
        """End the connection as a `Hangup` says."""
        self.close_connection = True
        if isinstance(error, Hangup) and error.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - Werkzeug calls it so
        """Say nothing: the gateway has a log of its own."""


class _Threads:
    """Kept threads: an idle thread takes the next connection, or a new thread does."""

    def __init__(self, name: str, leave: Callable[[], None]) -> None:
        self._name, self._leave = name, leave
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._guard, self._idle = threading.Lock(), 0
        self.all: list[threading.Thread] = []

    def run(self, job: Callable[[], None]) -> None:
        with self._guard:
            if self._idle:
                self._idle -= 1
            else:
                thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self.all.append(thread)
                thread.start()
        self._jobs.put(job)

    def close(self, seconds: float | None = None) -> bool:
        """Wait until all of them have ended, for so long at most; return whether they have."""
        for _ in self.all:
            self._jobs.put(None)
        until = None if seconds is None else time.monotonic() + seconds
        for thread in self.all:
            thread.join(None if until is None else max(until - time.monotonic(), 0))
        return not any(thread.is_alive() for thread in self.all)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            with self._guard:
                self._idle += 1
        self._leave()


class Server(BaseWSGIServer):
    """Serve an application at ``address`` (host, port; port 0 is any free one) until `close`.

    ``leave`` is called in each thread at its end. Raises OSError for an address that cannot be taken.
    """

    multithread = True

    def __init__(
        self,
        app: "WSGIApplication",
        address: tuple[str, int] = LOOPBACK,
        tls: ssl.SSLContext | None = None,
        leave: Callable[[], None] = lambda: None,
        name: str = "otagw",
    ) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        # Werkzeug's own way to take an address ends the process where it is taken already.
        with socket.create_server(address, family=family) as taken:
            super().__init__(address[0], taken.getsockname()[1], app, _Handler, ssl_context=None, fd=taken.fileno())
        self.ssl_context = tls
        host = ANY_ADDRESS.get(address[0], address[0])
        host = f"[{host}]" if ":" in host else host
        self.netloc = f"{host}:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.netloc}"
        self._threads = _Threads(name, leave)
        self._open: set[socket.socket] = set()
        self._is_over = False
        self._main = threading.Thread(target=self._accept, name=name, daemon=True)
        self._main.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Let a thread answer what comes over a connection."""
        self._open.add(request)
        self._threads.run(lambda: self._answer(request, client_address))

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, without an end where it is to be reset."""
        self._open.discard(request)
        lingers = b""
        with contextlib.suppress(OSError):
            lingers = request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_AT_ONCE))
        if lingers == _AT_ONCE:
            request.close()
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that breaks off or fails to shake hands."""

    @property
    def threads(self) -> list[threading.Thread]:
        """Return the threads that it has started."""
        return [self._main, *self._threads.all]

    def cut(self) -> None:
        """Close all connections at once."""
        for request in list(self._open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the server: finish requests under way, close idle connections."""
        self._is_over = True
        with contextlib.suppress(OSError):  # wakes the thread that waits for a connection
            socket.create_connection((ANY_ADDRESS.get(self.host, self.host), self.port), 1).close()
        self._main.join()
        self.server_close()
        for request in list(self._open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RD)
        if not self._threads.close(PATIENCE):
            self.cut()  # clients that do not read on
            self._threads.close()

    def _accept(self) -> None:
        while not self._is_over:
            with contextlib.suppress(OSError):  # the client has gone already
                self.process_request(*self.get_request())

    def _answer(self, request: Any, client_address: Any) -> None:
        try:
            if self.ssl_context:  # in this thread, so that a stalled handshake delays no other client
                plain = request
                plain.settimeout(10)
                request = self.ssl_context.wrap_socket(plain, server_side=True)
                request.settimeout(None)
                self._open.discard(plain)
                self._open.add(request)
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)
