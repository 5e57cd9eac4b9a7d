"""Two gateways in one process: each has its own settings, database, keys, files, time and chance."""

import contextlib
import logging
import random
import threading

import pytest

from otagw import clock, parts, runtime, settings
from otagw.app import create_app
from otagw.clock import Clock
from otagw.db import database, schema
from otagw.ota.devices import presence
from tests.conftest import KEY, NOW, Client
from tests.device.conftest import Device
from tests.oss.conftest import body_of, fields_of, post


@pytest.fixture
def make(tmp_path):
    """Make gateways with a key each, and give them as clients; each is closed at the end."""
    with contextlib.ExitStack() as stack:

        def begin(name, **changes):
            environ = {"OTAGW_CONFIG": "/dev/null", "OTAGW_DATA_DIR": str(tmp_path / name)}
            chosen = settings.load({**environ, **{f"OTAGW_{k.upper()}": str(v) for k, v in changes.items()}})
            with parts.opened(chosen) as first:
                schema.migrate(chosen)
                first.keys.create(key_id=KEY[0], secret=KEY[1])
            held = Clock()
            held.hold(lambda: NOW * 1000)
            app = create_app(chosen, clock=held, chance=random.Random(7))
            client = Client(app)
            client.gateway = app.extensions["otagw"]["runtime"]
            stack.callback(client.gateway.close)
            return client

        yield begin


@pytest.fixture
def both(make):
    return make("one", spelling="documented"), make("two", spelling="example", unknown_products="refuse")


def names(client):
    with runtime.entered(client.gateway):
        return [row[0] for row in database.execute("SELECT name FROM package ORDER BY name").fetchall()]


def send(client, action, **params):
    with runtime.entered(client.gateway):
        return client(action, **params)


def test_requests_that_take_turns_reach_their_own_gateway(both):
    one, two = both
    for number in range(3):
        assert send(one, "CreateOTAFirmware", FirmwareName=f"one{number}", DestVersion="1").json["Success"] is True
        assert send(two, "CreateOTAFirmware", FirmwareName=f"two{number}", DestVersion="1").json["success"] is True
    assert names(one) == ["one0", "one1", "one2"]
    assert names(two) == ["two0", "two1", "two2"]


def test_requests_of_several_threads_reach_their_own_gateway(both):
    said, barrier = [], threading.Barrier(4)

    def work(client, name):
        with runtime.entered(client.gateway):
            barrier.wait(30)
            for number in range(20):
                client("CreateOTAFirmware", FirmwareName=f"{name}{number:02}", DestVersion="1")
            said.append(name)
            database.disconnect()
            client.gateway.nonces.close()

    threads = [
        threading.Thread(target=work, args=(client, name))
        for client, name in zip(both * 2, ("a", "b", "c", "d"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(said) == ["a", "b", "c", "d"]
    assert [sorted({name[0] for name in names(client)}) for client in both] == [["a", "c"], ["b", "d"]]
    assert [len(names(client)) for client in both] == [40, 40]


def test_rules_and_secrets_are_each_gateways_own(both):
    one, two = both
    params = {"DeviceName": "dev1", "ProductKey": "p"}
    assert send(one, "RegisterDevice", **params).json["Code"] == ""
    assert send(two, "RegisterDevice", **params).json["code"] == "iot.prod.NotExistedProduct"
    with runtime.entered(one.gateway):
        secret = one.gateway.vault.derive("x")
    assert secret != two.gateway.vault.derive("x")


def test_a_form_of_one_gateway_uploads_nothing_to_another(both):
    one, two = both
    with runtime.entered(one.gateway):
        announced = one("GenerateOTAUploadURL", FileSuffix="bin").json["Data"]
    form = fields_of(announced)
    assert post(two, body_of(form, b"bytes")).status_code == 403
    assert post(one, body_of(form, b"bytes")).status_code // 100 == 2


def test_time_and_chance_are_each_gateways_own(both):
    one, two = both
    one.gateway.clock.hold(lambda: 1000)
    with runtime.entered(one.gateway):
        assert clock.now() == 1000
        drawn = [clock.uuid() for _ in range(2)]
    with runtime.entered(two.gateway):
        assert clock.now() == NOW * 1000
        two.gateway.chance.seed(5)
        assert clock.uuid() not in drawn


def test_chance_that_is_held_gives_the_same_ids_again(make):
    answers = []
    for name in ("one", "two"):
        client = make(name)
        client.gateway.chance.seed(11)
        answers.append(send(client, "CreateOTAFirmware", FirmwareName="n", DestVersion="1").json)
    assert answers[0] == answers[1]
    assert answers[0]["RequestID"]


def test_what_devices_said_to_one_is_not_written_by_another(both):
    one, two = both
    device = send(one, "RegisterDevice", ProductKey="p", DeviceName="dev1").json["Data"]
    with runtime.entered(one.gateway):
        asked = Device(one, "dev1", device["DeviceSecret"])
        asked.poll()
        one.gateway.clock.hold(lambda: (NOW + 3600) * 1000)
        asked.poll()
    with runtime.entered(two.gateway):
        presence.flush()
    with runtime.entered(one.gateway):
        query = "SELECT seen FROM device"
        assert database.execute(query).fetchone()[0] == NOW * 1000
        presence.stop()
        assert database.execute(query).fetchone()[0] == (NOW + 3600) * 1000


def test_outside_of_every_door_no_gateway_is_at_hand():
    said = []

    def outside():
        try:
            runtime.current()
        except RuntimeError as error:
            said.append(str(error))

    thread = threading.Thread(target=outside)  # begins without what its maker has entered
    thread.start()
    thread.join()
    assert said == ["no gateway is at hand: a door has to enter one"]


def test_the_log_of_an_application_is_its_hosts_to_configure(make, caplog, monkeypatch):
    ours = logging.getLogger("otagw")
    caplog.set_level(logging.INFO, "otagw")
    for name, value in {"handlers": [], "propagate": True}.items():  # as in a new process
        monkeypatch.setattr(ours, name, value)
    send(make("one"), "ListOTAFirmware", CurrentPage=1, PageSize=1)
    assert (ours.handlers, ours.propagate) == ([], True)
    lines = [(record.action, record.status) for record in caplog.records if record.name == "otagw.request"]
    assert lines == [("ListOTAFirmware", 200)]
