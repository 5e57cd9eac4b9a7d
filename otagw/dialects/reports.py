"""Fields of what devices report, for every front whose devices say it in JSON."""

import re
from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields, validate

from otagw.ota import versions

# One more than is kept, so that the timeline can mark what it cuts.
LONGEST: Final = 1025
MODULE: Final = "1 to 64 of A-Z a-z 0-9 . _ -"
_PATTERN: Final = r"[A-Za-z0-9._-]{1,64}"
is_module: Final = re.compile(_PATTERN).fullmatch
# Of what a device calls its message; larger numbers are none in JSON as it is written here.
_LONGEST_ID: Final = 32
_TOO_LARGE: Final = 1 << 63
# Neither a log nor a database has a use for these; PostgreSQL cannot keep NUL, nor UTF-8 half a character.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Text(fields.String):
    """Take a text of any length as one line of up to `LONGEST` characters: a failure is not lost for its words."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return _UNPRINTABLE.sub(" ", super()._deserialize(value, attr, data, **kwargs))[:LONGEST]


def identifier(found: object) -> int | str:
    """Return what a device calls its message, to be answered with; 0 where that is none, or cannot be said again."""
    is_number = isinstance(found, int) and abs(found) < _TOO_LARGE
    is_text = isinstance(found, str) and len(found) <= _LONGEST_ID and not _UNPRINTABLE.search(found)
    return found if isinstance(found, (int, str)) and (is_number or is_text) else 0


def said(expected: str) -> dict[str, Any]:
    """Return the one message of a field for everything that can be wrong with its value."""
    return dict.fromkeys(("invalid", "invalid_utf8", "too_large"), expected)


def module(**options: Any) -> fields.String:
    """Take the name of a module."""
    rule = validate.Regexp(rf"{_PATTERN}\Z", error=MODULE)
    return fields.String(validate=rule, error_messages=said(MODULE), **options)


def version(**options: Any) -> fields.String:
    """Take a version."""
    rule = validate.Regexp(rf"{versions.TEXT.pattern}\Z", error=versions.EXPECTED)
    options.setdefault("required", True)
    return fields.String(validate=rule, error_messages=said(versions.EXPECTED), **options)
