"""States of the database at hand: read as rows, remembered, and brought back."""

import json
import sqlite3
from collections import Counter

from otagw.db import database

# What is no account's, or is written by every request.
_PASSED_OVER = ("nonce", "migration", "sqlite_", "fact")


def tables():
    """Return the tables that hold what accounts have."""
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        if database.is_sqlite()
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    )
    names = [name for (name,) in database.execute(query).fetchall()]
    return [name for name in names if not any(part in name for part in _PASSED_OVER)]


def rows():
    """Return all rows that are there, each with its table, and how often."""
    found = Counter()
    if database.is_sqlite():
        for table in tables():
            found.update((table, tuple(row)) for row in database.execute(f'SELECT * FROM "{table}"').fetchall())
    else:  # in one round trip
        each = [f"SELECT '{table}', row_to_json(t)::text FROM public.\"{table}\" t" for table in tables()]
        for table, row in database.execute(" UNION ALL ".join(each)).fetchall():
            found[table, tuple(json.loads(row).values())] += 1
    return found


def hurry():
    """Let SQLite write without waiting for the disk; a connection that is opened later waits again."""
    if database.is_sqlite():
        database.execute("PRAGMA synchronous = OFF")


def writes():
    """Return what differs whenever something was written, or None where the engine does not say."""
    if not database.is_sqlite():
        return None
    connection = database.db.obj.connection()
    (version,) = connection.execute("PRAGMA data_version").fetchone()  # moves with what other connections commit
    return connection, connection.total_changes, version


def take(name):
    """Remember the rows that are there; return what brings them back, in some tables or in all."""
    return _of_sqlite() if database.is_sqlite() else _of_postgres(name)


def _of_sqlite():
    kept = sqlite3.connect(":memory:")
    database.db.obj.connection().backup(kept)

    def restore(_=None):
        kept.backup(database.db.obj.connection())

    return restore


def _of_postgres(name):
    name = f"kept_{name}"  # some words are SQL's own
    names = tables()
    database.execute(f"CREATE SCHEMA {name}")
    for table in names:
        database.execute(f'CREATE TABLE {name}."{table}" AS SELECT * FROM public."{table}"')
    query = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
    counted = [f"SELECT setval('{one}', {last or 1}, {bool(last)})" for one, last in database.execute(query).fetchall()]

    def restore(some=None):
        # Only what differs is written: dead rows would be stepped over by every later question.
        steps = ["SET LOCAL session_replication_role = replica", "SET LOCAL synchronous_commit = off"]
        for table in some or names:
            one, kept = f'public."{table}"', f'{name}."{table}"'
            steps.append(f"DELETE FROM {one} t WHERE t::text NOT IN (SELECT k::text FROM {kept} k)")
            steps.append(
                f"INSERT INTO {one} SELECT k.* FROM {kept} k WHERE k::text NOT IN (SELECT t::text FROM {one} t)"
            )
        with database.db.obj.transaction():
            database.db.obj.connection().execute("; ".join([*steps, *counted]))

    return restore
