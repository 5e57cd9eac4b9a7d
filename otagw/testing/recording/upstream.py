"""Send requests to the server that is recorded, or compared: no redirects, no proxies, answers within a limit."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Final

import requests

from otagw import errors
from otagw.net import outgoing
from otagw.testing.recording.front import Outgoing

# Seconds that connecting may take, and silence.
TIMEOUT: Final = (5, 60)
LONGEST: Final = 32 * 1024 * 1024
PIECE: Final = 64 * 1024


@dataclass(frozen=True)
class Reply:
    """An answer of the server."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Sized:
    """The body of a request that is read as it is sent; ``len`` is how many bytes it has, which requests asks for."""

    def __init__(self, stream: IO[bytes], length: int) -> None:
        self._stream, self.len = stream, length

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        return self._stream.read(size)

    def __iter__(self) -> Iterator[bytes]:
        """Return the pieces that are left."""
        return iter(lambda: self.read(PIECE), b"")


class Server:
    """A server by its URL (scheme, host and port); ``cacert`` is the CA certificate of its own, if it has one.

    The environment does not matter: the password in a .netrc would take the place of the signature.
    """

    def __init__(self, url: str, cacert: str | None = None) -> None:
        self.url = url
        self._verify: str | bool = cacert or True

    def send(self, request: Outgoing) -> Reply:
        """Send a request; return the answer, or raise `errors.Unavailable` where none comes or one too long."""
        with self.opened(request.method, request.url, request.headers, request.body) as answer:
            found = bytearray()
            for piece in answer.iter_content(PIECE):
                found += piece
                if len(found) > LONGEST:
                    raise errors.Unavailable(f"{self.url} gives an answer of more than {LONGEST} bytes")
            return Reply(answer.status_code, answer.headers, bytes(found))

    @contextlib.contextmanager
    def opened(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | Sized
    ) -> Iterator[requests.Response]:
        """Send a request; the body of the answer is read by the caller. Raises `errors.Unavailable`."""
        try:
            with requests.Session() as session:
                session.trust_env = False
                with session.request(
                    method,
                    url,
                    headers={"Accept-Encoding": "identity", **headers},
                    data=body or None,
                    timeout=TIMEOUT,
                    verify=self._verify,
                    allow_redirects=False,
                    stream=True,
                ) as answer:
                    yield answer
        except (requests.RequestException, *outgoing.BROKEN) as error:
            raise errors.Unavailable(f"{self.url} gives no answer: {outgoing.why(error)}") from None
