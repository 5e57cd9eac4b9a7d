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

# How often a node says that it is there, and how long its connections count after it has said so last.
BEAT_SECONDS: Final = 5.0
DEAD_MS: Final = 30_000
# How many connections of a dead node are forgotten at once.
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
        _forget("node = ?", node)
        database.execute("DELETE FROM mqtt_takeover WHERE node = ?", node)
        database.execute("DELETE FROM mqtt_node WHERE id = ?", node)


def opened(node: str, found: Sequence[Opened]) -> None:
    """Note connections of devices, the last of each device where there are several; older ones are to end."""
    newest = {one.device_id: one for one in found}
    ids = sorted(newest)  # several nodes write several rows: in one order
    marks, now = ",".join("?" * len(ids)), clock.now()
    with database.write():
        begin(node)
        older = database.execute(
            f"SELECT node, device_id FROM mqtt_session WHERE device_id IN ({marks}) AND node <> ? ORDER BY device_id",
            *(*ids, node),
        ).fetchall()
        for row in older:
            database.execute("INSERT INTO mqtt_takeover (node, device_id) VALUES (?, ?) ON CONFLICT DO NOTHING", *row)
        database.execute(f"DELETE FROM mqtt_takeover WHERE node = ? AND device_id IN ({marks})", node, *ids)
        values = [
            value
            for key in ids
            for value in (key, node, newest[key].number, newest[key].front, newest[key].address, now)
        ]
        database.execute(
            "INSERT INTO mqtt_session (device_id, node, number, front, address, since) "
            f"VALUES {','.join(['(?,?,?,?,?,?)'] * len(ids))} ON CONFLICT (device_id) DO UPDATE SET "
            "node = excluded.node, number = excluded.number, front = excluded.front, address = excluded.address, "
            f"since = excluded.since, pushed = CASE WHEN {_IS_LOST} THEN mqtt_session.pushed END, acknowledged = NULL",
            *values,
        )


def closed(node: str, found: Sequence[Opened]) -> None:
    """Note that connections have ended; where a device has a newer one, that stays."""
    with database.write():
        for one in sorted(found):
            _forget("device_id = ? AND node = ? AND number = ?", one.device_id, node, one.number)


def _forget(where: str, *values: object) -> int:
    """Forget connections, but for what was lost on them; return how many there were."""
    kept = database.execute(f"UPDATE mqtt_session SET node = ? WHERE {where} AND {_IS_LOST}", _NOWHERE, *values)
    return int(kept.rowcount + database.execute(f"DELETE FROM mqtt_session WHERE {where}", *values).rowcount)


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
    ids = sorted(set(device_ids))
    marks = ",".join("?" * len(ids))
    with database.write():
        query = f"UPDATE mqtt_session SET acknowledged = TRUE WHERE node = ? AND device_id IN ({marks})"
        database.execute(query, node, *ids)


def is_ousted(node: str) -> bool:
    """Tell whether a device of a node has a newer connection to another one."""
    return database.execute("SELECT 1 FROM mqtt_takeover WHERE node = ? LIMIT 1", node).fetchone() is not None


def beat(node: str) -> list[int]:
    """Note that a node is there still; return the devices whose connections it is to end, since they have newer ones.

    What a dead node left behind is forgotten, some of it at a time.
    """
    with database.write():
        begin(node)
        _forget_dead(clock.now() - DEAD_MS)
        rows = database.execute("DELETE FROM mqtt_takeover WHERE node = ? RETURNING device_id", node).fetchall()
        return [device_id for (device_id,) in rows]


def _forget_dead(before: int) -> None:
    dead = database.execute("SELECT id FROM mqtt_node WHERE seen < ? ORDER BY id LIMIT 1", before).fetchone()
    if not dead:
        return
    some = "SELECT device_id FROM mqtt_session WHERE node = ? ORDER BY device_id LIMIT ?"
    if _forget(f"node = ? AND device_id IN ({some})", *dead, *dead, AT_ONCE) < AT_ONCE:
        database.execute("DELETE FROM mqtt_takeover WHERE node = ?", *dead)
        database.execute("DELETE FROM mqtt_node WHERE id = ?", *dead)
