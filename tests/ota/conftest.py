"""The core is tested on every engine: SQLite always, PostgreSQL where a server is."""

import contextlib

import pytest

from otagw import clock, database, settings
from otagw.ota import accounts, presence
from tests.conftest import NOW
from tests.engines import postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, environment):
    """A migrated database; the clock stands still."""
    with postgres() if request.param == "postgresql" else contextlib.nullcontext("") as url:
        chosen = settings.load({**environment, "OTAGW_DATABASE_URL": url})
        database.connect(chosen)
        database.migrate(chosen)
        clock.hold(lambda: NOW * 1000)
        yield chosen
        clock.hold(None)
        presence.stop()
        database.disconnect()


@pytest.fixture
def account(store):
    return accounts.ensure("main")
