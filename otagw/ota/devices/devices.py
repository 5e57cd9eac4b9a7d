"""Devices of a product: registered by name, found by name or id, shown with the versions they run.

Nothing but a request to register makes a device: neither a rollout nor a poll does.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, NamedTuple

from otagw import clock, errors
from otagw.db import database, models, rows
from otagw.db.rows import Rows
from otagw.ota import audit, idempotency, ids, listing
from otagw.ota.accounts import Account
from otagw.ota.devices import claimed_names
from otagw.ota.listing import Page
from otagw.ota.products import modules, products
from otagw.security import derived_secrets

KIND: Final = "device"
NAME: Final = re.compile(r"[A-Za-z0-9_.:@-]{1,256}")
# How long after its last message a device counts as online, unless it is to poll less often.
ONLINE_MS: Final = 10 * 60 * 1000
DISABLED, UNACTIVATED, ONLINE, OFFLINE = "disabled", "unactivated", "online", "offline"
_INSERTED_AT_ONCE: Final = 500
_NAME_LENGTH: Final = 20
_VERSION: Final = "SELECT version FROM device_version v WHERE v.device_id = device.id AND v.folded = 'default'"
# How often a device is to ask, on ``device`` and ``product``: by the shortest interval of its groups, or its product's.
POLL_SECONDS: Final = (
    "COALESCE((SELECT MIN(g.poll_seconds) FROM device_group_member m JOIN device_group g ON g.id = m.group_id "
    f"WHERE m.device_id = device.id), product.poll_seconds, {products.POLL_SECONDS})"
)
# The columns that `add` fills.
_GIVEN: Final = "id, account_id, product_key, name, nickname, secret, enabled, created, modified, batch_id"


@dataclass(frozen=True)
class DeviceDraft:
    """A device as it is asked for; ``secret`` and ``versions`` (by module) are what it brings from elsewhere."""

    name: str
    nickname: str | None = None
    secret: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


class Device(NamedTuple):
    """A device as it is kept; times are milliseconds, ``version`` is that of the whole device."""

    id: int
    account_id: int
    product_key: str
    name: str
    nickname: str | None
    sealed: str | None
    enabled: bool
    created: int
    modified: int
    activated: int | None
    seen: int | None
    address: str | None
    product_name: str
    is_gateway: bool
    version: str | None
    sealed_token: str | None
    sealed_gateway_token: str | None
    poll_seconds: int
    wants_attributes: bool

    @property
    def uuid(self) -> str:
        """Return its name in the whole gateway, and beyond."""
        return ids.as_uuid(self.id)

    @property
    def secret(self) -> str:
        """Return what the device proves itself with."""
        return derived_secrets.secret(f"device/{self.id}", self.sealed)

    @property
    def token(self) -> str | None:
        """Return what it may prove itself with as well, if such a token was set."""
        return self.sealed_token and derived_secrets.secret(f"device/{self.id} token", self.sealed_token)

    @property
    def gateway_token(self) -> str | None:
        """Return what each device of its product may prove itself with, if such a token was set."""
        owner = products.token_owner(self.product_key)
        return self.sealed_gateway_token and derived_secrets.secret(owner, self.sealed_gateway_token)

    @property
    def state(self) -> str:
        """Return whether it is disabled, was never heard of, or was heard of lately."""
        if not self.enabled:
            return DISABLED
        if self.activated is None:
            return UNACTIVATED
        return ONLINE if clock.now() - (self.seen or 0) < max(ONLINE_MS, 2000 * self.poll_seconds) else OFFLINE


class Version(NamedTuple):
    """What a module of a device runs."""

    module: str
    version: str


# Each request of a device, and each listing, reads devices: in SQL, which is put together once.
_ROWS: Final = Rows(
    Device,
    models.Device,
    sealed=models.Device.secret,
    product_name=models.Product.name,
    is_gateway=models.Product.is_gateway,
    version=f"({_VERSION})",
    sealed_token=models.Device.token,
    sealed_gateway_token=models.Product.gateway_token,
    poll_seconds=POLL_SECONDS,
    wants_attributes="(device.attributes IS NULL OR COALESCE(device.attributes_asked, FALSE))",
)
SELECT: Final = f"SELECT {_ROWS.selected} FROM device JOIN product ON product.key = device.product_key"
device: Final = _ROWS.record


def register(
    account: Account,
    product_key: str,
    name: str | None = None,
    *,
    nickname: str | None = None,
    token: str | None = None,
) -> Device:
    """Register one device, under a name of our making where none is given.

    Raises `errors.AlreadyExists` when the product has a device of its name.
    """

    def work() -> dict[str, Any]:
        products.require(account, product_key)
        chosen = name or new_name()
        if not add(account, product_key, [DeviceDraft(chosen, nickname)]):
            raise errors.AlreadyExists(kind=KIND, key=chosen)
        audit.note(account.id, KIND, f"{product_key}/{chosen}")
        return {"name": chosen}

    with database.write():  # what is returned was not deleted meanwhile
        answer = idempotency.run(account, "device.register", token, lambda: [product_key, name, nickname], work)
        return named(account, product_key, answer["name"])


def new_name() -> str:
    """Return a name that no device has."""
    return clock.random_text(_NAME_LENGTH)


def new_names(count: int) -> list[str]:
    """Return so many names that no device has."""
    return clock.random_texts(count, _NAME_LENGTH)


def add(account: Account, product_key: str, drafts: Sequence[DeviceDraft], batch_id: int | None = None) -> set[str]:
    """Register devices of a product that is there, inside a write; return the names that were free until now."""
    added: set[str] = set()
    claimed = claimed_names.claimed(product_key, {draft.name for draft in drafts}, batch_id)
    drafts = [draft for draft in drafts if draft.name not in claimed] if claimed else drafts
    now = clock.now()
    identity = ids.free(KIND, len(drafts))
    remaining = iter(drafts)
    while chunk := list(islice(remaining, _INSERTED_AT_ONCE)):
        values: list[Any] = []
        for draft in chunk:
            sealed = derived_secrets.seal(f"device/{identity}", draft.secret) if draft.secret else None
            values += (identity, account.id, product_key, draft.name, draft.nickname, sealed, True, now, now, batch_id)
            identity += 1
        marks = ",".join(["(?,?,?,?,?,?,?,?,?,?)"] * len(chunk))
        rows = database.execute(
            f"INSERT INTO device ({_GIVEN}) VALUES {marks} "
            "ON CONFLICT (product_key, name) DO NOTHING RETURNING id, name",
            *values,
        ).fetchall()
        found = {name: key for key, name in rows}
        _add_versions([(found[d.name], d.versions) for d in chunk if d.versions and d.name in found], now)
        added |= found.keys()
    if added:
        listing.count(account.id, [_scope(product_key)], len(added))
    return added


def get(account: Account, key: str) -> Device:
    """Return a device by its UUID."""
    row = database.execute(
        f"{SELECT} WHERE device.id = ? AND device.account_id = ?", ids.from_uuid(KIND, key), account.id
    ).fetchone()
    if row is None:
        raise errors.NotFound(kind=KIND, key=key)
    return device(row)


def named(account: Account, product_key: str, name: str) -> Device:
    """Return a device by its product and name."""
    products.check(account, product_key)
    found = find(product_key, name)
    if found is None:
        raise errors.NotFound(kind=KIND, key=name)
    return found


def find(product_key: str, name: str) -> Device | None:
    """Return a device of any account by its product and name."""
    row = database.execute(f"{SELECT} WHERE device.product_key = ? AND device.name = ?", product_key, name).fetchone()
    return device(row) if row else None


def by_id(device_id: int) -> Device | None:
    """Return a device of any account by its number."""
    row = database.execute(f"{SELECT} WHERE device.id = ?", device_id).fetchone()
    return device(row) if row else None


def by_name(name: str, most: int) -> list[Device]:
    """Return devices of a name in any product of any account, so many at most: which one is meant is for the caller."""
    rows = database.execute(f"{SELECT} WHERE device.name = ? ORDER BY device.id LIMIT ?", name, most).fetchall()
    return [device(row) for row in rows]


def newest(product_key: str, most: int) -> list[Device]:
    """Return devices of a product of any account, newest first, so many at most."""
    query = f"{SELECT} WHERE device.product_key = ? ORDER BY device.id DESC LIMIT ?"
    return [device(row) for row in database.execute(query, product_key, most).fetchall()]


def several(account: Account, product_key: str, names: Sequence[str]) -> list[Device]:
    """Return those of a product's devices that are there, in the order of their names."""
    products.check(account, product_key)
    marks = ",".join("?" * len(names))
    rows = database.execute(
        f"{SELECT} WHERE device.product_key = ? AND device.name IN ({marks})", product_key, *names
    ).fetchall()
    found = {row[3]: device(row) for row in rows}
    return [found[name] for name in dict.fromkeys(names) if name in found]


