"""The faults that a test puts into the way of requests, of every front."""

import random
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from werkzeug.wrappers import Request

from otagw import errors
from otagw.access import Caller
from otagw.call import Call
from otagw.testing import fault as faults
from otagw.testing import words
from otagw.testing.fault import UPLOAD, Fault
from otagw.testing.paced import Body, Met

# In the environment of a request: the fault that it met; and that it is the double's own, which meets none.
MET, QUIET = "otagw.testing.met", "otagw.testing.quiet"


class Unmet(AssertionError):
    """Say which faults no request has met: the test did not do what it is there to try."""


class Saved(NamedTuple):
    """Faults with how often each was met, and their chance."""

    faults: list[tuple[Fault, int, int]]
    chance: Any


class Faults:
    """The faults of a gateway; ``names`` are the operations that there are, by which a typing error is found."""

    def __init__(self, names: tuple[str, ...], seed: int) -> None:
        self._names, self._seed = names, seed
        self._guard = threading.Lock()
        self._all: list[Fault] = []
        self._chance = random.Random(seed)  # noqa: S311 - repeatable
        self._over = threading.Event()

    def add(self, operation: str, /, **how: Any) -> Fault:
        """Let requests for an operation (``*`` and ``?`` stand for any) meet a fault; return it.

        What happens: ``code`` (the vendor's; ``message`` its text), ``status``, ``retry_after`` (seconds), ``delay``
        (seconds), ``bandwidth`` (bytes a second), ``drop_after`` (bytes, then the connection is reset),
        ``before="commit"`` (nothing is done, and the connection ends), ``after="commit"`` (it is done, and the answer
        is lost), ``reset=False`` (it ends by a close and not by a reset), ``alter`` (a function of the decoded answer).
        To whom: ``key``, ``device``, ``params``. When: ``times`` (at most), ``every`` (each n-th), ``probability``.
        A request meets the first fault that is for it. Raises ValueError for what is no fault. One that was never met
        fails its test, unless it is ``optional``.
        """
        made = faults.make(operation, how, self._names)
        with self._guard:
            self._all.append(made)
        return made

    def remove(self, fault: Fault) -> None:
        """Remove a fault, met or not; raise ValueError if it is not there."""
        with self._guard:
            if fault not in self._all:
                raise ValueError(f"{fault}: expected a fault that is there")
            self._all.remove(fault)

    def clear(self) -> None:
        """Take all faults away, and let those go on that a delay or a slow connection holds."""
        with self._guard:
            self._all.clear()
            self._chance.seed(self._seed)
        self.release()

    def release(self) -> None:
        """Release requests that a delay or a slow connection holds; the faults stay for later requests."""
        with self._guard:
            over, self._over = self._over, threading.Event()
        over.set()

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def verify(self) -> None:
        """Raise `Unmet` if a fault was never met."""
        __tracebackhide__ = True
        unmet = [fault for fault in self if not fault.met and not fault.optional]
        if unmet:
            raise Unmet("no request met:\n" + "\n".join(f"  {fault}{_hint(fault)}" for fault in unmet))

    def copy(self) -> Saved:
        """Return the faults with how often they were met, for `restore`."""
        with self._guard:
            return Saved([(fault, fault.met, fault.seen) for fault in self._all], self._chance.getstate())

    def restore(self, saved: Saved) -> None:
        """Have the faults again that there were."""
        with self._guard:
            self._all = [fault for fault, _, _ in saved.faults]
            self._chance.setstate(saved.chance)
            for fault, met, seen in saved.faults:
                fault.met, fault.seen = met, seen

    def give_back(self, fault: Fault) -> None:
        """Count a fault as not met that did nothing: the body was over before it could break off."""
        with self._guard:
            fault.met -= 1

    def meet(self, call: Call, request: Request, caller: Caller | None) -> None:
        """Let a request meet the first fault that is for it: see `otagw.seams`."""
        environ = request.environ
        if environ.get(QUIET) or not self._all:
            return
        with self._guard:
            fault, over = self._next(call, caller), self._over
        if fault is None:
            return
        environ[MET] = met = Met(fault, over)
        stream = environ["wsgi.input"]
        if fault.delay:
            met.wait(fault.delay)
        if isinstance(stream, Body) and call.operation == UPLOAD:  # the bodies of others have been read
            try:
                stream.pace(met)
            except ConnectionError:
                raise errors.Unavailable("the body breaks off") from None
        if fault.before:
            raise errors.Unavailable("the connection ends")
        if fault.refuses:
            wait = round(fault.retry_after * 1000) if fault.retry_after else None
            raise words.fault(call.front, fault.code, fault.status, fault.message, wait)

    def meet_message(self, call: Call) -> Met | None:
        """Return the first fault that is for a message of a device, after its delay; None where there is none."""
        with self._guard:
            fault, over = self._next(call, None), self._over
        if fault is None:
            return None
        met = Met(fault, over)
        if fault.delay:
            met.wait(fault.delay)
        return met

    def _next(self, call: Call, caller: Caller | None) -> Fault | None:
        for fault in self._all:
            if (fault.times is not None and fault.met >= fault.times) or not fault.matches(call, caller):
                continue
            fault.seen += 1
            if fault.seen % fault.every:
                continue
            if fault.probability is not None and self._chance.random() >= fault.probability:
                continue
            fault.met += 1
            return fault
        return None


def _hint(fault: Fault) -> str:
    if fault.seen and fault.drop_after is not None:
        return f"   ({fault.seen} requests were for it, and no body reached byte {fault.drop_after})"
    return f"   ({fault.seen} requests were for it)" if fault.seen else ""
