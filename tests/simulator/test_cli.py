"""What `otagw simulate` refuses before any device starts."""

import json

import pytest
from click.testing import CliRunner

from otagw.cli import main

NOWHERE = ("--endpoint", "http://127.0.0.1:9")


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Run the command with a fleet's file; return the exit status and what it says."""
    monkeypatch.setenv("OTAGW_CONFIG", "/dev/null")
    monkeypatch.setenv("OTAGW_DATA_DIR", str(tmp_path / "data"))

    def refused(*words, rows=None):
        path = tmp_path / "fleet.csv"
        if rows is not None:
            path.write_text(rows)
            words = ("--fleet", str(path), *words)
        done = CliRunner().invoke(main, ["simulate", *NOWHERE, *words])
        assert done.exit_code in (1, 2), done.output
        assert not isinstance(done.exception, Exception) or isinstance(done.exception, SystemExit)
        return done.output.replace(str(path), "FILE")

    return refused


def test_it_needs_devices_from_one_place(refused):
    assert "--register or --fleet" in refused()
    assert "--register or --fleet" in refused("--register", "--product", "p", rows="DeviceName,DeviceSecret\na,b\n")


def test_register_needs_a_product(refused):
    assert "--register needs --product" in refused("--register")


def test_register_needs_the_gateways_database(refused):
    assert "otagw migrate" in refused("--register", "--product", "p")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("DeviceName,ProductKey\na,p\n", "FILE: line 2: there is no DeviceSecret"),
        ("DeviceName,DeviceSecret\na,b\n", "FILE: there is no column ProductKey"),
        ("DeviceName,DeviceSecret,ProductKey\na/b,c,p\n", "FILE: line 2: the name is not made of"),
        ("DeviceName,DeviceSecret,ProductKey\n", "FILE: it names 0 devices"),
        ("", "FILE: the first line is no header"),
    ],
)
def test_a_file_that_is_no_fleet_is_refused_by_line(refused, rows, said):
    assert said in refused(rows=rows)


@pytest.mark.parametrize("number", ["nan", "inf", "1e999"])
@pytest.mark.parametrize("option", ["--seconds", "--ramp", "--bandwidth", "--poll"])
def test_a_number_that_is_not_finite_is_refused_by_its_option(refused, option, number):
    assert f"'{option}': expected a finite number, got '{number}'" in refused(option, number)


def test_more_devices_than_the_file_has_are_refused(refused):
    assert "it names 1 device\n" in refused("--devices", "2", rows="DeviceName,DeviceSecret,ProductKey\na,b,p\n")


@pytest.mark.parametrize(
    "words",
    [
        ("--fail", "1.5"),
        ("--break", "-0.1"),
        ("--poll", "0"),
        ("--concurrency", "0"),
        ("--devices", "0"),
        ("--protocol", "mqtt"),
        ("--bandwidth", "0"),
    ],
)
def test_what_no_device_can_do_is_refused_by_option(refused, words):
    assert words[0] in refused(*words)


def test_an_endpoint_where_nobody_listens_ends_with_its_error_and_the_table(refused):
    fast = ("--seconds", "0.5", "--ramp", "0")
    said = refused(*fast, rows="DeviceName,DeviceSecret,ProductKey\na,b,p\n")
    assert "x report: NewConnectionError" in said


ONE = "DeviceName,DeviceSecret,ProductKey\na,b,p\n"


@pytest.mark.parametrize("protocol", ["alink", "huawei", "tylink"])
@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:9", "mqtt://", "mqtt://127.0.0.1:9/path", "127.0.0.1:1883", "ws://x:9"]
)
def test_an_endpoint_that_speaks_no_mqtt_is_refused(refused, protocol, endpoint):
    said = refused("--protocol", protocol, "--endpoint", endpoint, rows=ONE)
    assert "--endpoint: expected mqtt://HOST:PORT or mqtts://HOST:PORT" in said


def test_without_an_mqtt_server_in_the_settings_an_endpoint_is_asked_for(refused):
    assert "mqtt_bind is not set here" in refused("--protocol", "alink", "--endpoint", "", rows=ONE)


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts"])
def test_an_mqtt_server_where_nobody_listens_is_an_error(refused, scheme):
    fast = ("--seconds", "0.5", "--ramp", "0", "--endpoint", f"{scheme}://127.0.0.1:9")
    assert "x connect: ConnectionRefusedError" in refused("--protocol", "alink", *fast, rows=ONE)


@pytest.fixture
def run(tmp_path, gateway):
    """Run the command with one device against a gateway of the tests; return what it prints."""

    def run(*words):
        path = tmp_path / "fleet.csv"
        path.write_text("DeviceName,DeviceSecret,ProductKey,FirmwareVersion\ndev,s3cret,p,1.0\n")
        hurried = ("--ramp", "0", "--latency", "0", "--reboot", "0", "--poll", "0.1")
        done = CliRunner().invoke(
            main, ["simulate", "--fleet", str(path), "--endpoint", gateway.url + "/", *hurried, *words]
        )
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


@pytest.mark.parametrize("protocol", ["device", "ddi"])
def test_it_ends_when_each_device_has_ended_an_update(run, gateway, protocol):
    told = json.loads(run("--protocol", protocol, "--json"))
    assert (told["succeeded"], told["errors"], told["bytes"]) == (1, {}, len(gateway.content))


def test_the_table_says_the_same_to_a_reader(run):
    lines = run().splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [["devices", "1"], ["succeeded", "1"], ["failed", "0"]]
    assert lines[-1].split() == ["errors", "0"]


def test_until_idle_ends_it_though_no_device_is_offered_anything(run, gateway):
    gateway.is_over = True
    told = json.loads(run("--until-idle", "0.1", "--json"))
    assert (told["never_offered"], told["errors"]) == (1, {})
