"""How often a key or a device may ask: a bucket of tokens for each, or for each operation of a key.

The vendors' own rates hold for a gateway as a whole, so these buckets are where all of its processes see them:
`rate_limit_stores`. The generous profile only keeps one script from shutting out all others; its buckets are each
process's own and cost nothing. A request for many rows takes further tokens of it. docs/operations.md has the profiles,
docs/decisions/0021-operations.md the reasons.
"""

import threading
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Final, NamedTuple

from otagw import clock, errors, hosts

OFF, GENEROUS, VENDOR = "off", "generous", "vendor"
KEY, OPERATION, DEVICE = "key", "operation", "device"
# Buckets that are full again are dropped when there are more than this.
MANY: Final = 10_000
# How far behind the newest clock that has taken from a bucket another one may be, in microseconds: it is another node's
# or was read before a wait for the writers' lock. What is further behind has been set back, and begins a bucket anew.
LATE: Final = 10_000_000


# How many requests of a key a process works on at once, and how long one more waits for its turn.
AT_ONCE: Final = 64
TURN_SECONDS: Final = 5.0


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


# The rate of a device in one process: more than an update needs, and less than a device in a loop asks for.
DEVICE_RATE: Final = Rate(10, 200)


# Hints on refused signatures: of a key and an address, and of one process. A hint costs 1 to 7 ms, so that addresses
# without number cost 14 % of a processor.
HINT_RATE: Final = Rate(5, 30)
HINTS_RATE: Final = Rate(20, 200)


class Local(Buckets):
    """Buckets in this process's memory."""

    def __init__(self) -> None:
        self._full_at: dict[str, int] = {}
        self._guard = threading.Lock()

    def wait(self, name: str, now: int, each: int, whole: int) -> int:
        """Take a token; see `Buckets`."""
        with self._guard:
            full_at = self._known(name, now, whole)
            wait = full_at + each - now - whole
            if wait > 0:
                return wait
            self._full_at[name] = full_at + each
            if len(self._full_at) > MANY:
                self._full_at = {kept: at for kept, at in self._full_at.items() if at > now}
        return 0

    def charge(self, name: str, rate: Rate, tokens: int) -> None:
        """Take tokens, those that are not there as well: the next requests wait for them, `LATE` at most."""
        now, each = clock.now() * 1000, 1_000_000 // rate.a_second
        whole = each * rate.at_once
        with self._guard:
            self._full_at[name] = min(self._known(name, now, whole) + each * tokens, now + whole + LATE)

    def _known(self, name: str, now: int, whole: int) -> int:
        full_at = self._full_at.get(name, now)
        return full_at if now <= full_at <= now + whole + LATE else now  # it is full, or the clock was set back


class Limits:
    """The rates of one gateway by a profile; ``shared`` are the buckets that all processes see, this one's without."""

    def __init__(self, profile: str = OFF, shared: Buckets | None = None) -> None:
        self._profile = profile
        self._own, self._devices, self._hints = Local(), Local(), Local()
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

    def turn(self, key_id: str) -> AbstractContextManager[None]:
        """Let a key have `AT_ONCE` requests under way in each process.

        One that has waited for `TURN_SECONDS` raises `errors.Throttled`.
        """
        if self._profile == OFF:
            return nullcontext()
        late = errors.Throttled(kind=KEY, wait=int(TURN_SECONDS * 1000))
        return hosts.here().turn(key_id, AT_ONCE, TURN_SECONDS, late)

    def charge(self, key_id: str, tokens: int) -> None:
        """Count a request of a key that was let through as so many more, by what it costs; the vendors do not."""
        if tokens and self._profile == GENEROUS:
            self._own.charge(key_id, GENEROUS_RATE, tokens)

    def check_device(self, device_id: int) -> None:
        """Count a request of a device; raise `errors.Throttled` if it is one too many."""
        wait = 0 if self._profile == OFF else self._devices.take(str(device_id), DEVICE_RATE)
        if wait:
            raise errors.Throttled(kind=DEVICE, wait=wait)

    def hint(self, key_id: str, address: str) -> bool:
        """Count a hint on a refused signature; tell whether it may be given. The profile does not matter."""
        asked = f"{key_id} {address}"
        return not (self._hints.take(asked, HINT_RATE) or self._hints.take("", HINTS_RATE))
