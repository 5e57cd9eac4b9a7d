"""Faults: every effect, by every choice of requests, in every front; and what is no fault is refused."""

import contextlib
import time

import pytest
import requests

from otagw.testing import Gateway
from otagw.testing.faults import Unmet
from otagw.testing.gateway import Trouble
from tests import signer
from tests.conftest import KEY
from tests.oss.conftest import BOUNDARY, body_of, fields_of

NAME = {"FirmwareName": "x", "DestVersion": "1"}
LIST = {"CurrentPage": 1, "PageSize": 10}


def create(otagw, **params):
    return requests.get(otagw.sign("CreateOTAFirmware", **{**NAME, **params}))


def total(otagw):
    return otagw.call("ListOTAFirmware", **LIST)["Total"]


@pytest.mark.parametrize(
    ("code", "status", "text"),
    [("Throttling.User", 400, "user flow control"), ("ServiceUnavailable", 503, "temporary failure"),
     ("InternalError", 500, "unknown error"), ("iot.ota.FirmwareNotFound", 404, "does not exist"),
     ("MissingFirmwareName", 400, "FirmwareName is mandatory"), ("InvalidParameter", 400, "expected another value"),
     ("NoPermission", 403, "has no grant"), ("iot.system.SystemException", 400, "refuses this request")],
)  # fmt: skip
def test_a_code_comes_in_the_vendors_words(otagw, code, status, text):
    fault = otagw.faults.add("CreateOTAFirmware", code=code)
    answer = create(otagw)
    assert (answer.status_code, answer.json()["Code"]) == (status, code)
    assert text in answer.json()["ErrorMessage"]
    assert (fault.met, total(otagw)) == (1, 0)


def test_a_message_and_a_status_of_ones_own(otagw):
    otagw.faults.add("CreateOTAFirmware", code="iot.ota.Odd", message="odd indeed", status=418, times=1)
    answer = create(otagw)
    assert (answer.status_code, answer.json()["Code"], answer.json()["ErrorMessage"]) == (
        418,
        "iot.ota.Odd",
        "odd indeed",
    )
    assert create(otagw).json()["Success"] is True


def test_how_long_to_stay_away_is_said_as_the_vendor_does(otagw):
    otagw.faults.add("CreateOTAFirmware", code="Throttling.User", retry_after=1.5, times=1)
    headers = create(otagw).headers
    assert (headers["x-acs-retry-after"], headers["Retry-After"]) == ("1500", "2")


def test_a_status_is_for_every_front(otagw):
    (device,) = otagw.devices.add("a1lock")
    (hawkbit,) = otagw.devices.add("a1lock", protocol="ddi", name="swu")
    otagw.faults.add("*", status=503, optional=True)
    assert create(otagw).json()["Code"] == "ServiceUnavailable"
    for one in (device, hawkbit):
        with pytest.raises(Exception, match="poll: 503"):
            one.poll()
    otagw.calls.expect("device.update").refused("unavailable")
    otagw.calls.expect("ddi.poll").refused("unavailable")


def test_each_nth_so_often_and_by_chance(otagw):
    otagw.faults.add("CreateOTAFirmware", status=503, every=3, times=2)
    came = [create(otagw, FirmwareName=f"n{number}").status_code for number in range(12)]
    assert came == [200, 200, 503, 200, 200, 503, *[200] * 6]
    otagw.reset()
    otagw.faults.add("CreateOTAFirmware", status=503, probability=0.5)
    first = [create(otagw, FirmwareName=f"n{number}").status_code for number in range(20)]
    assert {*first} == {200, 503}
    otagw.reset()
    otagw.faults.add("CreateOTAFirmware", status=503, probability=0.5)
    assert [create(otagw, FirmwareName=f"n{number}").status_code for number in range(20)] == first


