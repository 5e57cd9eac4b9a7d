"""Devices registered many at a time: names are checked first, and all of them are registered or none."""

import pytest

from otagw import runtime, worker
from otagw.ota.devices import batch_registration
from tests import signer
from tests.conftest import KEY, OTHER, Client

P = {"ProductKey": "p"}


def numbered(prefix, values):
    return {f"{prefix}.{number}": value for number, value in enumerate(values, 1)}


def check(client, *names, **params):
    return client.ok("BatchCheckDeviceNames", **P, **numbered("DeviceName", names), **params)["Data"]


def go_on(client):
    """Let the worker register what is left of batches."""
    with runtime.entered(client.app.extensions["otagw"]["runtime"]):
        while worker.STEPS["ota.devices.register_due"]():
            pass


def status(client, apply_id):
    return client.ok("QueryBatchRegisterDeviceStatus", ApplyId=apply_id, **P)["Data"]


def names(client):
    return sorted(device["DeviceName"] for device in client.ok("QueryDevice", PageSize=50, **P)["Data"]["DeviceInfo"])


def test_checked_names_are_registered_once(client):
    data = check(client, "dev1", "dev2")
    assert data["InvalidDetailList"] == {"InvalidDetailList": []}
    found = status(client, data["ApplyId"])
    assert (found["Status"], found["ValidList"]) == ("CHECK_SUCCESS", {"Name": ["dev1", "dev2"]})
    assert names(client) == []
    for _ in range(2):
        done = client.ok("BatchRegisterDeviceWithApplyId", ApplyId=data["ApplyId"], **P)
        assert done["Data"] == {"ApplyId": data["ApplyId"]}
    assert status(client, data["ApplyId"]) == {
        "Status": "CREATE_SUCCESS",
        "ValidList": {"Name": ["dev1", "dev2"]},
        "InvalidList": {"Name": []},
        "InvalidDetailList": {"invalidDetailList": []},
    }
    assert names(client) == ["dev1", "dev2"]


def test_the_devices_of_a_batch_are_listed_with_their_secrets(client):
    apply_id = check(client, "dev1", "dev2", "dev3")["ApplyId"]
    client.ok("BatchRegisterDeviceWithApplyId", ApplyId=apply_id, **P)
    client.ok("RegisterDevice", DeviceName="dev4", **P)
    body = client.ok("QueryPageByApplyId", ApplyId=apply_id, PageSize=2)
    assert (body["Page"], body["PageSize"], body["PageCount"], body["Total"]) == (1, 2, 2, 3)
    last = client.ok("QueryPageByApplyId", ApplyId=apply_id, PageSize=2, CurrentPage=2)
    devices = body["ApplyDeviceList"]["ApplyDeviceInfo"] + last["ApplyDeviceList"]["ApplyDeviceInfo"]
    assert sorted(device["DeviceName"] for device in devices) == ["dev1", "dev2", "dev3"]
    for device in devices:
        detail = client.ok("QueryDeviceDetail", IotId=device["IoTID"])["Data"]
        assert device["DeviceSecret"] == detail["DeviceSecret"]


def test_what_is_wrong_with_names_is_said_of_each(client):
    client.ok("RegisterDevice", DeviceName="taken", **P)
    data = check(client, "dev1", "x", "dev1", "taken", "with blank")
    assert data["InvalidDeviceNameList"] == {"InvalidDeviceName": ["x", "with blank"]}
    assert data["RepeatedDeviceNameList"] == {"RepeatDevieNameList": ["dev1", "taken"]}
    details = {d["DeviceName"]: d["ErrorMsg"] for d in data["InvalidDetailList"]["InvalidDetailList"]}
    assert details["x"].startswith("expected 4 to 32 of")
    assert details["dev1"] == "the name comes twice"
    assert details["taken"] == "the product has a device of this name"
    found = status(client, data["ApplyId"])
    assert (found["Status"], found["InvalidList"]) == ("CHECK_FAILED", {"Name": ["dev1", "taken", "with blank", "x"]})
    assert found["InvalidDetailList"]["invalidDetailList"][0]["ErrorMsg"].startswith("expected")


def test_a_batch_with_a_refused_name_is_not_registered(client):
    apply_id = check(client, "dev1", "x")["ApplyId"]
    found = client.refused("BatchRegisterDeviceWithApplyId", ApplyId=apply_id, **P)
    assert found[:2] == (409, "iot.device.ApplyManyDevicesFailed")
    assert names(client) == []


