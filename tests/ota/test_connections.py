"""Which node has the connection of each device, and whom a node may tell what: as the database has it."""

import pytest

from otagw import clock
from otagw.db import database
from otagw.ota.devices import connections, devices
from otagw.ota.devices.connections import DEAD_MS, Opened
from otagw.ota.rollouts import jobs
from otagw.ota.rollouts.records import Rules
from otagw.ota.updates import pushes
from tests.conftest import NOW
from tests.ota.rollouts import create, package, register
from tests.races import race


@pytest.fixture
def fleet(account):
    """Register devices; return their ids in order."""

    def fleet(count):
        return sorted(register(account, {f"dev{at:04}": {"default": "1.0"} for at in range(count)}).values())

    return fleet


@pytest.fixture
def statements(store, monkeypatch):
    """Keep every statement that is executed."""
    seen, execute = [], type(database.db.obj).execute_sql

    def spy(self, sql, *given, **named):
        seen.append(sql)
        return execute(self, sql, *given, **named)

    monkeypatch.setattr(type(database.db.obj), "execute_sql", spy)
    return seen


def opened(ids, number=1):
    return [Opened(device_id, number, "alink", "127.0.0.1") for device_id in ids]


def nodes_of(ids):
    found = (connections.of(device_id) for device_id in ids)
    return [session and (session.node, session.number) for session in found]


def everybody(_, __):
    return True


def later(milliseconds):
    clock.hold(lambda: NOW * 1000 + milliseconds)


# --- nodes and takeovers


def test_a_device_is_where_it_connected_last(fleet):
    ids = fleet(3)
    connections.opened("a", opened(ids))
    connections.opened("b", opened(ids[1:], 7))
    assert nodes_of(ids) == [("a", 1), ("b", 7), ("b", 7)]
    assert sorted(connections.beat("a")) == ids[1:]
    assert (connections.beat("a"), connections.beat("b")) == ([], [])


def test_a_device_that_comes_back_before_it_was_missed_stays(fleet):
    ids = fleet(1)
    connections.opened("a", opened(ids))
    connections.opened("b", opened(ids))
    connections.opened("a", opened(ids, 2))
    assert (connections.beat("a"), connections.beat("b")) == ([], ids)
    assert nodes_of(ids) == [("a", 2)]


def test_the_end_of_an_older_connection_does_not_end_the_newer(fleet):
    ids = fleet(2)
    connections.opened("a", opened(ids, 1))
    connections.opened("a", opened(ids[:1], 2))
    connections.opened("b", opened(ids[1:], 1))
    connections.closed("a", opened(ids, 1))
    assert nodes_of(ids) == [("a", 2), ("b", 1)]
    connections.closed("b", opened(ids[1:], 1))
    assert nodes_of(ids) == [("a", 2), None]


def test_a_device_that_is_gone_has_no_connection_and_others_have(account, fleet):
    ids = fleet(3)
    with database.write():
        database.execute("DELETE FROM device WHERE id = ?", ids[1])
    assert connections.opened("a", opened(ids)) == {ids[0], ids[2]}
    assert nodes_of(ids) == [("a", 1), None, ("a", 1)]
    assert connections.opened("a", opened([ids[1]])) == set()


def test_the_connections_of_a_dead_node_are_void_and_then_forgotten(fleet):
    ids = fleet(3)
    connections.opened("a", opened(ids))
    later(DEAD_MS - 1)
    connections.begin("b")
    assert nodes_of(ids) == [("a", 1)] * 3
    later(DEAD_MS)
    assert nodes_of(ids) == [None] * 3
    assert connections.count() == (0, 0)
    later(DEAD_MS + 1)
    connections.opened("b", opened(ids[:1]))
    assert connections.beat("b") == []
    assert nodes_of(ids) == [("b", 1), None, None]
    assert database.execute("SELECT node, device_id FROM mqtt_session").fetchall() == [("b", ids[0])]
    assert database.execute("SELECT id FROM mqtt_node").fetchall() == [("b",)]
    assert database.execute("SELECT COUNT(*) FROM mqtt_takeover").fetchone() == (0,)


def test_a_dead_node_of_many_connections_is_forgotten_bit_by_bit(fleet, monkeypatch):
    monkeypatch.setattr(connections, "AT_ONCE", 2)
    connections.opened("a", opened(fleet(5)))
    later(DEAD_MS + 1)
    left = []
    for _ in range(4):
        connections.beat("b")
        left += database.execute("SELECT COUNT(*) FROM mqtt_session").fetchone()
    assert left == [3, 1, 0, 0]
    assert database.execute("SELECT id FROM mqtt_node").fetchall() == [("b",)]


def test_a_node_that_ends_forgets_all_of_its_connections(fleet, monkeypatch):
    monkeypatch.setattr(connections, "AT_ONCE", 2)
    ids = fleet(5)
    connections.opened("a", opened(ids))
    connections.opened("b", opened(ids[:1]))
    connections.end("a")
    assert nodes_of(ids) == [("b", 1), None, None, None, None]
    assert database.execute("SELECT id FROM mqtt_node").fetchall() == [("b",)]


