"""The path of every request of every front. Start reading here.

Each front turns its wire into a `Call` and back; what lies between, and the order of it, is the same for all.
"""

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from werkzeug.wrappers import Request

from otagw import access, clock, errors, runtime
from otagw.access import Caller
from otagw.call import AddressedCall, Answer, Call
from otagw.db import database
from otagw.operation import Operation, Table
from otagw.ops import log as request_log
from otagw.ota import audit
from otagw.ota.audit import Actor

log = logging.getLogger("otagw.gateway")

C = TypeVar("C", bound=Call)
S = TypeVar("S")


class Front(Protocol[C, S]):
    """One vendor's wire. Every method but `open` and `render` may raise a Fault; `refuse` must not fail."""

    @property
    def table(self) -> Table[S]:
        """Return what can be called."""

    def open(self, request: Request, request_id: str) -> C:
        """Return a call that knows how it wants to be answered, before anything in it is trusted."""

    def parse(self, call: C) -> None:
        """Read the operation's name and its parameters from the wire."""

    def authenticate(self, call: C) -> Caller:
        """Return who asks."""

    def validate(self, operation: Operation[S], call: C) -> dict[str, Any]:
        """Return the operation's arguments."""

    def render(self, call: C, data: Mapping[str, Any]) -> Answer:
        """Spell the result."""

    def refuse(self, call: C, fault: errors.Fault) -> Answer:
        """Spell the refusal."""


def serve(front: Front[C, S], request: Request) -> Answer:
    """Answer one request: parse, authenticate, find, authorize, validate, handle, render; in this order."""
    started = time.perf_counter()
    call = front.open(request, clock.uuid())
    caller: Caller | None = None

    def act() -> Answer:
        nonlocal caller
        front.parse(call)
        caller = front.authenticate(call)
        operation = front.table.find(call.operation)
        if operation is None:
            raise errors.UnknownOperation(call.operation)
        meet(call, request, caller)
        limits = runtime.current().limits
        limits.check(caller.key_id, operation.name, operation.rate)
        actor = Actor(caller.key_id, operation.name, request.remote_addr or "", call.request_id)
        _authorize(front, call, operation, caller, actor)
        arguments = front.validate(operation, call)
        limits.charge(caller.key_id, operation.cost(arguments))
        with limits.turn(caller.key_id), audit.acting(actor):
            data = operation.work.run(partial(operation.handle, caller, **arguments))
            return front.render(call, data or {})

    answer, fault = attempt(call, act, lambda refusal: front.refuse(call, refusal))
    return _noted(call, request, caller, answer, fault, started)


def answer(
    call: AddressedCall,
    request: Request,
    act: Callable[[], Answer],
    refuse: Callable[[errors.Fault], Answer],
) -> Answer:
    """Answer a request that its front has found the operation of; `serve` is for those that name it."""
    started = time.perf_counter()
    answer, fault = attempt(call, act, refuse)
    return _noted(call, request, None, answer, fault, started)


def meet(call: Call, request: Request, caller: Caller | None = None) -> None:
    """Let a believed request meet the faults of a test; `seams` says who makes them."""
    faults = runtime.current().faults
    if faults is not None:
        faults.meet(call, request, caller)


def _noted(
    call: Call, request: Request, caller: Caller | None, answer: Answer, fault: errors.Fault | None, started: float
) -> Answer:
    """Return an answer that is counted and logged, and in the journal if there is one."""
    request_log.request(call, caller, answer, fault, request.remote_addr, time.perf_counter() - started)
    journal = runtime.current().journal
    if journal is not None:
        journal.note(call, request, caller, answer, fault)
    return answer


def _authorize(front: Front[C, S], call: C, operation: Operation[S], caller: Caller, actor: Actor) -> None:
    """Refuse what the caller has no grant for; that somebody tried to change something so is written down."""
    try:
        access.authorize(caller, operation.needs)
    except errors.NotGranted as fault:
        if operation.changes:
            audit.refused(caller.account.id, actor, front.refuse(call, fault).code)
        raise


def attempt(
    call: Call, act: Callable[[], Answer], refuse: Callable[[errors.Fault], Answer]
) -> tuple[Answer, errors.Fault | None]:
    """Run ``act``; where it fails, return the refusal and the fault that its sender may know of."""
    try:
        return act(), None
    except errors.Fault as refusal:
        # What led to it would hold the request, of megabytes perhaps, until garbage is next looked for.
        fault = refusal.with_traceback(None)
        fault.__context__ = fault.__cause__ = None
    except database.TROUBLE:
        log.exception("the database failed", extra={"request_id": call.request_id})
        database.recover()
        fault = errors.Unavailable("the database does not answer")
    except Exception:
        log.exception("an operation crashed", extra={"request_id": call.request_id})
        fault = errors.Internal()
    return refuse(fault), fault


def refuse(front: Front[C, S], request: Request, fault: errors.Fault) -> Answer:
    """Answer a request that reaches no operation: an unknown path, say."""
    started = time.perf_counter()
    call = front.open(request, clock.uuid())
    return _noted(call, request, None, front.refuse(call, fault), fault, started)


def report(front: Front[C, S], request: Request, data: Mapping[str, Any]) -> Answer:
    """Answer a question about the gateway itself, in the same envelope."""
    return front.render(front.open(request, clock.uuid()), {"data": data})
