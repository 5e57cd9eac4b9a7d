"""Modules by the vendor's API."""

import pytest

from tests.conftest import OTHER, Client
from tests.iotda.conftest import MODULES, PACKAGES, package


def body(**changes):
    return {"app_id": "app1", "product_id": "lock", "module_name": "mcu", **changes}


def test_a_module_is_made_shown_changed_and_deleted(iotda, held_clock):
    found = iotda.ok("POST", MODULES, body(alias_name="Motor"), status=201)
    path = f"{MODULES}/{found['module_id']}"
    assert found == {
        **body(alias_name="Motor"),
        "module_id": found["module_id"],
        "create_time": "20261118T110640Z",
    }
    assert iotda.ok("GET", path) == found
    changed = {**found, "alias_name": "M", "description": "d"}
    assert iotda.ok("PUT", path, {"alias_name": "M", "description": "d"}) == changed
    assert iotda.ok("PUT", path, {}) == changed
    iotda.ok("DELETE", path, status=204)
    for method in ("GET", "PUT", "DELETE"):
        assert iotda.refused(method, path)[:2] == (404, "IOTDA.902001")


def test_pages_follow_a_marker(iotda, held_clock):
    for number in range(3):
        held_clock.seconds += 1
        iotda.ok("POST", MODULES, body(module_name=f"m{number}"), status=201)
    iotda.ok("POST", MODULES, body(app_id="app2", product_id="other"), status=201)
    seen, marker = [], "f" * 24
    for _ in range(3):
        page = iotda.ok("GET", MODULES, params={"app_id": "app1", "limit": 2, "marker": marker})
        assert page["page"]["count"] == 3
        seen += [module["module_name"] for module in page["modules"]]
        marker = page["page"]["marker"]
    assert seen == ["m2", "m1", "m0"]
    params = {"app_id": "app2", "product_id": "other"}
    assert iotda.ok("GET", MODULES, params=params)["page"]["count"] == 1
    assert iotda.ok("GET", MODULES, params={**params, "product_id": "lock"})["page"]["count"] == 0


def test_a_name_is_taken_once_in_any_case_by_whichever_front(iotda):
    Client(iotda.app).ok("CreateOTAModule", ProductKey="lock", ModuleName="MCU")
    assert iotda.refused("POST", MODULES, body())[:2] == (400, "IOTDA.902002")


def test_a_product_has_ten(iotda):
    for number in range(10):
        iotda.ok("POST", MODULES, body(module_name=f"m{number}"), status=201)
    assert iotda.refused("POST", MODULES, body())[:2] == (403, "IOTDA.902004")
    wanted = package(package_type="modulePackage", module_name="mcu")
    assert iotda.refused("POST", PACKAGES, wanted)[:2] == (403, "IOTDA.902004")


def test_a_module_with_packages_stays(iotda):
    made = iotda.ok("POST", MODULES, body(), status=201)
    iotda.ok("POST", PACKAGES, package(package_type="modulePackage", module_name="mcu"), status=201)
    assert iotda.refused("DELETE", f"{MODULES}/{made['module_id']}")[:2] == (403, "IOTDA.902003")


def test_another_accounts_module_is_not_found(iotda):
    made = iotda.ok("POST", MODULES, body(), status=201)
    path = f"{MODULES.replace('0a1b', '9999')}/{made['module_id']}"
    for method in ("GET", "PUT", "DELETE"):
        assert iotda.by(OTHER).refused(method, path, project=None)[:2] == (404, "IOTDA.902001")


@pytest.mark.parametrize(
    ("name", "value"),
    [("module_name", "default"), ("module_name", "a b"), ("alias_name", "a" * 65), ("description", "d" * 1025),
     ("app_id", ""), ("product_id", None)],
)  # fmt: skip
def test_an_ill_formed_field_is_named(iotda, name, value):
    status, code, text = iotda.refused("POST", MODULES, body(**{name: value}))
    assert (status, code) == (400, "IOTDA.000006")
    assert f" {name} is " in text
