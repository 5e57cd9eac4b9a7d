"""The clock of the double: it goes with the machine's, stands still, or leaps, and no other clock is touched."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from otagw.clock import Clock

# A time as a test may give it: ISO 8601 text (UTC unless it says otherwise), a datetime with a zone, or milliseconds.
Time: TypeAlias = str | datetime | int
# As far as ids can reach: otagw/clock.py.
LATEST: Final = int(datetime(2089, 1, 1, tzinfo=UTC).timestamp() * 1000)


class VirtualClock(Clock):
    """Time that a test controls; see `otagw.testing.clock.TestClock` for what a test does with it."""

    def __init__(self) -> None:
        super().__init__()
        self.strict = False
        self._offset = 0
        self._still: int | None = None

    def now(self) -> int:
        """Return the gateway's time in milliseconds since 1970, UTC."""
        if self._still is not None:
            return self._still
        return super().now() + self._offset

    def apart(self, at: int) -> int:
        """Return how far a stated time is from the gateway's time or from the machine's, if that is less.

        So an SDK that signs by the machine's clock goes on working; with ``strict`` the gateway's time alone counts.
        """
        ours = super().apart(at)
        return ours if self.strict else min(ours, abs(time.time_ns() // 1_000_000 - at))

    def elapsed(self) -> float:
        """Return the same at all times: how far one request comes must not depend on the machine."""
        return 0.0

    def pause(self, seconds: float) -> None:
        """Return at once: a double has few writers."""

    @property
    def is_still(self) -> bool:
        """Tell whether the time stands still."""
        return self._still is not None

    def set(self, at: int, still: bool) -> None:
        """Let it be ``at``, and from then on stand still or go with the machine's clock."""
        self._still = at if still else None
        self._offset = 0 if still else at - super().now()

    def release(self) -> None:
        """Go with the machine's clock again, at its time."""
        self._still, self._offset = None, 0

    def forget(self) -> None:
        """Be as a new clock is."""
        self.release()
        self.hold(None)
        self.strict = False
        self._last = self._drawn = 0


def milliseconds(at: Time) -> int:
    """Return a time in milliseconds since 1970; raise ValueError for what is none."""
    if isinstance(at, bool) or not isinstance(at, (str, datetime, int)):
        raise ValueError(f"expected an ISO 8601 text, a datetime with a zone, or milliseconds since 1970; got {at!r}")
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError:
            raise ValueError(f"expected a time like 2026-11-22T00:00Z, got {at!r}") from None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise ValueError(f"expected a datetime with a zone, got {at!r}: local time differs from machine to machine")
        at = round(at.timestamp() * 1000)
    return checked(at)


def checked(at: int) -> int:
    """Return a time in milliseconds that ids can have; raise ValueError for another."""
    if not 0 <= at <= LATEST:
        raise ValueError(f"expected a time from 1970 to 2088, got {at} milliseconds")
    return at


def length(**parts: float) -> int:
    """Return ``days=…, hours=…, minutes=…, seconds=…, milliseconds=…`` in milliseconds; raise ValueError below 0."""
    try:
        found = round(timedelta(**parts) / timedelta(milliseconds=1))
    except (OverflowError, ValueError):  # too large, or not a number
        shown_ = ", ".join(f"{name}={value!s:.20}" for name, value in parts.items() if value)
        raise ValueError(f"expected a length of time that ends before 2089, got {shown_}") from None
    if found < 0:
        raise ValueError("expected a time to come: a clock that goes back is set by freeze()")
    return found


def shown(at: int) -> str:
    """Return a time as ISO 8601."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
