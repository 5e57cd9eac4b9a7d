"""The path of every request, whatever its dialect. Start reading here.

Each dialect turns its wire into a `Message` and back; what lies between, and the order of it, is the same for all.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from werkzeug.wrappers import Request

from otagw import access, clock, errors, runtime
from otagw.access import Caller
from otagw.db import database
from otagw.operation import Operation, Table
from otagw.ops import log as request_log
from otagw.ota import audit
from otagw.ota.audit import Actor

log = logging.getLogger("otagw.gateway")


# A server in trouble is not helped by all devices coming back at once.
RETRY_SECONDS: Final = 30


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: ``code`` is the refusal's, for the log; empty on success."""

    status: int
    body: bytes
    content_type: str
    request_id: str
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    # Sent instead of the body, piece by piece, where that is too long to hold.
    stream: Iterable[bytes] | None = None


class Message(Protocol):
    """A request as its dialect reads it; the gateway needs no more of it than this."""

    request_id: str
    operation: str
    key_id: str

    @property
    def front(self) -> str:
        """Return the dialect's folder in ``otagw/dialects``."""


@dataclass(slots=True)
class Addressed:
    """A request whose operation and sender are said by its address."""

    front: str
    request_id: str
    operation: str
    key_id: str


M = TypeVar("M", bound=Message)
S = TypeVar("S")


class Dialect(Protocol[M, S]):
    """One vendor's wire. Every method but `open` and `render` may raise a Fault; `refuse` must not fail."""

    @property
    def table(self) -> Table[S]:
        """Return what can be called."""

    def open(self, request: Request, request_id: str) -> M:
        """Return a message that knows how it wants to be answered, before anything in it is trusted."""

    def parse(self, message: M) -> None:
        """Read the operation's name and its parameters from the wire."""

    def authenticate(self, message: M) -> Caller:
        """Return who asks."""

    def validate(self, operation: Operation[S], message: M) -> dict[str, Any]:
        """Return the operation's arguments."""

    def render(self, message: M, data: Mapping[str, Any]) -> Answer:
        """Spell the result."""

    def refuse(self, message: M, fault: errors.Fault) -> Answer:
        """Spell the refusal."""


def serve(dialect: Dialect[M, S], request: Request) -> Answer:
    """Answer one request: parse, authenticate, find, authorize, validate, handle, render; in this order."""
    started = time.perf_counter()
    message = dialect.open(request, clock.uuid())
    caller: Caller | None = None

    def act() -> Answer:
        nonlocal caller
        dialect.parse(message)
        caller = dialect.authenticate(message)
        operation = dialect.table.find(message.operation)
        if operation is None:
            raise errors.UnknownOperation(message.operation)
        runtime.current().limits.check(caller.key_id, operation.name, operation.rate)
        actor = Actor(caller.key_id, operation.name, request.remote_addr or "", message.request_id)
        _authorize(dialect, message, operation, caller, actor)
        arguments = dialect.validate(operation, message)
        with audit.acting(actor):
            return dialect.render(message, operation.handle(caller, **arguments) or {})

    answer, fault = attempt(message, act, lambda refusal: dialect.refuse(message, refusal))
    request_log.request(message, caller, answer, fault, request.remote_addr, time.perf_counter() - started)
    return answer


def answer(
    message: Addressed,
    request: Request,
    act: Callable[[], Answer],
    refuse: Callable[[errors.Fault], Answer],
) -> Answer:
    """Answer a request that its front has found the operation of; `serve` is for those that name it."""
    started = time.perf_counter()
    answer, fault = attempt(message, act, refuse)
    request_log.request(message, None, answer, fault, request.remote_addr, time.perf_counter() - started)
    return answer


def _authorize(dialect: Dialect[M, S], message: M, operation: Operation[S], caller: Caller, actor: Actor) -> None:
    """Refuse what the caller has no grant for; that somebody tried to change something so is written down."""
    try:
        access.authorize(caller, operation.needs)
    except errors.NotGranted as fault:
        if operation.changes:
            audit.refused(caller.account.id, actor, dialect.refuse(message, fault).code)
        raise


def attempt(
    message: Message, act: Callable[[], Answer], refuse: Callable[[errors.Fault], Answer]
) -> tuple[Answer, errors.Fault | None]:
    """Run ``act``; where it fails, return the refusal and the fault that its sender may know of."""
    try:
        return act(), None
    except errors.Fault as refusal:
        fault = refusal
    except database.TROUBLE:
        log.exception("the database failed", extra={"request_id": message.request_id})
        database.recover()
        fault = errors.Unavailable("the database does not answer")
    except Exception:
        log.exception("an operation crashed", extra={"request_id": message.request_id})
        fault = errors.Internal()
    return refuse(fault), fault


def retry_after() -> str:
    """Return when to try again after a 503: `RETRY_SECONDS`, and a random part of as many more."""
    return str(RETRY_SECONDS + clock.chance().randint(0, RETRY_SECONDS))


def refuse(dialect: Dialect[M, S], request: Request, fault: errors.Fault) -> Answer:
    """Answer a request that reaches no operation: an unknown path, say."""
    started = time.perf_counter()
    message = dialect.open(request, clock.uuid())
    answer = dialect.refuse(message, fault)
    request_log.request(message, None, answer, fault, request.remote_addr, time.perf_counter() - started)
    return answer


def report(dialect: Dialect[M, S], request: Request, data: Mapping[str, Any]) -> Answer:
    """Answer a question about the gateway itself, in the same envelope."""
    return dialect.render(dialect.open(request, clock.uuid()), {"data": data})
