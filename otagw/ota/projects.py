"""Projects: the names under which clients of some fronts address an account."""

from typing import Final

from otagw import clock, errors
from otagw.db import database, models, rows
from otagw.ota import accounts, audit
from otagw.ota.accounts import Account

KIND: Final = "project"


def require(account: Account, project_id: str) -> None:
    """Make sure that a project is the account's; an unknown one becomes it where the account's rules say so.

    Raises `errors.NotFound` for another account's, and for an unknown one that is not registered.
    """
    owner = _owner(project_id)
    if owner is None and account.rules.register_unknown:
        with database.write():
            _insert(account, project_id)
            owner = _owner(project_id)
    if owner != account.id:
        raise errors.NotFound(kind=KIND, key=project_id)


def create(account: Account, project_id: str) -> None:
    """Give the account a project; raise `errors.AlreadyExists` for one that is anybody's."""
    with database.write():
        if not _insert(account, project_id):
            raise errors.AlreadyExists(kind=KIND, key=project_id)
        audit.note(account.id, KIND, project_id)


def every(account: Account) -> list[str]:
    """Return the ids of the account's projects, oldest first; an account without one is given one."""
    found = _every(account)
    if not found:
        with database.write():
            accounts.hold(account)  # several at once would each make one
            found = _every(account)
            if not found:
                _insert(account, clock.random_hex(16))
                found = _every(account)
    return found


def _every(account: Account) -> list[str]:
    row = models.Project
    return rows.values(row.select(row.id).where(row.account_id == account.id).order_by(row.created, row.id))


def _owner(project_id: str) -> int | None:
    """Return the id of the account that has a project; in SQL, since each request of a front asks."""
    row = database.execute("SELECT account_id FROM project WHERE id = ?", project_id).fetchone()
    return int(row[0]) if row else None


def _insert(account: Account, project_id: str) -> bool:
    return models.Project.insert_if_free(id=project_id, account_id=account.id, created=clock.now())
