"""``cockroachdb://``, as far as it can be tried on PostgreSQL, whose wire and SQL it speaks."""

from collections import Counter
from functools import partial

import pytest

from otagw import clock, errors, settings
from otagw.db import database, schema
from otagw.security import nonce_stores
from otagw.settings import SettingsError
from tests import door
from tests.conftest import KEY, OTHER, Client
from tests.engines import postgres
from tests.races import race


@pytest.fixture
def url():
    with postgres() as url:
        # CockroachDB has BYTES where PostgreSQL has BYTEA, which both read.
        yield url.replace("postgresql://", "cockroachdb://") + ("" if ":5432/" in url else "?port=5432")


@pytest.fixture
def client(make_app, url, environment):
    chosen = settings.load({**environment, "OTAGW_DATABASE_URL": url})
    door.enter(chosen)
    schema.migrate(chosen)
    app = make_app(database_url=url)
    for key_id, secret in (KEY, OTHER):
        app.extensions["otagw"]["runtime"].keys.create(key_id=key_id, secret=secret)
    return Client(app)


@pytest.mark.postgres
def test_the_migrations_run_one_statement_after_the_other(environment, url):
    chosen = settings.load({**environment, "OTAGW_DATABASE_URL": url})
    door.enter(chosen)
    assert database.is_cockroach()
    with schema.migrator().migrator.migration_context(True):
        assert not database.db.obj.in_transaction()
    assert schema.migrate(chosen)
    schema.check_version()
    assert schema.migrate(chosen) == []
    database.disconnect()


@pytest.mark.postgres
def test_actions_and_nonces_work(client):
    assert isinstance(client.app.extensions["otagw"]["runtime"].nonces, nonce_stores.Tables)
    identity = client.make(ProductKey="p")
    assert client.ok("QueryOTAFirmware", FirmwareId=identity)["FirmwareInfo"]["ProductKey"] == "p"
    assert client.refused("CreateOTAFirmware", FirmwareName="package", DestVersion="1")[0] == 409
    client.ok("RegisterDevice", ProductKey="p", DeviceName="device-1")
    client.ok("DeleteOTAFirmware", FirmwareId=identity)


@pytest.mark.postgres
def test_nothing_is_asked_that_only_postgresql_has(client, monkeypatch):
    asked = []
    execute = database.db.obj.execute_sql
    monkeypatch.setattr(
        database.db.obj, "execute_sql", lambda sql, *rest, **more: asked.append(sql) or execute(sql, *rest, **more)
    )
    client.make(ProductKey="p")
    client.app.extensions["otagw"]["runtime"].nonces.claim("key", "nonce", clock.now())
    assert asked
    for sql in asked:
        assert "advisory" not in sql
        assert "set_config" not in sql


@pytest.mark.postgres
def test_threads_that_race_for_a_nonce_have_one_winner(client):
    claim = partial(client.app.extensions["otagw"]["runtime"].nonces.claim, "key", "nonce", clock.now())
    assert Counter(race(*[claim] * 6)) == {None: 1, errors.ReplayedNonce: 5}


@pytest.mark.parametrize("value", ["cockroach://h/d", "crdb://h/d"])
def test_another_spelling_is_refused_by_name(environment, value):
    with pytest.raises(SettingsError, match="OTAGW_DATABASE_URL"):
        settings.load({**environment, "OTAGW_DATABASE_URL": value})
