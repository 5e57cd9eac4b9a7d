"""Tokens beside secrets: set and cleared from the command line, sealed in the database, good for what they are for."""

import pytest
from click.testing import CliRunner

from otagw.cli import main
from otagw.db import database
from tests.ddi.conftest import Device, refusal


@pytest.fixture
def otagw(client, environment, monkeypatch, make_app):
    """Run a command in process, on the data of the gateway that is tested."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*words, status=0):
        result = CliRunner().invoke(main, [*words])
        assert result.exit_code == status, result.output
        make_app()  # the command has closed the database
        return result.output

    return run


def polls(device, authorization, name=None):
    return Device(device.http, name or device.name, authorization).send("GET")


def test_a_token_of_a_device_is_good_beside_its_secret(otagw, register):
    device, other = register("dev1", "1.0"), register("dev2", "1.0")
    assert "that was given" in otagw("devices", "token", "set", "p", "dev1", "sesame-open")
    (kept,) = database.execute("SELECT token FROM device WHERE name = 'dev1'").fetchone()
    assert "sesame" not in kept
    assert polls(device, "TargetToken sesame-open").status_code == 200
    assert polls(device, device.authorization).status_code == 200
    assert refusal(polls(other, "TargetToken sesame-open"))[0] == 401
    assert refusal(polls(device, "GatewayToken sesame-open"))[0] == 401
    otagw("devices", "token", "clear", "p", "dev1")
    assert refusal(polls(device, "TargetToken sesame-open"))[0] == 401


def test_a_gateway_token_is_good_for_the_devices_of_its_product(client, otagw, register):
    device = register("dev1", "1.0")
    client.ok("RegisterDevice", ProductKey="q", DeviceName="dev1")
    otagw("products", "gateway-token", "set", "p", "for-all-of-p")
    assert polls(device, "gatewaytoken for-all-of-p").status_code == 200
    assert refusal(polls(device, "TargetToken for-all-of-p"))[0] == 401
    assert refusal(polls(device, "GatewayToken for-all-of-p", "dev9"))[0] == 401
    assert refusal(Device(device.http, "dev1", "GatewayToken for-all-of-p", "q").send("GET"))[0] == 401
    assert database.execute("SELECT COUNT(*) FROM device WHERE product_key = 'p'").fetchone() == (1,)
    client.ok("DisableThing", ProductKey="p", DeviceName="dev1")
    assert refusal(polls(device, "GatewayToken for-all-of-p"))[0] == 403
    otagw("products", "gateway-token", "clear", "p")
    assert refusal(polls(device, "GatewayToken for-all-of-p"))[0] == 401


def test_tokens_are_made_and_shown_once(otagw, register):
    device = register("dev1", "1.0")
    (name, token) = otagw("devices", "token", "set", "p", "dev1").split()
    assert (name, polls(device, f"TargetToken {token}").status_code) == ("TargetToken", 200)
    (name, token) = otagw("products", "gateway-token", "set", "p").split()
    assert (name, polls(device, f"GatewayToken {token}").status_code) == ("GatewayToken", 200)
    assert len(token) == 32
    shown = otagw("devices", "show", "p", "dev1")
    assert token not in shown


def test_show_has_facts_and_no_secrets(otagw, register):
    device = register()
    device.identify(**{"version": "1.0", "hw": "board\x1b[31m"})
    otagw("devices", "token", "set", "p", "dev1", "sesame-open")
    shown = otagw("devices", "show", "p", "dev1")
    for text in (
        "State         online",
        "Version       1.0 of default",
        "Attribute     hw = board [31m",
        "Token         is set",
    ):
        assert text in shown
    assert device.authorization.split()[1] not in shown
    assert "sesame" not in shown


def test_an_interval_is_set_as_the_protocol_has_it(otagw, register):
    device = register()
    otagw("products", "poll-interval", "p", "01:00:00")
    assert "00:54:00" <= device.poll()["config"]["polling"]["sleep"] <= "01:06:00"
    otagw("products", "poll-interval", "p", "00:00:05")
    assert device.poll()["config"]["polling"]["sleep"] == "00:00:05"


def test_an_interval_over_a_day_is_set_with_a_warning(otagw, register):
    device = register()
    assert "PT48H" not in otagw("products", "poll-interval", "p", "23:59:59")
    assert device.poll()["config"]["polling"]["sleep"] <= "23:59:59"
    assert "every 48:00:00" in otagw("products", "poll-interval", "p", "48:00:00")
    assert device.poll()["config"]["polling"]["sleep"].startswith(("PT4", "PT5"))


def test_the_interval_of_a_group_is_set_and_cleared(client, otagw, register):
    device = register()
    group = client.ok("CreateDeviceGroup", GroupName="group1")["Data"]["GroupId"]
    added = {"Device.1.ProductKey": "p", "Device.1.DeviceName": "dev1"}
    client.ok("BatchAddDeviceGroupRelations", GroupId=group, **added)
    otagw("groups", "poll-interval", "set", group, "02:00:00")
    assert "01:48:00" <= device.poll()["config"]["polling"]["sleep"] <= "02:12:00"
    assert client.ok("QueryDeviceGroupInfo", GroupId=group)["Data"]["PollSeconds"] == 7200
    shown = otagw("groups", "list")
    assert group in shown
    assert "asks every 02:00:00" in shown
    otagw("groups", "poll-interval", "clear", group)
    assert "00:04:30" <= device.poll()["config"]["polling"]["sleep"] <= "00:05:30"


@pytest.mark.parametrize(
    "words",
    [
        ("groups", "poll-interval", "set", "1", "00:05:00"),
        ("groups", "poll-interval", "clear", "1"),
        ("products", "self-registration", "allow", "nobody"),
        ("products", "self-registration", "refuse", "nobody"),
        ("products", "poll-interval", "p", "5"),
        ("products", "poll-interval", "p", "720:00:01"),
        ("products", "poll-interval", "p", "00:00:00"),
        ("products", "poll-interval", "p", "00:60:00"),
        ("products", "poll-interval", "nobody", "00:05:00"),
        ("products", "gateway-token", "set", "nobody"),
        ("products", "gateway-token", "set", "p", "short"),
        ("devices", "token", "set", "p", "dev9"),
        ("devices", "token", "set", "p", "dev1", "with a blank"),
        ("devices", "token", "clear", "q", "dev1"),
        ("devices", "secret", "p", "dev9"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(otagw, register, words):
    register()
    assert otagw(*words, status=1).startswith("Error: ")
