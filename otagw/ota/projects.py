"""Projects: the names under which clients of some fronts address an account."""

from dataclasses import replace
from typing import Final

from otagw import clock, errors
from otagw.db import database, models, rows
from otagw.ota import accounts, audit
from otagw.ota.accounts import Account

KIND: Final = "project"
# Of an account; a project is unique in the whole gateway, so that nobody may take them all.
LIMIT: Final = 100
# The id of no account: what it has is nothing.
_NOBODY: Final = 0


def seen(account: Account, project_id: str) -> Account:
    """Return whose things a project shows to an account: its own, or nobody's where the account may register it.

    Raises `errors.NotFound` for another account's, and for an unknown one that may not be registered.
    """
    owner = _owner(project_id)
    if owner == account.id:
        return account
    if owner is None and account.rules.register_unknown:
        return replace(account, id=_NOBODY)
    raise errors.NotFound(kind=KIND, key=project_id)


def require(account: Account, project_id: str) -> None:
    """Make sure that a project is the account's; an unknown one becomes it where the account's rules say so.

    Raises `errors.NotFound` as `seen` does, and `errors.LimitReached` for one too many.
    """
    with database.write():
        accounts.hold(account)  # another request of the account may register it now
        if seen(account, project_id) != account and not _insert(account, project_id):
            raise errors.NotFound(kind=KIND, key=project_id)  # another account just did


def create(account: Account, project_id: str) -> None:
    """Give the account a project; raise `errors.AlreadyExists` for one that is anybody's, and `errors.LimitReached`."""
    with database.write():
        accounts.hold(account)
        if _owner(project_id) is not None or not _insert(account, project_id):
            raise errors.AlreadyExists(kind=KIND, key=project_id)


def every(account: Account) -> list[str]:
    """Return the ids of the account's projects, oldest first; it is made with one."""
    row = models.Project
    return rows.values(row.select(row.id).where(row.account_id == account.id).order_by(row.created, row.id))


def _owner(project_id: str) -> int | None:
    """Return the id of the account that has a project; in SQL, since each request of a front asks."""
    row = database.execute("SELECT account_id FROM project WHERE id = ?", project_id).fetchone()
    return int(row[0]) if row else None


def _insert(account: Account, project_id: str) -> bool:
    """Insert a project, inside a write that holds the account; tell whether nobody had it."""
    if len(every(account)) >= LIMIT:
        raise errors.LimitReached(kind=KIND, limit=LIMIT)
    is_free = models.Project.insert_if_free(id=project_id, account_id=account.id, created=clock.now())
    if is_free:
        audit.note(account.id, KIND, project_id)
    return is_free