def last_id(product_key: str) -> int:
    """Return the highest id of a product's devices: clocks of several machines differ, so no time says it."""
    (last,) = database.execute("SELECT MAX(id) FROM device WHERE product_key = ?", product_key).fetchone()
    return last or 0


def page(account: Account, product_key: str, number: int, size: int, *, before: str | None = None) -> Page[Device]:
    """Return a page of a product's devices, newest first; ``before`` is an id, and then ``number`` does not count.

    Asking for what comes before the last id of the page costs the same however deep one is.
    """
    with database.read():
        products.check(account, product_key)
        scope, where = _scope(product_key), "product_key = ?"
        if before is None:
            rows, total = listing.counted(account.id, scope, SELECT, KIND, where, [product_key], number, size)
        else:
            total = listing.total(account.id, scope)
            oldest = ids.read(KIND, before)
            where = "device.product_key = ? AND device.id < ? ORDER BY device.id DESC LIMIT ?"
            rows = database.execute(f"{SELECT} WHERE {where}", product_key, oldest, size).fetchall()
        return Page([device(row) for row in rows], number, size, total)


def enable(account: Account, found: Device, enabled: bool) -> None:
    """Let a device take part, or not."""
    _set(account, found, "enabled", enabled)


def set_token(account: Account, found: Device, token: str | None) -> None:
    """Let a device prove itself with a token beside its secret, or no more."""
    _set(account, found, "token", derived_secrets.seal(f"device/{found.id} token", token) if token else None)


