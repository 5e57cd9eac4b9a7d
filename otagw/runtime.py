"""The gateway for which the code at hand runs: doors enter it, all code below them reads it.

Doors are a request, the worker, a command and a test. A process may hold several gateways, each with its own settings;
`parts.Runtime` makes what one consists of. Its parts are read here and copied nowhere.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the types of the parts, whose modules read this one
    from otagw.parts import Runtime

_current: ContextVar["Runtime"] = ContextVar("runtime")


def current() -> "Runtime":
    """Return the gateway at hand; raise RuntimeError outside every door."""
    try:
        return _current.get()
    except LookupError:
        raise RuntimeError("no gateway is at hand: a door has to enter one") from None


def found() -> "Runtime | None":
    """Return the gateway at hand, or None outside every door."""
    return _current.get(None)


@contextlib.contextmanager
def entered(runtime: "Runtime") -> Iterator["Runtime"]:
    """Let the code inside run for a gateway."""
    token = _current.set(runtime)
    try:
        yield runtime
    finally:
        _current.reset(token)
