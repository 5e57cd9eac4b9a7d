"""The engines of databases: peewee's, each with what the host of a thread says of its connections."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import peewee
from playhouse import cockroachdb, db_url

from otagw import hosts, private_files

BUSY_MS: Final = 10_000
# When a database over a network counts as gone, unless its URL says otherwise: how long a connection may take to be
# made, and how long what was sent may stay unacknowledged (milliseconds).
REMOTE: Final = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
}
# CockroachDB is SERIALIZABLE unless told, and would refuse what others may do at once on PostgreSQL.
COCKROACH: Final = {"options": "-c default_transaction_isolation=read\\ committed"}


class Sqlite(peewee.SqliteDatabase):
    """A SQLite file, with a connection for each thread."""

    def _connect(self) -> Any:
        # The files that SQLite makes beside it have the mode of this one.
        path = Path(self.database)
        private_files.keep(path)
        for kind in ("wal", "shm"):
            private_files.tighten(path.with_name(f"{path.name}-{kind}"))
        return super()._connect()  # type: ignore[misc]  # peewee's, which its stubs leave out

    def _initialize_connection(self, conn: Any) -> None:
        hosts.here().opened(conn, self)


class _Server:
    """A database server: what is known of the connection at hand belongs to a thread, or to a request of the hub."""

    _own: Any

    @property
    def _state(self) -> Any:
        return hosts.here().state(self, self._own)

    @_state.setter
    def _state(self, own: Any) -> None:
        self._own = own

    def _initialize_connection(self, conn: Any) -> None:
        hosts.here().opened(conn, self)

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run a statement over the connection at hand."""
        with hosts.here().connected(self):
            return super().execute_sql(sql, params)  # type: ignore[misc]  # peewee's, behind this class


class Postgres(_Server, peewee.PostgresqlDatabase):
    """A PostgreSQL."""


class Cockroach(_Server, cockroachdb.CockroachDatabase):  # type: ignore[misc]  # playhouse has no types
    """A CockroachDB."""


def sqlite(path: Path, synchronous: str) -> Sqlite:
    """Return a SQLite database in WAL mode; nothing is opened until a thread first uses it."""
    pragmas = {
        "busy_timeout": BUSY_MS,  # first: the change to WAL needs a lock too
        "journal_mode": "wal",
        "synchronous": synchronous,
        "foreign_keys": 1,
        "cache_size": -16_000,
        # Four times SQLite's own: a create writes seven pages, so every 140th made a checkpoint with its two fsyncs
        # while the others queued behind it, which showed in the p99; pages written often are copied back less often.
        "wal_autocheckpoint": 4000,
    }
    return Sqlite(str(path), pragmas=pragmas, timeout=BUSY_MS / 1000)


def remote(url: str) -> Any:
    """Return the PostgreSQL, or what speaks like it, of a URL; what the URL says of a connection goes first."""
    is_cockroach = urlsplit(url).scheme == "cockroachdb"
    given = db_url.parse(url, unquote_user=True, unquote_password=True)
    ours = {**REMOTE, **(COCKROACH if is_cockroach else {})}
    return (Cockroach if is_cockroach else Postgres)(**{**ours, **given, "prefer_psycopg3": True})
