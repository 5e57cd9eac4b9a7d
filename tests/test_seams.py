"""The seams of a test: each request of each front meets a fault once it is believed, and is noted once answered."""

import subprocess
import sys

import pytest

from otagw import errors, parts
from otagw.ota.devices import presence
from tests import door
from tests.ddi.conftest import Device as Ddi
from tests.device.conftest import Device
from tests.iotda.conftest import PRODUCTS, Iotda
from tests.oss.conftest import body_of, fields_of, link_of, post


class Recorder:
    """Both seams: it notes what comes, and raises what it is told to."""

    def __init__(self):
        self.fault, self.met, self.noted = None, [], []

    def meet(self, call, request, caller):
        self.met.append((call.front, call.operation, call.key_id, dict(call.parameters)))
        if self.fault:
            raise self.fault

    def note(self, call, request, caller, answer, fault):
        self.noted.append((call.front, call.operation, answer.status, type(fault).__name__ if fault else ""))

    def forget(self):
        self.met.clear()
        self.noted.clear()


@pytest.fixture
def seams(client):
    """Both seams of the gateway at hand, and nothing in them yet."""
    gateway, recorder = door.here(), Recorder()
    vars(gateway).update(faults=recorder, journal=recorder)
    yield recorder
    vars(gateway).update(faults=None, journal=None)
    presence.stop()


@pytest.fixture
def callers(client, seams):
    """Return one request of each front, to be sent again and again; each is answered."""
    secret = client.ok("RegisterDevice", ProductKey="p", DeviceName="dev1")["Data"]["DeviceSecret"]
    device, ddi, iotda = (
        Device(client, "dev1", secret),
        Ddi(client.http, "dev1", f"TargetToken {secret}"),
        Iotda(client.app),
    )
    address = link_of(client, b"bytes").partition("/oss")[2]
    forms = [client.ok("GenerateOTAUploadURL")["Data"] for _ in range(2)]
    seams.forget()
    return {
        ("aliyun", "ListOTAFirmware"): lambda: client("ListOTAFirmware", PageSize=3, CurrentPage=1),
        ("iotda", "ListProducts"): lambda: iotda("GET", PRODUCTS, params={"limit": "3"}),
        ("device", "device.update"): lambda: device.send("GET", "/update"),
        ("ddi", "ddi.poll"): lambda: ddi.send("GET"),
        ("oss", "GetObject"): lambda: client.http.get(f"/oss{address}"),
        ("oss", "PostObject"): lambda: post(client, body_of(fields_of(forms.pop()), b"bytes")),
    }


def test_every_front_meets_and_notes_each_request_once(seams, callers):
    for name, send in callers.items():
        seams.forget()
        assert send().status_code in (200, 204)
        assert [one[:2] for one in seams.met] == [name]
        assert [one[:2] + one[3:] for one in seams.noted] == [(*name, "")]


def test_what_is_met_knows_what_was_asked(seams, callers):
    for send in callers.values():
        send()
    front, _, key, params = seams.met[0]
    assert (front, key, params["PageSize"], params["CurrentPage"]) == ("aliyun", "testid", "3", "1")
    assert seams.met[1][3]["limit"] == "3"
    assert seams.met[2][2] == seams.met[3][2] == "p/dev1"
    assert all("key" in params for front, _, _, params in seams.met if front == "oss")


def test_a_fault_is_spelled_by_each_front_and_nothing_is_done(seams, callers):
    seams.fault = errors.Unavailable("as told")
    for (front, name), send in callers.items():
        seams.forget()
        response = send()
        assert (response.status_code, "as told" in response.text) == (503, True), front
        assert seams.noted == [(front, name, 503, "Unavailable")]


def test_a_quoted_refusal_is_answered_as_given(seams, callers):
    seams.fault = errors.Quoted("Foreign.Code", 418, "what they said")
    for front, send in callers.items():
        response = send()
        assert ("Foreign.Code" in response.text, "what they said" in response.text) == (True, True), front
        assert response.status_code == 418


def test_a_quoted_refusal_points_to_no_page_that_lacks_its_code(seams, client):
    seams.fault = errors.Quoted("Foreign.Code", 418, "what they said")
    answer = client("ListOTAFirmware", Version="2018-01-20").json
    assert (answer["Code"], answer["Message"], answer["Recommend"]) == ("Foreign.Code", "what they said", "")


def test_who_is_not_believed_meets_nothing_and_is_noted(seams, client):
    client.by(("testid", "wrong"))("ListOTAFirmware")
    client.http.get("/nowhere")
    client.http.get("/device/v1/p/d/update")
    client.http.get("/p/controller/v1/d")
    client.http.get("/oss/x?Expires=1&OSSAccessKeyId=otagw&Signature=x")
    client("NoSuchAction")
    assert seams.met == []
    assert [fault for *_, fault in seams.noted] == [
        *("WrongSignature", "RouteNotFound", "IncompleteSignature", "WrongSignature", "ExpiredTimestamp"),
        "UnknownOperation",
    ]


def test_a_gateway_has_neither_unless_it_is_given_them(app):
    gateway = app.extensions["otagw"]["runtime"]
    assert (gateway.faults, gateway.journal) == (None, None)
    assert (parts.Runtime.faults, parts.Runtime.journal) == (None, None)


def test_serving_loads_nothing_of_the_test_double():
    code = (
        "import sys, otagw.app, otagw.cli.serve, otagw.worker, otagw.server.supervisor\n"
        "print([name for name in sys.modules if name.startswith('otagw.testing')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
