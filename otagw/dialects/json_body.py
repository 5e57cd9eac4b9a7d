"""Bodies that are JSON: read in the one way in which all JSON readers understand them, and refused with the cause."""

import json
import math
from typing import Any, Final

from otagw import errors
from otagw.dialects import http

# Three times what the longest list of devices has.
_VALUES: Final = 100_000
_BOM: Final = b"\xef\xbb\xbf"
_GZIP: Final = b"\x1f\x8b"
_SHOWN: Final = 64


def read_object(data: bytes, *, strict: bool = True) -> dict[str, Any]:
    """Return the object that a body is; nothing that JSON readers understand in different ways is taken.

    It may begin with a byte order mark. What is not ``strict`` may have a name twice, of which the last counts, line
    feeds in texts, and bytes that are no UTF-8: a device's report is not to be lost for these.

    Raises `errors.Unreadable` with what is wrong and where, and `errors.RequestTooLarge` for a body of more than
    `_VALUES` separators: 12 MiB of small values would take half a gigabyte.
    """
    return http.weighed(len(data), lambda: _read_object(data, strict))


def _read_object(data: bytes, strict: bool) -> dict[str, Any]:
    if sum(map(data.count, (b",", b"[", b"{"))) > _VALUES:
        raise errors.RequestTooLarge(f"{_VALUES} values")
    text = _decoded(data.removeprefix(_BOM), "strict" if strict else "replace")
    try:
        found = finite(text, strict=strict, object_pairs_hook=_object if strict else None)
    except json.JSONDecodeError as error:
        raise errors.Unreadable(f"the body is no JSON: {_cause(error)}") from None
    except RecursionError:
        raise errors.Unreadable("the body is nested too deep") from None
    except ValueError:
        raise errors.Unreadable("the body has a number of more than 4,300 digits") from None
    if not isinstance(found, dict):
        raise errors.Unreadable(f"the body is {_KINDS[type(found)]}, expected one JSON object")
    return found


def finite(text: str, **options: Any) -> Any:
    """Return the value of a JSON text; ``options`` are those of `json.loads`.

    Raises `errors.Unreadable` for a number that is not finite, such as NaN or 1e999: JSON cannot hold it when it is
    shown again. Raises ValueError and RecursionError for what else is no JSON.
    """
    return json.loads(text, parse_float=_finite, parse_constant=_finite, **options)


_KINDS: Final = {
    list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false", type(None): "null",
}  # fmt: skip


def _decoded(data: bytes, mode: str) -> str:
    if data.startswith(_GZIP):
        raise errors.Unreadable("the body is compressed with gzip: send it as it is")
    try:
        return data.decode("utf-8", mode)
    except UnicodeDecodeError as error:
        raise errors.Unreadable(f"the body is not UTF-8: byte {error.start + 1} begins no character") from None


def _cause(error: json.JSONDecodeError) -> str:
    """Return what is wrong with a text, and where."""
    line, column, problem = error.lineno, error.colno, error.msg[:1].lower() + error.msg[1:]
    before = error.doc[: error.pos].rstrip()
    if not error.doc.strip():
        return "it is empty"
    if before.endswith(",") and error.doc[error.pos : error.pos + 1] in ("}", "]", ""):
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n") - 1
        problem = "a trailing comma"
    elif error.msg == "Invalid control character at":
        problem = f"a control character (U+{ord(error.doc[error.pos]):04X}) in a text"
    elif error.msg == "Extra data":
        problem = "something behind its end"
    return f"{problem}, line {line}, column {column}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = http.repeated(name for name, _ in pairs)
        raise errors.Unreadable(f"the body has the name {ascii(twice)[:_SHOWN]} twice in one object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise errors.Unreadable(f"the body has the number {text[:16]}, expected finite ones, up to 1.79e308")
    return number
