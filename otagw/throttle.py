"""How often a key may ask: a bucket of tokens for each key, and for each of its operations, in this process's memory.

Each process has buckets of its own, so that `workers` of them together let through as many times as much.
docs/operations.md has the profiles, docs/decisions/0021-operations.md why it is so simple.
"""

import threading
from collections.abc import Hashable
from typing import Final, NamedTuple

from otagw import clock, errors

OFF, GENEROUS, VENDOR = "off", "generous", "vendor"
KEY, OPERATION = "key", "operation"
# Buckets that are full again are dropped when there are more than this.
MANY: Final = 10_000


class Rate(NamedTuple):
    """So many requests a second on the average, so many at once."""

    a_second: int
    at_once: int


# What a key may ask in one process: more than one machine can answer, and less than would keep all others out.
GENEROUS_RATE: Final = Rate(2000, 4000)


class Buckets:
    """When each bucket will be full again, in milliseconds: all that has to be kept of one (the GCRA)."""

    def __init__(self) -> None:
        self._full_at: dict[Hashable, float] = {}
        self._guard = threading.Lock()

    def take(self, name: Hashable, rate: Rate) -> int:
        """Take a token; return 0, or in how many milliseconds there will be one."""
        each = 1000 / rate.a_second
        now = clock.now()
        with self._guard:
            missing = max(self._full_at.get(name, now) - now, 0.0)
            if missing > each * rate.at_once:  # the clock was set back
                missing = 0.0
            wait = missing + each - each * rate.at_once
            if wait > 1e-6:
                return int(wait) + 1
            self._full_at[name] = now + missing + each
            if len(self._full_at) > MANY:
                self._full_at = {kept: at for kept, at in self._full_at.items() if at > now}
        return 0


_profile = OFF
_buckets = Buckets()


def use(profile: str) -> None:
    """Throttle by a profile from now on, with full buckets."""
    global _profile, _buckets
    _profile, _buckets = profile, Buckets()


def check(key_id: str, operation: str, vendors: int) -> None:
    """Count a request of a key; raise `errors.Throttled` if it is one too many.

    ``vendors`` is how many of them a second the vendor lets through, 0 where that is not said.
    """
    if _profile == GENEROUS:
        kind, wait = KEY, _buckets.take(key_id, GENEROUS_RATE)
    elif _profile == VENDOR and vendors:
        kind, wait = OPERATION, _buckets.take((key_id, operation), Rate(vendors, vendors))
    else:
        return
    if wait:
        raise errors.Throttled(kind=kind, wait=wait)