def _set(account: Account, found: Device, column: str, value: str | bool | None) -> None:
    with database.write():
        row = models.Device
        change = row.update({column: value, "modified": clock.now()})
        if not change.where(row.id == found.id, row.account_id == account.id).execute():
            raise errors.NotFound(kind=KIND, key=found.name)
        audit.note(account.id, KIND, f"{found.product_key}/{found.name}")


def want_attributes(device_id: int) -> None:
    """Ask a device for its attributes again, inside a write."""
    database.execute("UPDATE device SET attributes_asked = TRUE WHERE id = ?", device_id)


def delete(account: Account, found: Device) -> None:
    """Delete a device, and take it out of its groups; `job_control.delete_device` ends its tasks as well."""
    with database.write():
        hold([found.id])  # nobody changes the groups that it is in
        row, member = models.Device, models.DeviceGroupMember
        groups = rows.values(member.select(member.group).where(member.device == found.id))
        if not row.delete().where(row.id == found.id, row.account_id == account.id).execute():
            raise errors.NotFound(kind=KIND, key=found.name)
        listing.uncount(account.id, [_scope(found.product_key), *map(member_scope, groups)])
        audit.note(account.id, KIND, f"{found.product_key}/{found.name}")


def hold(device_ids: Sequence[int]) -> set[int]:
    """Keep devices from being deleted, or given a task by others, inside a write; return those that are there."""
    marks = ",".join("?" * len(device_ids)) or "NULL"
    query = f"SELECT id FROM device WHERE id IN ({marks}) ORDER BY id{database.lock(database.HOLD)}"
    return {device_id for (device_id,) in database.execute(query, *device_ids).fetchall()}


def versions(found: Device) -> list[Version]:
    """Return what a device runs, the whole device first and then its modules by name."""
    rows = database.execute(
        "SELECT module, version FROM device_version WHERE device_id = ? ORDER BY folded <> ?, folded",
        *(found.id, modules.DEFAULT),
    )
    return [Version(*row) for row in rows.fetchall()]


def member_scope(group_id: int) -> str:
    """Return the counter of a group's devices."""
    return listing.scope("device of group", group=str(group_id))


def _scope(product_key: str) -> str:
    return listing.scope(KIND, product_key=product_key)


def _add_versions(found: Sequence[tuple[int, Mapping[str, str]]], now: int) -> None:
    rows: Iterator[tuple[Any, ...]] = (
        (device_id, module.lower(), module, version, now)
        for device_id, running in found
        for module, version in running.items()
    )
    while chunk := list(islice(rows, _INSERTED_AT_ONCE)):
        marks = ",".join(["(?,?,?,?,?)"] * len(chunk))
        database.execute(
            f"INSERT INTO device_version (device_id, folded, module, version, modified) VALUES {marks}",
            *(value for row in chunk for value in row),
        )
