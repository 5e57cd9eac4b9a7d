"""Resource spaces, products and devices, as far as upgrades need them."""

import pytest

from tests.conftest import OTHER, Client
from tests.iotda.conftest import APPS, DEVICES, PACKAGES, PRODUCTS, package


def product(**changes):
    body = {
        "product_id": "lock",
        "name": "Lock",
        "device_type": "lock",
        "protocol_type": "MQTT",
        "data_format": "json",
        "service_capabilities": [{"service_id": "s", "service_type": "t"}],
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def device(**changes):
    return {"node_id": "n1", "product_id": "lock", **changes}


@pytest.fixture
def add(iotda):
    return lambda **changes: iotda.ok("POST", DEVICES, device(**changes), status=201)


def test_there_is_a_default_space(iotda):
    (default,) = iotda.ok("GET", APPS)["applications"]
    assert default["default_app"] is True
    made = iotda.ok("POST", APPS, {"app_name": "Doors"}, status=201)
    assert (made["app_name"], made["default_app"]) == ("Doors", False)
    assert iotda.ok("GET", APPS)["applications"] == [default, made]
    assert iotda.ok("GET", APPS, params={"default_app": "true"})["applications"] == [default]
    assert iotda.ok("GET", APPS, params={"default_app": "false"})["applications"] == [made]
    assert iotda.ok("GET", f"{APPS}/{made['app_id']}") == made
    assert iotda.refused("POST", APPS, {"app_name": "Doors"})[:2] == (400, "IOTDA.908002")
    assert iotda.refused("GET", f"{APPS}/none")[:2] == (404, "IOTDA.908001")
    assert iotda.refused("GET", APPS, params={"default_app": "yes"})[:2] == (400, "IOTDA.000006")


def test_a_product_is_shown_as_it_was_made(iotda):
    (default,) = iotda.ok("GET", APPS)["applications"]
    made = iotda.ok("POST", PRODUCTS, product(manufacturer_name="M", industry="I", description="D"), status=201)
    sent = product(manufacturer_name="M", industry="I", description="D")
    assert {name: made[name] for name in sent} == sent
    assert (made["app_id"], made["app_name"]) == (default["app_id"], default["app_name"])
    assert iotda.ok("GET", f"{PRODUCTS}/lock") == made
    (listed,) = iotda.ok("GET", PRODUCTS)["products"]
    del made["service_capabilities"]
    assert listed == made
    seen = Client(iotda.app).ok("QueryProduct", ProductKey="lock")["Data"]
    assert seen["ProductName"] == "Lock"


def test_products_are_listed_by_space_and_name(iotda):
    for number, space in enumerate(("a", "b", "a")):
        iotda.ok("POST", PRODUCTS, product(product_id=f"p{number}", name=f"N{number}", app_id=space), status=201)
    Client(iotda.app).make(ProductKey="theirs")

    def listed(**params):
        found = iotda.ok("GET", PRODUCTS, params=params)
        assert found["page"]["count"] >= len(found["products"])
        return [each["product_id"] for each in found["products"]]

    assert listed() == ["theirs", "p2", "p1", "p0"]
    assert listed(app_id="a") == ["theirs", "p2", "p0"]
    assert listed(product_name="N1") == ["p1"]
    page = iotda.ok("GET", PRODUCTS, params={"limit": 1})["page"]
    assert listed(limit=1, marker=page["marker"]) == ["p2"]


def test_a_product_in_use_stays(iotda, add):
    iotda.ok("POST", PRODUCTS, product(), status=201)
    made = add()["device_id"]
    assert iotda.refused("DELETE", f"{PRODUCTS}/lock")[:2] == (403, "IOTDA.903003")
    iotda.ok("DELETE", f"{DEVICES}/{made}", status=204)
    iotda.ok("DELETE", f"{PRODUCTS}/lock", status=204)
    assert iotda.refused("GET", f"{PRODUCTS}/lock")[:2] == (404, "IOTDA.903001")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("product_id", "a b"),
        ("product_id", "x" * 37),
        ("product_id", "oss"),
        ("name", "x" * 65),
        ("name", "a\nb"),
        ("protocol_type", "mqtt"),
        ("data_format", "xml"),
        ("service_capabilities", {}),
        ("service_capabilities", ["s"]),
        ("service_capabilities", [{}] * 501),
        ("description", "x" * 129),
    ],
)
def test_a_wrong_field_of_a_product_is_named(iotda, name, value):
    status, code, text = iotda.refused("POST", PRODUCTS, product(**{name: value}))
    assert (status, code) == (400, "IOTDA.000006")
    assert name in text


