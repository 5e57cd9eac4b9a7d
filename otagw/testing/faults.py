"""Faults that a test puts into the way of requests, of every front."""

import difflib
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from werkzeug.wrappers import Request

from otagw import errors
from otagw.access import Caller
from otagw.call import Call
from otagw.testing import words

# In the environment of a request: the fault that it met; and that it is the double's own, which meets none.
MET, QUIET = "otagw.testing.met", "otagw.testing.quiet"
# What a test may call the operations of files.
UPLOAD: Final = "PostObject"
ALIASES: Final = {"oss.upload": UPLOAD, "oss.download": "GetObject"}
COMMIT: Final = "commit"
# As many bytes at once come over a connection that is slow or breaks off.
PIECE: Final = 4096


class Unmet(AssertionError):
    """Say which faults no request has met: the test did not do what it is there to try."""


@dataclass(eq=False)
class Fault:
    """One fault, as `Faults.add` was asked for it; ``met`` is how often it was met."""

    operation: str
    code: str | None = None
    status: int | None = None
    message: str | None = None
    retry_after: float | None = None
    times: int | None = None
    every: int = 1
    probability: float | None = None
    key: str | None = None
    device: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    delay: float = 0
    bandwidth: float | None = None
    drop_after: int | None = None
    before: str | None = None
    after: str | None = None
    reset: bool = True
    alter: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    optional: bool = False
    met: int = 0
    seen: int = 0

    def __str__(self) -> str:
        hidden = ("operation", "met", "seen")
        given = [
            f"{name}={value!r}"
            for name, value in vars(self).items()
            if name not in hidden and value != Fault.__dataclass_fields__[name].default and value != {}
        ]
        return " ".join([self.operation, *given])

    @property
    def refuses(self) -> bool:
        """Tell whether a request that meets it is refused, and nothing is done."""
        return self.code is not None or self.status is not None or self.before is not None

    def matches(self, call: Call, caller: Caller | None) -> bool:
        """Tell whether a request is one that may meet it."""
        names = (call.operation, f"{call.front}.{call.operation}")
        if not any(fnmatchcase(name, self.operation) for name in names):
            return False
        if self.key is not None and (caller is None or caller.key_id != self.key):
            return False
        if self.device is not None and (caller is not None or not _is_device(call.key_id, self.device)):
            return False
        return not self.params or _has(call, self.params)


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
        Raises ValueError for what is no fault. One that was never met fails its test, unless it is ``optional``.
        """
        unknown = how.keys() - Fault.__dataclass_fields__.keys() | how.keys() & {"operation", "met", "seen"}
        if unknown:
            raise ValueError(_near(min(unknown), Fault.__dataclass_fields__, "faults.add() has no"))
        who = {name: _id(how[name]) for name in ("key", "device") if how.get(name) is not None}
        fault = Fault(ALIASES.get(operation, operation), **{**how, **who})
        try:
            self._check(fault, operation)
        except TypeError as error:
            raise ValueError(f"{fault}: expected numbers where it counts or measures ({error})") from None
        with self._guard:
            self._all.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Take a fault away, met or not."""
        with self._guard:
            self._all.remove(fault)

    def clear(self) -> None:
        """Take all faults away, and let those go on that a delay holds."""
        with self._guard:
            self._all.clear()
            self._chance.seed(self._seed)
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
            seen = [f"   ({fault.seen} requests were for it)" if fault.seen else "" for fault in unmet]
            lines = [f"  {fault}{hint}" for fault, hint in zip(unmet, seen, strict=True)]
            raise Unmet("no request met:\n" + "\n".join(lines))

    def copy(self) -> list[tuple[Fault, int, int]]:
        """Return the faults with how often they were met, for `restore`."""
        return [(fault, fault.met, fault.seen) for fault in self]

    def restore(self, saved: list[tuple[Fault, int, int]]) -> None:
        """Have the faults again that there were."""
        with self._guard:
            self._all = [fault for fault, _, _ in saved]
            for fault, met, seen in saved:
                fault.met, fault.seen = met, seen

    def meet(self, call: Call, request: Request, caller: Caller | None) -> None:
        """Let a request meet the first fault that is for it: see `otagw.seams`."""
        environ = request.environ
        if environ.get(QUIET) or not self._all:
            return
        fault = self._next(call, caller)
        if fault is None:
            return
        environ[MET] = fault
        stream = environ["wsgi.input"]
        if isinstance(stream, Paced) and call.operation == UPLOAD:  # the bodies of others have been read
            try:
                stream.pace(fault, self.wait)
            except ConnectionError:
                raise errors.Unavailable("the body breaks off") from None
        if fault.delay:
            self.wait(fault.delay)
        if fault.before:
            raise errors.Unavailable("the connection ends")
        if fault.refuses:
            wait = round(fault.retry_after * 1000) if fault.retry_after else None
            raise words.fault(call.front, fault.code, fault.status, fault.message, wait)

    def wait(self, seconds: float) -> None:
        """Wait, unless all faults are taken away meanwhile."""
        self._over.wait(seconds)

    def _next(self, call: Call, caller: Caller | None) -> Fault | None:
        with self._guard:
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

    def _check(self, fault: Fault, given: str) -> None:
        if not any(fnmatchcase(name, fault.operation) for name in self._names):
            known = [name for name in (*self._names, *ALIASES) if ("." in name) == ("." in given)]
            raise ValueError(_near(given, known, "there is no operation"))
        effects = (fault.delay, fault.bandwidth, fault.drop_after is not None, fault.after, fault.alter, fault.refuses)
        rules = (
            ("an effect: code, status, delay, bandwidth, drop_after, before, after or alter", any(effects)),
            ('before="commit" or after="commit"', {fault.before, fault.after} <= {None, COMMIT}),
            ("before or after, not both", not (fault.before and fault.after)),
            ("a status from 400 to 599", fault.status is None or 400 <= fault.status <= 599),
            ("times and every of 1 or more", (fault.times is None or fault.times >= 1) and fault.every >= 1),
            ("a probability over 0 and up to 1", fault.probability is None or 0 < fault.probability <= 1),
            ("a bandwidth above 0 bytes a second", fault.bandwidth is None or fault.bandwidth > 0),
            ("a delay of 0 or more seconds", fault.delay >= 0),
            ("drop_after and retry_after of 0 or more", _none_below(fault.drop_after, fault.retry_after)),
        )
        for expected, holds in rules:
            if not holds:
                raise ValueError(f"{fault}: expected {expected}")


