"""Seams in the path of every request: faults, and a journal. In production both are None.

`otagw.testing` has the implementations. No setting leads to them, and no part of the product makes one.
"""

from typing import TYPE_CHECKING, Protocol

from werkzeug.wrappers import Request

from otagw import errors
from otagw.call import Answer, Call

if TYPE_CHECKING:  # which imports what is read here
    from otagw.access import Caller


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
