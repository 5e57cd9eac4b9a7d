"""Most polls find nothing new: they are cheap, write nothing, and spread."""

import re

import pytest

from otagw import clock
from otagw.db import database
from otagw.ota.devices import presence
from tests.conftest import NOW


@pytest.fixture
def statements(monkeypatch):
    """Keep every statement that is executed."""
    seen, execute = [], type(database.db.obj).execute_sql

    def spy(self, sql, *given, **named):
        seen.append(sql)
        return execute(self, sql, *given, **named)

    monkeypatch.setattr(type(database.db.obj), "execute_sql", spy)
    return seen


def test_a_poll_with_nothing_to_do(device):
    found = device.send("GET")
    assert (found.status_code, found.content_type) == (200, "application/json")
    assert set(found.json) == {"config"}
    assert "X-Request-Id" in found.headers


def test_a_poll_with_nothing_new_is_three_statements_and_no_write(device, statements, held_clock):
    device.poll()
    held_clock.seconds += 300
    del statements[:]
    device.poll()
    assert len(statements) == 3
    assert all(sql.startswith("SELECT") for sql in statements)


def test_a_poll_that_shows_what_was_shown_writes_nothing(device, rollout, statements, held_clock):
    rollout()
    device.deployment()
    held_clock.seconds += 300
    del statements[:]
    device.poll()
    assert len(statements) == 5
    assert all(sql.startswith("SELECT") for sql in statements)


