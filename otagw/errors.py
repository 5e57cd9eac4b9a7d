"""What can go wrong, in our own words: no HTTP, no vendor.

Each `Fault` carries data; every front has a table that spells it as its vendor would. A class, once released, never
changes its meaning.
"""

from dataclasses import dataclass


@dataclass(eq=False)
class Fault(Exception):
    """Refuse a request for a reason its sender may know."""

    def __str__(self) -> str:
        return f"{type(self).__name__} {vars(self)}"


# --- the request itself


@dataclass(eq=False)
class RouteNotFound(Fault):
    """Say that nothing is served under this path."""


@dataclass(eq=False)
class MethodNotAllowed(Fault):
    """Say that this path does not take this HTTP method."""

    allowed: tuple[str, ...] = ()


@dataclass(eq=False)
class RequestTooLarge(Fault):
    """Say that the body, or the number of parameters, is over the limit."""

    limit: str


@dataclass(eq=False)
class UnsupportedMediaType(Fault):
    """Say that the body is of a kind that is not read."""

    expected: str


@dataclass(eq=False)
class Unreadable(Fault):
    """Say that the request breaks the rules of its protocol before anything in it can be named."""

    problem: str


@dataclass(eq=False)
class Quoted(Fault):
    """Refuse with a given code, status and text, which the gateway's own tables do not have."""

    code: str
    status: int
    text: str


@dataclass(eq=False)
class MissingParameter(Fault):
    """Say that a required parameter is absent or empty."""

    name: str


@dataclass(eq=False)
class InvalidParameter(Fault):
    """Say that a parameter's value is not what was expected."""

    name: str
    expected: str


@dataclass(eq=False)
class InvalidFormat(Fault):
    """Say that the answer format asked for does not exist."""


@dataclass(eq=False)
class InvalidVersion(Fault):
    """Say that this version of the API is not served."""


@dataclass(eq=False)
class UnknownOperation(Fault):
    """Say that there is no operation of this name."""

    name: str


# --- who asks


@dataclass(eq=False)
class ConflictingCredentials(Fault):
    """Refuse credentials of two schemes, or one credential with two values."""

    problem: str


@dataclass(eq=False)
class IncompleteSignature(Fault):
    """Say that a signature leaves out something it must cover, or cannot be read."""

    problem: str


@dataclass(eq=False)
class UnsupportedSignatureMethod(Fault):
    """Say that the request is signed by a method that is not accepted."""

    expected: str


@dataclass(eq=False)
class InvalidTimestamp(Fault):
    """Say that the timestamp cannot be read."""

    name: str


@dataclass(eq=False)
class ExpiredTimestamp(Fault):
    """Say that the timestamp is too far from now, or that something is over.

    ``ahead`` is how many milliseconds it is ahead of now, negative for what is past, or None where nobody can tell.
    """

    ahead: int | None


@dataclass(eq=False)
class UnknownKey(Fault):
    """Say that there is no access key of this id."""


@dataclass(eq=False)
class DisabledKey(Fault):
    """Say that the access key is disabled."""


@dataclass(eq=False)
class BodyMismatch(Fault):
    """Say that the body is not the one whose digest was signed."""


@dataclass(eq=False)
class WrongSignature(Fault):
    """Say that the signature is not ours: ``signed`` is what we signed, ``hint`` a known mistake that explains it."""

    signed: str
    hint: str = ""

    def __str__(self) -> str:
        return "WrongSignature"


@dataclass(eq=False)
class ReplayedNonce(Fault):
    """Say that this nonce was used before."""


@dataclass(eq=False)
class NotGranted(Fault):
    """Say that the access key has no grant for this operation."""

    needs: str


@dataclass(eq=False)
class Throttled(Fault):
    """Say that a key asks too often, all in all or (kind ``operation``) for one thing, or that a device does.

    ``wait`` is in milliseconds.
    """

    kind: str
    wait: int


# --- the work


@dataclass(eq=False)
class NotFound(Fault):
    """Say that the account has no such thing; another account's counts as none."""

    kind: str
    key: str


@dataclass(eq=False)
class AlreadyExists(Fault):
    """Say that the account has such a thing already."""

    kind: str
    key: str


@dataclass(eq=False)
class InUse(Fault):
    """Say that something cannot go while others refer to it."""

    kind: str
    key: str
    by: str


@dataclass(eq=False)
class Protected(Fault):
    """Say that something built in cannot be changed or deleted."""

    kind: str
    key: str


@dataclass(eq=False)
class WrongState(Fault):
    """Say that something is not in a state in which this can be done."""

    kind: str
    key: str
    state: str


@dataclass(eq=False)
class NoBytes(Fault):
    """Say that something has no file that a device could be given, and why."""

    kind: str
    key: str
    problem: str


@dataclass(eq=False)
class BelowMinimum(Fault):
    """Say that a version is below the lowest that a module may be given."""

    version: str
    minimum: str
    module: str


@dataclass(eq=False)
class SizeMismatch(Fault):
    """Say that a file has another size than was claimed."""

    given: int
    actual: int


@dataclass(eq=False)
class DigestMismatch(Fault):
    """Say that a file has another digest than was claimed."""

    method: str
    given: str
    actual: str


@dataclass(eq=False)
class EmptyFile(Fault):
    """Say that a file has no bytes, which are no package."""

    key: str


@dataclass(eq=False)
class FetchFailed(Fault):
    """Say that a file of another host cannot be verified; ``url`` has no query and no credentials."""

    url: str
    problem: str


@dataclass(eq=False)
class LimitReached(Fault):
    """Say that there may be no more of a kind."""

    kind: str
    limit: int


@dataclass(eq=False)
class TokenReused(Fault):
    """Say that an idempotency token came with other parameters than the first time."""


@dataclass(eq=False)
class TooEarly(Fault):
    """Say that something is to be had later; ``seconds`` is after how long to ask again."""

    seconds: int


# --- the gateway


@dataclass(eq=False)
class Unavailable(Fault):
    """Say that the gateway cannot answer now and may later."""

    problem: str


@dataclass(eq=False)
class Internal(Fault):
    """Stand for an error of ours, whose details are in the log alone."""


def family() -> list[type[Fault]]:
    """Return every fault that has words of its own in each front, so that a front can be checked to have them."""
    return sorted({*Fault.__subclasses__()} - {Quoted}, key=lambda fault: fault.__name__)
