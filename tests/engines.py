"""An empty PostgreSQL database for a test, and a Redis server, where one is."""

import atexit
import contextlib
import functools
import os
import shutil
import tempfile
import uuid

import pytest

from otagw import parts, settings
from otagw.db import schema
from tests import door
from tests.conftest import REQUIRED

POSTGRES = os.environ.get("OTAGW_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")

REDIS = os.environ.get("OTAGW_TEST_REDIS", "redis://127.0.0.1:6379/0")


def redis():
    """Return the URL of a Redis server; each queue in it has a name of its own."""
    import redis

    server = redis.Redis.from_url(REDIS, socket_connect_timeout=3)
    with contextlib.closing(server):
        try:
            server.ping()
        except redis.RedisError:
            message = "needs a Redis server: OTAGW_TEST_REDIS=redis://HOST:PORT/NUMBER"
            pytest.fail(message) if REQUIRED == "all" else pytest.skip(message)
    return REDIS


def _server():
    import psycopg

    try:
        return psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        message = "needs a PostgreSQL server: OTAGW_TEST_POSTGRES=postgresql://USER@HOST/DATABASE"
        pytest.fail(message) if REQUIRED == "all" else pytest.skip(message)


@contextlib.contextmanager
def postgres():
    """Make an empty PostgreSQL database; give its URL."""
    name = f"otagw_test_{uuid.uuid4().hex}"
    with _server() as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield POSTGRES.rpartition("/")[0] + "/" + name
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def migrated(environment, engine, **changes):
    """Connect to a migrated database with nothing in it, on either engine; give its settings.

    The migrations run once in a process: they take longer than most of what is tested. A file of SQLite is copied, a
    database of PostgreSQL emptied again.
    """
    url = ""
    if engine == "postgresql":
        import psycopg

        url, restore = _emptied()
        try:
            restore()
        except psycopg.Error:  # a test has changed the schema
            _emptied.cache_clear()
            url, _ = _emptied()
    changes = {"database_url": url, **changes}
    chosen = settings.load({**environment, **{f"OTAGW_{name.upper()}": text for name, text in changes.items()}})
    if not url:
        chosen.data_path.mkdir(parents=True)
        shutil.copy(_file(), chosen.data_path / "otagw.db")
    with contextlib.closing(door.enter(chosen)):
        yield chosen


@functools.cache
def _emptied():
    """Return a migrated PostgreSQL database of this process, and what empties it."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    url = stack.enter_context(postgres())
    _migrate(url)
    return url, snapshot(url)


@functools.cache
def _file():
    """Return a migrated SQLite file."""
    return _migrate("").data_path / "otagw.db"


def _migrate(url):
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    environ = {"OTAGW_CONFIG": "/dev/null", "OTAGW_DATA_DIR": f"{folder}/data", "OTAGW_DATABASE_URL": url}
    chosen = settings.load(environ)
    with parts.opened(chosen):
        schema.migrate(chosen)
    return chosen


def snapshot(url):
    """Remember the rows of a PostgreSQL database; return what brings them back."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as server:
        found = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = [name for (name,) in found if not name.startswith("nonce_")]
        counts = server.execute(
            "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
        ).fetchall()
        server.execute("CREATE SCHEMA prepared")
        for name in tables:
            server.execute(f'CREATE TABLE prepared."{name}" AS SELECT * FROM "{name}"')
    kept = ", ".join(f"'{name}'" for name in tables)
    swept = (
        "DO $$ DECLARE one text; BEGIN FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
        f"AND tablename NOT IN ({kept}) LOOP EXECUTE 'DROP TABLE \"' || one || '\" CASCADE'; END LOOP; END $$;"
    )
    alone = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid();"
    )
    counted = "".join(f"SELECT setval('{name}', {last or 1}, {bool(last)});" for name, last in counts)
    steps = [f'DELETE FROM "{n}"; INSERT INTO "{n}" SELECT * FROM prepared."{n}";' for n in tables]
    script = "SET session_replication_role = replica; SET synchronous_commit = off;" + "".join(steps) + counted + swept

    def restore():
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(alone)
            server.execute(script)

    return restore
