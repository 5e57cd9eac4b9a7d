"""Devices that register themselves: off at first, by a poll with the token of their product, and up to a number."""

from functools import partial

import pytest

from otagw.db import database
from otagw.ota import accounts
from otagw.ota.products import products
from tests.conftest import OTHER, Client
from tests.ddi.conftest import Device, refusal
from tests.races import race

TOKEN = "for-all-of-p"
GATEWAY = f"GatewayToken {TOKEN}"


def account():
    return accounts.get("main")


@pytest.fixture
def product(client):
    """Make the product p with a gateway token; return how to let devices register themselves."""
    client.ok("RegisterDevice", ProductKey="p", DeviceName="dev1")
    products.set_gateway_token(account(), "p", TOKEN)

    def allow(most=10):
        products.set_self_registration(account(), "p", most)

    return allow


def names():
    return {name for (name,) in database.execute("SELECT name FROM device").fetchall()}


def test_a_product_takes_no_device_before_it_is_allowed(client, product):
    assert refusal(Device(client.http, "new1", GATEWAY).send("GET")) == (401, "wrong_token")
    assert names() == {"dev1"}


def test_a_device_registers_itself_by_its_first_poll(client, product, held_clock):
    product()
    device = Device(client.http, "new1", GATEWAY)
    assert device.links() == {"configData": f"http://localhost{device.base}/configData"}
    assert device.identify(version="1.0").status_code == 200
    found = client.ok("QueryDeviceDetail", ProductKey="p", DeviceName="new1")["Data"]
    assert (found["Status"], found["FirmwareVersion"]) == ("ONLINE", "1.0")
    assert client.ok("QueryDevice", ProductKey="p")["Total"] == 2
    secret = Device(client.http, "new1", f"TargetToken {found['DeviceSecret']}")
    assert secret.links() == {}
    device.poll()
    assert names() == {"dev1", "new1"}


def test_the_timeline_says_how_a_device_came(client, product):
    product()
    Device(client.http, "new1", GATEWAY).poll()
    shown = client.ok("QueryOTADeviceTimeline", ProductKey="p", DeviceName="new1")["Data"]
    assert "registered by itself, with the token of its product" in str(shown)


def test_a_device_that_registered_itself_is_updated(client, product, rollout, task):
    product()
    device = Device(client.http, "new1", GATEWAY)
    device.poll()
    device.identify(version="1.0")
    job = rollout()
    action = device.deployment()["id"]
    assert device.tell(action, "closed", "success").status_code == 200
    assert task(job, "new1")["TaskStatus"] == "SUCCEEDED"


@pytest.mark.parametrize(
    "authorization",
    [None, "", "GatewayToken wrong-for-p", f"TargetToken {TOKEN}", "GatewayToken", f"Bearer {TOKEN}"],
)
def test_another_token_registers_nobody(client, product, authorization):
    product()
    assert refusal(Device(client.http, "new1", authorization).send("GET")) == (401, "wrong_token")
    assert names() == {"dev1"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/configData"), ("GET", "/deploymentBase/1"), ("POST", "/deploymentBase/1/feedback"),
     ("GET", "/cancelAction/1"), ("GET", "/softwaremodules/1/artifacts/a")],
)  # fmt: skip
def test_nothing_but_a_poll_registers(client, product, method, path):
    product()
    assert refusal(Device(client.http, "new1", GATEWAY).send(method, path, {})) == (401, "wrong_token")
    assert names() == {"dev1"}


@pytest.mark.parametrize("name", ["a b", "n" * 257, "a,b"])
def test_a_name_that_no_device_may_have_is_not_registered(client, product, name):
    product()
    assert refusal(Device(client.http, name, GATEWAY).send("GET"))[0] == 401
    assert names() == {"dev1"}


def test_another_product_takes_no_device_by_this_token(app, client, product):
    product()
    client.ok("RegisterDevice", ProductKey="q", DeviceName="dev1")
    products.set_self_registration(account(), "q", 10)
    assert refusal(Device(client.http, "new1", GATEWAY, "q").send("GET"))[0] == 401
    products.set_gateway_token(account(), "q", "for-all-of-q")
    assert refusal(Device(client.http, "new1", GATEWAY, "q").send("GET"))[0] == 401
    assert refusal(Device(client.http, "new1", GATEWAY, "nobody").send("GET"))[0] == 401
    assert "new1" not in names()


def test_a_product_without_a_token_takes_nobody(client, product):
    product()
    products.set_gateway_token(account(), "p", None)
    assert refusal(Device(client.http, "new1", GATEWAY).send("GET"))[0] == 401


def test_a_product_takes_as_many_as_it_may_have(client, product):
    product(2)
    Device(client.http, "new1", GATEWAY).poll()
    refused = Device(client.http, "new2", GATEWAY).send("GET")
    assert refusal(refused) == (409, "too_many")
    assert "2" in refused.json["message"]
    assert names() == {"dev1", "new1"}
    assert Device(client.http, "new1", GATEWAY).send("GET").status_code == 200
    client.ok("DeleteDevice", ProductKey="p", DeviceName="dev1")
    assert Device(client.http, "new2", GATEWAY).send("GET").status_code == 200


def test_devices_that_poll_at_once_are_no_more_than_there_may_be(client, product):
    product(4)

    def poll(name):
        return Device(client.app.test_client(), name, GATEWAY).send("GET").status_code

    asked = ["new1", "new2", "new3", "new4", "new5", "new6"]
    codes = race(*(partial(poll, name) for name in asked))
    assert sorted(codes) == [200, 200, 200, 409, 409, 409]
    assert names() == {"dev1", *(name for name, code in zip(asked, codes, strict=True) if code == 200)}


def test_a_device_that_polls_twice_at_once_is_registered_once(client, product):
    product(2)

    def poll():
        return Device(client.app.test_client(), "new1", GATEWAY).send("GET").status_code

    assert race(poll, poll, poll) == [200, 200, 200]
    assert database.execute("SELECT COUNT(*) FROM device WHERE name = 'new1'").fetchone() == (1,)


def test_a_disabled_device_does_not_register_anew(client, product):
    product()
    device = Device(client.http, "new1", GATEWAY)
    device.poll()
    client.ok("DisableThing", ProductKey="p", DeviceName="new1")
    assert refusal(device.send("GET")) == (403, "disabled")


def test_the_tenant_may_be_spelled_in_any_case(client, product):
    product()
    assert (
        Device(client.http, "new1", GATEWAY, "P")
        .http.get("/P/controller/v1/new1", headers={"Authorization": GATEWAY})
        .status_code
        == 200
    )
    assert client.ok("QueryDeviceDetail", ProductKey="p", DeviceName="new1")["Data"]["ProductKey"] == "p"


def test_another_account_sees_nothing_of_it(app, client, product):
    product()
    Device(client.http, "new1", GATEWAY).poll()
    stranger = Client(app, OTHER)
    assert stranger.refused("QueryDeviceDetail", ProductKey="p", DeviceName="new1")[0] == 404


def test_refused_again_the_product_takes_nobody_new(client, product):
    product()
    Device(client.http, "new1", GATEWAY).poll()
    products.set_self_registration(account(), "p", None)
    assert refusal(Device(client.http, "new2", GATEWAY).send("GET"))[0] == 401
    assert Device(client.http, "new1", GATEWAY).send("GET").status_code == 200
