"""An empty PostgreSQL database for a test, and a Redis server, where one is."""

import atexit
import contextlib
import functools
import os
import shutil
import tempfile
import uuid
from pathlib import Path

import pytest

from otagw import database, settings
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
def postgres(template="template1"):
    """Make a PostgreSQL database, empty or as another one; give its URL."""
    name = f"otagw_test_{uuid.uuid4().hex}"
    with _server() as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield POSTGRES.rpartition("/")[0] + "/" + name
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def migrated(environment, engine, **changes):
    """Connect to a migrated database of a test's own, on either engine; give its settings.

    The migrations run once in a process, and are copied: they take longer than most of what is tested.
    """
    with postgres(_template(engine)) if engine == "postgresql" else contextlib.nullcontext("") as url:
        changes = {"database_url": url, **changes}
        chosen = settings.load({**environment, **{f"OTAGW_{name.upper()}": text for name, text in changes.items()}})
        if not url:
            chosen.data_path.mkdir(parents=True)
            shutil.copy(_template(engine), chosen.data_path / "otagw.db")
        database.connect(chosen)
        yield chosen
        database.disconnect()


@functools.cache
def _template(engine):
    """Return a migrated database to copy, which goes with the process: the path of a file, or a name in the server."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    name = f"otagw_test_{uuid.uuid4().hex}"
    url = ""
    if engine == "postgresql":
        with _server() as server:
            server.execute(f"CREATE DATABASE {name}")
        url = POSTGRES.rpartition("/")[0] + "/" + name
        atexit.register(_drop, name)
    chosen = settings.load(
        {"OTAGW_CONFIG": "/dev/null", "OTAGW_DATA_DIR": str(folder / "data"), "OTAGW_DATABASE_URL": url}
    )
    database.connect(chosen)
    database.migrate(chosen)
    database.disconnect()
    return name if url else folder / "data" / "otagw.db"


def _drop(name):
    with _server() as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def snapshot(url):
    """Remember the rows of a PostgreSQL database; return what brings them back."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as server:
        found = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = [name for (name,) in found if not name.startswith("nonce_")]
        server.execute("CREATE SCHEMA prepared")
        for name in tables:
            server.execute(f'CREATE TABLE prepared."{name}" AS SELECT * FROM "{name}"')
    swept = (
        "DO $$ DECLARE one text; BEGIN FOR one IN SELECT tablename FROM pg_tables WHERE tablename LIKE 'nonce%' "
        "AND schemaname = 'public' LOOP EXECUTE 'DROP TABLE ' || one; END LOOP; END $$;"
    )
    steps = [f'DELETE FROM "{n}"; INSERT INTO "{n}" SELECT * FROM prepared."{n}";' for n in tables]
    script = "SET session_replication_role = replica; SET synchronous_commit = off;" + "".join(steps) + swept

    def restore():
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(script)

    return restore
