"""The schema of the database at hand: its version, and the migrations that lead to it."""

import fcntl
from pathlib import Path
from typing import Final, cast

from playhouse import migrations

from otagw import private_files
from otagw.db import database, other_sessions
from otagw.settings import Settings

MIGRATIONS: Final = Path(__file__).parent / "migrations"
# The schema that all migrations make on SQLite. Loading it takes a tenth of the time to migrate; tests use it.
SNAPSHOT: Final = Path(__file__).parent / "schema.sql"
MIGRATION_LOCK: Final = 8686


class WrongVersion(Exception):
    """Say that the schema is not the one this code was written for."""


def migrator(folder: Path = MIGRATIONS) -> migrations.Runner:
    """Return the runner of a folder of migrations."""
    runner = migrations.Runner(database.db.obj, str(folder))
    if database.is_cockroach():  # which cannot use a column in the transaction that made it
        in_context = runner.migrator.migration_context
        runner.migrator.migration_context = lambda atomic: in_context(False)
    return runner


def migrate(settings: Settings, folder: Path = MIGRATIONS, *, force: bool = False) -> list[str]:
    """Bring the schema to the version of a folder, under a lock; return the names of what was applied.

    Raises `other_sessions.StillUsed`, unless forced, where that would change the schema below processes of another
    version.
    """
    shared = database.is_postgres()
    with open(settings.data_path / "migrate.lock", "w", encoding="ascii", opener=private_files.opener) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if shared:  # other machines may migrate the same server: this lock goes with the connection
            database.db.execute_sql(f"SET application_name = '{other_sessions.MIGRATES}'")
            database.db.execute_sql("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        try:
            runner = migrator(folder)
            applied = [found.applied for found in runner.status() if found.path]
            if any(applied) and not all(applied) and not force:
                other_sessions.check_alone(database.db.obj)
            return cast("list[str]", runner.up())
        finally:
            if shared:
                database.db.execute_sql("SELECT pg_advisory_unlock(%s)", (MIGRATION_LOCK,))
                database.db.execute_sql("RESET application_name")


def check_version(folder: Path = MIGRATIONS) -> None:
    """Raise `WrongVersion` unless exactly the migrations of a folder, which are this version's, are applied."""
    status = migrator(folder).status()
    pending = [m.name for m in status if not m.applied]
    unknown = [m.name for m in status if m.path is None]
    if pending:
        raise WrongVersion(f"the database lacks {', '.join(pending)}: run `otagw migrate`")
    if unknown:
        raise WrongVersion(f"the database is of a later version ({', '.join(unknown)}): upgrade otagw")
