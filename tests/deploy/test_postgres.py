"""The gateway on PostgreSQL, under gunicorn."""

import concurrent.futures

import psycopg
import pytest
import requests

from tests.deploy.servers import ALONE
from tests.engines import postgres
from tests.patience import HANG_SECONDS, eventually
from tests.races import race

pytestmark = [pytest.mark.live]


@pytest.fixture
def gateway(make_live):
    with postgres() as url:
        made = make_live(database_url=url, workers=2).start(ALONE)
        yield made
        made.stop()


def test_packages_live_in_postgresql(gateway):
    made = gateway.get("CreateOTAFirmware", FirmwareName="n", DestVersion="1", ProductKey="p", Udi="字\t").json()
    found = gateway.get("QueryOTAFirmware", FirmwareId=made["Data"]["FirmwareID"]).json()["FirmwareInfo"]
    assert (found["FirmwareName"], found["Udi"], found["ProductName"]) == ("n", "字\t", "p")
    assert gateway.get("ListOTAFirmware", CurrentPage="1", PageSize="1", ProductKey="p").json()["Total"] == 1


def test_a_race_of_creates_with_one_name_has_one_winner(gateway):

    def create():
        return gateway.get("CreateOTAFirmware", FirmwareName="same", DestVersion="1", ProductKey="p").status_code

    assert sorted(race(*[create] * 8)) == [200, *[409] * 7]


def test_a_database_that_is_gone_is_a_503_and_its_return_is_noticed(make_live):
    with postgres() as url:
        gateway = make_live(database_url=url, workers=1).start(ALONE)
        assert gateway.get("ListOTAFirmware", CurrentPage="1", PageSize="1").json()["Success"]
        _end_connections(url)
        answers = [gateway.get("ListOTAFirmware", CurrentPage="1", PageSize="1") for _ in range(20)]
        assert {answer.status_code for answer in answers} <= {200, 503}
        assert answers[-1].json()["Success"]
        assert requests.get(f"{gateway.url}/readyz", timeout=HANG_SECONDS).status_code == 200
        gateway.stop()


@pytest.mark.parametrize(
    ("table", "action", "params"),
    [
        ("product", "CreateOTAFirmware", {"FirmwareName": "held", "DestVersion": "1", "ProductKey": "p"}),  # in the hub
        ("package", "CreateOTAStaticUpgradeJob", {"ProductKey": "p", "TargetSelection": "ALL"}),  # in a thread
    ],
)
def test_a_row_that_is_held_is_503_to_who_needs_it_and_nothing_to_others(make_live, table, action, params):
    with postgres() as url:
        gateway = make_live(database_url=url, workers=1).start(ALONE)
        made = gateway.get("CreateOTAFirmware", FirmwareName="n", DestVersion="1", ProductKey="p").json()
        if table == "package":
            params = {**params, "FirmwareId": made["Data"]["FirmwareID"]}
        with psycopg.connect(url) as holder, concurrent.futures.ThreadPoolExecutor(1) as pool:
            holder.execute(f"SELECT 1 FROM {table} FOR UPDATE")
            held = pool.submit(gateway.get, action, **params)
            eventually(lambda: _waits_for_a_lock(url))
            for number in range(5):
                assert gateway.get("CreateOTAFirmware", FirmwareName=f"other{number}", DestVersion="1").ok
                assert gateway.get("ListOTAFirmware", CurrentPage="1", PageSize="1").ok
            assert not held.done()
            refused = held.result(HANG_SECONDS)
            assert (refused.status_code, refused.json()["Code"]) == (503, "ServiceUnavailable")
        assert gateway.get(action, **params).status_code < 500
        gateway.stop()


def _waits_for_a_lock(url):
    with psycopg.connect(url) as server:
        return server.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone()


def _end_connections(url):

    with psycopg.connect(url, autocommit=True) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
