"""Which node has the connection of each device, for nodes that share nothing but the database.

A node says time and again that it is there; the connections of one that does not are void. A device has one
connection: the newest, and the node of the older one is told to end that. What a device was told and has not
acknowledged outlives its connection: on the next one it is told again.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from otagw import clock
from otagw.db import database, models
from otagw.db.rows import Rows
from otagw.ota.devices import devices

# How often a node says that it is there, and how long its connections count after it has said so last.
BEAT_SECONDS: Final = 5.0
DEAD_MS: Final = 30_000
# How many connections are changed at once.
AT_ONCE: Final = 1000


class Opened(NamedTuple):
    """A connection as a node announces it; ``number`` is the node's own for it."""

    device_id: int
    number: int
    front: str
    address: str | None


class Session(NamedTuple):
    """The connection of a device; times are milliseconds.

    ``pushed`` is the task that it was told of last, ``acknowledged`` whether it has that message: None where it was
    told on an earlier connection, and did not acknowledge it there.
    """

    device_id: int
    node: str
    number: int
    front: str
    address: str | None
    since: int
    pushed: int | None
    pushed_at: int | None
    acknowledged: bool | None

    def __str__(self) -> str:
        place = self.address or "an unknown address"
        return f"since {clock.spelled(self.since)} to node {self.node}, over {self.front} from {place}"


_ROWS: Final = Rows(Session, models.MqttSession)
# What was told and is not acknowledged: not even on the connection before.
_IS_LOST: Final = (
    "(mqtt_session.acknowledged = FALSE OR mqtt_session.acknowledged IS NULL) AND mqtt_session.pushed IS NOT NULL"
)
# The node of a row that is kept for what was lost alone.
_NOWHERE: Final = ""
_ALIVE: Final = "node IN (SELECT id FROM mqtt_node WHERE seen > ?)"


def of(device_id: int) -> Session | None:
    """Return the connection of a device, if it has one to a node that is there."""
    query = f"SELECT {_ROWS.selected} FROM mqtt_session WHERE device_id = ? AND {_ALIVE}"
    row = database.execute(query, device_id, clock.now() - DEAD_MS).fetchone()
    return _ROWS.record(row) if row else None


def lost(device_id: int) -> Session | None:
    """Return what is kept of a connection that has ended before its device had what it was told."""
    query = f"SELECT {_ROWS.selected} FROM mqtt_session WHERE device_id = ? AND {_IS_LOST} AND NOT ({_ALIVE})"
    row = database.execute(query, device_id, clock.now() - DEAD_MS).fetchone()
    return _ROWS.record(row) if row else None


def count() -> tuple[int, int]:
    """Return how many devices are connected, and how many of them have not acknowledged what they were told last."""
    query = f"SELECT COUNT(*), COUNT(CASE WHEN acknowledged = FALSE THEN 1 END) FROM mqtt_session WHERE {_ALIVE}"
    total, waiting = database.execute(query, clock.now() - DEAD_MS).fetchone()
    return total, waiting


def begin(node: str) -> None:
    """Note that a node is there, for the first time or still."""
    database.execute(
        "INSERT INTO mqtt_node (id, seen) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET seen = excluded.seen",
        *(node, clock.now()),
    )


def end(node: str) -> None:
    """Forget a node and all its connections."""
    with database.write():
        while _forget("node = ?", node) == AT_ONCE:
            pass
        database.execute("DELETE FROM mqtt_takeover WHERE node = ?", node)
        database.execute("DELETE FROM mqtt_node WHERE id = ?", node)


def opened(node: str, found: Sequence[Opened]) -> set[int]:
    """Note connections of devices, the last of each device where there are several; older ones are to end.

    Returns the devices that are there. They are held, in one order: two nodes that have the same device see each other.
    """
    newest = {one.device_id: one for one in found}
    with database.write():
        begin(node)
        ids = sorted(devices.hold(sorted(newest)))
        if ids:
            _oust(node, ids)
            _note(node, [newest[key] for key in ids])
    return set(ids)


def _oust(node: str, ids: Sequence[int]) -> None:
    """Let other nodes know that devices have left them."""
    marks = ",".join("?" * len(ids))
    query = f"SELECT node, device_id FROM mqtt_session WHERE device_id IN ({marks}) AND node NOT IN (?, ?)"
    for row in sorted(database.execute(query, *ids, node, _NOWHERE).fetchall()):
        database.execute("INSERT INTO mqtt_takeover (node, device_id) VALUES (?, ?) ON CONFLICT DO NOTHING", *row)
    database.execute(f"DELETE FROM mqtt_takeover WHERE node = ? AND device_id IN ({marks})", node, *ids)


