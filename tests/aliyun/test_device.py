"""The Actions on devices: registered once, found by name or by id, shown with their secret, gone when deleted."""

import re
import uuid

import pytest

from tests.conftest import OTHER, Client

P = {"ProductKey": "p"}
BY_REFERENCE = ("QueryDeviceDetail", "DeleteDevice", "EnableThing", "DisableThing", "ListOTAModuleVersionsByDevice")
PAGE = {"CurrentPage": 1, "PageSize": 10}


def register(client, name="dev1", **params):
    return client.ok("RegisterDevice", DeviceName=name, **{**P, **params})["Data"]


def extra(action):
    return PAGE if action == "ListOTAModuleVersionsByDevice" else {}


def test_a_device_comes_back_as_it_was_registered(client, held_clock):
    made = register(client, "dev-1_@.:", Nickname="前门_1")
    assert set(made) == {"ProductKey", "DeviceName", "Nickname", "IoTID", "DeviceSecret"}
    assert re.fullmatch("[0-9a-f]{32}", made["DeviceSecret"])
    assert uuid.UUID(made["IoTID"]).version == 8
    assert client.ok("QueryDeviceDetail", DeviceName="dev-1_@.:", **P)["Data"] == {
        **made, "NodeType": 0, "Owner": True, "ProductName": "p", "Status": "UNACTIVE",
        "GmtCreate": "2026-11-18 11:06:40", "UtcCreate": "2026-11-18T11:06:40.000Z",
    }  # fmt: skip
    (listed,) = client.ok("QueryDevice", **P)["Data"]["DeviceInfo"]
    assert listed == {
        **made, "DeviceId": made["IoTID"], "DeviceStatus": "UNACTIVE",
        "GmtCreate": "2026-11-18 11:06:40", "UtcCreate": "2026-11-18T11:06:40.000Z",
        "GmtModified": "2026-11-18 11:06:40", "UtcModified": "2026-11-18T11:06:40.000Z",
    }  # fmt: skip


def test_a_device_without_a_name_gets_one(client):
    made = client.ok("RegisterDevice", **P)["Data"]
    assert re.fullmatch("[A-Za-z0-9]{20}", made["DeviceName"])


def test_a_name_is_taken_once_in_a_product(client):
    register(client)
    assert client.refused("RegisterDevice", DeviceName="dev1", **P)[:2] == (409, "iot.device.AlreadyExistedDeviceName")
    register(client, "DEV1")
    register(client, ProductKey="q")


def test_a_token_registers_one_device(client):
    made = client.ok("RegisterDevice", ClientToken="t", DeviceName="dev1", **P)["Data"]
    assert client.ok("RegisterDevice", ClientToken="t", DeviceName="dev1", **P)["Data"] == made


def test_a_token_without_a_name_returns_the_name_that_was_made_up(client):
    made = [client.ok("RegisterDevice", ClientToken="t", **P)["Data"] for _ in range(2)]
    assert made[0] == made[1]


def test_secrets_are_each_devices_own_and_a_new_device_has_a_new_one(client):
    first, second = register(client), register(client, "dev2")
    client.ok("DeleteDevice", DeviceName="dev1", **P)
    again = register(client)
    assert len({made["DeviceSecret"] for made in (first, second, again)}) == 3


def test_an_unknown_product_is_registered_only_where_the_setting_says_so(make_app):
    client = Client(make_app(unknown_products="refuse"))
    assert client.refused("RegisterDevice", DeviceName="dev1", **P)[:2] == (404, "iot.prod.NotExistedProduct")


def test_the_id_wins_over_product_and_name(client):
    first, _ = register(client), register(client, "dev2")
    found = client.ok("QueryDeviceDetail", IotId=first["IoTID"], DeviceName="dev2", ProductKey="nothing")["Data"]
    assert found["DeviceName"] == "dev1"


@pytest.mark.parametrize("action", BY_REFERENCE)
@pytest.mark.parametrize(
    ("given", "missing"), [({}, "ProductKey"), ({"DeviceName": "dev1"}, "ProductKey"), (P, "DeviceName")]
)
def test_a_device_must_be_named(client, action, given, missing):
    assert client.refused(action, **given, **extra(action))[:2] == (400, f"Missing{missing}")


@pytest.mark.parametrize("action", BY_REFERENCE)
@pytest.mark.parametrize(
    "given",
    [
        {"DeviceName": "other"},
        {"IotId": "17"},
        {"IotId": "9" * 30},
        {"IotId": "00000000-0000-0000-0000-000000000000"},
        {"IotId": "0caddcb0-25b0-8a6a-9d12-4fc6e9b6b4a1"},
    ],
)
def test_a_device_that_is_not_there(client, action, given):
    register(client)
    found = client.refused(action, **{**P, **given}, **extra(action))
    assert found[:2] == (404, "iot.device.NotExistedDevice")


