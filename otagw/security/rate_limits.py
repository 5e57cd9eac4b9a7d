"""How often a key may ask: a bucket of tokens for each key, or for each of its operations.

The vendors' own rates hold for a gateway as a whole, so these buckets are where all of its processes see them:
`rate_limit_stores`. The generous profile only keeps one script from shutting out all others; its buckets are each
process's own and cost nothing. docs/operations.md has the profiles, docs/decisions/0021-operations.md the reasons.
"""

import threading
from abc import ABC, abstractmethod
from typing import Final, NamedTuple

from otagw import clock, errors

OFF, GENEROUS, VENDOR = "off", "generous", "vendor"
KEY, OPERATION = "key", "operation"
# Buckets that are full again are dropped when there are more than this.
MANY: Final = 10_000
# How far behind the newest clock that has taken from a bucket another one may be, in microseconds: it is another node's
# or was read before a wait for the writers' lock. What is further behind has been set back, and begins a bucket anew.
LATE: Final = 10_000_000


class Rate(NamedTuple):
    """So many requests a second on the average, so many at once."""

    a_second: int
    at_once: int


class Buckets(ABC):
    """Buckets of tokens by name.

    When each will be full again, in microseconds, is all that has to be kept of one (the GCRA).
    """

    def take(self, name: str, rate: Rate) -> int:
        """Take a token; return 0, or in how many milliseconds there will be one."""
        each = 1_000_000 // rate.a_second
        wait = self.wait(name, clock.now() * 1000, each, each * rate.at_once)
        return -(-wait // 1000)

    @abstractmethod
    def wait(self, name: str, now: int, each: int, whole: int) -> int:
        """Take a token; return 0, or in how many microseconds there will be one.

        ``each`` is how long a token takes to come back, ``whole`` how long all of them take.
        """


# The rate of a key in one process: more than one machine can answer, and less than would keep all others out.
GENEROUS_RATE: Final = Rate(2000, 4000)


class Local(Buckets):
    """Buckets in this process's memory."""

    def __init__(self) -> None:
        self._full_at: dict[str, int] = {}
        self._guard = threading.Lock()

    def wait(self, name: str, now: int, each: int, whole: int) -> int:
        """Take a token; see `Buckets`."""
        with self._guard:
            full_at = self._full_at.get(name, now)
            if not now <= full_at <= now + whole + LATE:  # it is full, or the clock was set back
                full_at = now
            wait = full_at + each - now - whole
            if wait > 0:
                return wait
            self._full_at[name] = full_at + each
            if len(self._full_at) > MANY:
                self._full_at = {kept: at for kept, at in self._full_at.items() if at > now}
        return 0


class Limits:
    """The rates of one gateway by a profile; ``shared`` are the buckets that all processes see, this one's without."""

    def __init__(self, profile: str = OFF, shared: Buckets | None = None) -> None:
        self._profile = profile
        self._own: Buckets = Local()
        self._shared: Buckets = shared or Local()

    def check(self, key_id: str, operation: str, vendors: int) -> None:
        """Count a request of a key; raise `errors.Throttled` if it is one too many.

        ``vendors`` is how many of them a second the vendor lets through, 0 where that is not said. Raises
        `errors.Unavailable` or one of `database.TROUBLE` where shared buckets cannot be asked.
        """
        if self._profile == GENEROUS:
            kind, wait = KEY, self._own.take(key_id, GENEROUS_RATE)
        elif self._profile == VENDOR and vendors:
            kind, wait = OPERATION, self._shared.take(f"{key_id} {operation}", Rate(vendors, vendors))
        else:
            return
        if wait:
            raise errors.Throttled(kind=kind, wait=wait)
