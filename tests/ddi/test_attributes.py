"""What a device says of itself: kept as it is, and the versions in it are reports."""

import pytest

from otagw.ota.devices import attributes, devices
from tests.ddi.conftest import Device, refusal


@pytest.fixture
def kept():
    return lambda name="dev1": attributes.of(devices.find("p", name).id)


@pytest.fixture
def fresh(register):
    return register()


def test_attributes_are_merged_replaced_and_removed(fresh, kept):
    assert kept() is None
    fresh.identify(hw="lab-board", a="1")
    fresh.identify(a="2", b="3")
    assert kept() == {"hw": "lab-board", "a": "2", "b": "3"}
    fresh.identify("merge", c="4")
    fresh.identify("remove", a="", b=None)
    assert kept() == {"hw": "lab-board", "c": "4"}
    fresh.identify("REPLACE", d="5")
    assert kept() == {"d": "5"}
    fresh.identify("replace")
    assert kept() == {}
    assert fresh.links() == {}


def test_numbers_and_booleans_become_texts(fresh, kept):
    fresh.identify(n=5, f=1.5, t=True, s="\u0000\ud800 ok")
    assert kept() == {"n": "5", "f": "1.5", "t": "true", "s": "\u0000\ud800 ok"}


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (None, "data is missing"),
        ([], "data is not valid"),
        ({"": "x"}, "names of 1 to 128 characters"),
        ({"x" * 129: "x"}, "names of 1 to 128 characters"),
        ({"a": "x" * 1025}, "data.a is not valid"),
        ({"a": None}, "data.a is not valid"),
        ({"a": {}}, "data.a is not valid"),
        ({"a": ["x"]}, "data.a is not valid"),
    ],
)
def test_what_is_too_much_is_refused(fresh, kept, data, names):
    response = fresh.send("PUT", "/configData", {"data": data})
    assert refusal(response)[0] == 400
    assert names in response.json["message"]
    assert kept() is None


def test_an_unknown_mode_is_refused(fresh):
    assert refusal(fresh.identify("add", a="1")) == (400, "invalid_field")


def test_a_hundred_attributes_are_kept_and_no_more(fresh, kept):
    assert fresh.identify(**{f"a{number}": "x" * 100 for number in range(100)}).status_code == 200
    assert refusal(fresh.identify(b="1")) == (409, "too_many")
    assert fresh.identify(a5="1").status_code == 200
    assert len(kept()) == 100


@pytest.mark.parametrize(
    ("data", "version"),
    [
        ({"fw.version": "1.1.0", "version": "2"}, "1.1.0"),
        ({"version": "2"}, "2"),
        ({"fw.version": "not a version", "version": "2"}, "2"),
        ({"fw.version": "v" * 257}, None),
        ({"fw.version": "1.0\n"}, None),
        ({"FW.VERSION": "1"}, None),
        ({"hw": "1"}, None),
    ],
)
def test_the_version_is_that_of_the_first_attribute_that_is_one(fresh, kept, runs, data, version):
    fresh.identify(**data)
    assert kept() == data
    assert runs() == ({"default": version} if version else {})


def test_which_attributes_these_are_is_a_setting(fresh, make_app, runs):
    app = make_app(ddi_version_attributes='["sw"]')
    Device(app.test_client(), "dev1", fresh.authorization).identify(sw="7", version="8")
    assert runs() == {"default": "7"}


def test_modules_of_the_product_have_versions_of_their_own(client, fresh, runs):
    client.ok("CreateOTAModule", ProductKey="p", ModuleName="Mcu")
    fresh.identify(**{"version": "1", "mcu.version": "5", "radio.version": "6"})
    assert runs() == {"default": "1", "Mcu": "5"}


def test_removing_a_version_reports_none(fresh, runs):
    fresh.identify(version="1")
    fresh.identify("remove", version="2")
    assert runs() == {"default": "1"}


def test_the_destination_version_is_the_success(device, rollout, task):
    job = rollout()
    action = device.deployment()["id"]
    device.tell(action, "proceeding")
    device.identify(version="1.0")
    assert task(job)["TaskStatus"] == "IN_PROGRESS"
    device.identify(version="2.0")
    assert task(job)["TaskStatus"] == "SUCCEEDED"
    assert refusal(device.tell(action, "closed", "success")) == (410, "ended")


@pytest.mark.parametrize("number", ["1e999", "-1e309", "NaN", "Infinity"])
def test_numbers_that_are_not_finite_are_refused(fresh, kept, number):
    response = fresh.send("PUT", "/configData", f'{{"data":{{"a":"1","n":{number}}}}}'.encode())
    assert refusal(response) == (400, "unreadable")
    assert f"the body has the number {number}, expected finite ones" in response.json["message"]
    assert kept() is None
