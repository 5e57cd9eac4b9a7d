"""The values between a front and the gateway: a call, and its answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol


class Answer(NamedTuple):
    """An HTTP answer: ``code`` is the refusal's, for the log; empty on success."""

    status: int
    body: bytes
    content_type: str
    request_id: str
    code: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    # Sent instead of the body, piece by piece, where that is too long to hold.
    stream: Iterable[bytes] | None = None


class Call(Protocol):
    """A request as its front reads it; the gateway and the log need no more of it than this."""

    request_id: str
    operation: str
    key_id: str

    @property
    def front(self) -> str:
        """Return the front's folder in ``otagw/dialects``."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Return what the operation was given, decoded, as far as it has been read; raises what reading it raises."""


@dataclass(slots=True)
class AddressedCall:
    """A request whose operation and sender are said by its address."""

    front: str
    request_id: str
    operation: str
    key_id: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    body: bytes = b""
