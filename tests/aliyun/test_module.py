"""The Actions on modules: ten of a product beside the one that is always there, names without regard to case."""

import pytest

from tests.conftest import OTHER, Client

PRODUCT = {"ProductKey": "p"}


def names(client, product="p"):
    return [module["ModuleName"] for module in client.ok("ListOTAModuleByProduct", ProductKey=product)["Data"]]


def create(client, name="MCU", **params):
    client.ok("CreateOTAModule", **{**PRODUCT, "ModuleName": name, **params})


def test_a_module_comes_back_as_it_was_made(client, held_clock):
    create(client, AliasName="主控-1", Desc="描" * 100)
    held_clock.seconds += 60
    assert client.ok("ListOTAModuleByProduct", **PRODUCT)["Data"] == [
        {
            "ProductKey": "p", "ModuleName": "default",
            "GmtCreate": "2026-11-18T11:06Z", "GmtModified": "2026-11-18T11:06Z",
        },
        {
            "ProductKey": "p", "ModuleName": "MCU", "AliasName": "主控-1", "Desc": "描" * 100,
            "GmtCreate": "2026-11-18T11:06Z", "GmtModified": "2026-11-18T11:06Z",
        },
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["MCU", "mcu", "default", "DEFAULT"])
def test_a_name_is_taken_once_in_any_case(client, name):
    create(client)
    status, code, _ = client.refused("CreateOTAModule", ModuleName=name, **PRODUCT)
    assert (status, code) == (409, "iot.ota.ModuleNameExists")


def test_ten_modules_are_made_and_the_eleventh_is_not(client):
    for number in range(10):
        create(client, f"m{number}")
    status, code, _ = client.refused("CreateOTAModule", ModuleName="m10", **PRODUCT)
    assert (status, code) == (403, "iot.ota.ModuleCountExceeded")
    client.ok("DeleteOTAModule", ModuleName="m3", **PRODUCT)
    create(client, "m10")


def test_an_unknown_product_is_registered_only_where_the_setting_says_so(make_app):
    client = Client(make_app(unknown_products="refuse"))
    found = client.refused("CreateOTAModule", ModuleName="m", **PRODUCT)
    assert found[:2] == (404, "iot.prod.NotExistedProduct")


def test_an_unknown_module_of_a_package_is_refused_where_the_setting_says_so(environment, make_app):
    create(Client(make_app()))
    client = Client(make_app(unknown_products="refuse"))
    client.make("known", ModuleName="mcu", **PRODUCT)
    found = client.refused("CreateOTAFirmware", FirmwareName="n", DestVersion="1", ModuleName="x", **PRODUCT)
    assert found[:2] == (404, "iot.ota.ModuleNotFound")


def test_a_package_shows_the_module_as_the_module_was_written(client):
    create(client)
    identity = client.make(ModuleName="mcu", **PRODUCT)
    assert client.ok("QueryOTAFirmware", FirmwareId=identity)["FirmwareInfo"]["ModuleName"] == "MCU"


def test_update_changes_what_is_given(client, held_clock):
    create(client, AliasName="one", Desc="d")
    held_clock.seconds += 60
    client.ok("UpdateOTAModule", ModuleName="mcu", AliasName="two", **PRODUCT)
    module = client.ok("ListOTAModuleByProduct", **PRODUCT)["Data"][1]
    assert (module["AliasName"], module["Desc"]) == ("two", "d")
    assert (module["GmtCreate"], module["GmtModified"]) == ("2026-11-18T11:06Z", "2026-11-18T11:07Z")


def test_update_of_nothing_is_accepted(client):
    create(client)
    client.ok("UpdateOTAModule", ModuleName="MCU", **PRODUCT)


@pytest.mark.parametrize("action", ["UpdateOTAModule", "DeleteOTAModule"])
@pytest.mark.parametrize(
    ("product", "name", "found"),
    [
        ("p", "other", (404, "iot.ota.ModuleNotFound")),
        ("q", "MCU", (404, "iot.prod.NotExistedProduct")),
        ("p", "Default", (403, "iot.ota.ModuleProtected")),
    ],
)
def test_what_is_not_there_or_built_in_is_refused(client, action, product, name, found):
    create(client)
    assert client.refused(action, ProductKey=product, ModuleName=name)[:2] == found


def test_a_module_that_packages_are_for_stays_until_the_last_is_gone(client):
    one = client.make("one", ModuleName="MCU", **PRODUCT)
    two = client.make("two", ModuleName="mcu", **PRODUCT)
    for identity in (one, two):
        assert client.refused("DeleteOTAModule", ModuleName="MCU", **PRODUCT)[:2] == (409, "iot.ota.ModuleInUse")
        client.ok("DeleteOTAFirmware", FirmwareId=identity)
    client.ok("DeleteOTAModule", ModuleName="MCU", **PRODUCT)
    assert names(client) == ["default"]


def test_another_accounts_modules_are_not_there(app, client):
    create(client)
    stranger = Client(app, OTHER)
    for action in ("CreateOTAModule", "UpdateOTAModule", "DeleteOTAModule"):
        assert stranger.refused(action, ModuleName="MCU", **PRODUCT)[1] == "iot.prod.NotExistedProduct"
    assert stranger.refused("ListOTAModuleByProduct", **PRODUCT)[1] == "iot.prod.NotExistedProduct"
    assert names(client) == ["default", "MCU"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ModuleName", "m" * 65),
        ("ModuleName", "m u"),
        ("AliasName", "a" * 65),
        ("AliasName", "(a)"),
        ("Desc", "d" * 101),
    ],
)
def test_create_refuses(client, name, value):
    params = {**PRODUCT, "ModuleName": "m", name: value}
    status, code, text = client.refused("CreateOTAModule", **params)
    assert (status, code) == (400, "InvalidParameter")
    assert name in text
