"""The core is tested on every engine: SQLite always, PostgreSQL where a server is."""

import os
import uuid

import pytest

from otagw import clock, database, settings
from otagw.ota import accounts
from tests.conftest import NOW, REQUIRED

POSTGRES = os.environ.get("OTAGW_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")


def postgres():
    """Make an empty PostgreSQL database; yield its URL."""
    import psycopg

    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        message = "needs a PostgreSQL server: OTAGW_TEST_POSTGRES=postgresql://USER@HOST/DATABASE"
        pytest.fail(message) if REQUIRED == "all" else pytest.skip(message)
    name = f"otagw_test_{uuid.uuid4().hex}"
    server.execute(f"CREATE DATABASE {name}")
    yield POSTGRES.rpartition("/")[0] + "/" + name
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, environment):
    """A migrated database; the clock stands still."""
    urls = postgres() if request.param == "postgresql" else iter([""])
    chosen = settings.load({**environment, "OTAGW_DATABASE_URL": next(urls)})
    database.connect(chosen)
    database.migrate(chosen)
    clock.hold(lambda: NOW * 1000)
    yield chosen
    clock.hold(None)
    database.disconnect()
    next(urls, None)


@pytest.fixture
def account(store):
    return accounts.ensure("main")
