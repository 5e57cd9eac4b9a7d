"""How often a key may ask; the clock is held."""

import concurrent.futures
import time

import pytest

from otagw.dialects.aliyun.action import actions
from otagw.security import rate_limits
from otagw.security.rate_limits import Local, Rate
from tests.conftest import OTHER, Client
from tests.deploy.servers import ALONE
from tests.engines import redis


@pytest.fixture
def vendor(make_app, held_clock):
    return Client(make_app(throttle="vendor"))


def passed(client, number, action="ListOTAFirmware", **params):
    """Call so many times; return how many were let through, and the last answer."""
    answers = [client(action, CurrentPage=1, PageSize=1, **params) for _ in range(number)]
    return sum(not answer.json["Code"].startswith("Throttling") for answer in answers), answers[-1]


def test_the_vendors_rate_is_let_through_and_no_more(vendor, held_clock):
    count, last = passed(vendor, 13)
    assert count == 10
    assert (last.status_code, last.json["Code"]) == (400, "Throttling.Api")
    assert last.json["ErrorMessage"] == "Request was denied due to api flow control."
    assert 0 < int(last.headers["x-acs-retry-after"]) <= 101
    assert last.headers["Retry-After"] == "1"
    held_clock.seconds += 0.2
    assert passed(vendor, 5)[0] == 2
    held_clock.seconds += 3600
    assert passed(vendor, 13)[0] == 10


def test_who_waits_as_long_as_told_is_let_through(vendor, held_clock):
    _, last = passed(vendor, 11)
    held_clock.seconds += int(last.headers["x-acs-retry-after"]) / 1000
    assert passed(vendor, 1)[0] == 1


def test_each_key_and_each_action_has_its_own(app, vendor):
    assert passed(vendor, 11)[0] == 10
    assert passed(Client(vendor.app, OTHER), 1)[0] == 1
    assert passed(vendor, 25, "QueryOTAFirmware", FirmwareId="1")[0] == 20
    assert passed(vendor, 30, "ListAuditEvents")[0] == 30


def test_forged_and_replayed_requests_use_nothing_up(vendor):
    forger = vendor.by((vendor.key[0], "wrong"))
    for _ in range(20):
        forger("ListOTAFirmware", CurrentPage=1, PageSize=1)
    assert passed(vendor, 11)[0] == 10


def test_a_refusal_in_the_vendors_spelling_is_an_error_of_its_sdk(vendor):
    passed(vendor, 11)
    response = vendor("ListOTAFirmware", Version="2018-01-20", CurrentPage=1, PageSize=1)
    assert (response.status_code, response.json["Code"]) == (400, "Throttling.Api")
    assert response.json["Message"] == "Request was denied due to api flow control."
    assert int(response.headers["x-acs-retry-after"]) > 0


def test_the_generous_profile_is_the_default_and_holds_off_only_a_flood(make_app, held_clock, monkeypatch):
    monkeypatch.setattr(rate_limits, "GENEROUS_RATE", Rate(5, 20))
    client = Client(make_app())
    actions_of = ["ListOTAFirmware", "ListAuditEvents"] * 15
    codes = [client(action, CurrentPage=1, PageSize=1).json["Code"] for action in actions_of]
    assert codes == [""] * 20 + ["Throttling.User"] * 10
    client = Client(make_app(throttle="off"))
    assert passed(client, 30)[0] == 30


def test_the_rates_are_the_vendors():
    rates = {operation.name: operation.rate for operation in actions}
    assert {name: rate for name, rate in rates.items() if rate != 10} == {
        "CancelOTATaskByJob": 5,
        "BatchQueryDeviceDetail": 5,
        "QueryOTAFirmware": 20,
        "CreateOTAStaticUpgradeJob": 20,
        "CreateOTADynamicUpgradeJob": 20,
        "ReupgradeOTATask": 20,
        "QueryDeviceDetail": 50,
        **dict.fromkeys(("PauseOTAJob", "ResumeOTAJob", "QueryOTADeviceTimeline", "ListAuditEvents"), 0),
    }


def test_buckets_that_are_full_again_are_dropped(held_clock, monkeypatch):
    monkeypatch.setattr(rate_limits, "MANY", 10)
    buckets = Local()
    for number in range(10):
        buckets.take(str(number), Rate(1, 1))
    held_clock.seconds += 10
    buckets.take("last", Rate(1, 1))
    assert list(buckets._full_at) == ["last"]


@pytest.mark.live
@pytest.mark.parametrize("changes", [{}, {"redis": True}], ids=["database", "redis"])
def test_all_processes_together_let_through_the_vendors_rate(make_live, changes):
    more = {"redis_url": redis()} if changes else {}
    gateway = make_live(workers=4, throttle="vendor", **more).start(ALONE)
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: gateway.get("ListOTAFirmware", CurrentPage="1", PageSize="1"), range(60)))
    seconds = time.monotonic() - began
    let_through = sum(answer.json()["Success"] for answer in answers)
    assert {answer.json()["Code"] for answer in answers} <= {"", "Throttling.Api"}
    assert 10 <= let_through <= 10 + 10 * seconds + 1
