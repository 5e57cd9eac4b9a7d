"""The Actions on products: made under a key of their own, known by a name that is unique in the account."""

import re

import pytest

from tests.conftest import KEY, OTHER, Client

NEW = {"ProductName": "door_lock", "NodeType": 0}


def create(client, name="door_lock", **params):
    return client.ok("CreateProduct", **{**NEW, "ProductName": name, **params})["ProductKey"]


def test_a_product_comes_back_as_it_was_made(client, held_clock):
    made = client.ok(
        "CreateProduct", ProductName="智能门锁_1", NodeType=1, Description="描" * 100, DataFormat=1,
        AliyunCommodityCode="iothub_senior",
        NetType="CELLULAR", ProtocolType="zigbee", Id2="true", PublishAuto="false", ValidateType=2,
        CategoryKey="Lighting", AuthType="id2",
    )  # fmt: skip
    key, secret = made["ProductKey"], made["Data"]["ProductSecret"]
    assert re.fullmatch("a1[A-Za-z0-9]{9}", key)
    assert re.fullmatch("[0-9a-f]{32}", secret)
    assert made["Data"] == {
        "AliyunCommodityCode": "iothub_senior", "AuthType": "id2", "DataFormat": 1, "Description": "描" * 100,
        "Id2": True, "NodeType": 1, "ProductKey": key, "ProductName": "智能门锁_1", "ProductSecret": secret,
        "ProtocolType": "zigbee",
    }  # fmt: skip
    assert client.ok("QueryProduct", ProductKey=key)["Data"] == {
        "AliyunCommodityCode": "iothub_senior", "AuthType": "id2", "CategoryKey": "Lighting", "DataFormat": 1,
        "Description": "描" * 100, "DeviceCount": 0, "GmtCreate": held_clock.seconds * 1000, "Id2": True, "NetType": 6,
        "NodeType": 1, "Owner": True, "ProductKey": key, "ProductName": "智能门锁_1", "ProductSecret": secret,
        "ProductStatus": "DEVELOPMENT_STATUS", "ProtocolType": "zigbee", "ValidateType": 2,
    }  # fmt: skip


def test_what_is_left_out_is_the_vendors_default(client):
    data = client.ok("QueryProduct", ProductKey=create(client))["Data"]
    assert (data["AliyunCommodityCode"], data["AuthType"], data["NetType"], data["Id2"]) == (
        "iothub",
        "secret",
        3,
        False,
    )
    assert (data["ProductStatus"], data["ValidateType"]) == ("RELEASE_STATUS", 1)
    assert "DataFormat" not in data


def test_a_product_registered_by_its_first_firmware_can_be_queried(client):
    client.make(ProductKey="lock")
    data = client.ok("QueryProduct", ProductKey="lock")["Data"]
    assert (data["ProductName"], data["NodeType"], data["DeviceCount"]) == ("lock", 0, 0)
    assert len(data["ProductSecret"]) == 32


def test_a_name_is_unique_in_the_account(app, client):
    create(client)
    assert client.refused("CreateProduct", **NEW)[:2] == (409, "iot.prod.AlreadyExistedProductName")
    create(Client(app, OTHER))


def test_a_product_that_is_called_like_a_new_key_does_not_stand_in_its_way(client):
    create(client, "lock")
    client.make(ProductKey="lock")
    listed = client.ok("QueryProductList", CurrentPage=1, PageSize=10)["Data"]["List"]["ProductInfo"]
    assert {product["ProductKey"] for product in listed} > {"lock"}
    assert len({product["ProductName"] for product in listed}) == 2


def test_a_token_makes_one_product(client):
    assert create(client, ClientToken="t") == create(client, ClientToken="t")
    found = client.refused("CreateProduct", ProductName="other", NodeType=0, ClientToken="t")
    assert found[:2] == (400, "IdempotentParameterMismatch")


def test_secrets_differ_and_stay(client):
    secrets = set()
    for name in ("first", "second"):
        key = create(client, name)
        secrets |= {client.ok("QueryProduct", ProductKey=key)["Data"]["ProductSecret"] for _ in range(2)}
    assert len(secrets) == 2


