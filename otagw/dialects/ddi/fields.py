"""What a device says: feedback and attributes, read leniently, since a report that is refused is lost.

docs/wire/ddi.md says what is sent.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from otagw import errors

EXECUTIONS: Final = (
    *("proceeding", "scheduled", "resumed", "download", "downloaded"),
    *("closed", "rejected", "canceled"),
)
FINISHED: Final = ("success", "failure", "none")
MODES: Final = ("merge", "replace", "remove")
NAME_LENGTH: Final = 128
VALUE_LENGTH: Final = 1024
LONGEST: Final = 1024
# Neither a log nor a database has a use for these; PostgreSQL cannot keep NUL, nor UTF-8 half a character.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True)
class Feedback:
    """What a device says of an action; ``percent`` is None where that cannot be told."""

    execution: str
    finished: str
    percent: int | None
    text: str


@dataclass(frozen=True)
class Attributes:
    """What a device says of itself, and what is to be done with it."""

    mode: str
    data: Mapping[str, str]


def feedback(body: bytes) -> Feedback:
    """Return a feedback; raise the fault that names what is wrong with it."""
    given = _object(body)
    if not isinstance(given.get("id"), str | int | float | None):
        raise errors.InvalidParameter("id", "a number or a text")
    status = _part(given, "status", "status")
    if status is None:
        raise errors.MissingParameter("status")
    execution = _word(status, "execution", "status.execution", EXECUTIONS)
    if execution is None:
        raise errors.MissingParameter("status.execution")
    result = _part(status, "result", "status.result") or {}
    finished = _word(result, "finished", "status.result.finished", FINISHED)
    if finished is None and execution == "closed":
        raise errors.MissingParameter("status.result.finished")
    progress = _part(result, "progress", "status.result.progress")
    return Feedback(execution, finished or "none", _percent(progress or {}), _text(status.get("details")))


def attributes(body: bytes) -> Attributes:
    """Return attributes; raise the fault that names what is wrong with them."""
    given = _object(body)
    data = _part(given, "data", "data")
    if data is None:
        raise errors.MissingParameter("data")
    mode = _word(given, "mode", "mode", MODES) or "merge"
    for name in data:
        if not 1 <= len(name) <= NAME_LENGTH:
            raise errors.InvalidParameter("data", f"names of 1 to {NAME_LENGTH} characters")
    return Attributes(mode, {name: "" if mode == "remove" else _value(name, data[name]) for name in data})


def _object(body: bytes) -> dict[str, Any]:
    try:  # not strict: some clients put a line feed into a text as it is
        found = json.loads(body.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):  # also numbers of thousands of digits
        found = None
    if not isinstance(found, dict):
        raise errors.Unreadable("the body is not a JSON object")
    return found


def _part(given: Mapping[str, Any], key: str, name: str) -> Mapping[str, Any] | None:
    found = given.get(key)
    if not isinstance(found, dict | None):
        raise errors.InvalidParameter(name, "an object")
    return found


def _word(given: Mapping[str, Any], key: str, name: str, choices: tuple[str, ...]) -> str | None:
    found = given.get(key)
    if found is None:
        return None
    if not isinstance(found, str) or found.lower() not in choices:
        raise errors.InvalidParameter(name, f"one of {', '.join(choices)}")
    return found.lower()


def _percent(progress: Mapping[str, Any]) -> int | None:
    """Return how far a device has come; its own count may be of nothing."""
    name = "status.result.progress"
    if "percentage" in progress:
        return _bounded(_number(progress["percentage"], f"{name}.percentage"))
    count, whole = _number(progress.get("cnt"), f"{name}.cnt"), _number(progress.get("of"), f"{name}.of")
    return None if count is None or not whole or whole < 0 else _bounded(count / whole * 100)


def _number(found: Any, name: str) -> float | None:
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or abs(found) > 2**53 or math.isnan(found):
        raise errors.InvalidParameter(name, "a number")
    return float(found)


def _bounded(percent: float | None) -> int | None:
    return None if percent is None else int(min(max(percent, 0), 100))


def _text(details: Any) -> str:
    """Return what a device says in its own words, as one line."""
    found = [] if details is None else [details] if isinstance(details, str) else details
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise errors.InvalidParameter("status.details", "a list of texts")
    return _UNPRINTABLE.sub(" ", " ".join(filter(None, found))).strip()[:LONGEST]


def _value(name: str, value: Any) -> str:
    text = json.dumps(value) if isinstance(value, bool | int | float) else value
    if not isinstance(text, str) or len(text) > VALUE_LENGTH:
        raise errors.InvalidParameter(
            f"data.{ascii(name)[1:-1]}", f"a text of at most {VALUE_LENGTH} characters, a number, true or false"
        )
    return text
