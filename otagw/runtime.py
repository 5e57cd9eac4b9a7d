"""The gateway for which the code at hand runs: doors enter it, all code below them reads it.

Doors are a request, the worker, a command and a test. A process may hold several gateways, each with its own settings;
`parts.Runtime` makes what one consists of. Its parts are read here and copied nowhere.
"""

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


class Door:
    """Let the code inside run for a gateway; every request enters one, so that it is no generator."""

    __slots__ = ("_runtime", "_token")

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime

    def __enter__(self) -> "Runtime":
        self._token = _current.set(self._runtime)
        return self._runtime

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def entered(runtime: "Runtime") -> Door:
    """Return what lets the code inside of it run for a gateway."""
    return Door(runtime)
