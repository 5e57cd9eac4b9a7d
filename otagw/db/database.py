"""The database of the gateway at hand: one kept connection per thread, short write transactions.

The models are bound to `db`, which finds the engine of that gateway (`runtime.current`).
"""

import contextlib
import functools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, cast
from urllib.parse import urlsplit

import peewee

from otagw import errors, hosts, runtime
from otagw.db import engines
from otagw.db.write_lock import FileLock
from otagw.settings import Settings

log = logging.getLogger("otagw.database")
# The errors of an engine that is gone, full or locked: the request may be repeated later.
TROUBLE: Final = (peewee.OperationalError, peewee.InterfaceError)
# Locks of rows, from weak to strong: against deletion; against those who hold too; against all who lock. A transaction
# that may need a stronger one later takes HOLD at most: two that share a row and both want it alone would deadlock.
SHARE: Final = " FOR KEY SHARE"
HOLD: Final = " FOR NO KEY UPDATE"
ALONE: Final = " FOR UPDATE"
UNIQUE_VIOLATION: Final = "23505"
# A statement as `execute` takes it: the SQL, then its values.
Statement: TypeAlias = tuple[Any, ...]
# What is to be called once a part of a shared transaction is committed.
_later: ContextVar[list[Callable[[], object]] | None] = ContextVar("later", default=None)