class Paced:
    """The body of a request, which may come slowly or break off from some byte on."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._passed = 0
        self._fault: Fault | None = None
        self._wait: Callable[[float], None] = lambda seconds: None
        self.is_broken = False

    def pace(self, fault: Fault, wait: Callable[[float], None]) -> None:
        """Let it be as a fault says; raise ConnectionError where it has been read too far already."""
        self._fault, self._wait = fault, wait
        if fault.drop_after is not None and self._passed > fault.drop_after:
            self._break()

    def read(self, size: int = -1) -> bytes:
        """Return bytes; raise ConnectionError where they break off."""
        return self._came(self._stream.read(self._some(size)))

    def readline(self, size: int = -1) -> bytes:
        """Return a line."""
        return self._came(self._stream.readline(self._some(size)))

    def _some(self, size: int) -> int:
        """Return how many bytes to read: a few where they are counted, so that they come and break off as told."""
        if self._fault is None:
            return size
        left = PIECE if self._fault.drop_after is None else self._fault.drop_after - self._passed
        if left <= 0:
            self._break()
        return min(PIECE, left, size if size >= 0 else PIECE)

    def _came(self, data: bytes) -> bytes:
        self._passed += len(data)
        if self._fault and self._fault.bandwidth:
            self._wait(len(data) / self._fault.bandwidth)
        return data

    def _break(self) -> None:
        self.is_broken = True
        raise ConnectionResetError("the body breaks off")


def _none_below(*numbers: float | None) -> bool:
    return all(number is None or number >= 0 for number in numbers)


def _id(who: Any) -> str:
    """Return the id of a key, an account, a device, or of what is one already."""
    who = getattr(who, "key", who)
    return str(getattr(who, "id", who))


def _is_device(sender: str, device: str) -> bool:
    return device in (sender, sender.partition("/")[2])


def _has(call: Call, params: Mapping[str, Any]) -> bool:
    try:
        given = call.parameters
    except errors.Fault:
        return False
    return all(name in given and str(given[name]) == str(value) for name, value in params.items())


def _near(name: str, names: Any, problem: str) -> str:
    near = difflib.get_close_matches(name, list(names), n=3, cutoff=0.6)
    return f"{problem} {name}" + (f"; did you mean {' or '.join(near)}?" if near else "")
