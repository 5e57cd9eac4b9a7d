"""`otagw devices why` and `show`: what they say of a device that keeps a connection, and of what it was told."""

import pytest
from click.testing import CliRunner

from otagw.cli import main
from otagw.clock import spelled
from otagw.ota.devices import connections
from tests.conftest import NOW
from tests.patience import eventually


@pytest.fixture
def ask(environment, monkeypatch, held_clock):
    """Run a command on the device dev1 of p; return its lines."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def ask(command, *options):
        result = CliRunner().invoke(main, ["devices", command, "p", "dev1", *options], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    return ask


@pytest.fixture
def why(ask):
    """Return what there is to say: of the connection, and of the update."""
    return lambda: ask("why", "--events", "0")


AT = spelled(NOW * 1000)
CONNECTED = f"since {AT} to node node, over alink from 127.0.0.1"


def test_a_connection_is_shown_while_it_is_there(device, ask, why):
    assert not [line for line in ask("show") if "Connected" in line]
    with device.connect() as connection:
        device.report(connection)
        assert f"Connected     {CONNECTED}" in ask("show")
        assert why() == [f"Connected {CONNECTED}.", "No job has selected the device."]
    assert eventually(lambda: why() == ["No job has selected the device."])


def test_a_device_of_a_dead_node_is_not_connected(device, why, held_clock):
    connection = device.connect()
    device.report(connection)
    held_clock.seconds += connections.DEAD_MS / 1000 + 1
    assert why() == ["No job has selected the device."]


def test_what_was_pushed_and_not_acknowledged_is_said(device, rollout, why):
    connection = device.connect()
    device.report(connection)
    job = rollout()
    told = connection.message()
    what = f"default 2.0, job {job}: pushed at {AT}"
    assert why() == [f"Connected {CONNECTED}.", f"{what}, not acknowledged."]
    connection.ack(told)
    acknowledged = f"{what} and acknowledged, and the device has not said that it began."
    assert eventually(lambda: why()[1] == acknowledged)
    device.progress(connection, 10)
    assert why()[1] == f"default 2.0, job {job}: the device is at work, 10 percent done."


def test_what_was_lost_with_its_connection_is_said(device, rollout, why):
    connection = device.connect()
    device.report(connection)
    job = rollout()
    connection.message()
    connection.close()
    lost = f"default 2.0, job {job}: pushed at {AT}, not acknowledged before its connection ended; it is pushed again "
    assert eventually(lambda: why() == [f"{lost}when the device connects again."])


def test_a_job_that_may_tell_no_more_in_this_minute_is_the_cause(register, rollout, states, why):
    for device in [register(f"other{number}") for number in range(10)] + [register("dev1")]:
        device.report(device.connect())
    job = rollout(MaximumPerMinute=10)
    assert eventually(lambda: list(states(job).values()).count("NOTIFIED") == 10)
    assert states(job)["dev1"] == "QUEUED"
    full = "not pushed to the device, which is connected: as many devices as may be offered it in this minute were."
    assert why() == [f"Connected {CONNECTED}.", f"default 2.0, job {job}: {full}"]


def test_a_job_that_is_not_pushed_waits_for_the_device(device, rollout, why):
    connection = device.connect()
    device.report(connection)
    job = rollout(NeedPush="false")
    said = why()
    assert said[0] == f"Connected {CONNECTED}."
    assert said[1].startswith(f"default 2.0, job {job}: the device has not asked since the task was made")


def test_what_holds_up_a_job_is_the_cause_for_connected_devices_too(device, rollout, why):
    connection = device.connect()
    device.report(connection)
    job = rollout(NeedConfirm="true")
    assert why()[1] == f"default 2.0, job {job}: not offered, because the task waits for somebody to confirm it."
