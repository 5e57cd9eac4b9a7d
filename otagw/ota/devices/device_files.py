"""Files that name devices, uploaded for jobs that are made within the hour: of each, the list of its ids is kept."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from otagw import clock, errors
from otagw.db import database, models
from otagw.db.rows import Rows
from otagw.ota import audit
from otagw.ota.accounts import Account

KIND: Final = "device file"
LIMIT: Final = 10
KEPT_MS: Final = 3600 * 1000
_AT_ONCE: Final = 50


class DeviceFile(NamedTuple):
    """A file as it is kept, but for its ids."""

    id: str
    name: str
    created: int


_ROWS: Final = Rows(DeviceFile, models.DeviceFile)
_row: Final = models.DeviceFile


def create(account: Account, name: str, device_ids: Sequence[str]) -> DeviceFile:
    """Keep the ids that a file names.

    Raises `errors.AlreadyExists` for a name that is taken, `errors.LimitReached` for one too many.
    """
    made = DeviceFile(clock.uuid(), name, clock.now())
    with database.write():
        # Uploads of an account take turns, so that none passes the limit.
        database.execute(f"SELECT id FROM account WHERE id = ? {database.lock('FOR UPDATE')}", account.id)
        there = every(account)
        if any(file.name == name for file in there):
            raise errors.AlreadyExists(kind=KIND, key=name)
        if len(there) >= LIMIT:
            raise errors.LimitReached(kind=KIND, limit=LIMIT)
        _row.create(**made._asdict(), account_id=account.id, device_ids="\n".join(device_ids))
        audit.note(account.id, KIND, made.id)
    return made


def every(account: Account) -> list[DeviceFile]:
    """Return the files of an account, newest first."""
    return _ROWS.run(_ROWS.select().where(*_of(account)).order_by(_row.created.desc(), _row.id))


def device_ids(account: Account, key: str) -> list[str]:
    """Return the ids that a file names."""
    found = _row.select(_row.device_ids).where(*_of(account), _row.id == key).tuples().first()
    if found is None:
        raise errors.NotFound(kind=KIND, key=key)
    return str(found[0]).split("\n")


def delete(account: Account, key: str) -> None:
    """Delete a file; jobs that were made from it stay."""
    with database.write():
        if not _row.delete().where(*_of(account), _row.id == key).execute():
            raise errors.NotFound(kind=KIND, key=key)
        audit.note(account.id, KIND, key)


def expire() -> int:
    """Delete a few files that are older than an hour; return how many."""
    oldest = clock.now() - KEPT_MS
    old = _row.select(_row.id).where(_row.created <= oldest)
    if old.first() is None:
        return 0  # without a write transaction, for which others would wait
    with database.write():
        return int(_row.delete().where(_row.id.in_(old.order_by(_row.created).limit(_AT_ONCE))).execute())


def next_expiry() -> int | None:
    """Return when the next file is to go (milliseconds), or None."""
    first = database.smallest("SELECT MIN(created) FROM device_file")
    return None if first is None else first + KEPT_MS


def _of(account: Account) -> tuple[object, ...]:
    return _row.account_id == account.id, _row.created > clock.now() - KEPT_MS
