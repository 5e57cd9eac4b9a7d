"""What was seen in a value that was refused, where that can be told apart from all else that may be wrong with it."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError
from marshmallow.fields import Field

# What is hard to see in a value, or looks right, and how it is called.
_SPOTS: Final = {
    "\0": "a NUL",
    "\ufeff": "a byte order mark",
    "\u00a0": "a no-break space",
    "\u3000": "an ideographic space",
    " ": "a space",
    "\t": "a tab",
    "\r": "a carriage return",
    "\n": "a line feed",
    "\\": "a backslash",
    "/": "a slash",
    '"': "a quotation mark",
    "'": "an apostrophe",
}
_KINDS: Final = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
# No longer value is looked at: what is too long is told by its length.
_LONGEST: Final = 4096


def seen(schema: Schema, path: list[str | int], given: Any) -> str:
    """Return what is wrong with a value, as ``it has a space (character 5)``; an empty text where that is not clear.

    A spot is named only if the field takes the value with a letter in its place.
    """
    field, value = _field(schema, path), _value(path, given)
    if field is None or value is None or _takes(field, value):
        return ""
    if not isinstance(value, str):
        return f"it is {_KINDS[type(value)]}" if type(value) in _KINDS else ""
    longest = getattr(field, "longest", None)
    if longest is not None and len(value) > longest:
        return f"it has {len(value)} characters"
    if len(value) > _LONGEST:
        return ""
    spots = [spot for spot in _SPOTS if spot in value]
    found = next((some for some in [*([spot] for spot in spots), spots] if _takes(field, _lettered(value, some))), None)
    if found:
        place = min(map(value.index, found))
        return f"it has {_SPOTS[value[place]]} (character {place + 1})"
    is_reserved = "reserved word" in str(getattr(field, "expected", "")) and _takes(field, f"{value}a")
    return "it is a reserved word" if is_reserved else ""


def _lettered(value: str, spots: list[str]) -> str:
    return "".join("a" if letter in spots else letter for letter in value)


def _takes(field: Field[Any], value: Any) -> bool:
    try:
        field.deserialize(value)
    except ValidationError:
        return False
    return True


def _field(schema: Any, path: list[str | int]) -> Field[Any] | None:
    """Return the field of a place, through lists and objects."""
    found = schema
    for step in path:
        if isinstance(step, int):  # the items of a list of objects are of the list's own schema
            found = getattr(found, "inner", found)
            continue
        owner = found if isinstance(found, Schema) else getattr(found, "schema", None)
        found = owner.fields.get(step) if isinstance(owner, Schema) else None
    return found if isinstance(found, Field) else None


def _value(path: list[str | int], given: Any) -> Any:
    for step in path:
        if isinstance(given, Mapping):
            given = given.get(step)
        elif isinstance(given, list) and isinstance(step, int) and step < len(given):
            given = given[step]
        else:
            return None
    return given
