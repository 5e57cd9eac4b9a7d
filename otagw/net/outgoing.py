"""Requests to other hosts that end in time, over the bare transport of requests.

Without a session there are no proxies, cookies, passwords or redirects. A host is resolved once, and exactly the
addresses that the caller has seen are connected to, while Host header, TLS server name and certificate go by the name.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

PORTS: Final = {"http": 80, "https": 443}
# What a request may break with.
BROKEN: Final = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)

Endpoint = tuple[socket.AddressFamily, Any]


class Timeouts(NamedTuple):
    """How many seconds connecting may take, to each endpoint, and silence."""

    connect: float
    silent: float


@dataclass(frozen=True)
class Target:
    """One request to send, and where its URL says it goes.

    Both come from the one text that requests made of the URL: two readings of a URL may find two hosts in it.
    """

    request: requests.PreparedRequest
    url: str
    scheme: str
    host: str
    port: int
    has_user: bool

    @property
    def shown(self) -> str:
        """Return the URL without what may be a secret in it."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


class Wire:
    """A connection to one of some endpoints, which is shut down when its time is over.

    The timeout of a socket begins anew with every byte, be it of a header or of a body: a host that sends one now and
    then would hold its reader forever.
    """

    def __init__(self, endpoints: Sequence[Endpoint], until: float, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self._endpoints = endpoints
        self._until = until
        self._copy: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(max(0, until - time.monotonic()), self._end)
        self._timer.daemon = True
        self._ended = False

    @property
    def over(self) -> bool:
        """Tell whether the time is over."""
        return self._ended or time.monotonic() >= self._until

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            if self._copy:
                self._copy.close()
            self._copy = None

    def connect(self) -> socket.socket:
        """Return a socket connected to the first endpoint that answers; TLS is the caller's."""
        for family, address in self._endpoints:
            seconds = min(self.timeouts.connect, self._until - time.monotonic())
            if seconds <= 0:
                break
            found = socket.socket(family, socket.SOCK_STREAM)
            found.settimeout(seconds)
            try:
                found.connect(address)
                self._watch(found)
            except OSError:
                found.close()
            else:
                return found
        raise OSError("no endpoint answers")

    def _watch(self, found: socket.socket) -> None:
        with self._lock:
            # A copy: TLS takes the socket itself over, and must not be told from another thread.
            self._copy = found.dup()
            if self._ended:
                raise TimeoutError

    def _end(self) -> None:
        with self._lock:
            self._ended = True
            if self._copy:
                with contextlib.suppress(OSError):
                    self._copy.shutdown(socket.SHUT_RDWR)


class _Connection(HTTPConnection):
    """A connection whose socket is the wire's, whatever its host's name resolves to by now."""

    def __init__(self, *args: Any, wire: Wire, **options: Any) -> None:
        super().__init__(*args, **options)
        self._wire = wire

    def _new_conn(self) -> socket.socket:
        try:
            return self._wire.connect()
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, str(error)) from None


class _TlsConnection(_Connection, HTTPSConnection):
    """The same under TLS, which checks the certificate by the host's name."""


class _Adapter(HTTPAdapter):
    """The bare transport of requests: without a session there are no proxies, cookies, passwords or redirects."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        """Return the pool for a request, whose connections are the wire's."""
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        pool.ConnectionCls = _TlsConnection if pool.scheme == "https" else _Connection
        pool.conn_kw["wire"] = self._wire
        return pool


@contextlib.contextmanager
def sent(request: requests.PreparedRequest, wire: Wire) -> Iterator[requests.Response]:
    """Send a request; its answer is read from the wire as far as the caller reads."""
    with contextlib.closing(_Adapter(wire)) as adapter:
        timeouts = (wire.timeouts.connect, wire.timeouts.silent)
        with adapter.send(request, stream=True, timeout=timeouts, verify=True) as response:
            yield response


def target(method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Target | None:
    """Read a URL as it will be asked for, or return None for one that cannot be."""
    try:
        request = requests.Request(method, url, headers=headers, data=body).prepare()
        parts = urlsplit(request.url or "")
        port = parts.port or PORTS[parts.scheme]
    except (requests.RequestException, ValueError, KeyError):
        return None
    return Target(request, parts.geturl(), parts.scheme, parts.hostname or "", port, "@" in parts.netloc)


def resolve(host: str, port: int) -> list[Endpoint]:
    """Return where a host can be reached; raise OSError or UnicodeError if its name leads nowhere."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, *_, address in found]


def why(error: BaseException) -> str:
    """Return what an error of the libraries means."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is refused: {cause.verify_message.rstrip('.')}"
        if isinstance(cause, urllib3.exceptions.NewConnectionError):
            return "its host cannot be reached"
        if isinstance(cause, requests.Timeout | urllib3.exceptions.ReadTimeoutError):
            return "its host fell silent"
        cause = cause.__cause__ or cause.__context__
    return "its connection broke off"
