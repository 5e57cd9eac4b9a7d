"""Requests to other hosts that end in time, over urllib3's connections.

Without a session there are no proxies, cookies, passwords or redirects. A host is resolved once, and exactly the
addresses that the caller has seen are connected to, while Host header, TLS server name and certificate go by the name.
"""

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import certifi
import requests
from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

PORTS: Final = {"http": 80, "https": 443}
# What a request may break with.
BROKEN: Final = (HTTPError, HTTPException, OSError)

Endpoint = tuple[socket.AddressFamily, Any]


class Unreachable(OSError):
    """No endpoint of a host takes a connection."""


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
    def netloc(self) -> str:
        """Return host and port as the Host header names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host.rstrip(".")
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """Return the URL without what may be a secret in it."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


class Deadline:
    """The time at which a connection is shut down.

    The timeout of a socket begins anew with every byte, be it of a header or of a body: a host that sends one now and
    then would hold its reader forever.
    """

    def __init__(self, until: float) -> None:
        self._until = until
        self._copy: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(max(0, until - time.monotonic()), self.end)
        self._timer.daemon = True
        self._ended = False

    @property
    def left(self) -> float:
        """Return the seconds that are left, at least 0."""
        return max(0.0, self._until - time.monotonic())

    @property
    def over(self) -> bool:
        """Tell whether the time is over."""
        return self._ended or not self.left

    def watch(self, connected: socket.socket) -> None:
        """Shut a connected socket down when the time is over; raise TimeoutError if it is."""
        with self._lock:
            # A copy: another thread must not touch the reader's own, which TLS may have in hand.
            self._copy = socket.socket(fileno=os.dup(connected.fileno()))
            if self._ended:
                raise TimeoutError

    def end(self) -> None:
        """Let the time be over now."""
        with self._lock:
            self._ended = True
            if self._copy:
                with contextlib.suppress(OSError):
                    self._copy.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            if self._copy:
                self._copy.close()
            self._copy = None


@contextlib.contextmanager
def sent(
    target: Target, endpoints: Sequence[Endpoint], deadline: Deadline, timeouts: Timeouts
) -> Iterator[HTTPResponse]:
    """Send a request to the first endpoint that answers; of the answer, as much is read as the caller reads.

    Raises one of `BROKEN`.
    """
    with contextlib.closing(_connected(target, endpoints, deadline, timeouts)) as connection:
        request = target.request
        connection.request(
            request.method or "",
            request.path_url,
            body=request.body,
            headers={"Host": target.netloc, **request.headers},
            preload_content=False,
            decode_content=False,
        )
        response = connection.getresponse()
        with contextlib.closing(response):
            yield response


def _connected(target: Target, endpoints: Sequence[Endpoint], deadline: Deadline, timeouts: Timeouts) -> HTTPConnection:
    """Return a connection to the first endpoint that answers; its certificate is checked by the host's name."""
    for _, (address, port, *_) in endpoints:
        if not deadline.left:
            break
        seconds = min(timeouts.connect, deadline.left / 2)  # each, for connecting and for TLS to shake hands
        connection = (
            HTTPSConnection(
                address,
                port,
                timeout=seconds,
                server_hostname=target.host,
                cert_reqs="CERT_REQUIRED",
                ca_certs=certifi.where(),
            )
            if target.scheme == "https"
            else HTTPConnection(address, port, timeout=seconds)
        )
        try:
            connection.connect()
            deadline.watch(connection.sock)
        except (NewConnectionError, ConnectTimeoutError):
            connection.close()
        except BaseException as error:
            if isinstance(error, TimeoutError) and seconds < timeouts.connect:
                deadline.end()
            connection.close()
            raise
        else:
            connection.timeout = timeouts.silent  # which urllib3 gives the socket, before it sends and before it reads
            return connection
    raise Unreachable


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
        if isinstance(cause, Unreachable):
            return "its host cannot be reached"
        if isinstance(cause, TimeoutError | ReadTimeoutError):
            return "its host fell silent"
        cause = cause.__cause__ or cause.__context__
    return "its connection broke off"
