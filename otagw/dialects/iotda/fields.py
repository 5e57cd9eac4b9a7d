"""The fields that operations of IoTDA share, with the vendor's limits."""

from typing import Any, Final

from otagw.dialects.iotda.schema import IotdaSchema, Number, Text

WORD: Final = "letters, digits, _ -"
NEWEST: Final = "f" * 24


def word(longest: int = 36, **options: Any) -> Text:
    """Return a field for an id that clients choose."""
    return Text(longest, rf"[A-Za-z0-9_-]{{1,{longest}}}", expected=f"1 to {longest} {WORD}", **options)


def version(longest: int = 256, **options: Any) -> Text:
    """Return a field for a version, or the name of a module."""
    return Text(longest, rf"[A-Za-z0-9_.-]{{1,{longest}}}", expected=f"1 to {longest} {WORD} .", **options)


def title(longest: int, **options: Any) -> Text:
    """Return a field for a name that people read."""
    return Text(longest, r"[^\x00-\x1f\x7f]+", expected=f"1 to {longest} characters, no control characters", **options)


class Paged(IotdaSchema):
    """What every listing may be given."""

    limit = Number(1, 50, load_default=10)
    marker = Text(24, "[0-9a-f]{24}", expected="24 lower-case hex digits", load_default=NEWEST)
    offset = Number(0, 500, "; for more, pass the page.marker of the last page as marker", load_default=0)


def ceiling(marker: str) -> int:
    """Return the id below which a marker lets a listing begin."""
    return min(int(marker, 16), (1 << 63) - 1)


def page(ids: list[int], count: int, marker: str) -> dict[str, Any]:
    """Return what a listing says of itself; the marker of an empty page is the one that was given."""
    return {"count": count, "marker": f"{ids[-1]:024x}" if ids else marker}
