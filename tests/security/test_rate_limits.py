"""How often a key may ask; the clock is held."""

import concurrent.futures
import time
from functools import partial
from urllib.parse import urlsplit

import pytest

from otagw import errors, hosts
from otagw.dialects.aliyun.action import actions
from otagw.security import rate_limits
from otagw.security.rate_limits import Local, Rate
from tests import door
from tests.conftest import OTHER, Client
from tests.ddi.conftest import Device as HawkbitDevice
from tests.deploy.servers import ALONE
from tests.device.conftest import Device
from tests.engines import redis
from tests.oss.conftest import link_of


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


def test_a_request_for_many_rows_costs_as_much_as_several(make_app, held_clock, monkeypatch):
    monkeypatch.setattr(rate_limits, "GENEROUS_RATE", Rate(10, 100))
    client = Client(make_app())
    assert client("BatchRegisterDevice", ProductKey="p", Count=1000).json["Code"] == ""  # as 51
    assert [client.make(f"fw{number}") for number in range(49)]
    refused = client("ListOTAFirmware", CurrentPage=1, PageSize=1)
    assert (refused.json["Code"], refused.headers["Retry-After"]) == ("Throttling.User", "1")
    held_clock.seconds += 0.1
    assert passed(client, 3)[0] == 1


def test_no_request_makes_a_key_wait_for_more_than_ten_seconds(make_app, held_clock, monkeypatch):
    monkeypatch.setattr(rate_limits, "GENEROUS_RATE", Rate(10, 20))
    client = Client(make_app())
    assert client("BatchRegisterDevice", ProductKey="p", Count=10_000).json["Code"] == ""  # as 501
    assert passed(client, 1)[1].headers["Retry-After"] == "11"
    held_clock.seconds += 10.1
    assert passed(client, 1)[0] == 1
    held_clock.seconds += 60
    assert client.refused("BatchRegisterDevice", ProductKey="p", Count=10_001)[1] == "InvalidParameter"
    assert passed(client, 20)[0] == 19


def test_a_page_costs_by_its_size_and_a_long_text_nothing():
    listing = actions.find("ListOTAFirmware")
    costs = [listing.cost({"product_key": "p" * 999, "page_size": size, "x": None}) for size in (10, 20, 100)]
    assert costs == [0, 1, 5]
    assert actions.find("CancelOTATaskByJob").cost({"job_id": "1"}) == 25


def device_of(client, name="dev1"):
    data = client.ok("RegisterDevice", ProductKey="p", DeviceName=name)["Data"]
    return Device(client, name, data["DeviceSecret"])


def test_a_device_is_answered_so_often_and_no_more(make_app, held_clock, monkeypatch):
    monkeypatch.setattr(rate_limits, "DEVICE_RATE", Rate(10, 20))
    client = Client(make_app())
    first, second = (device_of(client, name) for name in ("dev1", "dev2"))
    forged = Device(client, "dev1", "0" * 32)
    assert {forged.send("GET", "/update").status_code for _ in range(30)} == {401}
    assert [first.send("GET", "/update").status_code for _ in range(22)] == [204] * 20 + [429] * 2
    refused = first.send("GET", "/update")
    assert (refused.json["code"], refused.headers["Retry-After"]) == ("too_many_requests", "1")
    assert first.send("PUT", "/versions/default", {"version": "1"}).status_code == 429
    assert second.send("GET", "/update").status_code == 204
    held_clock.seconds += 0.1
    assert [first.send("GET", "/update").status_code for _ in range(2)] == [204, 429]


def test_a_device_of_hawkbits_is_answered_so_often_and_downloads_meanwhile(make_app, held_clock, monkeypatch):
    monkeypatch.setattr(rate_limits, "DEVICE_RATE", Rate(10, 20))
    client = Client(make_app())
    url = link_of(client, b"firmware")
    secret = device_of(client, "dev1").secret
    device = HawkbitDevice(client.http, "dev1", f"TargetToken {secret}")
    assert [device.send("GET").status_code for _ in range(22)] == [200] * 20 + [429] * 2
    refused = device.send("GET", "/deploymentBase/1")
    assert (refused.status_code, refused.json["errorCode"], refused.headers["Retry-After"]) == (
        429,
        "too_many_requests",
        "1",
    )
    assert {client.http.get(urlsplit(url)._replace(scheme="", netloc="").geturl()).status_code for _ in range(50)} == {
        200
    }


def test_a_device_is_not_throttled_where_nothing_is(make_app, held_clock, monkeypatch):
    monkeypatch.setattr(rate_limits, "DEVICE_RATE", Rate(10, 20))
    device = device_of(Client(make_app(throttle="off")), "dev1")
    assert {device.send("GET", "/update").status_code for _ in range(30)} == {204}


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


@pytest.mark.usefixtures("app")
class TestTurns:
    """So many requests of a key are under way in the hub; one more waits, or is refused."""

    @staticmethod
    def ask(limits, key, work):
        try:
            with limits.turn(key):
                work()
        except errors.Throttled as fault:
            return fault.kind
        return "done"

    def test_one_more_waits_until_one_is_done(self):
        limits, inside, most = rate_limits.Limits(rate_limits.GENEROUS), [], []

        def work():
            inside.append(None)
            most.append(len(inside))
            hosts.here().pause(0.001)
            inside.pop()

        asks = [partial(self.ask, limits, "a", work)] * (3 * rate_limits.AT_ONCE)
        assert door.together(asks) == ["done"] * len(asks)
        assert max(most) == rate_limits.AT_ONCE

    def test_one_that_waits_too_long_is_refused_and_another_key_is_not(self, monkeypatch):
        monkeypatch.setattr(rate_limits, "TURN_SECONDS", 0.01)
        limits, refused = rate_limits.Limits(rate_limits.GENEROUS), []

        def hang():
            while not refused:
                hosts.here().pause(0.001)

        def one_more():
            refused.append(self.ask(limits, "a", hang))
            return refused[0]

        asks = [partial(self.ask, limits, "a", hang)] * rate_limits.AT_ONCE
        asks += [one_more, partial(self.ask, limits, "b", lambda: None)]
        assert door.together(asks) == ["done"] * rate_limits.AT_ONCE + [rate_limits.KEY, "done"]
        assert self.ask(limits, "a", lambda: None) == "done"

    def test_without_throttling_all_are_under_way(self):
        limits, inside = rate_limits.Limits(rate_limits.OFF), []

        def work():
            inside.append(None)
            while len(inside) <= rate_limits.AT_ONCE:
                hosts.here().pause(0.001)

        asks = [partial(self.ask, limits, "a", work)] * (rate_limits.AT_ONCE + 1)
        assert door.together(asks) == ["done"] * len(asks)
