"""The stores of nonces: a file of SQLite for one machine, tables of PostgreSQL or a Redis for several nodes.

All of them keep the same 16-byte digest, and all refuse rather than guess: docs/decisions/0020-several-nodes.md.
"""

import contextlib
import functools
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import peewee

from otagw import clock, errors, hosts
from otagw.db import database, engines
from otagw.db.write_lock import FileLock
from otagw.security import nonces
from otagw.security.nonces import Claim, Nonces, Windows
from otagw.security.redis_client import Server
from otagw.settings import Settings

log = logging.getLogger("otagw.nonces")
SWEPT: Final = "nonces swept below"
SCHEMA_LOCK: Final = 8688
# How far the clocks of a node and of Redis may be apart: what is kept there expires by the clock of Redis.
APART_MS: Final = 5 * 60 * 1000
GONE: Final = "the nonce store does not answer"
_ASYNC: Final = "set_config('synchronous_commit', 'off', true) = 'off'"


def choose(settings: Settings, redis: Server | None) -> Nonces:
    """Return the store of these settings; ``redis`` is that of ``redis_url``."""
    skew_ms = settings.clock_skew_seconds * 1000
    if redis:
        return Redis(redis, skew_ms)
    if not database.is_sqlite():
        return Tables(skew_ms)
    return File(settings.data_path / "nonces.db", skew_ms)


class File(Windows):
    """The nonces of one SQLite file. They survive the process; a power cut may forget the last instants."""

    missing = peewee.OperationalError

    def __init__(self, path: Path, skew_ms: int) -> None:
        super().__init__(skew_ms)
        self._db = engines.sqlite(path, "NORMAL")
        self._lock = FileLock(path.with_name(path.name + ".lock"))

    def _spend(self, claims: Sequence[Claim], usable: tuple[int, ...]) -> list[bool]:
        """Run claims, each of which a statement decides by itself; return which are new."""
        with self._lock, self._db.atomic("IMMEDIATE") if len(claims) > 1 else contextlib.nullcontext():
            return [
                self._db.execute_sql(_claim_in_file(window, usable), (one,)).rowcount == 1 for window, one in claims
            ]

    def _make_tables(self, live: range) -> list[int]:
        with self._lock, self._db.atomic("IMMEDIATE"):
            self._db.execute_sql("CREATE TABLE IF NOT EXISTS swept (below INTEGER NOT NULL)")
            below = self._db.execute_sql("SELECT max(below) FROM swept").fetchone()[0] or 0
            usable = [window for window in live if window >= below]
            for window in usable:
                self._db.execute_sql(
                    f"CREATE TABLE IF NOT EXISTS nonce_{window:d} (digest BLOB PRIMARY KEY) WITHOUT ROWID"
                )
            return usable

    def _sweep(self, below: int) -> None:
        for name in self._db.get_tables():
            if name.startswith("nonce_") and int(name.removeprefix("nonce_")) < below:
                with self._lock, self._db.atomic("IMMEDIATE"):
                    self._db.execute_sql("INSERT INTO swept VALUES (?)", (below,))
                    self._db.execute_sql("DELETE FROM swept WHERE below < ?", (below,))
                    self._db.execute_sql(f"DROP TABLE IF EXISTS {name}")

    def ping(self) -> None:
        """Raise `errors.Unavailable` unless the store answers."""
        try:
            self._db.execute_sql("SELECT 1").fetchone()
        except peewee.PeeweeException as error:
            raise errors.Unavailable(GONE) from error

    def close(self) -> None:
        """Close this thread's connection."""
        if not self._db.is_closed():
            self._db.close()


@functools.lru_cache(64)
def _claim_in_file(window: int, windows: tuple[int, ...]) -> str:
    """Return the one INSERT that is the check: a nonce is spent in its own window, unless it was in another."""
    others = " UNION ALL ".join(
        f"SELECT 1 FROM nonce_{other:d} WHERE digest = ?1" for other in windows if other != window
    )
    unless = f" WHERE NOT EXISTS ({others})" if others else ""
    return f"INSERT OR IGNORE INTO nonce_{window:d} SELECT ?1{unless}"