def test_pages_are_newest_first_and_by_edition(client):
    keys = [create(client, f"product{n}", AliyunCommodityCode=("iothub", "iothub_senior")[n % 2]) for n in range(5)]
    client.make(ProductKey="auto")  # without an edition of its own it is a basic one

    def listed(page, size, **params):
        data = client.ok("QueryProductList", CurrentPage=page, PageSize=size, **params)["Data"]
        return [product["ProductKey"] for product in data["List"]["ProductInfo"]], data["Total"], data["PageCount"]

    assert listed(1, 4)[1:] == (6, 2)
    assert sorted(listed(1, 4)[0] + listed(2, 4)[0]) == sorted([*keys, "auto"])
    assert sorted(listed(1, 9, AliyunCommodityCode="iothub_senior")[0]) == sorted([keys[1], keys[3]])
    assert listed(1, 9, AliyunCommodityCode="iothub")[1] == 4
    assert listed(3, 4)[0] == []


def test_update_changes_what_is_given(client):
    key = create(client, Description="before")
    client.ok("UpdateProduct", ProductKey=key, ProductName="lock_two")
    data = client.ok("QueryProduct", ProductKey=key)["Data"]
    assert (data["ProductName"], data["Description"]) == ("lock_two", "before")
    client.ok("UpdateProduct", ProductKey=key, ProductName="lock_two", Description="after")
    assert client.ok("QueryProduct", ProductKey=key)["Data"]["Description"] == "after"


def test_update_to_anothers_name_is_refused(client):
    create(client, "taken")
    found = client.refused("UpdateProduct", ProductKey=create(client), ProductName="taken")
    assert found[:2] == (409, "iot.prod.AlreadyExistedProductName")


def test_a_product_goes_once_nothing_is_of_it(client):
    key = create(client)
    client.ok("CreateOTAModule", ProductKey=key, ModuleName="mcu")
    firmware = client.make(ProductKey=key)
    client.ok("RegisterDevice", ProductKey=key, DeviceName="dev1")
    for delete in (("DeleteOTAFirmware", {"FirmwareId": firmware}), ("DeleteDevice", {"DeviceName": "dev1"})):
        status, code, text = client.refused("DeleteProduct", ProductKey=key)
        assert (status, code) == (409, "iot.prod.ProductInUse")
        assert text.endswith(("devices.", "packages."))
        client.ok(delete[0], **({"ProductKey": key} if "DeviceName" in delete[1] else {}), **delete[1])
    client.ok("DeleteProduct", ProductKey=key)
    assert client.refused("QueryProduct", ProductKey=key)[:2] == (404, "iot.prod.NotExistedProduct")
    assert client.ok("QueryProductList", CurrentPage=1, PageSize=1)["Data"]["Total"] == 0
    create(client)  # its name is free again


@pytest.mark.parametrize("action", ["QueryProduct", "DeleteProduct", "UpdateProduct"])
@pytest.mark.parametrize("key", [KEY, OTHER])
def test_a_product_that_is_not_the_accounts_is_not_there(app, client, action, key):
    made = create(client)
    product = made if key == OTHER else "nobodys"
    more = {"ProductName": "something"} if action == "UpdateProduct" else {}
    found = Client(app, key).refused(action, ProductKey=product, **more)
    assert found[:2] == (404, "iot.prod.NotExistedProduct")
    assert client.ok("QueryProduct", ProductKey=made)["Data"]["ProductName"] == "door_lock"


@pytest.mark.parametrize(
    "name", ["abc", "锁", "a" * 31, "锁" * 16, "with blank", "with-dash", "tab\t123", "name\n", "é" * 4]
)
def test_ill_formed_names_are_refused(client, name):
    status, code, text = client.refused("CreateProduct", **{**NEW, "ProductName": name})
    assert (status, code) == (400, "InvalidParameter")
    assert "ProductName" in text


@pytest.mark.parametrize("name", ["abcd", "锁锁", "a" * 30, "锁" * 15, "ろっく_1"])
def test_well_formed_names_are_taken(client, name):
    create(client, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [("NodeType", "2"), ("NetType", "LORA"), ("ProtocolType", "http"), ("DataFormat", "2"), ("Description", "d" * 101)],
)
def test_create_refuses(client, name, value):
    status, code, text = client.refused("CreateProduct", **{**NEW, name: value})
    assert (status, code) == (400, "InvalidParameter")
    assert name in text
