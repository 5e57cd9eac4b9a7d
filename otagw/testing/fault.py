"""One fault: its effect, its scope, its counts, and the rules that `make` checks."""

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from otagw import errors
from otagw.access import Caller
from otagw.call import Call
from otagw.testing import words
from otagw.testing.api import differences

UPLOAD: Final = "PostObject"
# Names of the operations of files for tests.
ALIASES: Final = {"oss.upload": UPLOAD, "oss.download": "GetObject"}
COMMIT: Final = "commit"


@dataclass(eq=False)
class Fault:
    """One fault, as `Faults.add` was asked for it; ``met`` is how often it was met, ``seen`` how often it might be."""

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
        """Tell whether the fault is for a request."""
        wanted = ALIASES.get(self.operation, self.operation)
        if not any(fnmatchcase(name, wanted) for name in (call.operation, f"{call.front}.{call.operation}")):
            return False
        if self.key is not None and (caller is None or caller.key_id != self.key):
            return False
        if self.device is not None and (caller is not None or not _is_device(call.key_id, self.device)):
            return False
        return not self.params or _has(call, self.params)


def make(operation: Any, how: Mapping[str, Any], names: Iterable[str]) -> Fault:
    """Return a fault as it is asked for; ``names`` are the operations that there are. Raises ValueError."""
    unknown = how.keys() - Fault.__dataclass_fields__.keys() | how.keys() & {"operation", "met", "seen"}
    if unknown:
        raise ValueError(_near(min(unknown), Fault.__dataclass_fields__, "faults.add() has no"))
    who = {name: _id(how[name]) for name in ("key", "device") if how.get(name) is not None}
    fault = Fault(operation, **{**how, **who})
    _check_types(fault)
    wanted = ALIASES.get(operation, operation)
    if not any(fnmatchcase(name, wanted) for name in names):
        known = [name for name in (*names, *ALIASES) if ("." in name) == ("." in operation)]
        raise ValueError(_near(operation, known, "there is no operation"))
    _check_rules(fault)
    _check_code(fault)
    return fault


def _check_types(fault: Fault) -> None:
    def fits(value: Any, *types: type) -> bool:
        is_number = isinstance(value, types) and not isinstance(value, bool)
        return value is None or (is_number and (not isinstance(value, float) or math.isfinite(value)))

    numbers = (fault.retry_after, fault.probability, fault.delay, fault.bandwidth)
    rules = (
        ("operation, code, message, before and after to be texts",
         isinstance(fault.operation, str)
         and all(fits(value, str) for value in (fault.code, fault.message, fault.before, fault.after))),
        ("status, times, every and drop_after to be whole numbers",
         all(fits(value, int) for value in (fault.status, fault.times, fault.every, fault.drop_after))),
        ("retry_after, probability, delay and bandwidth to be numbers",
         all(fits(number, int, float) for number in numbers)),
        ("params to be a mapping", isinstance(fault.params, Mapping)),
        ("alter to be a function", fault.alter is None or callable(fault.alter)),
    )  # fmt: skip
    for expected, holds in rules:
        if not holds:
            raise ValueError(f"{fault}: expected {expected}")


def _check_rules(fault: Fault) -> None:
    effects = (fault.delay, fault.bandwidth, fault.drop_after is not None, fault.after, fault.alter, fault.refuses)
    is_file = ALIASES.get(fault.operation, fault.operation) in ALIASES.values()
    rules = (
        ("an effect: code, status, delay, bandwidth, drop_after, before, after or alter", any(effects)),
        ('before="commit" or after="commit"', {fault.before, fault.after} <= {None, COMMIT}),
        ("before or after, not both", not (fault.before and fault.after)),
        ("a status from 400 to 599", fault.status is None or 400 <= fault.status <= 599),
        ("times and every of 1 or more", (fault.times is None or fault.times >= 1) and fault.every >= 1),
        ("a probability over 0 and up to 1", fault.probability is None or 0 < fault.probability <= 1),
        ("a bandwidth above 0 bytes a second", fault.bandwidth is None or fault.bandwidth > 0),
        ("a delay of 0 or more seconds", fault.delay >= 0),
        ("drop_after and retry_after of 0 or more", (fault.drop_after or 0) >= 0 and (fault.retry_after or 0) >= 0),
        ("key or device, not both", fault.key is None or fault.device is None),
        ("no key and no device: links and forms name neither", not is_file or fault.key is fault.device is None),
    )
    for expected, holds in rules:
        if not holds:
            raise ValueError(f"{fault}: expected {expected}")


def _check_code(fault: Fault) -> None:
    """Refuse a code that is nearly one of the vendors'; another needs a status to say that it is meant."""
    if fault.code is None or fault.status is not None or words.is_known(fault.code):
        return
    near = difflib.get_close_matches(fault.code, words.codes(), n=1, cutoff=0.85)
    if near:
        raise ValueError(f"{fault}: did you mean the code {near[0]}? Give a status beside a code of your own")


def _id(who: Any) -> str:
    """Return the id of a key, an account or a device; a text is an id already."""
    who = getattr(who, "key", who)
    return str(getattr(who, "id", who))


def _is_device(sender: str, device: str) -> bool:
    return device in (sender, sender.partition("/")[2])


def _has(call: Call, params: Mapping[str, Any]) -> bool:
    try:
        return not differences(call.parameters, params)
    except errors.Fault:
        return False


def _near(name: str, names: Iterable[str], problem: str) -> str:
    near = difflib.get_close_matches(name, list(names), n=3, cutoff=0.6)
    return f"{problem} {name}" + (f"; did you mean {' or '.join(near)}?" if near else "")
