"""The core is tested on every engine: SQLite always, PostgreSQL where a server is."""

import pytest

from otagw import clock
from otagw.ota import accounts
from otagw.ota.devices import presence
from tests.conftest import NOW
from tests.engines import migrated


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request, environment):
    """A migrated database; the clock stands still."""
    with migrated(environment, request.param) as chosen:
        clock.hold(lambda: NOW * 1000)
        yield chosen
        clock.hold(None)
        presence.stop()


@pytest.fixture
def account(store):
    return accounts.ensure("main")
