"""What a device says of itself: kept as it is, and the versions in it are reports."""

import pytest
from click.testing import CliRunner

from otagw import settings
from otagw.cli import main
from otagw.ota.devices import attributes, devices
from tests import door
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
        ("x", "data is not valid"),
    ],
)
def test_what_are_no_attributes_is_refused(fresh, kept, data, names):
    response = fresh.send("PUT", "/configData", {"data": data})
    assert refusal(response)[0] == 400
    assert names in response.json["message"]
    assert kept() is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"": "x"}, {}),
        ({"x" * 129: "x"}, {}),
        ({"x" * 128: "x" * 1024}, {"x" * 128: "x" * 1024}),
        ({"b": "x" * 1025}, {"b": "x" * 1024}),
        ({"b": "x" * 500_000}, {"b": "x" * 1024}),
        ({"b": None}, {}),
        ({"b": {}}, {}),
        ({"b": ["x"]}, {}),
    ],
)
def test_an_attribute_that_cannot_be_kept_does_not_refuse_the_others(fresh, kept, runs, data, expected):
    assert fresh.identify(**data, hw="board", version="1.0").status_code == 200
    assert kept() == {**expected, "hw": "board", "version": "1.0"}
    assert runs() == {"default": "1.0"}
    assert "configData" not in fresh.links()


def test_a_null_removes(fresh, kept):
    fresh.identify(a="1", b="2", c="3")
    fresh.identify(a=None, b=["x"], d="4")
    assert kept() == {"b": "2", "c": "3", "d": "4"}


@pytest.fixture
def spelled(device, rollout):
    """A device that has begun with 2.0.0, and has its action."""
    rollout("2.0.0")
    action = device.deployment()["id"]
    device.tell(action, "proceeding")
    return device, action


@pytest.mark.parametrize("finished", ["success", "none"])
def test_the_final_report_decides_and_a_spelling_before_it_is_remembered(spelled, held_clock, runs, finished):
    device, action = spelled
    device.identify(version="2.0.0+b7")
    assert device.action() == action  # it has not failed
    assert device.tell(action, "closed", finished).status_code == 200
    for _ in range(2):
        assert runs() == {"default": "2.0.0"}
        device.identify(version="2.0.0+b7", other=str(_))
    device.identify(version="2.0.0")
    device.identify(version="2.0.0+b7")
    assert runs() == {"default": "2.0.0"}
    device.identify(version="2.0.1")
    assert runs() == {"default": "2.0.1"}
    device.identify(version="2.0.0+b7")
    assert runs() == {"default": "2.0.0+b7"}


@pytest.mark.parametrize("said", ["2.0.0+b7", "1.0"])
def test_a_spelling_after_the_final_report_is_remembered(spelled, runs, said):
    """Also that of a client whose configuration says the same version for ever."""
    device, action = spelled
    device.tell(action, "closed", "success")
    for _ in range(2):
        device.identify(version=said)
        assert runs() == {"default": "2.0.0"}
    device.identify(version="3.0")
    assert runs() == {"default": "3.0"}


def test_the_next_update_begins_from_what_the_spelling_stands_for(spelled, rollout, task, runs):
    device, action = spelled
    device.tell(action, "closed", "success")
    device.identify(version="2.0.0+b7")
    job = rollout("3.0", **{"SrcVersion.1": "2.0.0"})
    action = device.deployment()["id"]
    device.tell(action, "proceeding")
    device.identify(version="2.0.0+b7")
    assert (task(job)["TaskStatus"], runs()) == ("IN_PROGRESS", {"default": "2.0.0"})
    device.tell(action, "closed", "success")
    assert (task(job)["TaskStatus"], runs()) == ("SUCCEEDED", {"default": "3.0"})


def test_a_module_has_a_spelling_of_its_own(client, device, rollout, runs):
    rollout("6", package={"ModuleName": "Mcu"})
    device.tell(device.deployment()["id"], "closed", "success")
    device.identify(**{"version": "1.1", "mcu.version": "6-final"})
    assert runs() == {"default": "1.1", "Mcu": "6"}


def test_a_failure_leaves_the_version_to_the_attributes(spelled, runs):
    device, action = spelled
    device.tell(action, "closed", "failure")
    assert device.links() == {}
    device.identify(version="1.1")
    assert runs() == {"default": "1.1"}


def test_attributes_are_asked_for_again_after_each_success(spelled, rollout):
    device, action = spelled
    assert "configData" not in device.links()
    device.tell(action, "closed", "success")
    assert device.links().keys() == {"configData"}
    device.identify(version="1.0")  # as before, and an answer all the same
    assert device.links() == {}
    rollout("3.0")
    device.tell(device.deployment()["id"], "closed", "success")
    assert device.links().keys() == {"configData"}


def test_attributes_are_asked_for_again_on_the_operators_word(device, environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert device.links() == {}
    done = CliRunner().invoke(main, ["devices", "request-attributes", "p", "dev1"])
    assert (done.exit_code, done.output) == (0, "dev1 is asked for its attributes at its next poll\n")
    door.enter(settings.load(environment))  # the command leaves the process without one
    assert device.links().keys() == {"configData"}
    assert device.poll()["config"]["polling"]["sleep"] >= "00:04:30"
    device.identify(version="1.0")
    assert device.links() == {}


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
