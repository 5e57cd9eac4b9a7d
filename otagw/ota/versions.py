"""Which of two versions is the higher: one order for all of them, that of semver where they are semver.

docs/minimum-versions.md has the rules. Texts that differ may be the same version: 1.0, v1.0.0, 1.0+build7.
"""

import re
from typing import Any, Final

TEXT: Final = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,256}")
EXPECTED: Final = "1 to 256 characters without a blank"
_NUMBER: Final = re.compile(r"[0-9]+")
_RUNS: Final = re.compile(r"[0-9]+|[^0-9.]+")
_PREFIX: Final = re.compile(r"\A[vV](?=[0-9])")


def key(version: str) -> tuple[Any, ...]:
    """Return what versions are sorted by."""
    plain = _PREFIX.sub("", version.partition("+")[0])
    release, is_early, early = plain.partition("-")
    parts = [_part(run) for run in _RUNS.findall(release)]
    while parts and parts[-1] == _part("0"):
        parts.pop()
    # What has no pre-release is higher than what has one.
    return tuple(parts), not is_early, tuple(_part(word) for word in early.split("."))


def is_below(version: str, minimum: str) -> bool:
    """Tell whether a version is lower than another."""
    return key(version) < key(minimum)


def _part(text: str) -> tuple[bool, int, str]:
    """Return a part of a version: numbers come before texts, which are compared by code point."""
    return (False, int(text), "") if _NUMBER.fullmatch(text) else (True, 0, text)
