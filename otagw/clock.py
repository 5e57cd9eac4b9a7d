"""The one clock, and the one maker of ids: what tests hold."""

import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

# Ids hold 41 bits of milliseconds since this instant (until 2089) above 22 random bits: docs/decisions/0005-ids.md.
EPOCH_MS = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
RANDOM_BITS = 22

_held: Callable[[], int] | None = None
_guard = threading.Lock()


def now() -> int:
    """Return the time in milliseconds since 1970, UTC."""
    return _held() if _held else time.time_ns() // 1_000_000


def hold(source: Callable[[], int] | None) -> None:
    """Take the time from ``source`` (milliseconds since 1970), or from the machine again with None."""
    global _held  # noqa: PLW0603 - one clock for the process is the point
    with _guard:
        _held = source


def new_id(at: int | None = None) -> int:
    """Return a fresh positive 63-bit id that sorts by time; an insert that meets its twin draws again.

    Whoever needs many takes those that follow, after looking that they are free.
    """
    milliseconds = (now() if at is None else at) - EPOCH_MS
    return max(milliseconds, 0) << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
