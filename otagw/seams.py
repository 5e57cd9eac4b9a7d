"""Seams in the path of every request, and of every message: faults, and a journal. In production all are None.

`otagw.testing` has the implementations. No setting leads to them, and no part of the product makes one.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from werkzeug.wrappers import Request

from otagw import errors
from otagw.call import Answer, Call

if TYPE_CHECKING:  # which imports what is read here
    from otagw.access import Caller


T = TypeVar("T")


class Faults(Protocol):
    """Faults that requests meet once they are believed and their operation is found."""

    def meet(self, call: Call, request: Request, caller: "Caller | None") -> None:
        """Return, or raise the `errors.Fault` that the request is to be refused with."""


class Journal(Protocol):
    """A record of every request that was answered."""

    def note(
        self, call: Call, request: Request, caller: "Caller | None", answer: Answer, fault: errors.Fault | None
    ) -> None:
        """Record a request; it must not raise."""


class Messages(Protocol):
    """What stands around each message that a device sends, and around its wish to be let in."""

    def around(self, call: Call, task: Callable[[], T], explain: Callable[[], str]) -> T:
        """Return what a task returns, or raise: what it raises, or why it is refused or its connection ends.

        ``explain`` returns the mistake of a client that is not let in.
        """
