"""The data keys of a database, wrapped by the master key; and how another master key takes its place.

They lie in one row, once for each master key that opens the database: one, and two while it is rotated. Processes that
have them go on with them when the master key is replaced. docs/decisions/0031-master-key.md.
"""

import contextlib
import fcntl
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from otagw import private_files
from otagw.db import database
from otagw.security import vault
from otagw.security.vault import Master, Vault, VaultError

NAME: Final = "data keys"
# What earlier versions knew their master key by: it keeps them from databases whose data keys they cannot find.
MARK: Final = "master key"
_WRONG: Final = "the master key is not the one that this database was begun with, nor one that took its place"


def open_vault(folder: Path) -> Vault:
    """Return the vault of the database at hand, whose data keys are made on first use; raise `VaultError`."""
    for _ in range(2):  # the master key may take another's place between the look at it and at the row
        master = vault.unlock(folder)
        keys = _unwrap(master, database.fact(NAME) or _begin(master))
        if keys:
            return Vault(keys[: vault.SIZE], keys[vault.SIZE :])
    raise VaultError(_WRONG)


def _unwrap(master: Master, wrapped: str) -> bytes | None:
    return next(filter(None, map(master.unwrap, wrapped.split())), None)


def _begin(master: Master) -> str:
    """Make the data keys of a database that has none; an earlier version used its master key in their place."""
    before = Vault(master.key)
    row = database.execute("SELECT id, secret FROM access_key LIMIT 1").fetchone()
    if row:
        before.open(*row)
    mark = database.fact(MARK)
    if mark is not None and not hmac.compare_digest(mark, _mark(before)):
        raise VaultError(_WRONG)
    is_new = mark is None and database.execute("SELECT 1 FROM account LIMIT 1").fetchone() is None
    keys = vault.random_keys(2) if is_new else 2 * master.key
    with database.write():
        database.state_fact(MARK, _mark(Vault(keys[: vault.SIZE], keys[vault.SIZE :])), replace=False)
        return database.state_fact(NAME, master.wrap(keys), replace=False)


def _mark(box: Vault) -> str:
    return box.derive("mark").hex()[:32]


def admit(master: Master, new: Master) -> None:
    """Let a new master key open the database beside the present one."""
    with database.write():
        wrapped = _held()
        keys = _unwrap(master, wrapped)
        if keys is None:
            raise VaultError(_WRONG)
        if _unwrap(new, wrapped) is None:
            database.state_fact(NAME, f"{wrapped} {new.wrap(keys)}")


def dismiss_other(master: Master, *, is_old: bool) -> None:
    """Let this master key alone open the database; raise `VaultError` unless the other is the old one, or the new one.

    A node that still has the old key would otherwise shut out those that have the new one. It may be done again.
    """
    with database.write():
        words = _held().split()
        own = [number for number, word in enumerate(words) if master.unwrap(word)]
        if not own:
            raise VaultError(_WRONG)
        if len(words) > 1 and own[0] != (1 if is_old else 0):
            raise VaultError(f"the master key here is the {'old' if is_old else 'new'} one: bring the other one first")
        database.state_fact(NAME, words[own[0]])


def _held() -> str:
    """Return the row, which nobody else changes until the write ends."""
    row = database.execute(f"SELECT value FROM fact WHERE name = ? {database.lock('FOR UPDATE')}", NAME).fetchone()
    return str(row[0]) if row else ""


def opens(master: Master) -> bool:
    """Tell whether a master key opens the database."""
    return _unwrap(master, database.fact(NAME) or "") is not None


def is_rotating() -> bool:
    """Tell whether more than one master key opens the database."""
    return len((database.fact(NAME) or "").split()) > 1


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until nobody else rotates the key of a folder."""
    with open(folder / "master.key.lock", "w", encoding="ascii", opener=private_files.opener) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def rotate(folder: Path) -> None:
    """Let a new master key open the database, and let it take the place of the one in the file.

    It may be killed at any moment and begun again: the new key lies in a file before the database knows it, and in its
    place before the old one is dismissed (`dismiss_other`). Only one may do this at a time (`alone`). A key in the
    environment is the operator's to replace.
    """
    present, given = vault.unlock(folder), vault.replacement()
    if given:
        admit(present, given)
        return
    draft = folder / vault.NEW_FILE
    with contextlib.suppress(FileExistsError):  # of a rotation that was killed
        vault.make(draft)
    admit(present, vault.read(draft))
    draft.replace(folder / vault.FILE)
    private_files.sync_folder(folder)
