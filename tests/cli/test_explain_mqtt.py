"""``otagw explain --mqtt``: the command, from a shell's side."""

import pytest
from click.testing import CliRunner

from otagw.cli import main
from tests.mqtt import client as mqtt
from tests.mqtt.client import Credentials, alibaba, huawei, tuya
from tests.mqtt.fleets import bring

SECRET = "0123456789abcdefedcba9876543210f"
ALIBABA = alibaba("p", "dev1", SECRET)
RIGHT = {"Alibaba (alink)": ALIBABA, "Huawei (oc)": huawei("p_dev1", SECRET), "Tuya (tylink)": tuya("dev1", SECRET)}


@pytest.fixture(autouse=True)
def own_environment(environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def registered(app):
    bring("p", "dev1", SECRET)


def run(*words, **options):
    """Run the command; return its exit status and what it printed, in which no secret is."""
    result = CliRunner().invoke(main, ["explain", "--mqtt", *words], **options)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert SECRET not in result.output
    return result.exit_code, result.output


def said(given):
    return ["--client-id", given.client_id, "--user-name", given.user_name, "--password", given.password]


@pytest.mark.parametrize(("vendor", "given"), RIGHT.items())
def test_right_credentials_end_with_0_by_the_secret_given_or_kept(registered, vendor, given):
    for options in ([], ["--secret", SECRET]):
        status, shown = run(*said(given), *options)
        assert status == 0
        assert f"vendor      {vendor}\n" in shown
        assert "password    right\n" in shown


def test_what_is_signed_is_shown(registered):
    _, shown = run(*said(ALIBABA))
    assert "signed      clientIdp&dev1deviceNamedev1productKeyptimestamp1700000000000\n" in shown


@pytest.mark.parametrize(("vendor", "given"), RIGHT.items())
def test_a_secret_of_another_gateway_needs_no_database(vendor, given):
    assert run(*said(given), "--secret", SECRET)[0] == 0
    status, shown = run(*said(given._replace(password="0" * 64)), "--secret", "-", input=f"{SECRET}\n")
    assert status == 1
    assert "mistake     none that is known: " in shown


def test_a_mistake_is_named(registered):
    wrong = huawei("p_dev1", SECRET)._replace(password=tuya("dev1", SECRET).password)
    status, shown = run(*said(wrong))
    assert status == 1
    assert "password    wrong: the gateway answers CONNACK 4\n" in shown
    status, shown = run(*said(alibaba("p", "dev1", SECRET, method="md5")._replace(client_id=ALIBABA.client_id)))
    assert "mistake     The password is made with another hash: expected hmacsha1" in shown
    status, shown = run(*said(alibaba("q", "dev1", SECRET)))
    assert "mistake     There is no device dev1 of product q: the secret that was used is that of device dev1" in shown


def test_a_packet_is_read_in_hex_however_it_is_pasted(registered):
    packet = mqtt.connect(ALIBABA)
    for pasted in (
        packet.hex(),
        packet.hex(" "),
        packet.hex(":").upper(),
        "".join(f"\\x{each:02x}" for each in packet),
    ):
        status, shown = run(pasted)
        assert (status, "password    right" in shown) == (0, True)
    assert run(*packet.hex(" ").split())[0] == 0


def test_single_values_count_before_those_of_the_packet(registered):
    status, shown = run(mqtt.connect(ALIBABA).hex(), "--password", "0")
    assert (status, "mistake" in shown) == (1, True)


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["--client-id", "x"], 2, "expected --client-id, --user-name and --password, or a CONNECT packet in hex"),
        (["hello"], 2, "expected a CONNECT packet in hex"),
        (["1003"], 1, "the packet is not whole"),
        (["c000"], 1, "the packet is no CONNECT"),
        ([mqtt.connect(ALIBABA, level=5).hex()], 1, "protocol level 5, expected 4 (MQTT 3.1.1)"),
        (["20020000"], 1, "packet type 2 with flags 0 is not taken"),
    ],
)
def test_what_cannot_be_read_is_said(words, status, sentence):
    found, shown = run(*words)
    assert (found, sentence in shown) == (status, True)


def test_names_of_no_vendor_are_answered_with_the_forms_there_are():
    status, shown = run(*said(Credentials("mosq-1", "", "")))
    assert status == 1
    assert "vendor      none: the gateway answers CONNACK 2\n" in shown
    for form in (
        "Alibaba: user name DeviceName&ProductKey",
        "Huawei: user name DEVICE_ID",
        "Tuya: client id tuyalink_",
    ):
        assert form in shown


def test_almost_a_form_is_named():
    status, shown = run(*said(tuya("dev1", SECRET)._replace(client_id="dev1")))
    assert (status, "mistake     The client id does not begin with tuyalink_." in shown) == (1, True)


def test_its_options_go_with_mqtt_alone():
    result = CliRunner().invoke(main, ["explain", "http://127.0.0.1/?Action=x", "--password", "x"])
    assert result.exit_code == 2
    assert "--client-id, --user-name and --password go with --mqtt" in result.output
    assert CliRunner().invoke(main, ["explain"]).exit_code == 2
