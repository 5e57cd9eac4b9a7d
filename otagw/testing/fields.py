"""The fields of a control request: what each has to be, in words."""

import base64
import binascii
import difflib
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple


class Refusal(Exception):
    """Say with which HTTP status a control request is refused, and why."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Kind(NamedTuple):
    """What a value has to be."""

    expected: str
    fits: Callable[[Any], bool]


def _is(*types: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


TEXT: Final = Kind("a text", _is(str))
NUMBER: Final = Kind("a number", _is(int, float))
WHOLE: Final = Kind("a whole number", _is(int))
FLAG: Final = Kind("true or false", _is(bool))
TIME: Final = Kind("a time like 2026-11-22T00:00Z, or milliseconds since 1970", _is(str, int))
TEXTS: Final = Kind("a list of texts", _texts)
STATUSES: Final = Kind(
    "a list of HTTP statuses",
    lambda value: isinstance(value, list) and bool(value) and all(_is(int)(one) and 200 <= one <= 599 for one in value),
)
OBJECT: Final = Kind("an object", _is(dict))
BYTES: Final = Kind("Base64", lambda value: isinstance(value, str) and _bytes(value) is not None)
ANYTHING: Final = Kind("anything", lambda value: True)


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None


def read(given: Mapping[str, Any], fields: Mapping[str, Kind], *required: str) -> dict[str, Any]:
    """Return the fields of an object, without those that are null; raise `Refusal` that names the first wrong one."""
    found = {name: value for name, value in given.items() if value is not None}
    for name, value in found.items():
        if name not in fields:
            near = difflib.get_close_matches(name, list(fields), n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(fields) or 'none'}"
            raise Refusal(400, f"{name}: there is no such field; {hint}")
        if not fields[name].fits(value):
            raise Refusal(400, f"{name}: expected {fields[name].expected}, got {value!r:.100}")
    for name in required:
        if name not in found:
            raise Refusal(400, f"{name}: expected {fields[name].expected}, got nothing")
    return {name: _bytes(value) if fields[name] is BYTES else value for name, value in found.items()}
