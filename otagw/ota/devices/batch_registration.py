"""Devices registered many at a time: all of a batch or none of it.

Names of the caller's choice are checked first and registered by the id of that check; or the gateway makes up names.
A request marks the batch, which claims its names, and registers the first devices; the worker registers the others.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from otagw import clock, errors
from otagw.db import database, models
from otagw.db.rows import Rows
from otagw.ota import audit, idempotency, listing
from otagw.ota.accounts import Account
from otagw.ota.devices import claimed_names, devices
from otagw.ota.devices.devices import Device, DeviceDraft
from otagw.ota.listing import Page
from otagw.ota.products import products

KIND: Final = "device batch"
CHECKED, REFUSED = "checked", "refused"
REGISTERING, REGISTERED, FAILED = "registering", "registered", "failed"
KEPT_MS: Final = 24 * 3600 * 1000
SWEPT_AT_ONCE: Final = 10
# How many devices a step registers: it holds up every other writer, for some 20 ms.
AT_ONCE: Final = 500
Name = tuple[str, str | None]
TAKEN: Final = "the product has a device of this name"
TWICE: Final = "the name comes twice"


class Refused(NamedTuple):
    """A name that cannot be registered, and why."""

    name: str
    nickname: str | None
    problem: str


class Batch(NamedTuple):
    """A batch as it is kept: names with nicknames, in the order they came, of which ``reached`` are registered."""

    id: int
    account_id: int
    product_key: str
    state: str
    names: list[Name]
    refused: list[Refused]
    reached: int = 0


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
    taken = claimed_names.taken(product_key, list(first))  # `register` looks again, and then nobody takes one
    with database.write():
        products.require(account, product_key)
        problems += [Refused(name, first[name].nickname, TAKEN) for name in taken]
        names = [(draft.name, draft.nickname) for name, draft in first.items() if name not in taken]
        return _insert(account, product_key, REFUSED if problems else CHECKED, names, problems)


def register(account: Account, batch: Batch) -> Batch:
    """Register the devices of a batch that was checked; asked again, do nothing.

    Raises `errors.WrongState` when some of its names were refused. If a name was taken since the check, the batch has
    failed, and shows which. From then on nobody else gets one of its names.
    """
    with database.write():
        batch = get(account, batch.id, batch.product_key, database.HOLD)
        if batch.state in (REGISTERING, REGISTERED):
            return batch
        if batch.state != CHECKED:
            raise errors.WrongState(kind=KIND, key=str(batch.id), state=batch.state)
        products.owner_of(batch.product_key, database.ALONE)  # nobody takes a name meanwhile
        taken = claimed_names.taken(batch.product_key, [name for name, _ in batch.names])
        refused = [Refused(name, nickname, TAKEN) for name, nickname in batch.names if name in taken]
        state, due = (FAILED, None) if refused else (REGISTERING, clock.now())
        _set(batch, state=state, refused=refused, due=due)
        audit.note(account.id, KIND, batch.id)
    step(batch.id)
    return get(account, batch.id, batch.product_key)


def make(account: Account, product_key: str, count: int, token: str | None = None) -> int:
    """Register so many devices under names that the gateway makes up; return the id of the batch."""

    def work() -> dict[str, Any]:
        products.require(account, product_key)
        return {"id": _insert(account, product_key, REGISTERING, names, []).id}

    names: list[Name] = [(name, None) for name in devices.new_names(count)]

    made = int(idempotency.run(account, "device.make", token, lambda: [product_key, count], work)["id"])
    step(made)
    return made


def step(identity: int) -> int:
    """Register some devices of a batch that is being registered; return how many."""
    with database.write():
        batch = _ROWS.find(models.DeviceBatch.id == identity, lock=database.HOLD)
        if batch is None or batch.state != REGISTERING:
            return 0
        some = [DeviceDraft(*pair) for pair in batch.names[batch.reached : batch.reached + AT_ONCE]]
        devices.add(Account(batch.account_id, ""), batch.product_key, some, batch.id)
        reached = batch.reached + len(some)
        is_done = reached == len(batch.names)
        _set(batch, reached=reached, **({"state": REGISTERED, "due": None} if is_done else {"due": clock.now()}))
        return len(some)


def register_due() -> int:
    """Take a step of the batch that waits longest; return how many devices it has registered."""
    query = "SELECT id FROM device_batch WHERE due <= ? ORDER BY due, id LIMIT 1"
    found = database.smallest(query, clock.now())
    return 0 if found is None else step(found)


def next_due() -> int | None:
    """Return when the next devices of a batch are to be registered (milliseconds), or None."""
    return database.smallest("SELECT MIN(due) FROM device_batch WHERE due IS NOT NULL")


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
        **_unused_id(),
        account_id=account.id,
        product=product_key,
        state=state,
        names=names,
        refused=refused,
        created=now,
        due=now if state == REGISTERING else None,
    ).execute()
    audit.note(account.id, KIND, identity)
    return Batch(identity, account.id, product_key, state, names, refused)


def _unused_id() -> dict[str, int]:
    """Return an id that no device has its batch by: SQLite gives the id of its newest row again once that is gone."""
    if not database.is_sqlite():
        return {}
    both = ("SELECT MAX(id) FROM device_batch", "SELECT MAX(batch_id) FROM device")
    return {"id": 1 + max(database.smallest(query) or 0 for query in both)}


def _set(batch: Batch, **columns: Any) -> None:
    models.DeviceBatch.update(columns).where(models.DeviceBatch.id == batch.id).execute()


def _sweep(oldest: int) -> None:
    """Forget a few batches that were checked a day ago and never registered."""
    row = models.DeviceBatch
    done = (REGISTERING, REGISTERED)
    old = row.select(row.id).where(row.created < oldest, row.state.not_in(done)).order_by(row.created)
    row.delete().where(row.id.in_(old.limit(SWEPT_AT_ONCE))).execute()
