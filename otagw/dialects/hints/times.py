"""How far a time is from the gateway's, in words for the one who set it."""

from typing import Final

from otagw import errors

_SECOND: Final = 1000
_MINUTE: Final = 60 * _SECOND
_QUARTER: Final = 15 * _MINUTE
_FARTHEST_ZONE: Final = 14 * 60 * _MINUTE
_PASTED_WITHIN: Final = 3 * _MINUTE
_UNITS: Final = ((24 * 60 * _MINUTE, "d"), (60 * _MINUTE, "h"), (_MINUTE, "min"), (_SECOND, "s"))


def span(milliseconds: int) -> str:
    """Return how long a time is, in its two largest units that are next to each other, such as ``3 h 5 min``."""
    rest = abs(milliseconds)
    first = next((number for number, (size, _) in enumerate(_UNITS) if rest >= size), len(_UNITS) - 1)
    found: list[str] = []
    for size, unit in _UNITS[first : first + 2]:
        count, rest = divmod(rest, size)
        if count or not found:
            found.append(f"{count} {unit}")
    return " ".join(found)


def zone(ahead: int) -> str:
    """Return the zone whose local time is so far ahead of UTC (in milliseconds), as ``UTC+8``, or nothing.

    A request is a little old by the time someone looks, so that it falls just short of whole quarters of an hour.
    """
    offset = _offset(ahead)
    if not offset:
        return ""
    hours, minutes = divmod(abs(offset) // _MINUTE, 60)
    return f"UTC{'+' if offset > 0 else '-'}{hours}" + (f":{minutes:02d}" if minutes else "")


def _offset(ahead: int) -> int:
    """Return the whole quarters of an hour that a zone may be from UTC, or 0."""
    offset = -(-ahead // _QUARTER) * _QUARTER
    is_zone = 2 * _QUARTER <= abs(offset) <= _FARTHEST_ZONE and offset - ahead <= _PASTED_WITHIN
    return offset if is_zone else 0


def advice(ahead: int | None) -> str:
    """Return how far a time is ahead of the gateway's (negative: behind), and what to do; nothing for None."""
    if ahead is None:
        return ""
    found, way = zone(ahead), "ahead of" if ahead > 0 else "behind"
    if found:
        return f"It is {span(_offset(ahead))} {way} the gateway's time, as local time in {found} is: send UTC."
    todo = "set the clock" if ahead > 0 else "set the clock, and sign each request anew"
    return f"It is {span(ahead)} {way} the gateway's time: {todo}."


def with_advice(text: str, fault: errors.Fault) -> str:
    """Return the text of a refusal, followed by the advice where it is one for its time."""
    found = advice(fault.ahead) if isinstance(fault, errors.ExpiredTimestamp) else ""
    return f"{text} {found}" if found else text
