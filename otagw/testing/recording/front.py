"""The vendors' APIs as a recording sees them: what reads a request, signs one, and spells a refusal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from werkzeug.wrappers import Request

from otagw import errors
from otagw.call import Answer
from otagw.testing.recording.cassette import Asked


class Key(NamedTuple):
    """An access key."""

    id: str
    secret: str


@dataclass(frozen=True)
class Beside:
    """What comes with a request and is passed on, and no recording keeps."""

    headers: Mapping[str, str] = field(default_factory=dict)
    region: str = "local-1"  # in the scope of a derived key
    body: bytes = b""


@dataclass(frozen=True)
class Received:
    """A request as a client sent it: decoded, what comes with it, and the secrets in it.

    ``is_whole`` tells whether all of it could be decoded; one with a file in its body could not.
    """

    asked: Asked
    beside: Beside
    secrets: tuple[str, ...]
    is_whole: bool = True


@dataclass(frozen=True)
class Outgoing:
    """A request that is signed and ready to be sent; ``secrets`` are those that signing has put into it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    secrets: tuple[str, ...] = ()


class Front(Protocol):
    """One vendor's API. `read` raises a Fault; it verifies no signature."""

    @property
    def name(self) -> str:
        """Return the name of the front, as recordings have it."""

    @property
    def variables(self) -> tuple[str, str]:
        """Return the variables of the environment that hold the key of the real cloud: its id and its secret."""

    def read(self, request: Request) -> Received:
        """Decode a request."""

    def sign(self, asked: Asked, key: Key, to: str, beside: Beside) -> Outgoing:
        """Sign a request for the server at ``to``, by the scheme that the client used, with a new time and nonce."""

    def refuse(self, request: Request, fault: errors.Fault) -> Answer:
        """Spell a refusal."""

    def code(self, status: int, body: Any) -> str:
        """Return the code of a refusal, or an empty text for a success."""

    def headers(self, asked: Asked, status: int) -> Mapping[str, str]:
        """Return the headers that an answer needs beside its content type, without a secret of the cloud."""


# Of the client's own headers, those that mean something to a cloud beside the signature.
PASSED: Final = ("accept", "content-type", "user-agent")