@pytest.mark.parametrize("action", BY_REFERENCE)
def test_another_accounts_device_is_not_there(app, client, action):
    made = register(client)
    stranger = Client(app, OTHER)
    assert stranger.refused(action, IotId=made["IoTID"], **extra(action))[1] == "iot.device.NotExistedDevice"
    assert stranger.refused(action, DeviceName="dev1", **P, **extra(action))[1] == "iot.prod.NotExistedProduct"
    assert client.ok("QueryDeviceDetail", DeviceName="dev1", **P)["Data"]["Status"] == "UNACTIVE"


def test_another_accounts_devices_are_not_listed(app, client):
    register(client)
    stranger = Client(app, OTHER)
    assert stranger.refused("QueryDevice", **P)[1] == "iot.prod.NotExistedProduct"
    assert (
        stranger.refused("BatchQueryDeviceDetail", **P, **{"DeviceName.1": "dev1"})[1] == "iot.prod.NotExistedProduct"
    )
    assert stranger.refused("RegisterDevice", DeviceName="dev2", **P)[1] == "iot.prod.NotExistedProduct"


def test_a_disabled_device_says_so_until_it_is_enabled(client, held_clock):
    register(client)
    for action, status in (("DisableThing", "DISABLE"), ("DisableThing", "DISABLE"), ("EnableThing", "UNACTIVE")):
        held_clock.seconds += 1
        client.ok(action, DeviceName="dev1", **P)
        (device,) = client.ok("QueryDevice", **P)["Data"]["DeviceInfo"]
        assert device["DeviceStatus"] == status
        assert device["UtcModified"] > device["UtcCreate"]


def test_a_deleted_device_is_gone(client):
    register(client)
    register(client, "dev2")
    client.ok("DeleteDevice", DeviceName="dev1", **P)
    assert client.refused("QueryDeviceDetail", DeviceName="dev1", **P)[1] == "iot.device.NotExistedDevice"
    assert client.ok("QueryDevice", **P)["Total"] == 1
    assert client.ok("QueryProduct", **P)["Data"]["DeviceCount"] == 1


def test_pages_and_tokens_lead_through_the_same_list(client):
    names = [f"dev{n:02}" for n in range(23)]
    for name in names:
        register(client, name)
    by_page, by_token, token = [], [], None
    for number in range(1, 6):
        body = client.ok("QueryDevice", CurrentPage=number, PageSize=5, **P)
        assert (body["Page"], body["PageSize"], body["PageCount"], body["Total"]) == (number, 5, 5, 23)
        by_page += [device["DeviceName"] for device in body["Data"]["DeviceInfo"]]
    while True:
        body = client.ok("QueryDevice", PageSize=5, NextToken=token, **P)
        by_token += [device["DeviceName"] for device in body["Data"]["DeviceInfo"]]
        token = body.get("NextToken")
        if not token:
            break
    assert by_page == by_token
    assert sorted(by_page) == names


@pytest.mark.parametrize(
    ("name", "value"), [("PageSize", "51"), ("PageSize", "0"), ("CurrentPage", "0"), ("NextToken", "x")]
)
def test_a_page_refuses(client, name, value):
    register(client)
    status, code, text = client.refused("QueryDevice", **P, name=value, **{name: value})
    assert (status, code) == (400, "InvalidParameter")
    assert name in text


def test_details_of_several_come_in_the_order_asked_without_those_that_are_not_there(client):
    for name in ("dev1", "dev2", "dev3"):
        register(client, name)
    asked = {"DeviceName.1": "dev3", "DeviceName.2": "nobody", "DeviceName.3": "dev1", "DeviceName.4": "dev3"}
    data = client.ok("BatchQueryDeviceDetail", **P, **asked)["Data"]["Data"]
    assert [device["DeviceName"] for device in data] == ["dev3", "dev1"]
    assert data[0]["DeviceSecret"]


def test_details_of_more_than_a_hundred_are_refused(client):
    asked = {f"DeviceName.{n}": f"dev{n}" for n in range(1, 102)}
    assert client.refused("BatchQueryDeviceDetail", **P, **asked)[:2] == (400, "InvalidParameter")


def test_a_device_that_never_reported_has_no_versions(client):
    register(client)
    body = client.ok("ListOTAModuleVersionsByDevice", DeviceName="dev1", **P, **PAGE)
    assert (body["Total"], body["PageCount"], body["Data"]) == (0, 0, {"SimpleOTAModuleInfo": []})


@pytest.mark.parametrize("name", ["dev", "d" * 33, "de v1", "dev/1", "dev1\n", "é" * 4, "../../x"])
def test_ill_formed_names_are_refused(client, name):
    status, code, text = client.refused("RegisterDevice", DeviceName=name, **P)
    assert (status, code) == (400, "InvalidParameter")
    assert "DeviceName" in text


@pytest.mark.parametrize("nickname", ["abc", "门", "a" * 65, "a-b-c"])
def test_ill_formed_nicknames_are_refused(client, nickname):
    assert client.refused("RegisterDevice", DeviceName="dev1", Nickname=nickname, **P)[1] == "InvalidParameter"
