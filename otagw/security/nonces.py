"""Nonces: each is accepted once per access key, for as long as its timestamp could be.

A nonce is kept as a 16-byte digest in the table of the time window that its timestamp falls in, in a store of its own,
committed on its own. Sweeping drops a whole window at once; docs/decisions/0004-nonces.md says why.
"""

import contextlib
import hashlib
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import peewee

from otagw import clock, errors
from otagw.db import database, rounds
from otagw.db.write_lock import FileLock

WINDOW_MS: Final = 1800 * 1000
# Windows kept although over, so that a clock set back by less than that forgets nothing.
KEPT: Final = 2
log = logging.getLogger("otagw.nonces")


def digest(key_id: str, nonce: str) -> bytes:
    """Return what is kept of a nonce; key ids hold no NUL, so no two pairs run together."""
    return hashlib.blake2b(f"{key_id}\0{nonce}".encode(), digest_size=16).digest()


class Nonces:
    """The nonces of one SQLite file. They survive the process; a power cut may forget the last instants."""

    def __init__(self, path: Path, skew_ms: int) -> None:
        self._db = database.sqlite(path, "NORMAL")
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._spend = rounds.Question(self._spend_all)
        self._skew = skew_ms
        # The windows a timestamp may fall in just now, and the statement that claims a nonce in each.
        self._live = range(0)
        self._claims: dict[int, str] = {}
        self._guard = threading.Lock()

    def claim(self, key_id: str, nonce: str, at: int) -> None:
        """Use up a nonce whose request was signed at ``at`` (milliseconds).

        Raises `errors.ReplayedNonce` if it was used before, and `errors.ExpiredTimestamp` if it could have been used in
        a window already swept.
        """
        now = clock.now()
        live = range((now - self._skew) // WINDOW_MS, (now + self._skew) // WINDOW_MS + 1)
        if live != self._live:
            self._open(live)
        try:
            spent = self._insert(key_id, nonce, at)
        except peewee.OperationalError:  # another process swept a window since we opened it
            self._open(live)
            spent = self._insert(key_id, nonce, at)
        if not spent:
            raise errors.ReplayedNonce

    def _insert(self, key_id: str, nonce: str, at: int) -> bool:
        statement = self._claims.get(at // WINDOW_MS)
        if statement is None:
            raise errors.ExpiredTimestamp
        return rounds.ask(self._spend, (statement, digest(key_id, nonce)))

    def _spend_all(self, claims: Sequence[tuple[str, bytes]]) -> list[bool]:
        """Run claims, each of which a statement decides by itself; return which are new."""
        with self._lock, self._db.atomic("IMMEDIATE") if len(claims) > 1 else contextlib.nullcontext():
            return [self._db.execute_sql(statement, (one,)).rowcount == 1 for statement, one in claims]

    def _open(self, live: range) -> None:
        """Make the tables of the live windows, and drop those long over."""
        with self._guard:
            with self._lock, self._db.atomic("IMMEDIATE"):
                self._db.execute_sql("CREATE TABLE IF NOT EXISTS swept (below INTEGER NOT NULL)")
                below = self._db.execute_sql("SELECT max(below) FROM swept").fetchone()[0] or 0
                usable = [window for window in live if window >= below]
                for window in usable:
                    self._db.execute_sql(
                        f"CREATE TABLE IF NOT EXISTS nonce_{window:d} (digest BLOB PRIMARY KEY) WITHOUT ROWID"
                    )
            if len(usable) < len(live):
                log.error("the clock went back behind nonces already swept: requests of that time are refused")
            self._claims = {window: _claim(window, usable) for window in usable}
            self._live = live
            self._sweep(live.start - KEPT)

    def _sweep(self, below: int) -> None:
        for name in self._db.get_tables():
            if name.startswith("nonce_") and int(name.removeprefix("nonce_")) < below:
                with self._lock, self._db.atomic("IMMEDIATE"):
                    self._db.execute_sql("INSERT INTO swept VALUES (?)", (below,))
                    self._db.execute_sql(f"DROP TABLE IF EXISTS {name}")

    def ping(self) -> None:
        """Raise `errors.Unavailable` unless the store answers."""
        try:
            self._db.execute_sql("SELECT 1").fetchone()
        except peewee.PeeweeException as error:
            raise errors.Unavailable("the nonce store does not answer") from error

    def close(self) -> None:
        """Close this thread's connection."""
        if not self._db.is_closed():
            self._db.close()


def _claim(window: int, windows: list[int]) -> str:
    """Return the one INSERT that is the check: a nonce is spent in its own window, unless it was in another."""
    others = " UNION ALL ".join(
        f"SELECT 1 FROM nonce_{other:d} WHERE digest = ?1" for other in windows if other != window
    )
    unless = f" WHERE NOT EXISTS ({others})" if others else ""
    return f"INSERT OR IGNORE INTO nonce_{window:d} SELECT ?1{unless}"
