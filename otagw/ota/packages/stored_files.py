"""Files of our own store: announced, uploaded once, used by packages, and purged when nobody uses them.

A file is announced by its key before it is sent. Each upload writes under a name of its own; the first that is complete
becomes the file, so that two uploads to one key cannot mix. What downloads and new packages ask is SQL.

The sizes of an account's files are added up in a counter: a file counts from its arrival until its row is deleted,
after its bytes, and once however many packages use it. `arrivals` writes files.
"""

import hashlib
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

from otagw import clock, errors, runtime
from otagw.db import database, models
from otagw.ota import audit, listing
from otagw.ota.accounts import Account
from otagw.ota.packages.records import Facts

KIND: Final = "file"
# What the setting `bytes_per_account` limits, and the counter of it.
BYTE: Final = "byte"
_STORED: Final = "file/bytes"
CLAIM_MS: Final = 60 * 60 * 1000
# How long an announced file may take to arrive: the claim hour begins when it is there.
ARRIVAL_MS: Final = 24 * 60 * 60 * 1000
PURGED_AT_ONCE: Final = 10
# Containers that are known by how they begin, whatever their name.
CPIO, SQUASHFS = "cpio", "squashfs"
FORMATS: Final = {b"070702": CPIO, b"hsqs": SQUASHFS}
_HEAD: Final = max(map(len, FORMATS))


class Measure:
    """Take the bytes of a file as they pass, and say what they come to."""

    def __init__(self) -> None:
        self.size = 0
        self._head = b""
        self._digests = [hashlib.new(name, usedforsecurity=False) for name in ("md5", "sha1", "sha256")]

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self.size += len(data)
        if len(self._head) < _HEAD:
            self._head += data[: _HEAD - len(self._head)]
        for digest in self._digests:
            digest.update(data)

    def facts(self) -> Facts:
        """Return what is known now."""
        md5, sha1, sha256 = (digest.hexdigest() for digest in self._digests)
        return Facts(self.size, md5, sha1, sha256, FORMATS.get(self._head[:6]) or FORMATS.get(self._head[:4]))


@dataclass(frozen=True)
class File:
    """A file that is there."""

    key: str
    path: str
    facts: Facts


class Room(NamedTuple):
    """The bytes that an account may store beside those that it has, and the limit of both; no limit is 0."""

    left: int
    limit: int

    def check(self, size: int) -> None:
        """Raise `errors.LimitReached` unless a file of so many bytes has room."""
        if self.limit and size > self.left:
            raise errors.LimitReached(kind=BYTE, limit=self.limit)


class Place(NamedTuple):
    """Where an upload may be written, and how long it may be as far as is known before it has arrived."""

    path: str
    room: Room


def stored(account: Account) -> int:
    """Return how many bytes of files the account has stored."""
    return listing.total(account.id, _STORED)


def _room(account_id: int) -> Room:
    """Return the room that an account has now; nothing is looked up where there is no limit."""
    limit = runtime.current().settings.bytes_per_account
    return Room(limit - listing.total(account_id, _STORED), limit) if limit else Room(0, 0)


def announce(account: Account, prefix: str, suffix: str, size: int = 1) -> str:
    """Return the key under which the account may now upload a file; purge a few that nobody claimed.

    Raises `errors.LimitReached` where the account has no room for ``size`` bytes.
    """
    purge()
    _room(account.id).check(size)
    key = f"{prefix}{clock.uuid()}.{suffix}"
    with database.write():
        idle_since = clock.now() + ARRIVAL_MS - CLAIM_MS
        models.StoredFile.insert(key=key, account_id=account.id, uses=0, idle_since=idle_since).execute()
        audit.note(account.id, KIND, key)
    return key


def place(key: str) -> Place:
    """Return where an upload to an announced key may be written, under a path that nobody can guess.

    Raises `errors.NotFound` for a key that was not announced, `errors.AlreadyExists` when its file is there.
    """
    found = models.StoredFile.get_or_none(models.StoredFile.key == key)
    if found is None:
        raise errors.NotFound(kind=KIND, key=key)
    if found.path:
        raise errors.AlreadyExists(kind=KIND, key=key)
    return Place(f"{key}/{clock.random_hex(8)}", _room(found.account_id))


