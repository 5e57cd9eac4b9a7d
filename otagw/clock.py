"""Time, ids and chance of the gateway at hand: what tests hold.

Secrets at rest draw from the operating system instead (`security.vault`): no test can hold them.
"""

import random
import string
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from otagw import runtime

# Ids hold 41 bits of milliseconds since this instant (until 2089) above 22 random bits: docs/decisions/0005-ids.md.
EPOCH_MS: Final = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
RANDOM_BITS: Final = 22
# How far an id is from the one before, of the same millisecond and process, at most.
STEP_BITS: Final = 10
# The random bits of a UUID, and those that say that it is a random one (RFC 9562).
_RANDOM: Final = (1 << 128) - 1 ^ 0xF << 76 ^ 0b11 << 62
_VERSION_4: Final = 4 << 76 | 0b10 << 62
LETTERS_AND_DIGITS: Final = string.ascii_letters + string.digits


class Clock:
    """The time of one gateway, and the ids that follow from it."""

    def __init__(self) -> None:
        self._held: Callable[[], int] | None = None
        self._guard = threading.Lock()
        self._last = self._drawn = 0

    def now(self) -> int:
        """Return the time in milliseconds since 1970, UTC."""
        return self._held() if self._held else time.time_ns() // 1_000_000

    def apart(self, at: int) -> int:
        """Return how many milliseconds a time that a client states is from ours, before or after: for admission."""
        return abs(self.now() - at)

    def elapsed(self) -> float:
        """Return seconds that only ever rise, to bound how long one request goes on."""
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        """Let others come first for a moment."""
        time.sleep(seconds)

    def hold(self, source: Callable[[], int] | None) -> None:
        """Take the time from ``source`` (milliseconds since 1970), or from the machine again with None."""
        self._held = source

    def new_id(self, at: int) -> int:
        """Return an id of a millisecond; those of one millisecond come in the order in which they are drawn."""
        drawn = max(at - EPOCH_MS, 0) << RANDOM_BITS | chance().getrandbits(RANDOM_BITS)
        with self._guard:
            # The ids of a busy millisecond may reach into the next one.
            if drawn <= self._drawn and (self._drawn >> RANDOM_BITS) - (drawn >> RANDOM_BITS) <= 1:
                drawn = self._drawn + 1 + chance().getrandbits(STEP_BITS)
            self._drawn = drawn
        return drawn

    def row_of_ids(self, count: int, at: int) -> int:
        """Return the first of ``count`` ids in a row, which come after all rows that this clock has given before."""
        first = new_id(at)
        with self._guard:
            first = max(first, self._last + 1)
            self._last = first + count - 1
            return first


# The time of commands that are clients of a gateway.
MACHINE: Final = Clock()


def now() -> int:
    """Return the time in milliseconds since 1970, UTC: the machine's where no gateway is at hand."""
    gateway = runtime.found()
    return gateway.clock.now() if gateway else MACHINE.now()


def spelled(at: int) -> str:
    """Return a time to the second, UTC, for people."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def apart(at: int) -> int:
    """Return how many milliseconds a time that a client states is from ours, before or after: for admission."""
    return runtime.current().clock.apart(at)


def elapsed() -> float:
    """Return seconds that only ever rise, to bound how long one request goes on."""
    return runtime.current().clock.elapsed()


def pause(seconds: float) -> None:
    """Let others come first for a moment."""
    runtime.current().clock.pause(seconds)


def hold(source: Callable[[], int] | None) -> None:
    """Take the time from ``source`` (milliseconds since 1970), or from the machine again with None."""
    runtime.current().clock.hold(source)


def new_id(at: int | None = None) -> int:
    """Return a fresh positive 63-bit id that sorts by time; an insert that meets its twin draws again.

    Code that needs many takes those that follow, after a look whether they are free.
    """
    return runtime.current().clock.new_id(now() if at is None else at)


def time_of(number: int) -> int:
    """Return when an id was made (milliseconds), as nearly as it says."""
    return (number >> RANDOM_BITS) + EPOCH_MS


def first_id(at: int) -> int:
    """Return the smallest id that is made at a time (milliseconds)."""
    return at - EPOCH_MS << RANDOM_BITS


def chance() -> random.Random:
    """Return the source of chance; in production it is the operating system's."""
    return runtime.current().chance


def uuid() -> str:
    """Return a random UUID (version 4)."""
    digits = f"{chance().getrandbits(128) & _RANDOM | _VERSION_4:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def random_hex(count: int) -> str:
    """Return so many random bytes as hex digits."""
    return chance().randbytes(count).hex()


def random_text(length: int) -> str:
    """Return random letters and digits."""
    return "".join(chance().choices(LETTERS_AND_DIGITS, k=length))


def random_texts(count: int, length: int) -> list[str]:
    """Return many texts as `random_text` does, from one seed and so ten times as fast: for names, not for secrets."""
    source = random.Random(chance().getrandbits(128))  # noqa: S311 - names are no secrets
    return ["".join(source.choices(LETTERS_AND_DIGITS, k=length)) for _ in range(count)]