@pytest.mark.parametrize("changes", [{}, {"name": "Other"}, {"product_id": "other"}])
def test_a_product_is_there_once(iotda, changes):
    iotda.ok("POST", PRODUCTS, product(), status=201)
    assert iotda.refused("POST", PRODUCTS, product(**changes))[:2] == (400, "IOTDA.903002")


def test_a_device_is_shown_as_it_was_made(iotda, add):
    sent = {"device_name": "Front", "description": "D", "extension_info": {"k": 1}, "app_id": "app1"}
    made = add(auth_info={"auth_type": "SECRET", "secret": "devsecret123", "timeout": 0}, **sent)
    assert {name: made[name] for name in sent} == sent
    assert (made["device_id"], made["node_id"], made["status"]) == ("lock_n1", "n1", "INACTIVE")
    assert made["auth_info"] == {"auth_type": "SECRET", "secret": "devsecret123", "timeout": 0}
    assert iotda.ok("GET", f"{DEVICES}/lock_n1") == made
    (listed,) = iotda.ok("GET", DEVICES)["devices"]
    assert "auth_info" not in listed
    assert "devsecret123" not in str(listed)
    seen = Client(iotda.app).ok("QueryDeviceDetail", ProductKey="lock", DeviceName="n1")["Data"]
    assert (seen["DeviceSecret"], seen["Nickname"]) == ("devsecret123", "Front")


def test_a_secret_is_made_where_none_is_given(add):
    assert len(add()["auth_info"]["secret"]) == 32


def test_a_chosen_id_is_the_devices_own(iotda, add):
    made = add(device_id="front-door")
    assert iotda.ok("GET", f"{DEVICES}/front-door") == made
    assert iotda.refused("POST", DEVICES, device(node_id="n2", device_id="front-door"))[:2] == (400, "IOTDA.014031")
    assert iotda.refused("POST", DEVICES, device(node_id="n1", device_id="back-door"))[:2] == (400, "IOTDA.014031")
    assert iotda.by(OTHER).refused("GET", f"{DEVICES}/front-door".replace("0a1b", "ffff"), project=None)[0] == 404


def test_devices_of_the_other_api_have_ids_too(iotda):
    theirs = Client(iotda.app)
    theirs.ok("RegisterDevice", ProductKey="a_b", DeviceName="c_dd")
    iotda.ok("POST", APPS, {"app_name": "first"}, status=201)  # by which the project is the account's
    shown = iotda.ok("GET", f"{DEVICES}/a_b_c_dd")
    assert (shown["product_id"], shown["node_id"]) == ("a_b", "c_dd")
    assert iotda.refused("POST", DEVICES, device(product_id="a", node_id="b_c_dd"))[:2] == (400, "IOTDA.014031")
    for unknown in ("a_b_c", "a_b_c_e", "a", "_" * 300):
        assert iotda.refused("GET", f"{DEVICES}/{unknown}")[:2] == (404, "IOTDA.906001")


