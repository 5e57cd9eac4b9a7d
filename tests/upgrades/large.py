"""Say how long each migration since the fixture's version takes on a million devices, and which locks it holds.

    python -m tests.upgrades.large                        # SQLite, in a temporary folder
    python -m tests.upgrades.large --database URL         # an empty PostgreSQL database
    python -m tests.upgrades.large --migrations FOLDER    # try migrations that are being written

Each device has a version, an open task and an event. Locks are those that the migration holds at its end, which are all
that it took: a transaction keeps them.
"""

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

from otagw.db import database, schema
from tests import door
from tests.upgrades.conftest import Old

DEVICES = 1_000_000
# Above the ids of the fixture.
FIRST = 2_000_000_000_000_000_000
_LIKE = "device_id = (SELECT id FROM device WHERE name = 'dev4')"


def _copy(count, table, where, **changes):
    """Insert so many copies of the first row of a table for which a condition holds, with changes by number."""
    names = [column.name for column in database.db.get_columns(table)]
    values = ", ".join(changes.get(name, name) for name in names)
    quoted = ", ".join(f'"{name}"' for name in names)
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    database.execute(
        f"INSERT INTO {table} ({quoted}) {numbers} SELECT {values} FROM n, "
        f"(SELECT * FROM {table} WHERE {where} LIMIT 1) AS one"
    )


def grow(count):
    """Add so many devices, with what belongs to them."""
    own, name = f"{FIRST} + i", "'big' || i"
    with database.write():
        _copy(count, "device", "name = 'dev4'", id=own, name=name)
        _copy(count, "device_version", _LIKE, device_id=own)
        _copy(count, "task", _LIKE, id=own, device_id=own, device_name=name)
        _copy(count, "device_event", _LIKE, id=own, device_id=own)


def _locks():
    """Return the strong locks of this transaction: of tables, by what they let nobody else do."""
    if database.is_sqlite():
        return ["every other write waits; reads go on"]
    rows = database.execute(
        "SELECT mode, relation::regclass::text FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' "
        "AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') ORDER BY 1, 2"
    ).fetchall()
    return [f"{mode} of {relation}" for mode, relation in rows]


def measure(folder=schema.MIGRATIONS):
    """Apply each pending migration of a folder; yield its name, its seconds, and its locks."""
    runner, held = schema.migrator(folder), []
    in_context = runner.migrator.migration_context

    @contextlib.contextmanager
    def watched(atomic):
        with in_context(atomic):
            yield
            held[:] = _locks()

    runner.migrator.migration_context = watched
    for migration in [found for found in runner.status() if not found.applied]:
        begun = time.monotonic()
        runner.up(migration.name)
        yield migration.name, time.monotonic() - begun, list(held)


def main():
    """Grow the fixture, and report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--database", default="", help="an empty PostgreSQL database; SQLite when left out")
    parser.add_argument("--devices", type=int, default=DEVICES)
    parser.add_argument("--migrations", type=Path, default=schema.MIGRATIONS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environ = {"OTAGW_CONFIG": "/dev/null", "OTAGW_DATA_DIR": f"{folder}/data"}
        with door.of_a_test(environ):
            Old(Path(folder), "postgresql" if options.database else "sqlite", options.database, environ).restore()
            report(options)
            database.disconnect()


def report(options):
    """Grow the database at hand, migrate it, and print what that took."""
    begun = time.monotonic()
    grow(options.devices)
    print(f"{options.devices:,} devices, in {time.monotonic() - begun:.1f} s.")
    pending = 0
    for name, seconds, locks in measure(options.migrations):
        pending += 1
        print(f"{name}: {seconds:.1f} s; {', '.join(locks) or 'no strong lock'}")
    print(f"Pending migrations since the fixture's version: {pending}.")


if __name__ == "__main__":
    main()