def test_what_was_lost_outlives_its_connection_and_its_node(fleet):
    ids = fleet(3)
    connections.opened("a", opened(ids))
    with database.write():
        for device_id in ids[:2]:
            connections.pushed(device_id, 17, 0)
    connections.acknowledged("a", ids[1:2])
    connections.end("a")
    connections.opened("b", opened(ids))
    assert [connections.of(device_id).pushed for device_id in ids] == [17, None, None]


# --- races


def test_nodes_that_get_the_same_devices_at_once_do_not_wait_for_each_other(fleet):
    ids = fleet(50)
    for device_id in reversed(ids):  # rows lie in another order than ids
        connections.opened("a", opened([device_id], 0))
    for number in range(1, 6):
        come = [
            lambda node=node, number=number: connections.opened(node, opened(ids[:: 1 if node == "a" else -1], number))
            for node in "abc"
        ]
        gone = lambda number=number: connections.closed("a", opened(ids, number - 1))  # noqa: E731
        seen = lambda: connections.acknowledged("b", ids[::-1])  # noqa: E731
        race(*come, gone, seen, lambda: connections.beat("a"), lambda: connections.beat("b"))
        held = {node for node, _ in nodes_of(ids)}
        assert len(held) == 1, "the last one has all of them"
        others = set("abc") - held
        ousted = {node: set(connections.beat(node)) for node in "abc"}
        assert ousted[held.pop()] == set()
        # each of the others was told of every device, by this beat or by the one in the race
        assert all(ousted[node] in (set(ids), set()) for node in others)


def test_what_forgets_the_same_connections_at_once_does_not_wait_for_each_other(fleet):
    ids = fleet(50)
    for _ in range(5):
        for device_id in reversed(ids):  # rows lie in another order than ids
            connections.opened("a", opened([device_id]))
        with database.write():
            for device_id in ids[::2]:  # some are kept, others are not
                connections.pushed(device_id, 17, 0)
        race(
            lambda: connections.end("a"),
            lambda: connections.closed("a", opened(ids)),
            lambda: connections.acknowledged("a", ids[::-1]),
            lambda: connections.opened("b", opened(ids[::3])),
        )
        assert nodes_of(ids) == [("b", 1) if at % 3 == 0 else None for at in range(50)]
        connections.end("b")


def test_no_takeover_is_missed(fleet):
    (one,) = fleet(1)
    for number in range(1, 11):
        race(*[lambda node=node, number=number: connections.opened(node, opened([one], number)) for node in "ab"])
        (held,) = nodes_of([one])
        other = ({"a", "b"} - {held[0]}).pop()
        assert (connections.beat(other), connections.beat(held[0])) == ([one], [])
        connections.closed(held[0], opened([one], number))


def test_nodes_that_were_away_for_long_come_back_together(fleet):
    ids = fleet(4)
    for node in "abcd":
        connections.opened(node, opened(ids))
    later(DEAD_MS + 1)
    race(*[lambda node=node: connections.beat(node) for node in "abcd"])
    assert all(isinstance(connections.beat(node), list) for node in "abcd")


def test_a_device_that_is_deleted_while_it_connects(account, fleet):
    for device_id in fleet(10):
        device = devices.by_id(device_id)

        def delete(device=device):
            with database.write():
                devices.delete(account, device)
                connections.forget(device.id)

        race(delete, lambda device_id=device_id: connections.opened("a", opened([device_id])))
        assert database.execute("SELECT COUNT(*) FROM mqtt_session").fetchone() == (0,)


# --- what jobs have for devices


def test_a_job_that_may_offer_nothing_costs_one_statement_however_many_wait(account, fleet, statements):
    ids = fleet(1000)
    connections.opened("a", opened(ids))
    made = create(account, package(account, "fw"), rules=Rules(per_minute=10))
    assert len(pushes.due("a", everybody)) == 10
    job = jobs.find(made)
    jobs.set_(job, rate_used=10, rate_minute=clock.now() // jobs.MINUTE_MS)
    del statements[:]
    assert pushes.due("a", everybody) == []
    assert len(statements) == 1
    jobs.set_(job, paused="for lunch", rate_used=0)
    del statements[:]
    assert pushes.due("a", everybody) == []
    assert len(statements) == 1
    jobs.set_(job, paused=None)
    assert len(pushes.due("a", everybody)) == 10


def test_devices_that_cannot_be_told_do_not_use_up_what_others_may_have(account, fleet):
    ids = fleet(30)
    connections.opened("a", opened(ids))
    create(account, package(account, "fw"), rules=Rules(per_minute=10))
    free = set(ids[15:])
    found = pushes.due("a", lambda device_id, _: device_id in free)
    assert len(found) == 10
    assert {device_id for device_id, _ in found} <= free
    assert pushes.due("b", everybody) == []
    assert pushes.due("a", lambda _, __: False) == []
