"""Tell the kinds of recorded values apart, by name and by form: ids and names, times, links, free text."""

import re
from collections.abc import Iterator
from typing import Any, Final

# Stands for a value that a recording does not keep. A request may be sent with it where a secret is expected.
HIDDEN: Final = "REDACTED"
_IDENTITY: Final = re.compile(r"(?:ids?|keys?|tokens?|names?|urls?|nick|marker|alias)", re.IGNORECASE)
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?|\d{8}T\d{6}Z", re.ASCII)
_MILLISECONDS: Final = re.compile(r"1\d{12}", re.ASCII)
# Of a member whose number may be a time. A version may be a number or a date, and an id has many digits too.
_OF_TIME: Final = re.compile(r"time|utc|gmt|date|stamp|expir|schedule", re.IGNORECASE)
_REQUEST_IDS: Final = ("requestid", "request_id")
# Texts for people, which no two vendors write alike.
_PROSE: Final = ("message", "errormessage", "error_msg", "recommend", "hostid")


def is_identity(name: str) -> bool:
    """Tell whether a member holds an id or a chosen name, by the last word of its own name: FirmwareId, device_name."""
    words = _WORDS.findall(re.sub(r"[^A-Za-z]+$", "", name))
    return bool(words) and _IDENTITY.fullmatch(words[-1]) is not None


def is_time(name: str, value: Any) -> bool:
    """Tell whether a value is a time: ISO 8601, its compact form, or, under such a name, milliseconds since 1970."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        return True
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return _MILLISECONDS.fullmatch(text) is not None and _OF_TIME.search(name) is not None


def is_link(value: Any) -> bool:
    """Tell whether a value is an address."""
    return isinstance(value, str) and "://" in value


def is_request_id(name: str) -> bool:
    """Tell whether a member of an answer is the id of its request."""
    return name.lower() in _REQUEST_IDS


def is_prose(name: str) -> bool:
    """Tell whether a member of an answer is a text for people."""
    return name.lower() in _PROSE


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value that is no object and no list, under the name of the member that holds it or its list."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, name)
    else:
        yield name, value
