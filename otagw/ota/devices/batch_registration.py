"""Devices registered many at a time: all of a batch or none of it.

Names of the caller's choice are checked first and registered by the id of that check; or the gateway makes up names.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from otagw import clock, errors
from otagw.db import database, models, rows
from otagw.db.rows import Rows
from otagw.ota import audit, idempotency, listing
from otagw.ota.accounts import Account
from otagw.ota.devices import devices
from otagw.ota.devices.devices import Device, DeviceDraft
from otagw.ota.listing import Page
from otagw.ota.products import products

KIND: Final = "device batch"
CHECKED, REFUSED, REGISTERED, FAILED = "checked", "refused", "registered", "failed"
KEPT_MS: Final = 24 * 3600 * 1000
SWEPT_AT_ONCE: Final = 10
Name = tuple[str, str | None]
TAKEN: Final = "the product has a device of this name"
TWICE: Final = "the name comes twice"


class Refused(NamedTuple):
    """A name that cannot be registered, and why."""

    name: str
    nickname: str | None
    problem: str


class Batch(NamedTuple):
    """A batch as it is kept: names with nicknames, in the order they came."""

    id: int
    product_key: str
    state: str
    names: list[Name]
    refused: list[Refused]


_ROWS: Final = Rows(
    Batch,
    models.DeviceBatch,
    {"names": lambda names: list(map(tuple, names)), "refused": lambda all_: [Refused(*each) for each in all_]},
)


def check(account: Account, product_key: str, drafts: Sequence[DeviceDraft], refused: Sequence[Refused] = ()) -> Batch:
    """Keep names that are to be registered, with what is wrong of them; ``refused`` is what the front found already."""
    first: dict[str, DeviceDraft] = {}
    problems = list(refused)
    for draft in drafts:
        if draft.name in first:
            problems.append(Refused(draft.name, draft.nickname, TWICE))
        first.setdefault(draft.name, draft)
    with database.write():
        products.require(account, product_key)
        taken = _taken(product_key, list(first))
        problems += [Refused(name, first[name].nickname, TAKEN) for name in taken]
        names = [(draft.name, draft.nickname) for name, draft in first.items() if name not in taken]
        return _insert(account, product_key, REFUSED if problems else CHECKED, names, problems)


def register(account: Account, batch: Batch) -> Batch:
    """Register the devices of a batch that was checked; asked again, do nothing.

    Raises `errors.WrongState` when some of its names were refused. If a name was taken since the check, the batch has
    failed, and shows which.
    """
    with database.write():
        batch = get(account, batch.id, batch.product_key, database.HOLD)
        if batch.state == REGISTERED:
            return batch
        if batch.state != CHECKED:
            raise errors.WrongState(kind=KIND, key=str(batch.id), state=batch.state)
        products.owner_of(batch.product_key, database.ALONE)  # nobody takes a name meanwhile
        names = [name for name, _ in batch.names]
        taken = _taken(batch.product_key, names)
        refused = [Refused(name, nickname, TAKEN) for name, nickname in batch.names if name in taken]
        if not refused:
            devices.add(account, batch.product_key, [DeviceDraft(*pair) for pair in batch.names], batch.id)
        state = FAILED if refused else REGISTERED
        models.DeviceBatch.update(state=state, refused=refused).where(models.DeviceBatch.id == batch.id).execute()
        audit.note(account.id, KIND, batch.id)
        return batch._replace(state=state, refused=refused)


def make(account: Account, product_key: str, count: int, token: str | None = None) -> int:
    """Register so many devices under names that the gateway makes up; return the id of the batch."""

    def work() -> dict[str, Any]:
        products.require(account, product_key)
        names: list[Name] = [(devices.new_name(), None) for _ in range(count)]
        batch = _insert(account, product_key, REGISTERED, names, [])
        devices.add(account, product_key, [DeviceDraft(name) for name, _ in names], batch.id)
        return {"id": batch.id}

    return int(idempotency.run(account, "device.make", token, lambda: [product_key, count], work)["id"])


def get(account: Account, identity: int, product_key: str, lock: str = "") -> Batch:
    """Return a batch of a product; with a lock, it stays as it is until we are done."""
    row = models.DeviceBatch
    of_product = row.account_id == account.id, row.product == product_key
    found = _ROWS.find(row.id == identity, *of_product, lock=lock)
    if found is None:
        raise errors.NotFound(kind=KIND, key=str(identity))
    return found


def page(account: Account, identity: int, number: int, size: int) -> Page[Device]:
    """Return a page of the devices of a batch, newest first."""
    with database.read():
        row = models.DeviceBatch
        if not row.select().where(row.id == identity, row.account_id == account.id).exists():
            raise errors.NotFound(kind=KIND, key=str(identity))
        total = models.Device.select().where(models.Device.batch_id == identity).count()
        rows = listing.rows(devices.SELECT, devices.KIND, "batch_id = ?", [identity], total, number, size)
        return Page([devices.device(row) for row in rows], number, size, total)


def _insert(account: Account, product_key: str, state: str, names: list[Name], refused: list[Refused]) -> Batch:
    now = clock.now()
    _sweep(now - KEPT_MS)
    identity = models.DeviceBatch.insert(
        account_id=account.id, product=product_key, state=state, names=names, refused=refused, created=now
    ).execute()
    audit.note(account.id, KIND, identity)
    return Batch(identity, product_key, state, names, refused)


def _taken(product_key: str, names: list[str]) -> set[str]:
    """Return which of the names the product has already."""
    found: set[str] = set()
    row = models.Device
    for start in range(0, len(names), 1000):
        some = names[start : start + 1000]
        found.update(rows.values(row.select(row.name).where(row.product == product_key, row.name.in_(some))))
    return found


def _sweep(oldest: int) -> None:
    """Forget a few batches that were checked a day ago and never registered."""
    row = models.DeviceBatch
    old = row.select(row.id).where(row.created < oldest, row.state != REGISTERED).order_by(row.created)
    row.delete().where(row.id.in_(old.limit(SWEPT_AT_ONCE))).execute()