def test_only_a_key_a_device_or_some_parameters(otagw):
    other = otagw.accounts.add("factory")
    otagw.faults.add("CreateOTAFirmware", status=503, key=other)
    assert create(otagw).status_code == 200
    assert requests.get(other.sign("CreateOTAFirmware", **NAME)).status_code == 503
    one, two = otagw.devices.add("a1lock", 2)
    otagw.faults.add("device.*", status=503, device=two)
    assert one.poll() is None
    with pytest.raises(Exception, match="503"):
        two.poll()
    otagw.faults.add("QueryProduct", status=500, params={"ProductKey": "a1lock"})
    answers = [requests.get(otagw.sign("QueryProduct", ProductKey=key)).status_code for key in ("a1lock", "a1other")]
    assert answers == [500, 404]


def test_done_but_the_answer_is_lost(otagw):
    otagw.faults.add("CreateOTAFirmware", after="commit", times=1)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        create(otagw, ClientToken="t")
    assert total(otagw) == 1
    assert create(otagw, ClientToken="t").json()["Success"] is True
    assert create(otagw).json()["Code"] == "iot.ota.FirmwareNameExists"


def test_lost_before_anything_is_done(otagw):
    otagw.faults.add("CreateOTAFirmware", before="commit", times=1)
    otagw.faults.add("CreateOTAFirmware", before="commit", times=1, reset=False)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        create(otagw)
    with pytest.raises(requests.ConnectionError, match="closed connection without response"):
        create(otagw)
    assert total(otagw) == 0


def test_a_delay_is_waited_for_and_ended_by_a_reset(otagw):
    otagw.faults.add("CreateOTAFirmware", delay=3600)
    with pytest.raises(requests.ReadTimeout):
        requests.get(otagw.sign("CreateOTAFirmware", **NAME), timeout=0.2)
    otagw.reset()
    assert total(otagw) == 0


def test_a_delay_may_be_as_long_as_it_likes(otagw):
    otagw.faults.add("CreateOTAFirmware", delay=1e300)
    with pytest.raises(requests.ReadTimeout):
        requests.get(otagw.sign("CreateOTAFirmware", **NAME), timeout=0.2)
    otagw.faults.clear()
    otagw.verify()


def upload(otagw, data):
    form = otagw.call("GenerateOTAUploadURL", FileSuffix="bin")["Data"]
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return requests.post(form["Host"], data=body_of(fields_of(form), data), headers=kind), form


def test_an_operation_that_two_fronts_have(otagw):
    """Both vendors call it CreateProduct, say; the front in front of the name says which is meant."""
    otagw.faults.add("iotda.ListProducts", status=503, optional=True)
    otagw.faults.add("aliyun.QueryProduct", status=500)
    assert requests.get(otagw.sign("QueryProduct", ProductKey="a1lock")).status_code == 500


def test_an_upload_breaks_off_just_where_it_is_told(otagw):
    otagw.faults.add("oss.upload", bandwidth=1_000_000, drop_after=50_000, times=1)
    with pytest.raises(requests.ConnectionError):
        upload(otagw, b"x" * 50_001)
    beyond = otagw.faults.add("oss.upload", drop_after=60_000, times=1, optional=True)
    assert upload(otagw, b"x" * 50_001)[0].status_code == 204
    assert (beyond.met, beyond.seen) == (0, 1)


def test_an_upload_breaks_off_and_leaves_nothing(otagw):
    otagw.faults.add("oss.upload", drop_after=50_000, times=1)
    with pytest.raises(requests.ConnectionError):
        upload(otagw, b"x" * 2_000_000)
    answer, form = upload(otagw, b"x" * 2_000_000)
    assert answer.status_code == 204
    assert otagw.call("CreateOTAFirmware", FirmwareUrl=form["FirmwareUrl"], **NAME)["Success"] is True


def test_a_download_is_slow_and_breaks_off(otagw):
    package = otagw.packages.add("p", "1.0", data=b"x" * 20_000)
    url = otagw.call("QueryOTAFirmware", FirmwareId=package.id)["FirmwareInfo"]["FirmwareUrl"]
    otagw.faults.add("oss.download", drop_after=5_000, times=1)
    with pytest.raises(requests.RequestException):
        _ = requests.get(url).content
    otagw.faults.add("oss.download", bandwidth=100_000, times=1)
    started = time.monotonic()
    assert requests.get(url).content == package.data
    assert time.monotonic() - started >= 0.15  # 20,000 bytes at 100,000 a second, and no more bound than that


