"""The calls that were made: decoded, without secrets; and what is said where others were expected."""

import pytest
import requests

from tests import signer
from tests.conftest import KEY
from tests.iotda import signer as huawei

NAME = {"FirmwareName": "door-lock", "DestVersion": "1"}


def send(otagw, action, **params):
    return requests.get(otagw.sign(action, **params)).json()


def test_a_call_is_decoded(otagw):
    send(otagw, "CreateOTAFirmware", FirmwareDesc="固件 & more", **NAME)
    (call,) = otagw.calls
    assert call.params == {**NAME, "FirmwareDesc": "固件 & more"}
    assert (call.front, call.operation, call.key, call.status, call.code) == (
        "aliyun",
        "CreateOTAFirmware",
        "testid",
        200,
        "",
    )
    assert call.answer["Success"] is True
    assert abs(call.at - otagw.clock.ms) < 60_000


def test_calls_of_every_front_are_there(otagw):
    (device,) = otagw.devices.add("a1lock")
    (hawkbit,) = otagw.devices.add("a1lock", protocol="ddi", name="swu")
    otagw.rollouts.add(otagw.packages.add("p", "2.0", product="a1lock"))
    device.progress(40, "so far")
    hawkbit.fail("flash")
    headers = huawei.headers(KEY, "GET", f"/v5/iot/{huawei.PROJECT}/products", {"limit": "3"}, b"", host=otagw.host)
    answer = requests.get(f"{otagw.url}/v5/iot/{huawei.PROJECT}/products?limit=3", headers=headers)
    assert answer.status_code == 200, answer.text
    otagw.calls.expect("device.progress", percent=40, message="so far").times(1)
    assert otagw.calls.of("ddi.feedback")[-1].params["status"]["result"]["finished"] == "failure"
    otagw.calls.expect("iotda.ListProducts", limit="3").times(1).answered()
    otagw.calls.expect("device.*").at_least(2)


def test_no_secret_is_in_a_call(otagw):
    registered = send(otagw, "RegisterDevice", ProductKey="a1lock", DeviceName="dev1")
    secret = registered["Data"]["DeviceSecret"]
    send(otagw, "GenerateOTAUploadURL", FileSuffix="bin")
    package = otagw.packages.add("p", "1.0")
    info = send(otagw, "QueryOTAFirmware", FirmwareId=package.id)["FirmwareInfo"]
    shown = "".join(f"{call} {call.answer} {call.params}" for call in otagw.calls)
    signature = info["FirmwareUrl"].rpartition("Signature=")[2]
    for hidden in (secret, otagw.key.secret, signature, "SignatureNonce"):
        assert hidden not in shown, hidden
    assert otagw.calls[0].answer["Data"]["DeviceSecret"] == "REDACTED"


def test_a_miss_shows_the_nearest(otagw):
    send(otagw, "CreateOTAFirmware", **NAME)
    send(otagw, "CreateOTAFirmware", FirmwareName="other", DestVersion="2")
    with pytest.raises(AssertionError) as found:
        otagw.calls.expect("CreateOTAFirmware", FirmwareName="door-lock", DestVersion="2")
    text = str(found.value)
    assert "expected at least 1 of CreateOTAFirmware(FirmwareName='door-lock', DestVersion='2'), there were 0" in text
    assert "DestVersion: expected '2', got '1'" in text
    assert "FirmwareName: expected 'door-lock', got 'other'" in text


def test_a_miss_without_any_call_or_of_another_operation(otagw):
    with pytest.raises(AssertionError, match="there was no call at all"):
        otagw.calls.expect("CreateOTAFirmware")
    send(otagw, "CreateOTAModule", ProductKey="a1lock", ModuleName="m")
    with pytest.raises(AssertionError, match="there were calls of CreateOTAModule"):
        otagw.calls.expect("CreateOTAFirmware")


@pytest.mark.parametrize("number", [0, 1, 3])
def test_other_than_so_many(otagw, number):
    for name in ("a", "b"):
        send(otagw, "CreateOTAFirmware", FirmwareName=name, DestVersion="1")
    otagw.calls.expect("CreateOTAFirmware").times(2).answered()
    with pytest.raises(AssertionError, match=f"expected {number} of CreateOTAFirmware"):
        otagw.calls.expect("CreateOTAFirmware").times(number)


def test_what_was_refused_has_its_hint(otagw):
    params = signer.v1(KEY, "ListOTAFirmware", "POST", otagw.clock.ms // 1000)
    requests.get(f"{otagw.url}/?{signer.query(params)}")
    (call,) = otagw.calls.refused
    assert call.code == "SignatureDoesNotMatch"
    assert call.hint.startswith("Another method was signed")
    with pytest.raises(AssertionError, match="SignatureDoesNotMatch"):
        otagw.calls.expect("ListOTAFirmware").answered()
    with pytest.raises(AssertionError, match="all refused with Other"):
        otagw.calls.expect("ListOTAFirmware").refused("Other")


def test_operations_that_there_are_not(otagw):
    send(otagw, "CreateOTAFirmwares", **NAME)
    requests.get(f"{otagw.url}/nowhere")
    assert [call.operation for call in otagw.calls.unknown] == ["CreateOTAFirmwares", ""]
    assert [call.code for call in otagw.calls.unknown] == ["InvalidAction.NotFound", "InvalidApi.NotFound"]


def test_they_are_forgotten(otagw):
    send(otagw, "CreateOTAFirmware", **NAME)
    otagw.calls.clear()
    assert len(otagw.calls) == 0


def test_a_call_of_the_test_itself_is_not_among_them_and_that_is_said(otagw):
    otagw.call("CreateOTAFirmware", **NAME)
    with pytest.raises(AssertionError, match=r"no call at all; what the test asks by call\(\)"):
        otagw.calls.expect("CreateOTAFirmware")


def test_a_refusal_that_quotes_the_request_quotes_no_secret(otagw):
    given = {"ProductKey": "a1lock", "DeviceName": "dev1", "DeviceSecret": "D+v/S3cret?12345678"}
    requests.get(otagw.sign("RegisterDevice", **given).replace("Signature=", "Signature=AA"))
    requests.get(otagw.sign("CreateOTAFirmware", FirmwareUrl="https://user:pass12345@files.test/x", **NAME))
    (wrong, _) = otagw.calls
    shown = "".join(f"{call} {call.answer} {call.text} {call.params}" for call in otagw.calls)
    assert "string to sign" in wrong.text
    for hidden in ("S3cret", "12345678", "pass12345"):
        assert hidden not in shown, hidden


def test_what_was_never_called(otagw):
    otagw.calls.never("CreateOTAFirmware")
    send(otagw, "CreateOTAFirmware", **NAME)
    otagw.calls.never("CreateOTAFirmware", DestVersion="2")
    with pytest.raises(AssertionError, match=r"expected no Create\*, there were 1:\n.*door-lock"):
        otagw.calls.never("Create*")


def test_a_call_of_a_device_says_whose_it_is(otagw):
    (device,) = otagw.devices.add("a1lock")
    device.poll()
    assert otagw.calls[-1].key == "a1lock/device-00001"
    assert " a1lock/device-00001 device.update(" in str(otagw.calls[-1])
