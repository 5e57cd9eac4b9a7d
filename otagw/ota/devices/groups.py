"""Groups of devices, of whichever products; a group may be within another."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from otagw import clock, errors
from otagw.db import database
from otagw.ota import audit, idempotency, ids, listing
from otagw.ota.accounts import Account
from otagw.ota.devices import devices
from otagw.ota.devices.devices import Device
from otagw.ota.listing import Page

KIND: Final = "device group"
# How many groups a device may be in.
PER_DEVICE: Final = 10
_SELECT: Final = "SELECT id, name, description, parent_id, created FROM device_group"


@dataclass(frozen=True, kw_only=True)
class GroupDraft:
    """A group as it is asked for; ``parent`` is the id of the group it is within."""

    name: str
    description: str | None = None
    parent: str | None = None


class Group(NamedTuple):
    """A group as it is kept."""

    id: int
    name: str
    description: str | None
    parent_id: int | None
    created: int


class Count(NamedTuple):
    """How many devices a group has, how many of them were ever heard of, and how many lately."""

    devices: int
    activated: int
    online: int


class Added(NamedTuple):
    """What came of adding devices, or of taking them out: how many there are, and were changed or not, and why."""

    valid: int
    changed: int
    there_before: int
    over_limit: int = 0


def create(account: Account, draft: GroupDraft, token: str | None = None) -> Group:
    """Keep a new group; raise `errors.AlreadyExists` when the account has one of its name."""

    def work() -> dict[str, Any]:
        parent = get(account, draft.parent, database.SHARE).id if draft.parent else None
        now = clock.now()
        row = database.execute(
            "INSERT INTO device_group (id, account_id, name, description, parent_id, created) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
            *(clock.new_id(now), account.id, draft.name, draft.description, parent, now),
        ).fetchone()
        if row is None:
            raise errors.AlreadyExists(kind=KIND, key=draft.name)
        audit.note(account.id, KIND, row[0])
        return {"id": row[0]}

    with database.write():  # what is returned was not deleted meanwhile
        return get(account, str(idempotency.run(account, "group.create", token, lambda: asdict(draft), work)["id"]))


def get(account: Account, key: str, lock: str = "") -> Group:
    """Return a group by its id, which is a decimal text; with a lock, it stays as it is until we are done."""
    query = f"{_SELECT} WHERE id = ? AND account_id = ?{database.lock(lock)}"
    row = database.execute(query, ids.read(KIND, key), account.id).fetchone()
    if row is None:
        raise errors.NotFound(kind=KIND, key=key)
    return Group(*row)


def find(account: Account, group_id: int) -> Group | None:
    """Return a group by its number, if it is still there."""
    row = database.execute(f"{_SELECT} WHERE id = ? AND account_id = ?", group_id, account.id).fetchone()
    return Group(*row) if row else None


def delete(account: Account, key: str) -> None:
    """Delete a group, not its devices; raise `errors.InUse` while other groups are within it."""
    with database.write():
        group = get(account, key, database.ALONE)
        if database.execute("SELECT 1 FROM device_group WHERE parent_id = ? LIMIT 1", group.id).fetchone():
            raise errors.InUse(kind=KIND, key=key, by="groups")
        database.execute("DELETE FROM device_group WHERE id = ?", group.id)
        listing.forget(account.id, [devices.member_scope(group.id)])
        audit.note(account.id, KIND, group.id)


def page(
    account: Account, number: int, size: int, *, containing: str | None = None, parent: str | None = None
) -> Page[Group]:
    """Return a page of groups, newest first: all, or those whose name contains a text, or that are within another.

    An account has few groups, next to its devices: these are counted, not kept count of.
    """
    where = "account_id = ?"
    values: list[Any] = [account.id]
    if containing:
        pattern = containing.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
        where, values = f"{where} AND LOWER(name) LIKE ? ESCAPE '!'", [*values, f"%{pattern}%"]
    with database.read():
        if parent:
            where, values = f"{where} AND parent_id = ?", [*values, get(account, parent).id]
        (total,) = database.execute(f"SELECT COUNT(*) FROM device_group WHERE {where}", *values).fetchone()
        rows = listing.rows(_SELECT, "device_group", where, values, total, number, size)
        return Page([Group(*row) for row in rows], number, size, total)


def count(account: Account, group: Group) -> Count:
    """Return how many devices a group has."""
    total, now = listing.total(account.id, devices.member_scope(group.id)), clock.now()
    row = database.execute(
        "SELECT COUNT(d.activated), COUNT(CASE WHEN d.enabled AND d.activated IS NOT NULL "
        "AND (d.seen > ? OR d.seen > ? - 2000 * COALESCE(p.poll_seconds, 0)) THEN 1 END) FROM device_group_member m "
        "JOIN device d ON d.id = m.device_id JOIN product p ON p.key = d.product_key "
        "WHERE m.group_id = ? AND d.account_id = ?",
        *(now - devices.ONLINE_MS, now, group.id, account.id),
    ).fetchone()
    return Count(total, *row)


def add(account: Account, key: str, members: Sequence[tuple[str, str]]) -> Added:
    """Put devices, each a product and a name, into a group; those that are not there are passed over."""
    with database.write():
        group = get(account, key, database.SHARE)
        found = devices.hold(sorted(_ids(account, members)))  # nobody deletes them, or changes the groups they are in
        inside = _inside(group, found)
        full = _full(found - inside)
        wanted = sorted(found - inside - full)
        if wanted:
            marks = ",".join(["(?,?)"] * len(wanted))
            values = [value for device_id in wanted for value in (group.id, device_id)]
            database.execute(f"INSERT INTO device_group_member (group_id, device_id) VALUES {marks}", *values)
            listing.count(account.id, [devices.member_scope(group.id)], len(wanted))
            audit.note(account.id, KIND, group.id)
        return Added(len(found), len(wanted), len(inside), len(full))


def remove(account: Account, key: str, members: Sequence[tuple[str, str]]) -> Added:
    """Take devices out of a group; those that are not in it are passed over."""
    with database.write():
        group = get(account, key, database.SHARE)
        found = devices.hold(sorted(_ids(account, members)))
        inside = sorted(_inside(group, found))
        if inside:
            marks = ",".join("?" * len(inside))
            database.execute(
                f"DELETE FROM device_group_member WHERE group_id = ? AND device_id IN ({marks})", group.id, *inside
            )
            listing.count(account.id, [devices.member_scope(group.id)], -len(inside))
            audit.note(account.id, KIND, group.id)
        return Added(len(found), len(inside), len(inside))


def members(account: Account, key: str, number: int, size: int) -> Page[Device]:
    """Return a page of a group's devices, newest first."""
    with database.read():
        group = get(account, key)
        scope, within = devices.member_scope(group.id), "device_group_member.device_id"
        rows, total = listing.counted(
            account.id, scope, devices.SELECT, devices.KIND, "group_id = ?", [group.id], number, size, within
        )
        return Page([devices.device(row) for row in rows], number, size, total)