def test_an_answer_to_a_post_breaks_off_too(otagw):
    otagw.faults.add("ListOTAFirmware", drop_after=20, times=1)
    params = signer.v1(
        KEY, "ListOTAFirmware", "POST", time.time(), **{name: str(value) for name, value in LIST.items()}
    )
    with pytest.raises(requests.RequestException):
        _ = requests.post(otagw.url, data=params).content
    assert requests.get(otagw.sign("ListOTAFirmware", **LIST)).json()["Total"] == 0


def test_a_device_goes_on_where_its_download_broke_off(otagw):
    (device,) = otagw.devices.add("a1lock")
    otagw.rollouts.add(otagw.packages.add("p", "2.0", data=b"x" * 20_000, product="a1lock"))
    otagw.faults.add("oss.download", drop_after=8_000, times=1)
    with pytest.raises(Exception, match="download"):
        device.take()
    device.take()
    assert device.version == "2.0"


def test_an_answer_is_altered(otagw):
    otagw.faults.add("ListOTAFirmware", alter=lambda answer: {**answer, "Total": "many"})
    assert requests.get(otagw.sign("ListOTAFirmware", **LIST)).json()["Total"] == "many"


def test_an_error_in_what_alters_an_answer_fails_the_test():
    def story():
        with Gateway() as otagw:
            otagw.faults.add("ListOTAFirmware", alter=lambda answer: answer["Nothing"])
            assert requests.get(otagw.sign("ListOTAFirmware", **LIST)).status_code == 500

    with pytest.raises(Trouble, match="KeyError: 'Nothing'"):
        story()


def test_the_call_that_a_test_makes_for_itself_meets_none(otagw):
    otagw.faults.add("*", status=503, optional=True)
    assert otagw.call("CreateOTAFirmware", **NAME)["Success"] is True
    otagw.packages.add("p", "1.0")
    assert len(otagw.calls) == 0


@pytest.mark.parametrize(
    ("operation", "how", "problem"),
    [("CreateOtaFirmware", {"status": 503}, "did you mean CreateOTAFirmware"),
     ("Nothing", {"status": 503}, "no operation"), ("*", {}, "expected an effect"),
     ("*", {"state": 503}, "did you mean status"), ("*", {"met": 3}, "has no met"),
     ("*", {"status": 200}, "400 to 599"), ("*", {"status": 503, "times": 0}, "times and every"),
     ("*", {"status": 503, "every": 0}, "times and every"), ("*", {"status": 503, "probability": 2}, "probability"),
     ("*", {"after": "lunch"}, 'before="commit"'), ("*", {"after": "commit", "before": "commit"}, "not both"),
     ("*", {"bandwidth": 0}, "expected"), ("*", {"delay": -1}, "delay"),
     ("*", {"delay": float("inf")}, "numbers"), ("*", {"code": 5}, "texts"),
     ("*", {"params": ["x"], "status": 503}, "mapping"),
     ("*", {"alter": {}}, "function"), ("*", {"status": 503.5}, "whole"),
     ("*", {"code": "Throtling.User"}, "Throttling.User"),
     ("oss.upload", {"drop_after": 1, "device": "d"}, "links and forms"),
     ("*", {"status": 503, "key": "a", "device": "b"}, "not both"), ("*", {"drop_after": -1}, "drop_after"),
     ("*", {"status": "bad"}, "whole numbers"), ("*", {"status": 503, "times": "two"}, "whole numbers")],
)  # fmt: skip
def test_what_is_no_fault_is_refused(otagw, operation, how, problem):
    with pytest.raises(ValueError, match=problem):
        otagw.faults.add(operation, **how)
    assert len(otagw.faults) == 0


def test_a_fault_that_was_never_met_fails_by_name():
    def story():
        with Gateway() as otagw:
            otagw.faults.add("CreateOTAFirmware", code="Throttling.User", times=2)
            otagw.faults.add("ListOTAFirmware", status=503, optional=True)
            otagw.faults.remove(otagw.faults.add("CreateOTAFirmware", status=503, times=1))

    with pytest.raises(Unmet) as found:
        story()
    assert str(found.value) == "no request met:\n  CreateOTAFirmware code='Throttling.User' times=2"


