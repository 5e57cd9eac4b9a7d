"""Vendors' codes as faults: what a front would have refused with, by the code that its vendor gives it."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from otagw import errors
from otagw.dialects.aliyun import codes as aliyun
from otagw.dialects.ddi import codes as ddi
from otagw.dialects.device import codes as device
from otagw.dialects.iotda import codes as iotda
from otagw.dialects.oss import codes as oss

FRONTS: Final = ("aliyun", "iotda", "device", "ddi", "oss")
UNSAID: Final = "The test refuses this request."
# Values for the placeholders of a refusal's text.
_FACTS: Final = {
    "name": "Parameter",
    "expected": "another value",
    "problem": "the test has it so",
    "wait": 1000,
    "ahead": -3_600_000,
}
_BY_STATUS: Final[dict[int, errors.Fault]] = {
    429: errors.Throttled("key", 1000),
    500: errors.Internal(),
    503: errors.Unavailable("the test has it so"),
}


class Word(NamedTuple):
    """A code of a front (a template where the vendor puts a parameter's name into it), and the fault that has it."""

    code: str
    status: int
    fault: type[errors.Fault]
    kind: str


def of(front: str) -> Iterator[Word]:
    """Yield the codes of a front, by its folder's name."""
    if front in ("aliyun", "iotda"):
        for (fault, kind), rule in (aliyun.CODES if front == "aliyun" else iotda.CODES).items():
            yield Word(rule.code, rule.status, fault, kind)
    else:
        for fault, (code, status, _) in {"device": device.CODES, "ddi": ddi.CODES, "oss": oss.CODES}[front].items():
            yield Word(code, status, fault, "")


def is_known(code: str) -> bool:
    """Tell whether any front has a code."""
    return any(_match(word, code) for front in FRONTS for word in of(front))


def codes() -> list[str]:
    """Return the codes of all fronts."""
    return sorted({word.code for front in FRONTS for word in of(front)})


def fault(front: str, code: str | None, status: int | None, text: str | None, wait: int | None) -> errors.Fault:
    """Return the fault that a front spells with a code; an unknown code is spelled as given.

    ``wait`` is in milliseconds, for codes that say how long to stay away.
    """
    if code is None:
        known = _BY_STATUS.get(status or 0)
        has_it = known and text is None and any(word.fault is type(known) for word in of(front))
        return dataclasses.replace(known) if known and has_it else _quoted(f"HTTP.{status}", status, text)
    for word in of(front):
        found = _match(word, code)
        if found and text is None:
            given: dict[str, Any] = {**found.groupdict(), "kind": word.kind, **({"wait": wait} if wait else {})}
            return word.fault(**{field.name: _fact(field, given) for field in dataclasses.fields(word.fault)})
        if found:
            return _quoted(code, status or word.status, text)
    return _quoted(code, status, text)


def _match(word: Word, code: str) -> "re.Match[str] | None":
    return re.fullmatch(re.escape(word.code).replace(r"\{parameter\}", "(?P<name>[A-Za-z0-9]+)"), code)


def _fact(field: "dataclasses.Field[Any]", given: dict[str, Any]) -> Any:
    if field.name in given:
        return given[field.name]
    if field.default is not dataclasses.MISSING:
        return field.default
    return _FACTS.get(field.name, 1 if field.type is int else "…")


def _quoted(code: str, status: int | None, text: str | None) -> errors.Quoted:
    return errors.Quoted(code, status or 400, text or UNSAID)
