"""The clock as a test sees it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from otagw.testing.schedule import NeverIdle, Schedule
from otagw.testing.times import Time, VirtualClock, checked, length, milliseconds, shown

# For how long `Clock.run_until_idle` goes on unless told.
LONGEST_DAYS: Final = 31


class Clock:
    """The time of a gateway. Requests signed by the machine's clock stay good, unless `strict`."""

    def __init__(self, clock: VirtualClock, schedule: Schedule) -> None:
        self._clock, self._schedule = clock, schedule

    def __repr__(self) -> str:
        return f"<{shown(self.ms)}, {'frozen' if self._clock.is_still else 'running'}>"

    @property
    def ms(self) -> int:
        """Return the time in milliseconds since 1970."""
        return self._clock.now()

    @property
    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.fromtimestamp(self.ms / 1000, UTC)

    @property
    def is_frozen(self) -> bool:
        """Tell whether the time stands still."""
        return self._clock.is_still

    @property
    def strict(self) -> bool:
        """Tell whether requests are judged by this clock alone, as a test of expiry wants it."""
        return self._clock.strict

    @strict.setter
    def strict(self, is_strict: bool) -> None:
        self._clock.strict = is_strict

    def freeze(self, at: Time | None = None) -> None:
        """Let the time stand still, now or at a time; what is due between is not done before the next request."""
        self._clock.set(self.ms if at is None else milliseconds(at), still=True)

    def unfreeze(self) -> None:
        """Let the time go on from where it stands."""
        self._clock.set(self.ms, still=False)

    def advance(
        self,
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        milliseconds: float = 0,
        to: Time | None = None,
    ) -> None:
        """Let time pass, or let it become ``to``: all that falls due is done, each at its own time and in order.

        Raises what the work raises; ValueError for a time that is past.
        """
        given = length(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)
        if to is not None and given:
            raise ValueError("expected a length of time or to=…, not both")
        self._schedule.run(lambda now: checked(now + given) if to is None else _later(to, now))

    def next(self) -> datetime | None:
        """Go to the next time at which something is due, and do it; return that time, or None where nothing is."""
        due = self._schedule.next_due()
        if due is None:
            return None
        self._go_to(due)
        return self.now

    def run_until_idle(self, days: float = LONGEST_DAYS, why: Callable[[], str] = lambda: "") -> None:
        """Let time pass until nothing is going on: no job, no update, no delivery that waits.

        Raises `NeverIdle` where that takes longer than so many days; ``why`` says what still goes on.
        """
        until = self.ms + length(days=days)
        while not self._schedule.is_idle():
            due = self._schedule.next_due()
            if due is None or due > until:
                raise NeverIdle(f"something still goes on at {shown(self.ms)}{why()}")
            self._go_to(due)

    def _go_to(self, due: int) -> None:
        self._schedule.run(lambda now: max(due, now))


def _later(to: Time, now: int) -> int:
    found = milliseconds(to)
    if found < now:
        raise ValueError(f"expected a time from {shown(now)} on, got {shown(found)}: freeze() goes back")
    return found
