"""Other sessions of the database: while there are any, a migration would change the schema below them."""

import contextlib
import sqlite3
from typing import Any, Final

import peewee
from playhouse.cockroachdb import CockroachDatabase

# The name of a session that migrates. Several nodes may migrate at once: the others wait for a lock.
MIGRATES: Final = "otagw migrate"


class StillUsed(Exception):
    """Say that other processes use a database that is to be migrated."""


def check_alone(db: peewee.Database) -> None:
    """Raise `StillUsed` if there are sessions beside this thread's own; CockroachDB cannot tell."""
    if isinstance(db, peewee.SqliteDatabase):
        db.close()  # this thread's own connection would be one of the others
        others = _of_sqlite(str(db.database))
    else:
        others = [] if isinstance(db, CockroachDatabase) else _of_postgres(db)
    if others:
        raise StillUsed(
            f"other processes use the database ({', '.join(others)}): "
            "stop every `otagw serve` and `otagw worker` of it, then run `otagw migrate` again"
        )


def _of_sqlite(path: str) -> list[str]:
    """Return words for the other connections to a file; SQLite does not say how many there are, or whose.

    A connection in WAL mode shares a lock on the file for as long as it is open, and every process of otagw keeps one.
    """
    with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as probe:
        try:
            probe.execute("PRAGMA locking_mode = EXCLUSIVE")
            probe.execute("BEGIN EXCLUSIVE")
            probe.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            return [f"they have {path} open"]
    return []


def _of_postgres(db: Any) -> list[str]:
    """Return words for the other sessions of the same user in the same database, by name and address."""
    rows = db.execute_sql(
        "SELECT application_name, host(client_addr), count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND usename = current_user AND pid <> pg_backend_pid() AND application_name <> %s GROUP BY 1, 2 ORDER BY 2, 1",
        (MIGRATES,),
    ).fetchall()
    return [
        f"{count} x {name or 'a session without a name'} from {address or 'this machine'}"
        for name, address, count in rows
    ]
