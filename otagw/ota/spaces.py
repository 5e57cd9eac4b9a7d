"""Spaces that an account sorts its products, devices, packages and jobs into; each account has one by default.

They sort and do not divide: whatever names a space that is not here is kept as it is.
"""

from typing import Final, NamedTuple

from otagw import clock, errors
from otagw.db import database, models
from otagw.db.rows import Rows
from otagw.ota import audit
from otagw.ota.accounts import Account

KIND: Final = "space"


class Space(NamedTuple):
    """A space as it is kept."""

    id: str
    name: str
    is_default: bool
    created: int


_ROWS: Final = Rows(Space, models.Space)


def create(account: Account, name: str) -> Space:
    """Keep a new space; raise `errors.AlreadyExists` when the account has one of this name."""
    with database.write():
        is_free = models.Space.insert_if_free(
            id=clock.random_hex(12), account_id=account.id, name=name, is_default=False, created=clock.now()
        )
        if not is_free:
            raise errors.AlreadyExists(kind=KIND, key=name)
        audit.note(account.id, KIND, name)
    return next(space for space in every(account) if space.name == name)


def get(account: Account, key: str) -> Space:
    """Return a space by its id."""
    found = next((space for space in every(account) if space.id == key), None)
    if found is None:
        raise errors.NotFound(kind=KIND, key=key)
    return found


def default(account: Account) -> Space:
    """Return the account's space by default, which is made with it."""
    return next(space for space in every(account) if space.is_default)


def every(account: Account) -> list[Space]:
    """Return the spaces of an account, the one by default first and the others by age."""
    row = models.Space
    query = _ROWS.select().where(row.account_id == account.id).order_by(row.is_default.desc(), row.created, row.id)
    return _ROWS.run(query)