class Tables(Windows):
    """The nonces in the gateway's own database server: a table for each half hour, swept by dropping it.

    A claim is one statement that commits by itself and does not wait for the disk: a server that crashes may forget
    the nonces of its last second.
    """

    missing = peewee.ProgrammingError

    def _spend(self, claims: Sequence[Claim], usable: tuple[int, ...]) -> list[bool]:
        """Run claims, those of a window in one statement; return which are new, of several alike the first."""
        windows: dict[int, list[bytes]] = {}
        for window, digest in claims:
            windows.setdefault(window, []).append(digest)
        new: set[tuple[int, bytes]] = set()
        for window, digests in windows.items():
            statement = _claim(window, usable, len(digests), database.is_cockroach())
            new.update((window, bytes(row[0])) for row in database.execute(statement, *digests).fetchall())
        answers = []
        for claim in claims:
            answers.append(claim in new)
            new.discard(claim)
        return answers

    def _make_tables(self, live: range) -> list[int]:
        with database.write():
            database.take_turns(SCHEMA_LOCK)
            below = int(database.fact(SWEPT) or 0)
            usable = [window for window in live if window >= below]
            for window in usable:
                database.execute(f"CREATE TABLE IF NOT EXISTS nonce_{window:d} (digest BYTEA PRIMARY KEY)")
            return usable

    def _oldest(self, live: range) -> int:
        # The server's clock has a say, so that one node whose clock is ahead does not sweep what others need.
        server = int(database.execute("SELECT floor(extract(epoch FROM now()))").fetchone()[0]) * 1000
        return min(live.start, (server - self._skew) // nonces.WINDOW_MS)

    def _sweep(self, below: int) -> None:
        for name in database.db.obj.get_tables():
            number = re.fullmatch(r"nonce_(\d+)", name)
            if number and int(number[1]) < below:
                try:
                    with database.write():
                        # A backup holds every table for as long as it runs; the next window tries again.
                        database.execute("SET LOCAL lock_timeout = '500ms'")
                        database.state_fact(SWEPT, str(below))
                        database.execute(f"DROP TABLE IF EXISTS {name}")
                except peewee.OperationalError:
                    log.info("nonces that are over cannot be dropped now; the next half hour tries again")
                    return

    def ping(self) -> None:
        """Raise `errors.Unavailable` unless the database answers."""
        database.ping()

    def close(self) -> None:
        """Close nothing: the connection is the thread's own to its database."""


@functools.lru_cache(64)
def _claim(window: int, windows: tuple[int, ...], count: int, cockroach: bool) -> str:
    """Return the one INSERT that is the check of so many digests, and returns those that are new.

    A nonce is spent in its own window, unless it was in another. The unique index decides among those who claim at the
    same instant; a replay has the same timestamp, and so the same window.
    """
    others = " UNION ALL ".join(f"SELECT 1 FROM nonce_{o:d} WHERE digest = n.d" for o in windows if o != window)
    rules = [] if cockroach else [_ASYNC]
    if others:
        rules.append(f"NOT EXISTS ({others})")
    where = f" WHERE {' AND '.join(rules)}" if rules else ""
    digests = ", ".join(["(CAST(? AS BYTEA))"] * count)
    return (
        f"INSERT INTO nonce_{window:d} (digest) SELECT n.d FROM (VALUES {digests}) n (d){where} "
        "ON CONFLICT DO NOTHING RETURNING digest"
    )


class Redis(Nonces):
    """The nonces in a Redis that all nodes share, each under a key that expires when its timestamp is over.

    A Redis that is started anew may have forgotten: what was signed before it started is refused.
    """

    def __init__(self, redis: Server, skew_ms: int) -> None:
        self._redis, self._prefix, self._skew = redis, f"{redis.prefix}nonce:".encode(), skew_ms
        self._spend = hosts.Question(self._spend_all, waits=hosts.REDIS)

    def claim(self, key_id: str, nonce: str, at: int) -> None:
        """Use up a nonce; see `Nonces`."""
        now = clock.now()
        life = max(at + self._skew - now, 0) + 2 * APART_MS
        seconds, micros, new = hosts.ask(self._spend, (self._prefix + nonces.digest(key_id, nonce), life))
        if abs(seconds * 1000 + micros // 1000 - now) > APART_MS:
            log.error("the clocks of this node and of Redis are more than five minutes apart: requests are refused")
            raise errors.Unavailable("the clocks of the gateway and of its nonce store differ")
        if not new:
            raise errors.ReplayedNonce
        if at < self._redis.since:
            raise errors.Unavailable("the request was signed before the nonce store began to remember")

    def _spend_all(self, claims: Sequence[tuple[bytes, int]]) -> list[tuple[int, int, bool]]:
        """Set keys for their lives in milliseconds; return the time by Redis, and whether the key is new, for each."""
        try:
            with self._redis.client.pipeline(transaction=False) as trip:
                trip.time()
                for name, life in claims:
                    trip.set(name, b"", nx=True, px=life)
                (seconds, micros), *new = trip.execute()
        except self._redis.trouble as error:
            log.warning(GONE, extra={"problem": type(error).__name__})
            raise errors.Unavailable(GONE) from None
        return [(seconds, micros, bool(one)) for one in new]

    def ping(self) -> None:
        """Raise `errors.Unavailable` unless Redis answers."""
        try:
            hosts.apart(self._redis.client.ping, hosts.REDIS)
        except self._redis.trouble:
            raise errors.Unavailable(GONE) from None

    def close(self) -> None:
        """Close the connections of the process."""
        self._redis.close()
