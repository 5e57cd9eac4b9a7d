"""An empty PostgreSQL database for a test, and a Redis server, where one is."""

import contextlib
import os
import uuid

import pytest

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


@contextlib.contextmanager
def postgres():
    """Make an empty PostgreSQL database; give its URL."""
    import psycopg

    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        message = "needs a PostgreSQL server: OTAGW_TEST_POSTGRES=postgresql://USER@HOST/DATABASE"
        pytest.fail(message) if REQUIRED == "all" else pytest.skip(message)
    name = f"otagw_test_{uuid.uuid4().hex}"
    with server:
        server.execute(f"CREATE DATABASE {name}")
        yield POSTGRES.rpartition("/")[0] + "/" + name
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
