"""Compare a recorded answer with another one: status, code, members, types, sizes of lists, and values.

Values are compared where they could be equal: no times, links, request ids and texts for people. Ids of the recording
correspond to ids of the other side, and have to do so each time.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from otagw.testing.recording import values
from otagw.testing.recording.cassette import Answered

_KINDS: Final = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
_SHOWN: Final = 80
_MISSING: Final = object()


class Difference(NamedTuple):
    """One difference: its kind, the member that it is at (empty for the answer as a whole), and both sides."""

    kind: str
    member: str
    recorded: str
    here: str


# Says which value of the other side a recorded one corresponds to, given the name of its member and the other value.
Corresponds = Callable[[str, Any, Any], Any]


def between(recorded: Answered, here: Answered, corresponds: Corresponds) -> list[Difference]:
    """Return how two answers differ, each difference once: where one succeeds and the other does not, in that alone."""
    found = []
    if recorded.status != here.status:
        found.append(Difference("status", "", str(recorded.status), str(here.status)))
    if recorded.code != here.code:
        found.append(Difference("code", "", recorded.code or "none", here.code or "none"))
    if succeeded(recorded) == succeeded(here):
        found += _of_values(recorded.body, here.body, "", "", corresponds, by_value=True)
    once = {(each.kind, each.member): each for each in reversed(found)}
    return list(reversed(once.values()))


def succeeded(answered: Answered) -> bool:
    """Tell whether an answer is a success."""
    return answered.status < 400 and not answered.code


def _of_values(
    recorded: Any, here: Any, name: str, path: str, corresponds: Corresponds, by_value: bool
) -> Iterator[Difference]:
    if _kind(recorded) != _kind(here):
        yield Difference("type", path, _kind(recorded), _kind(here))
    elif isinstance(recorded, dict):
        yield from _of_members(recorded, here, path, corresponds, by_value)
    elif isinstance(recorded, list):
        yield from _of_items(recorded, here, name, path, corresponds, by_value)
    elif by_value and _is_comparable(name, recorded, here):
        expected = corresponds(name, recorded, here)
        if expected != here:
            yield Difference("value", path, _shown(expected), _shown(here))


def _of_members(
    recorded: dict[str, Any], here: dict[str, Any], path: str, corresponds: Corresponds, by_value: bool
) -> Iterator[Difference]:
    other = {name.lower(): name for name in here}
    for name, value in recorded.items():
        where = f"{path}.{name}" if path else name
        if name in here:
            yield from _of_values(value, here[name], name, where, corresponds, by_value)
            continue
        yield Difference("missing", where, _kind(value), "absent")
        twin = other.get(name.lower())
        if twin is not None and twin not in recorded:  # spelled differently: what is in it is compared all the same
            yield from _of_values(value, here[twin], name, where, corresponds, by_value)
    for name, value in here.items():
        if name not in recorded:
            yield Difference("additional", f"{path}.{name}" if path else name, "absent", _kind(value))


def _of_items(
    recorded: list[Any], here: list[Any], name: str, path: str, corresponds: Corresponds, by_value: bool
) -> Iterator[Difference]:
    """Compare lists of one size item by item, others by the shape that their items have together."""
    where = f"{path}[]"
    if len(recorded) == len(here):
        for one, other in zip(recorded, here, strict=True):
            yield from _of_values(one, other, name, where, corresponds, by_value)
        return
    yield Difference("items", path, str(len(recorded)), str(len(here)))
    if recorded and here:
        yield from _of_values(_together(recorded), _together(here), name, where, corresponds, by_value=False)


def _together(items: list[Any]) -> Any:
    """Return one item that has each member that any of them has."""
    if not all(isinstance(item, dict) for item in items):
        return items[0]
    return {name: value for item in reversed(items) for name, value in item.items()}


def _is_comparable(name: str, recorded: Any, here: Any) -> bool:
    if values.is_request_id(name) or values.is_prose(name) or recorded == values.HIDDEN:
        return False
    if values.is_time(name, recorded) and values.is_time(name, here):
        return False
    return not (values.is_link(recorded) and values.is_link(here))


def _kind(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a number"
    return _KINDS[type(value)]


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
