"""Groups of devices of any products; a group may be within another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from peewee import SQL, fn

from otagw import clock, errors
from otagw.db import database, models, rows
from otagw.db.rows import Rows
from otagw.ota import audit, idempotency, ids, listing
from otagw.ota.accounts import Account
from otagw.ota.devices import devices
from otagw.ota.devices.devices import Device
from otagw.ota.listing import Page

KIND: Final = "device group"
# How many groups a device may be in.
PER_DEVICE: Final = 10


@dataclass(frozen=True, kw_only=True)
class GroupDraft:
    """A group as it is asked for; ``parent`` is the id of the group it is within.

    Its devices are to poll every ``poll_seconds``, or as often as their product says.
    """

    name: str
    description: str | None = None
    parent: str | None = None
    poll_seconds: int | None = None


class Group(NamedTuple):
    """A group as it is kept."""

    id: int
    name: str
    description: str | None
    parent_id: int | None
    created: int
    poll_seconds: int | None = None


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


_ROWS: Final = Rows(Group, models.DeviceGroup)


def create(account: Account, draft: GroupDraft, token: str | None = None) -> Group:
    """Keep a new group; raise `errors.AlreadyExists` when the account has one of its name."""

    def work() -> dict[str, Any]:
        parent = get(account, draft.parent, database.SHARE).id if draft.parent else None
        now = clock.now()
        group = Group(clock.new_id(now), draft.name, draft.description, parent, now, draft.poll_seconds)
        if not models.DeviceGroup.insert_if_free(account_id=account.id, **group._asdict()):
            raise errors.AlreadyExists(kind=KIND, key=draft.name)
        audit.note(account.id, KIND, group.id)
        return {"id": group.id}

    with database.write():  # what is returned was not deleted meanwhile
        answer = idempotency.run(account, "group.create", token, lambda: idempotency.fields(draft, "traits"), work)
        return get(account, str(answer["id"]))


def get(account: Account, key: str, lock: str = "") -> Group:
    """Return a group by its id, which is a decimal text; with a lock, it stays as it is until we are done."""
    found = find(account, ids.read(KIND, key), lock)
    if found is None:
        raise errors.NotFound(kind=KIND, key=key)
    return found


def find(account: Account, group_id: int, lock: str = "") -> Group | None:
    """Return a group by its number, if it is still there."""
    return _ROWS.find(models.DeviceGroup.id == group_id, models.DeviceGroup.account_id == account.id, lock=lock)


def set_poll_seconds(account: Account, key: str, seconds: int | None) -> None:
    """Set how often the devices of a group are to poll; None: as often as their product says."""
    with database.write():
        group = get(account, key, database.HOLD)
        models.DeviceGroup.update(poll_seconds=seconds).where(models.DeviceGroup.id == group.id).execute()
        audit.note(account.id, KIND, group.id)


def delete(account: Account, key: str) -> None:
    """Delete a group, not its devices; raise `errors.InUse` while other groups are within it."""
    with database.write():
        group = get(account, key, database.ALONE)
        if models.DeviceGroup.select().where(models.DeviceGroup.parent == group.id).exists():
            raise errors.InUse(kind=KIND, key=key, by="groups")
        models.DeviceGroup.delete().where(models.DeviceGroup.id == group.id).execute()
        listing.forget(account.id, [devices.member_scope(group.id)])
        audit.note(account.id, KIND, group.id)


def page(
    account: Account, number: int, size: int, *, containing: str | None = None, parent: str | None = None
) -> Page[Group]:
    """Return a page of groups, newest first: all, or those whose name contains a text, or that are within another.

    An account has few groups, next to its devices: these are counted, not kept count of.
    """
    row = models.DeviceGroup
    query = _ROWS.select().where(row.account_id == account.id)
    if containing:
        query = query.where(fn.LOWER(row.name).contains(containing.lower()))
    with database.read():
        if parent:
            query = query.where(row.parent == get(account, parent).id)
        return listing.page(_ROWS, query, [row.id.desc()], number, size)


def count(account: Account, group: Group) -> Count:
    """Return how many devices a group has."""
    now = clock.now()
    lately = f"(device.seen > ? OR device.seen > ? - CAST(2000 AS BIGINT) * {devices.POLL_SECONDS})"
    online = f"CASE WHEN device.enabled AND device.activated IS NOT NULL AND {lately} THEN 1 END"
    heard = database.execute(
        f"SELECT COUNT(device.activated), COUNT({online}) FROM device_group_member AS inside "
        "JOIN device ON device.id = inside.device_id JOIN product ON product.key = device.product_key "
        "WHERE inside.group_id = ? AND device.account_id = ?",
        *(now - devices.ONLINE_MS, now, group.id, account.id),
    ).fetchone()
    return Count(listing.total(account.id, devices.member_scope(group.id)), *heard)


def add(account: Account, key: str, members: Sequence[tuple[str, str]]) -> Added:
    """Put devices, each a product and a name, into a group; those that are not there are passed over."""
    with database.write():
        group = get(account, key, database.SHARE)
        found = devices.hold(sorted(_ids(account, members)))  # nobody deletes them, or changes the groups they are in
        inside = _inside(group, found)
        full = _full(found - inside)
        wanted = sorted(found - inside - full)
        if wanted:
            member = models.DeviceGroupMember
            member.insert_many([(group.id, each) for each in wanted], (member.group, member.device)).execute()
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
            member = models.DeviceGroupMember
            member.delete().where(member.group == group.id, member.device.in_(inside)).execute()
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
    device, member = models.Device, models.DeviceGroupMember
    inside = member.select(member.device).where(member.group.in_(found))
    query = device.select(device.name).where(device.product == product_key, device.id.in_(inside))
    return rows.values(query.order_by(device.id))


def _ids(account: Account, pairs: Sequence[tuple[str, str]]) -> set[int]:
    """Return the ids of those devices that are there."""
    row, found = models.Device, set()
    for product_key, name in pairs:
        one = row.select(row.id).where(row.product == product_key, row.name == name, row.account_id == account.id)
        found.update(rows.values(one))
    return found


def _inside(group: Group, found: set[int]) -> set[int]:
    """Return which devices are in the group."""
    member = models.DeviceGroupMember
    return set(rows.values(member.select(member.device).where(member.group == group.id, member.device.in_(found))))


def _full(found: set[int]) -> set[int]:
    """Return which devices are in as many groups as they may be."""
    member = models.DeviceGroupMember
    several = member.select(member.device).where(member.device.in_(found)).group_by(member.device)
    return set(rows.values(several.having(fn.COUNT(SQL("*")) >= PER_DEVICE)))