@dataclass(frozen=True)
class Database:
    """The engine of one gateway; SQLite's has a lock that writers queue for."""

    engine: Any
    lock: FileLock | None = None

    def begin(self) -> AbstractContextManager[object]:
        """Return a write transaction; it has SQLite's lock from its begin, and so cannot fail for want of it later."""
        transaction: AbstractContextManager[object] = self.engine.transaction(*["IMMEDIATE"] if self.lock else ())
        return transaction

    @contextlib.contextmanager
    def part(self) -> Iterator[None]:
        """Make one part of a transaction that several share: what fails in it is undone by itself."""
        if not self.engine.connection().in_transaction:
            raise peewee.OperationalError("the transaction has been rolled back")
        self.engine.execute_sql("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self.engine.execute_sql("ROLLBACK TO part")
            raise
        self.engine.execute_sql("RELEASE part")


class _Current(peewee.DatabaseProxy):
    """The engine of the gateway at hand, for models and queries."""

    @property
    def obj(self) -> Any:
        """Return the engine; None outside every door, which peewee says in its own words."""
        found = runtime.found()
        return found and found.database.engine

    @obj.setter
    def obj(self, engine: None) -> None:
        """Take nothing: peewee begins each proxy without an engine."""


db: Final = _Current()


def of(settings: Settings) -> Database:
    """Return the database of these settings; creates the data folder, opens no connection."""
    settings.data_path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if urlsplit(settings.database).scheme != "sqlite":
        return Database(engines.remote(settings.database))
    path = Path(settings.database.removeprefix("sqlite:///"))
    return Database(engines.sqlite(path, settings.sqlite_synchronous), FileLock(path.with_name(path.name + ".lock")))


def disconnect() -> None:
    """Close this thread's connection and its handle of the lock, outside every `write`."""
    current = runtime.current().database
    if current.lock:
        current.lock.close()
    if not current.engine.is_closed():
        current.engine.close()


def recover() -> None:
    """Drop this thread's connection after trouble, so that its next use opens a sound one.

    Outside every door there is none: a gateway that could not be made has closed its own.
    """
    if runtime.found():
        with contextlib.suppress(peewee.PeeweeException):
            disconnect()


def is_sqlite() -> bool:
    """Tell whether the engine is SQLite."""
    return isinstance(db.obj, peewee.SqliteDatabase)


def is_postgres() -> bool:
    """Tell whether the engine is PostgreSQL itself."""
    return not is_sqlite() and not is_cockroach()


def is_cockroach() -> bool:
    """Tell whether the engine is CockroachDB: PostgreSQL's wire and SQL, without its advisory locks."""
    return isinstance(db.obj, engines.Cockroach)


def take_turns(number: int) -> None:
    """Wait until no other node is in a transaction that took this number; inside a transaction."""
    if is_postgres():
        db.execute_sql("SELECT pg_advisory_xact_lock(%s)", (number,))


@contextlib.contextmanager
def write() -> Iterator[None]:
    """Run one short write transaction; inside another it joins it.

    In the server, requests that write at the same time share one: what is inside is undone by itself where it fails,
    and is durable when this returns. Nothing inside may wait, for the network or a file: everybody else's writes wait
    meanwhile. Raises what went wrong with the transaction as a whole.
    """
    current = runtime.current().database
    if current.engine.in_transaction():
        yield
        return
    later: list[Callable[[], object]] = []
    token = _later.set(later)
    try:
        with hosts.here().write(current):
            yield
    finally:
        _later.reset(token)
    for what in later:
        what()


def after_commit(what: Callable[[], object]) -> None:
    """Call something once the transaction at hand is committed, if it is; at once where there is none."""
    later = _later.get()
    if later is None:
        what()
    else:
        later.append(what)


@contextlib.contextmanager
def read() -> Iterator[None]:
    """Run several reads, on SQLite on one state of the database; inside another, or a write, it joins that.

    PostgreSQL would show each of them the newest state inside a transaction too: it is spared two round trips.
    """
    if is_sqlite() and not db.in_transaction():
        with hosts.here().undisturbed(), db.transaction():
            yield
    else:
        yield


def execute(sql: str, *values: Any) -> Any:
    """Run one statement written with ``?`` for values, on either engine; return its cursor."""
    engine = runtime.current().database.engine
    return engine.execute_sql(sql if isinstance(engine, peewee.SqliteDatabase) else _for_psycopg(sql), values)


@functools.lru_cache(1024)
def _for_psycopg(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


def smallest(sql: str, *values: Any) -> int | None:
    """Return the one number that a statement finds, a time in milliseconds say, or None where it finds none."""
    row = execute(sql, *values).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def together(*statements: Statement) -> list[Any]:
    """Run statements that do not need each other's results, in one round trip over a network; return their cursors."""
    if is_sqlite():
        return [execute(*statement) for statement in statements]
    # What goes wrong is said at the end, outside of what peewee watches: its own wrapper makes it one of its errors.
    with (
        hosts.here().connected(db.obj),
        peewee.__exception_wrapper__,  # type: ignore[attr-defined]  # no stub has it
        db.obj.connection().pipeline(),
    ):
        return [execute(*statement) for statement in statements]


def json_text(column: str, name: str) -> str:
    """Return an expression for a text of the JSON object in a column; null where there is none."""
    return f"json_extract({column}, '$.{name}')" if is_sqlite() else f"({column}::json ->> '{name}')"


def lock(clause: str) -> str:
    """Return what makes a SELECT lock its rows, on an engine that has several writers at once."""
    return "" if is_sqlite() else clause


@contextlib.contextmanager
def unique(taken: Exception) -> Iterator[None]:
    """Raise ``taken`` where the UPDATE inside breaks a unique index that another transaction has just filled.

    The transaction is broken then and has to end. SQLite has one writer, for which a look before the UPDATE is enough.
    """
    try:
        yield
    except peewee.IntegrityError as error:
        if getattr(getattr(error, "orig", None), "sqlstate", None) != UNIQUE_VIOLATION:
            raise
        raise taken from error


def fact(name: str) -> str | None:
    """Return what all nodes of this gateway have agreed on under a name, if they have."""
    row = execute("SELECT value FROM fact WHERE name = ?", name).fetchone()
    return cast("str", row[0]) if row else None


def state_fact(name: str, value: str, *, replace: bool = True) -> str:
    """Agree on a value, inside a write; return what holds, which without ``replace`` is the value stated first."""
    clause = "UPDATE SET value = excluded.value" if replace else "NOTHING"
    execute(f"INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO {clause}", name, value)
    return cast("str", fact(name))


def patiently(start: Callable[[], object], go_on: Callable[[], bool]) -> None:
    """Do what a process starts with, again every second while the database does not answer and ``go_on`` says yes.

    A process that ended for that would end all others of its gateway, which go on without the database.
    """
    said = False
    while go_on():
        try:
            start()
            return
        except TROUBLE as error:
            recover()
            if not said:
                problem = str(error).partition("\n")[0]
                log.warning("the database does not answer; it is tried every second", extra={"problem": problem})
            said = True
            time.sleep(1)


def ping() -> None:
    """Raise `errors.Unavailable` unless the database answers, over a new connection if this thread's has broken."""
    try:
        with contextlib.suppress(*TROUBLE):
            db.execute_sql("SELECT 1").fetchone()
            return
        recover()
        db.execute_sql("SELECT 1").fetchone()
    except peewee.PeeweeException as error:
        recover()
        raise errors.Unavailable("the database does not answer") from error
