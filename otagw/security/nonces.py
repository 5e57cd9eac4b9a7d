"""Nonces: each is accepted once per access key, for as long as its timestamp could be.

A nonce is kept as a 16-byte digest, in a store of its own (`nonce_stores`), committed on its own. Where
that is a database, each half hour has a table, and sweeping drops a whole one; docs/decisions/0004-nonces.md says why.
"""

import hashlib
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Final, TypeAlias

from otagw import clock, errors, hosts

WINDOW_MS: Final = 1800 * 1000
# Windows kept although over, so that a clock set back by less than that forgets nothing.
KEPT: Final = 2
log = logging.getLogger("otagw.nonces")
# The window of a nonce, and its digest.
Claim: TypeAlias = tuple[int, bytes]


def digest(key_id: str, nonce: str) -> bytes:
    """Return what is kept of a nonce; key ids hold no NUL, so no two pairs run together."""
    return hashlib.blake2b(f"{key_id}\0{nonce}".encode(), digest_size=16).digest()


class Nonces(ABC):
    """A store of nonces, as `access.admit` needs it."""

    @abstractmethod
    def claim(self, key_id: str, nonce: str, at: int) -> None:
        """Use up a nonce whose request was signed at ``at`` (milliseconds).

        Raises `errors.ReplayedNonce` if it was used before, `errors.ExpiredTimestamp` if the store cannot know any
        more, `errors.Unavailable` or one of `database.TROUBLE` if it cannot be asked.
        """

    @abstractmethod
    def ping(self) -> None:
        """Raise `errors.Unavailable` unless the store can be used."""

    @abstractmethod
    def close(self) -> None:
        """Close what this thread keeps open."""


class Windows(Nonces):
    """Nonces in tables, one for each window of time that their timestamps may fall in."""

    # The error of an engine for a table that is missing.
    missing: ClassVar[type[Exception]]

    def __init__(self, skew_ms: int) -> None:
        self._skew = skew_ms
        # The windows that a timestamp may fall in just now, and those of them that can still be used.
        self._live = range(0)
        self._usable: tuple[int, ...] = ()
        self._guard = threading.Lock()
        self._question = hosts.Question(self._judge)

    def claim(self, key_id: str, nonce: str, at: int) -> None:
        """Use up a nonce; see `Nonces`."""
        new = hosts.ask(self._question, (at // WINDOW_MS, digest(key_id, nonce)))
        if new is None:
            raise errors.ExpiredTimestamp(at - clock.now())
        if not new:
            raise errors.ReplayedNonce

    def _judge(self, claims: Sequence[Claim]) -> list[bool | None]:
        """Return which claims are new, of several alike the first; None for one of a window that is not kept."""
        now = clock.now()
        live = range((now - self._skew) // WINDOW_MS, (now + self._skew) // WINDOW_MS + 1)
        if live != self._live:
            self._open(live)
        try:
            return self._spend_kept(claims)
        except self.missing:  # another process swept a window since we opened it
            self._open(live)
            return self._spend_kept(claims)

    def _spend_kept(self, claims: Sequence[Claim]) -> list[bool | None]:
        usable = self._usable
        answers = iter(self._spend(kept, usable) if (kept := [one for one in claims if one[0] in usable]) else ())
        return [next(answers) if window in usable else None for window, _ in claims]

    def _open(self, live: range) -> None:
        """Make the tables of the live windows, and drop those long over."""
        # Threads wait for each other here. In the server's hub nobody does: it asks the question once at a time.
        with self._guard:
            usable = tuple(self._make_tables(live))
            if len(usable) < len(live):
                log.error("the clock went back behind nonces already swept: requests of that time are refused")
            self._usable, self._live = usable, live
            self._sweep(self._oldest(live) - KEPT)

    @abstractmethod
    def _spend(self, claims: Sequence[Claim], usable: tuple[int, ...]) -> Sequence[bool]:
        """Insert digests into the tables of their windows; return which are new in all that can be used."""

    @abstractmethod
    def _make_tables(self, live: range) -> list[int]:
        """Make the tables that are missing; return the windows that have not been swept."""

    @abstractmethod
    def _sweep(self, below: int) -> None:
        """Drop the tables of windows below a number."""

    def _oldest(self, live: range) -> int:
        """Return the oldest window that a node may still need."""
        return live.start