def names(account: Account, keys: Sequence[str], product_key: str) -> list[str]:
    """Return the names of those devices of a product that are in any of some groups."""
    found = [get(account, key).id for key in keys]
    rows = database.execute(
        "SELECT DISTINCT d.id, d.name FROM device_group_member m JOIN device d ON d.id = m.device_id "
        f"WHERE d.product_key = ? AND m.group_id IN ({','.join('?' * len(found))}) ORDER BY d.id",
        *(product_key, *found),
    )
    return [name for _, name in rows.fetchall()]


def _ids(account: Account, pairs: Sequence[tuple[str, str]]) -> set[int]:
    """Return the ids of those devices that are there."""
    found = set()
    for product_key, name in pairs:
        row = database.execute(
            "SELECT id FROM device WHERE product_key = ? AND name = ? AND account_id = ?", product_key, name, account.id
        ).fetchone()
        found |= {row[0]} if row else set()
    return found


def _inside(group: Group, found: set[int]) -> set[int]:
    """Return which devices are in the group."""
    marks = ",".join("?" * len(found))
    query = f"SELECT device_id FROM device_group_member WHERE group_id = ? AND device_id IN ({marks})"
    return {row[0] for row in database.execute(query, group.id, *found).fetchall()} if found else set()


def _full(found: set[int]) -> set[int]:
    """Return which devices are in as many groups as they may be."""
    marks = ",".join("?" * len(found))
    query = (
        f"SELECT device_id FROM device_group_member WHERE device_id IN ({marks}) "
        f"GROUP BY device_id HAVING COUNT(*) >= {PER_DEVICE}"
    )
    return {row[0] for row in database.execute(query, *found).fetchall()} if found else set()