def _note(node: str, found: Sequence[Opened]) -> None:
    now = clock.now()
    values = [value for one in found for value in (one.device_id, node, one.number, one.front, one.address, now)]
    database.execute(
        "INSERT INTO mqtt_session (device_id, node, number, front, address, since) "
        f"VALUES {','.join(['(?,?,?,?,?,?)'] * len(found))} ON CONFLICT (device_id) DO UPDATE SET "
        "node = excluded.node, number = excluded.number, front = excluded.front, address = excluded.address, "
        f"since = excluded.since, pushed = CASE WHEN {_IS_LOST} THEN mqtt_session.pushed END, acknowledged = NULL",
        *values,
    )


def closed(node: str, found: Sequence[Opened]) -> None:
    """Note that connections have ended; where a device has a newer one, that stays."""
    marks = ",".join(["(?,?)"] * len(found))
    with database.write():
        _forget(
            f"node = ? AND (device_id, number) IN (VALUES {marks})",
            *(node, *(value for one in found for value in (one.device_id, one.number))),
        )


def _forget(where: str, *values: object) -> int:
    """Forget connections, `AT_ONCE` at most, but for what was lost on them; return how many there were."""
    ids = _hold(where, *values)
    marks = ",".join("?" * len(ids)) or "NULL"
    query = f"UPDATE mqtt_session SET node = ? WHERE device_id IN ({marks}) AND {_IS_LOST}"
    database.execute(query, _NOWHERE, *ids)
    database.execute(f"DELETE FROM mqtt_session WHERE device_id IN ({marks}) AND node <> ?", *ids, _NOWHERE)
    return len(ids)


def _hold(where: str, *values: object) -> list[int]:
    """Lock connections in one order, as everybody does who changes several; return whose they are."""
    query = (
        f"SELECT device_id FROM mqtt_session WHERE {where} ORDER BY device_id LIMIT ?{database.lock(database.ALONE)}"
    )
    return [device_id for (device_id,) in database.execute(query, *values, AT_ONCE).fetchall()]


def forget(device_id: int) -> None:
    """Forget the connection of a device that is deleted, inside the write that deletes it."""
    database.execute("DELETE FROM mqtt_session WHERE device_id = ?", device_id)


def pushed(device_id: int, task_id: int, attempts: int) -> None:
    """Note the task that a device is told of on its connection, inside a write."""
    database.execute(
        "UPDATE mqtt_session SET pushed = ?, attempts = ?, pushed_at = ?, acknowledged = FALSE WHERE device_id = ?",
        *(task_id, attempts, clock.now(), device_id),
    )


def acknowledged(node: str, device_ids: Sequence[int]) -> None:
    """Note that devices have what they were told last."""
    marks = ",".join("?" * len(device_ids))
    with database.write():
        ids = _hold(f"node = ? AND device_id IN ({marks})", node, *device_ids)
        marks = ",".join("?" * len(ids)) or "NULL"
        database.execute(f"UPDATE mqtt_session SET acknowledged = TRUE WHERE device_id IN ({marks})", *ids)


def is_ousted(node: str) -> bool:
    """Tell whether a device of a node has a newer connection to another one."""
    return database.execute("SELECT 1 FROM mqtt_takeover WHERE node = ? LIMIT 1", node).fetchone() is not None


def beat(node: str) -> list[int]:
    """Note that a node is there still; return the devices whose connections it is to end, since they have newer ones.

    What a dead node left behind is forgotten, some of it at a time.
    """
    with database.write():
        begin(node)
        rows = database.execute("DELETE FROM mqtt_takeover WHERE node = ? RETURNING device_id", node).fetchall()
    _forget_dead(clock.now() - DEAD_MS)  # by itself: two nodes that were both away for long would wait for each other
    return [device_id for (device_id,) in rows]


def _forget_dead(before: int) -> None:
    query = "SELECT id FROM mqtt_node WHERE seen < ? ORDER BY id LIMIT 1"
    if not database.execute(query, before).fetchone():
        return
    with database.write():
        dead = database.execute(query + database.lock(database.ALONE), before).fetchone()
        if not dead:  # it was not, or another node was faster
            return
        if _forget("node = ?", *dead) < AT_ONCE:
            database.execute("DELETE FROM mqtt_takeover WHERE node = ?", *dead)
            database.execute("DELETE FROM mqtt_node WHERE id = ?", *dead)