def uploaded(key: str, path: str, facts: Facts) -> None:
    """Make the file written at ``path`` the one of ``key``.

    Raises `errors.AlreadyExists` if another was first, and `errors.LimitReached` where the account has no room for it:
    of several that arrive together, each sees those before it.
    """
    given = {"path": path, "idle_since": clock.now(), **asdict(facts)}
    columns = ", ".join(f"{name} = ?" for name in given)
    # One that is being purged has no path any more, but its size.
    change = f"UPDATE stored_file SET {columns} WHERE key = ? AND path IS NULL AND size IS NULL RETURNING account_id"
    with database.write():
        row = database.execute(change, *given.values(), key).fetchone()
        if row is None:
            raise errors.AlreadyExists(kind=KIND, key=key)
        listing.count(row[0], [_STORED], facts.size)  # which holds the counter until the end of this write
        _room(row[0]).check(0)


def get(account: Account, key: str) -> File:
    """Return a file of the account's that is there."""
    found = find(key, account.id)
    if found is None:
        raise errors.NotFound(kind=KIND, key=key)
    return found


def find(key: str, account_id: int | None = None) -> File | None:
    """Return a file that has arrived; without an account, for a signed link to it."""
    owner, values = ("", ()) if account_id is None else (" AND account_id = ?", (account_id,))
    row = database.execute(
        f"SELECT path, size, md5, sha1, sha256, format FROM stored_file WHERE key = ? AND path IS NOT NULL{owner}",
        *(key, *values),
    ).fetchone()
    return File(key, row[0], Facts(*row[1:])) if row else None


def claim(account: Account, keys: list[str]) -> None:
    """Count one more use of files, inside the write that makes it true."""
    for key in keys:
        cursor = database.execute(
            "UPDATE stored_file SET uses = uses + 1 WHERE key = ? AND account_id = ? AND path IS NOT NULL",
            *(key, account.id),
        )
        if cursor.rowcount != 1:
            raise errors.NotFound(kind=KIND, key=key)


def release(account: Account, keys: list[str]) -> None:
    """Count one use less, inside the write that makes it true; what nobody uses any more is for the next `purge`."""
    for key in keys:
        database.execute(
            "UPDATE stored_file SET uses = uses - 1, idle_since = 0 WHERE key = ? AND account_id = ?", key, account.id
        )


def next_purge() -> int | None:
    """Return when the next unused file is to be deleted (milliseconds), or None."""
    first = database.smallest("SELECT MIN(idle_since) FROM stored_file WHERE uses = 0")
    return None if first is None else first + CLAIM_MS + 1


def purge() -> int:
    """Delete a few files that nobody uses: not claimed within an hour, not arrived within a day, or released.

    Return how many. Of several that purge at once, one gets a file. The bytes go first: a crash in between leaves a row
    that is due again an hour later.
    """
    now, purged = clock.now(), 0
    row = models.StoredFile
    idle = row.select().where(row.uses == 0, row.idle_since < now - CLAIM_MS).order_by(row.idle_since)
    for file in list(idle.limit(PURGED_AT_ONCE)):
        unused = (row.key == file.key) & (row.uses == 0)
        with database.write():
            # Claimed in the meantime, it stays; deleted here, nobody can claim it any more.
            change = row.update(path=None, idle_since=now)
            gone = change.where(unused, row.idle_since == file.idle_since).execute()
        if gone:
            runtime.current().storage.delete(file.key)
            purged += 1
            _forget(file.key)
    return purged


def _forget(key: str) -> None:
    """Delete the row of a file whose bytes are gone, unless it is used, and count its bytes no longer."""
    forget = "DELETE FROM stored_file WHERE key = ? AND uses = 0 RETURNING account_id, size"
    with database.write():
        row = database.execute(forget, key).fetchone()
        if row and row[1]:
            listing.uncount(row[0], [_STORED], row[1])
