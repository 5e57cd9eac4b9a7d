"""Where unknown products are registered on first use, another account's is not unknown: it is not found."""

import pytest

from tests.conftest import KEY, OTHER, Client
from tests.iotda.conftest import Iotda
from tests.iotda.signer import PROJECT

NAMING = {
    "BatchCheckDeviceNames": {"DeviceName.1": "dev1"},
    "BatchRegisterDevice": {"Count": 1},
    "CreateOTAFirmware": {"FirmwareName": "fw", "DestVersion": "1.0"},
    "CreateOTAModule": {"ModuleName": "radio"},
    "RegisterDevice": {"DeviceName": "dev1"},
}


@pytest.mark.parametrize("action", NAMING)
def test_a_product_of_another_account_is_not_registered_again(app, action):
    owner, asker = Client(app, KEY), Client(app, OTHER)
    owner.ok("CreateOTAModule", ProductKey="p", ModuleName="first")
    assert asker.refused(action, ProductKey="p", **NAMING[action])[:2] == (404, "iot.prod.NotExistedProduct")
    assert asker.ok("QueryProductList", CurrentPage=1, PageSize=10)["Data"]["Total"] == 0
    assert owner.ok("QueryProduct", ProductKey="p")["Data"]["DeviceCount"] == 0
    assert asker.ok(action, ProductKey="q", **NAMING[action])


def test_a_project_of_another_account_is_not_registered_again(app):
    path = f"/v5/iot/{PROJECT}/apps"
    Iotda(app, KEY).ok("POST", path, {"app_name": "a"}, status=201)
    assert Iotda(app, OTHER).refused("GET", path)[:2] == (403, "IOTDA.900403")
    assert Iotda(app, OTHER).ok("GET", "/v3/projects")["projects"][0]["id"] != PROJECT
    assert Iotda(app, OTHER).ok("GET", path.replace(PROJECT, "another"), project="another")