def test_what_is_known_need_not_be_sent_again(device, rollout):
    first = device.send("GET")
    again = device.send("GET", "", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    rollout()
    changed = device.send("GET", "", **{"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert "deploymentBase" in changed.json["_links"]


def test_attributes_are_asked_for_until_they_come(register):
    device = register()
    for _ in range(2):
        assert device.links() == {"configData": f"http://localhost{device.base}/configData"}
    assert device.identify().status_code == 200
    assert device.links() == {}


def seconds(device):
    hours, minutes, rest = device.poll()["config"]["polling"]["sleep"].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(rest)


def test_the_interval_is_the_products_with_up_to_a_tenth_more_or_less(register):
    fleet = [register(f"dev{number}") for number in range(40)]
    found = [seconds(device) for device in fleet]
    assert 270 <= min(found) < 300 < max(found) <= 330
    assert len(set(found)) > 10
    assert found == [seconds(device) for device in fleet]


@pytest.mark.parametrize(("stored", "least", "most"), [(1, 1, 1), (7200, 6480, 7920), (86399, 77760, 86399)])
def test_an_interval_of_its_own(device, stored, least, most):
    database.execute("UPDATE product SET poll_seconds = ?", stored)
    assert least <= seconds(device) <= most
    assert re.fullmatch(r"\d\d:\d\d:\d\d", device.poll()["config"]["polling"]["sleep"])


def sleep(device):
    return device.poll()["config"]["polling"]["sleep"]


def group_of(client, *names, **params):
    group = client.ok("CreateDeviceGroup", GroupName=f"group{clock.new_id()}", **params)["Data"]["GroupId"]
    given = {
        f"Device.{n}.{key}": value
        for n, name in enumerate(names, 1)
        for key, value in (("ProductKey", "p"), ("DeviceName", name))
    }
    client.ok("BatchAddDeviceGroupRelations", GroupId=group, **given)
    return group


def test_from_a_day_on_an_interval_is_told_as_hawkbit_tells_it(device):
    database.execute("UPDATE product SET poll_seconds = ?", 30 * 24 * 3600)
    hours, minutes, rest = re.fullmatch(r"PT(\d+)H(?:(\d+)M)?(?:(\d+)S)?", sleep(device)).groups(0)
    assert 648 * 3600 <= int(hours) * 3600 + int(minutes) * 60 + int(rest) <= 792 * 3600
    assert sleep(device) == sleep(device)


def test_the_interval_of_a_group_comes_before_the_products(client, register):
    inside, outside = register("dev1"), register("dev2")
    database.execute("UPDATE product SET poll_seconds = 60")
    group_of(client, "dev1")
    assert 54 <= seconds(inside) <= 66
    group_of(client, "dev1", PollSeconds=7200)
    assert 6480 <= seconds(inside) <= 7920
    assert 54 <= seconds(outside) <= 66
    group_of(client, "dev1", PollSeconds=600)
    assert 540 <= seconds(inside) <= 660


def test_a_device_that_polls_as_its_group_is_told_is_online(client, held_clock, device, written):
    group = group_of(client, "dev1", PollSeconds=2_592_000)
    device.poll()
    written()

    def online():
        state = client.ok("QueryDeviceDetail", ProductKey="p", DeviceName="dev1")["Data"]["Status"]
        return state, client.ok("QueryDeviceGroupInfo", GroupId=group)["Data"]["DeviceOnline"]

    held_clock.seconds += 40 * 24 * 3600
    assert online() == ("ONLINE", 1)
    held_clock.seconds += 21 * 24 * 3600
    assert online() == ("OFFLINE", 0)


@pytest.mark.parametrize("interval", ["0", "2592001", "1.5", "01:00:00"])
def test_a_group_with_an_interval_out_of_bounds_is_refused(client, interval):
    refused = client.refused("CreateDeviceGroup", GroupName="group1", PollSeconds=interval)
    assert "PollSeconds" in refused[2]


def seen():
    return database.execute("SELECT activated, seen, address FROM device").fetchone()


def test_the_first_contact_is_written_at_once(held_clock, register):
    device = register()
    assert seen() == (None, None, None)
    device.poll()
    assert seen() == (NOW * 1000, NOW * 1000, "127.0.0.1")


def test_later_ones_are_written_together_and_soon(held_clock, device, written):
    held_clock.seconds += 61
    device.poll()
    assert seen()[1] == NOW * 1000
    written()
    assert seen() == (NOW * 1000, (NOW + 61) * 1000, "127.0.0.1")


def test_many_are_one_statement(held_clock, register, statements, written):
    fleet = [register(f"dev{number}", "1") for number in range(10)]
    held_clock.seconds += 61
    for device in fleet:
        device.poll()
    del statements[:]
    written()
    assert len([sql for sql in statements if "UPDATE device" in sql]) == 1
    found = database.execute("SELECT DISTINCT seen FROM device").fetchall()
    assert found == [((NOW + 61) * 1000,)]


def test_a_stop_of_the_process_forgets_nothing(held_clock, device):
    held_clock.seconds += 61
    device.poll()
    presence.stop()
    assert seen()[1] == (NOW + 61) * 1000


def test_what_is_older_than_what_was_written_since_is_passed_over(held_clock, device, written):
    held_clock.seconds += 61
    device.poll()
    held_clock.seconds += 5
    device.identify(version="1.1")
    written()
    assert seen()[1] == (NOW + 66) * 1000


def test_what_cannot_be_written_waits(held_clock, device, written, monkeypatch):
    held_clock.seconds += 61
    device.poll()
    with monkeypatch.context() as patch:

        def fail(*_, **__):
            raise database.TROUBLE[0]("gone")

        patch.setattr(database, "execute", fail)
        written()
    assert seen()[1] == NOW * 1000
    written()
    assert seen()[1] == (NOW + 61) * 1000


def test_a_device_that_polls_as_told_is_online(client, held_clock, device, written):
    def state():
        return client.ok("QueryDeviceDetail", ProductKey="p", DeviceName="dev1")["Data"]["Status"]

    device.poll()
    held_clock.seconds += 335
    assert state() == "ONLINE"
    held_clock.seconds += 300
    assert state() == "OFFLINE"
    database.execute("UPDATE product SET poll_seconds = 3600")
    assert state() == "ONLINE"
