"""`otagw migrate` beside a gateway that serves: what docs/operations.md says of upgrades holds for real processes."""

import pytest

from otagw import settings
from otagw.db import database, schema
from tests import door, engines
from tests.upgrades.test_upgrades import applied

pytestmark = pytest.mark.live


# One process, which answers as soon as it has looked at the version: another that still begins would find an older one.
ALONE = ("serve", "--no-worker")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def gateway(request, make_live):
    """A gateway that serves, on either engine."""
    if request.param == "sqlite":
        yield make_live(workers=1).start(ALONE)
        return
    with engines.postgres() as url:
        gateway = make_live(workers=1, database_url=url).start(ALONE)
        yield gateway
        gateway.stop()


@pytest.fixture
def without_the_last(gateway):
    """Undo the last migration, as if the gateway served an older version; what that made is gone."""
    door.enter(settings.load(gateway.environ))
    last = applied()[-1]
    yield lambda: schema.migrator().down()
    assert applied()[-1] == last
    database.disconnect()


def lists(gateway):
    """Tell whether it answers from its database."""
    return gateway.get("ListOTAFirmware", CurrentPage="1", PageSize="1").status_code == 200


def test_nothing_is_migrated_while_a_gateway_serves(gateway, without_the_last):
    assert lists(gateway)
    without_the_last()
    database.disconnect()
    refused = gateway.cli("migrate", check=False)
    assert gateway.process.poll() is None, gateway.log()
    assert lists(gateway)  # as before
    assert refused.returncode == 1
    assert "Error: other processes use the database (" in refused.stderr
    assert "stop every `otagw serve`" in refused.stderr
    gateway.stop()
    assert "Applied" in gateway.cli("migrate").stderr
    assert lists(gateway.start(ALONE))