def test_a_name_that_is_taken_after_the_check_fails_the_whole_batch(client):
    apply_id = check(client, "dev1", "dev2")["ApplyId"]
    client.ok("RegisterDevice", DeviceName="dev2", **P)
    client.ok("BatchRegisterDeviceWithApplyId", ApplyId=apply_id, **P)
    found = status(client, apply_id)
    assert (found["Status"], found["InvalidList"], found["ValidList"]) == (
        "CREATE_FAILED",
        {"Name": ["dev2"]},
        {"Name": ["dev1"]},
    )
    assert names(client) == ["dev2"]
    found = client.refused("BatchRegisterDeviceWithApplyId", ApplyId=apply_id, **P)
    assert found[:2] == (409, "iot.device.ApplyManyDevicesFailed")


def test_names_may_come_with_nicknames(client):
    given = {
        "DeviceNameList.1.DeviceName": "dev1", "DeviceNameList.1.DeviceNickname": "前门_1",
        "DeviceNameList.2.DeviceName": "dev2",
        "DeviceNameList.3.DeviceName": "dev3", "DeviceNameList.3.DeviceNickname": "x",
    }  # fmt: skip
    data = client.ok("BatchCheckDeviceNames", **P, **given)["Data"]
    assert data["InvalidDeviceNicknameList"] == {"InvalidDeviceNickname": ["x"]}
    assert data["InvalidDeviceNameList"] == {"InvalidDeviceName": []}
    del given["DeviceNameList.3.DeviceName"], given["DeviceNameList.3.DeviceNickname"]
    apply_id = client.ok("BatchCheckDeviceNames", **P, **given)["Data"]["ApplyId"]
    client.ok("BatchRegisterDeviceWithApplyId", ApplyId=apply_id, **P)
    devices = client.ok("QueryDevice", **P)["Data"]["DeviceInfo"]
    assert {device["DeviceName"]: device.get("Nickname") for device in devices} == {"dev1": "前门_1", "dev2": None}


def test_ten_thousand_names_with_nicknames_pass_in_one_form(client):
    given = {}
    for number in range(1, 10_001):
        given[f"DeviceNameList.{number}.DeviceName"] = f"device-{number:024}"
        given[f"DeviceNameList.{number}.DeviceNickname"] = f"nickname_{number:05}"
    params = signer.v1(KEY, "BatchCheckDeviceNames", "POST", **P, **given)
    form = "application/x-www-form-urlencoded"
    body = client.http.post("/", data=signer.query(params), content_type=form).json
    assert body["Success"] is True
    client.ok("BatchRegisterDeviceWithApplyId", ApplyId=body["Data"]["ApplyId"], **P)
    assert status(client, body["Data"]["ApplyId"])["Status"] == "CREATE"
    go_on(client)
    assert client.ok("QueryDevice", **P)["Total"] == 10_000


def test_one_name_too_many_is_refused(client):
    params = signer.v1(KEY, "BatchCheckDeviceNames", "POST", **P, **numbered("DeviceName", ["dev1"] * 10_001))
    form = "application/x-www-form-urlencoded"
    body = client.http.post("/", data=signer.query(params), content_type=form).json
    assert (body["Code"], "DeviceName" in body["ErrorMessage"]) == ("InvalidParameter", True)


def test_names_are_given_in_one_way(client):
    given = {"DeviceName.1": "dev1", "DeviceNameList.1.DeviceName": "dev2"}
    assert client.refused("BatchCheckDeviceNames", **P, **given)[1] == "InvalidParameter"
    assert client.refused("BatchCheckDeviceNames", **P)[1] == "MissingDeviceName.1"


def test_the_gateway_makes_up_as_many_names_as_are_asked_for(client):
    apply_id = client.ok("BatchRegisterDevice", Count=10_000, **P)["Data"]["ApplyId"]
    assert status(client, apply_id)["Status"] == "CREATE"
    assert client.ok("QueryPageByApplyId", ApplyId=apply_id)["Total"] == client.ok("QueryDevice", **P)["Total"] == 500
    go_on(client)
    found = status(client, apply_id)
    assert (found["Status"], len(set(found["ValidList"]["Name"]))) == ("CREATE_SUCCESS", 10_000)
    assert client.ok("QueryPageByApplyId", ApplyId=apply_id)["Total"] == 10_000
    assert client.ok("QueryProduct", **P)["Data"]["DeviceCount"] == 10_000