def test_devices_are_listed_by_what_is_known_of_them(iotda, add):
    add(node_id="n1", app_id="a", device_name="one")
    add(node_id="n2", app_id="b", product_id="door")
    add(node_id="n3", app_id="a", gateway_id="lock_n1")
    Client(iotda.app).ok("RegisterDevice", ProductKey="lock", DeviceName="theirs")

    def listed(**params):
        found = iotda.ok("GET", DEVICES, params=params)
        assert found["page"]["count"] == len(found["devices"])
        return [each["node_id"] for each in found["devices"]]

    assert listed() == ["theirs", "n3", "n2", "n1"]
    assert listed(product_id="lock") == ["theirs", "n3", "n1"]
    assert listed(app_id="a") == ["theirs", "n3", "n1"]
    assert listed(node_id="n2") == ["n2"]
    assert listed(device_name="one") == ["n1"]
    assert listed(gateway_id="lock_n1") == ["n3"]
    assert listed(end_time="20200101T000000Z") == []
    assert listed(start_time="20200101T000000Z", product_id="door") == ["n2"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device_id", "a b"),
        ("device_id", "x" * 129),
        ("node_id", "n.1"),
        ("node_id", "x" * 65),
        ("product_id", "healthz"),
        ("device_name", "x" * 257),
        ("auth_info", {"auth_type": "CERTIFICATES"}),
        ("auth_info", {"secret": "short"}),
        ("auth_info", {"secret": "x" * 33}),
        ("auth_info", {"timeout": 60}),
        ("description", "x" * 2049),
        ("extension_info", {"k": "x" * 1024}),
    ],
)
def test_a_wrong_field_of_a_device_is_named(iotda, name, value):
    status, code, text = iotda.refused("POST", DEVICES, device(**{name: value}))
    assert (status, code) == (400, "IOTDA.000006")
    assert name in text
    assert "x" * 33 not in text


def test_a_device_below_a_gateway_needs_it(iotda):
    assert iotda.refused("POST", DEVICES, device(gateway_id="lock_g"))[:2] == (404, "IOTDA.906001")


def test_products_are_refused_where_they_must_be_known(make_app):
    from tests.iotda.conftest import Iotda

    iotda = Iotda(make_app(unknown_products="refuse"))
    project = iotda.ok("GET", "/v3/projects", project=None)["projects"][0]["id"]
    path = DEVICES.replace(DEVICES.split("/")[3], project)
    assert iotda.refused("POST", path, device(), project=project)[:2] == (404, "IOTDA.903001")
    assert iotda.refused("GET", path, params={"product_id": "lock"}, project=project)[:2] == (404, "IOTDA.903001")


def test_a_package_registers_its_product_which_is_then_shown(iotda):
    iotda.ok("POST", PACKAGES, package(location={"bucket_name": "free"}), status=201)
    shown = iotda.ok("GET", f"{PRODUCTS}/lock")
    assert (shown["name"], shown["service_capabilities"]) == ("lock", [])
    assert "protocol_type" not in shown


@pytest.mark.parametrize("number", ["1e999", "-1e309", "1e99999999999999999999", "NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_not_finite_are_refused_and_nothing_is_kept(iotda, number):
    nested = f'"service_capabilities":[{{"service_id":"s","x":{{"y":[{number}]}}}}]'
    body = f'{{"name":"n","device_type":"t","protocol_type":"MQTT","data_format":"json",{nested}}}'
    status, code, text = iotda.refused("POST", PRODUCTS, body.encode())
    assert (status, code) == (400, "IOTDA.000008")
    assert f"the body has the number {number[:16]}, expected finite ones" in text
    body = f'{{"node_id":"d","product_id":"lock","extension_info":{{"k":{number}}}}}'
    assert iotda.refused("POST", DEVICES, body.encode())[1] == "IOTDA.000008"
    assert iotda.ok("GET", PRODUCTS)["products"] == []
    assert iotda.ok("GET", DEVICES)["devices"] == []


def test_the_greatest_finite_number_is_kept(iotda):
    info = {"most": 1.7976931348623157e308, "least": 5e-324, "long": 10**300}
    made = iotda.ok("POST", DEVICES, {"node_id": "d", "product_id": "lock", "extension_info": info}, status=201)
    assert iotda.ok("GET", f"{DEVICES}/{made['device_id']}")["extension_info"] == info