def test_an_error_of_the_test_itself_is_not_hidden():
    def story():
        with Gateway() as otagw:
            otagw.faults.add("CreateOTAFirmware", status=503)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        story()


def link_of(otagw, size):
    package = otagw.packages.add("p", "1.0", data=b"x" * size)
    return otagw.call("QueryOTAFirmware", FirmwareId=package.id)["FirmwareInfo"]["FirmwareUrl"]


def test_a_download_that_ends_before_it_could_break_off_has_met_nothing(otagw):
    url = link_of(otagw, 1_000)
    fault = otagw.faults.add("oss.download", drop_after=500, times=1)
    assert requests.head(url).status_code == 200
    assert requests.get(url, headers={"Range": "bytes=10-19"}).content == b"x" * 10
    with pytest.raises(Unmet, match="2 requests were for it, and no body reached byte 500"):
        otagw.faults.verify()
    with pytest.raises(requests.RequestException):
        _ = requests.get(url).content
    assert fault.met == 1


@pytest.mark.parametrize("end", ["clear", "reset", "close"])
def test_a_slow_answer_does_not_hold_up_the_end(end):
    gateway = Gateway().start()
    url = link_of(gateway, 200_000)
    gateway.faults.add("oss.download", bandwidth=10_000)
    answer = requests.get(url, stream=True)
    assert answer.raw.read(10)
    gateway.faults.clear() if end == "clear" else getattr(gateway, end)()
    with contextlib.suppress(requests.RequestException, OSError):
        assert len(answer.raw.read()) in (0, 199_990)
    answer.close()
    gateway.close()


def test_booleans_and_lists_are_parameters_too(otagw):
    otagw.faults.add("CreateOTAFirmware", status=503, params={"NeedToVerify": False}, times=1)
    assert create(otagw, NeedToVerify=False).status_code == 503
    otagw.calls.expect("CreateOTAFirmware", NeedToVerify=False)
    requests.get(otagw.sign("BatchQueryDeviceDetail", ProductKey="p", DeviceName=["a", "b"]))
    otagw.calls.expect("BatchQueryDeviceDetail", DeviceName=["a", "b"]).times(1)
    with pytest.raises(AssertionError):
        otagw.calls.expect("BatchQueryDeviceDetail", DeviceName=["a", "c"])


def test_a_status_of_ones_own_is_in_the_journal(otagw):
    otagw.faults.add("CreateOTAFirmware", code="Throttling.User", status=503)
    assert create(otagw).status_code == otagw.calls[-1].status == 503


@pytest.mark.parametrize("alter", [lambda answer: None, dict.clear])
def test_what_alters_an_answer_has_to_return_it(alter):
    with Gateway() as otagw:
        otagw.faults.add("ListOTAFirmware", alter=alter)
        requests.get(otagw.sign("ListOTAFirmware", **LIST))
        with pytest.raises(Trouble, match=r"ListOTAFirmware alter=.*expected alter to return the answer"):
            otagw.verify()
        otagw.reset()


def test_an_answer_that_is_no_json_cannot_be_altered(otagw):
    otagw.faults.add("oss.download", alter=dict)
    requests.get(link_of(otagw, 10))
    with pytest.raises(Trouble, match="expected an answer in JSON, got 200 OK with application/octet-stream"):
        otagw.verify()
    otagw.reset()


def test_a_snapshot_brings_back_the_chance_of_faults(otagw):
    otagw.faults.add("ListOTAFirmware", status=503, probability=0.5)
    came = []
    for _ in range(2):
        with otagw.snapshot():
            url = [otagw.sign("ListOTAFirmware", **LIST) for _ in range(12)]
            came.append([requests.get(one).status_code for one in url])
    assert came[0] == came[1]
    requests.get(otagw.sign("ListOTAFirmware", **LIST))
    otagw.faults.clear()