def test_five_hundred_devices_are_there_when_the_answer_comes(client):
    apply_id = client.ok("BatchRegisterDevice", Count=500, **P)["Data"]["ApplyId"]
    assert status(client, apply_id)["Status"] == "CREATE_SUCCESS"
    assert client.ok("QueryDevice", **P)["Total"] == 500


def test_nobody_else_gets_a_name_of_a_batch_that_is_being_registered(client, monkeypatch):
    monkeypatch.setattr(batch_registration, "AT_ONCE", 1)
    apply_id = check(client, "dev1", "dev2")["ApplyId"]
    late = check(client, "dev2", "dev3")["ApplyId"]
    client.ok("BatchRegisterDeviceWithApplyId", ApplyId=apply_id, **P)
    assert (status(client, apply_id)["Status"], names(client)) == ("CREATE", ["dev1"])
    for name in ("dev1", "dev2"):
        assert client.refused("RegisterDevice", DeviceName=name, **P)[1] == "iot.device.AlreadyExistedDeviceName"
    details = check(client, "dev2", "dev4")["InvalidDetailList"]["InvalidDetailList"]
    assert [each["DeviceName"] for each in details] == ["dev2"]
    client.ok("BatchRegisterDeviceWithApplyId", ApplyId=late, **P)
    assert (status(client, late)["Status"], status(client, late)["InvalidList"]) == (
        "CREATE_FAILED",
        {"Name": ["dev2"]},
    )
    client.ok("RegisterDevice", DeviceName="dev5", **P)
    client.ok("BatchRegisterDeviceWithApplyId", ApplyId=apply_id, **P)
    go_on(client)
    assert (status(client, apply_id)["Status"], names(client)) == ("CREATE_SUCCESS", ["dev1", "dev2", "dev5"])


def test_a_product_of_another_key_is_not_barred_by_a_batch(client, monkeypatch):
    monkeypatch.setattr(batch_registration, "AT_ONCE", 1)
    client.ok("BatchRegisterDeviceWithApplyId", ApplyId=check(client, "dev1", "dev2")["ApplyId"], **P)
    client.ok("RegisterDevice", DeviceName="dev2", ProductKey="q")
    go_on(client)
    assert names(client) == ["dev1", "dev2"]


def test_a_token_makes_one_batch(client):
    ids = {client.ok("BatchRegisterDevice", Count=2, ClientToken="t", **P)["Data"]["ApplyId"] for _ in range(2)}
    assert len(ids) == 1
    assert client.ok("QueryDevice", **P)["Total"] == 2


@pytest.mark.parametrize("count", ["0", "10001", "-1", "1.5"])
def test_a_count_out_of_bounds_is_refused(client, count):
    assert client.refused("BatchRegisterDevice", Count=count, **P)[1] == "InvalidParameter"


@pytest.mark.parametrize(
    "action", ["BatchRegisterDeviceWithApplyId", "QueryBatchRegisterDeviceStatus", "QueryPageByApplyId"]
)
def test_a_batch_that_is_not_there(app, client, action):
    apply_id = check(client, "dev1")["ApplyId"]
    more = {} if action == "QueryPageByApplyId" else P
    assert client.refused(action, ApplyId=apply_id + 1, **more)[:2] == (404, "iot.device.DeviceApplyIsNotFound")
    assert Client(app, OTHER).refused(action, ApplyId=apply_id, **more)[1] == "iot.device.DeviceApplyIsNotFound"
    if more:
        found = client.refused(action, ApplyId=apply_id, ProductKey="q")
        assert found[1] == "iot.device.DeviceApplyIsNotFound"


def test_a_check_is_forgotten_after_a_day_but_not_a_registration(client, held_clock):
    checked, kept = check(client, "dev1")["ApplyId"], client.ok("BatchRegisterDevice", Count=1, **P)["Data"]["ApplyId"]
    held_clock.seconds += 24 * 3600 + 1
    check(client, "dev2")
    assert (
        client.refused("QueryBatchRegisterDeviceStatus", ApplyId=checked, **P)[1] == "iot.device.DeviceApplyIsNotFound"
    )
    assert status(client, kept)["Status"] == "CREATE_SUCCESS"
