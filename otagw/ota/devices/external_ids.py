"""Devices under one id in the whole account: the one that was chosen for it, or its product and name with _ between.

Beside it is kept what the front that registered a device has to show again. A device of another front has neither.
Requests of devices and listings use SQL statements, not peewee.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from otagw import errors
from otagw.db import database, models
from otagw.db.rows import Rows
from otagw.ota import audit, listing
from otagw.ota.accounts import Account
from otagw.ota.devices import devices
from otagw.ota.devices.devices import Device, DeviceDraft
from otagw.ota.products import products

AT_ONCE: Final = 1000
# How many ways an id may be read as a product and a name, which both may have the separator in them.
READINGS: Final = 128
_SEPARATOR: Final = "_"


class Registration(NamedTuple):
    """The id that was chosen for a device, and what its front noted of it."""

    device_id: int
    external_id: str | None = None
    front_data: Mapping[str, Any] = {}


_ROWS: Final = Rows(Registration, models.DeviceOrigin)


def default_id(product_key: str, name: str) -> str:
    """Return the id of a device for which none was chosen."""
    return f"{product_key}{_SEPARATOR}{name}"


def register(
    account: Account, product_key: str, draft: DeviceDraft, chosen: str | None, front_data: Mapping[str, Any]
) -> Device:
    """Register a device under an id; raise `errors.AlreadyExists` where that, or its name in the product, is taken."""
    external = chosen or default_id(product_key, draft.name)
    with database.write():
        products.require(account, product_key)
        if _find(account, external) or not devices.add(account, product_key, [draft]):
            raise errors.AlreadyExists(kind=devices.KIND, key=external)
        made = devices.named(account, product_key, draft.name)
        is_first = models.DeviceOrigin.insert_if_free(
            device=made.id, account_id=account.id, external_id=chosen, front_data=front_data
        )
        if not is_first:
            raise errors.AlreadyExists(kind=devices.KIND, key=external)
        audit.note(account.id, devices.KIND, f"{product_key}/{draft.name}")
        return made


def find(account: Account, key: str) -> Device:
    """Return a device by its id."""
    found = _find(account, key)
    if found is None:
        raise errors.NotFound(kind=devices.KIND, key=key)
    return found


def of_any_account(key: str, most: int) -> list[Device]:
    """Return the devices of all accounts that an id may mean, so many at most: which one is meant is for the caller."""
    readings = _readings(key)
    where = " OR ".join(["device.product_key = ? AND device.name = ?"] * len(readings)) or "FALSE"
    values = [half for reading in readings for half in reading]
    chosen = "SELECT device_id FROM device_origin WHERE external_id = ?"
    rows = database.execute(
        f"{devices.SELECT} WHERE device.id IN ({chosen}) UNION {devices.SELECT} WHERE {where} ORDER BY 1 LIMIT ?",
        *(key, *values, most),
    ).fetchall()
    return [devices.device(row) for row in rows]


def of(found: Iterable[int]) -> dict[int, Registration]:
    """Return what was noted of some devices, by their numbers; of a device of another front that is nothing."""
    numbers = list(found)
    marks = ",".join("?" * len(numbers)) or "NULL"
    query = f"SELECT {_ROWS.selected} FROM device_origin WHERE device_id IN ({marks})"
    noted = {row[0]: _ROWS.record(row) for row in database.execute(query, *numbers).fetchall()}
    return {number: noted.get(number) or Registration(number) for number in numbers}


def names(account: Account, product_key: str, keys: Sequence[str]) -> dict[str, str]:
    """Return the names of devices of a product by their ids, without those that are not there."""
    prefix = default_id(product_key, "")
    found: dict[str, str] = {}
    remaining = iter(keys)
    while some := list(islice(remaining, AT_ONCE)):
        plain = {key.removeprefix(prefix): key for key in some if key.startswith(prefix)}
        marks = ",".join("?" * len(plain)) or "NULL"
        query = f"SELECT name FROM device WHERE product_key = ? AND account_id = ? AND name IN ({marks})"
        found |= {plain[name]: name for (name,) in database.execute(query, product_key, account.id, *plain).fetchall()}
        rows = database.execute(
            "SELECT o.external_id, d.name FROM device_origin o JOIN device d ON d.id = o.device_id "
            f"WHERE o.account_id = ? AND o.external_id IN ({','.join('?' * len(some))}) AND d.product_key = ?",
            *(account.id, *some, product_key),
        )
        found |= dict(rows.fetchall())
    return found


def shown(product_key: str, wanted: Sequence[str]) -> list[str]:
    """Return the ids of devices of a product by their names."""
    marks = ",".join("?" * len(wanted)) or "NULL"
    rows = database.execute(
        "SELECT d.name, o.external_id FROM device d JOIN device_origin o ON o.device_id = d.id "
        f"WHERE d.product_key = ? AND d.name IN ({marks}) AND o.external_id IS NOT NULL",
        *(product_key, *wanted),
    )
    chosen = dict(rows.fetchall())
    return [chosen.get(name) or default_id(product_key, name) for name in wanted]


def below(
    account: Account,
    ceiling: int,
    skip: int,
    size: int,
    *,
    product_key: str | None = None,
    name: str | None = None,
    nickname: str | None = None,
    since: int | None = None,
    until: int | None = None,
    front_data: Mapping[str, str] | None = None,
    own_front_data: Mapping[str, str] | None = None,
) -> tuple[list[Device], int]:
    """Return devices whose ids are below a ceiling, newest first, and how many there are below or above.

    ``front_data`` filters as in `packages.below`; ``own_front_data`` by what was noted, and fits no other. Times
    are those of registration. Only a listing by product, or of all, costs the same however many there are.
    """
    filters = {
        "d.product_key = ?": product_key,
        "d.name = ?": name,
        "d.nickname = ?": nickname,
        "d.created > ?": since,
        "d.created < ?": until,
        **{f"COALESCE({database.json_text('o.facts', n)}, ?) = ?": v for n, v in (front_data or {}).items()},
        **{f"{database.json_text('o.facts', n)} = ?": v for n, v in (own_front_data or {}).items()},
    }
    given = {rule: value for rule, value in filters.items() if value is not None}
    where = " AND ".join(["d.account_id = ?", *given])
    values = [account.id, *(each for rule, value in given.items() for each in [value] * rule.count("?"))]
    source = f"FROM device d LEFT JOIN device_origin o ON o.device_id = d.id WHERE {where}"
    with database.read():
        products.check_filter(account, product_key)
        if given.keys() <= {"d.product_key = ?"}:
            total = _counted(account, product_key)
        else:
            (total,) = database.execute(f"SELECT COUNT(*) {source}", *values).fetchone()
        numbers = f"SELECT d.id {source} AND d.id < ? ORDER BY d.id DESC LIMIT ? OFFSET ?"
        rows = database.execute(
            f"{devices.SELECT} WHERE device.id IN ({numbers}) ORDER BY device.id DESC", *(*values, ceiling, size, skip)
        ).fetchall()
        return [devices.device(row) for row in rows], total


def _counted(account: Account, product_key: str | None) -> int:
    """Return how many devices there are, from the counters that products have."""
    if product_key:
        return listing.total(account.id, listing.scope(devices.KIND, product_key=product_key))
    query = "SELECT COALESCE(SUM(total), 0) FROM counter WHERE account_id = ? AND scope LIKE ?"
    return int(database.execute(query, account.id, f"{devices.KIND}/product_key=%").fetchone()[0])


def _find(account: Account, key: str) -> Device | None:
    query = "SELECT device_id FROM device_origin WHERE account_id = ? AND external_id = ?"
    row = database.execute(query, account.id, key).fetchone()
    if row:
        where, values = "device.id = ?", [row[0]]
    else:
        readings = _readings(key)
        if not readings:
            return None
        where = " OR ".join(["device.product_key = ? AND device.name = ?"] * len(readings))
        values = [half for reading in readings for half in reading]
    found = database.execute(
        f"{devices.SELECT} WHERE device.account_id = ? AND ({where}) ORDER BY device.id LIMIT 1", account.id, *values
    ).fetchone()
    return devices.device(found) if found else None


def _readings(key: str) -> list[tuple[str, str]]:
    """Return what an id may mean where none was chosen: products, each with a name."""
    return [(key[:at], key[at + 1 :]) for at, sign in enumerate(key) if sign == _SEPARATOR][:READINGS]
