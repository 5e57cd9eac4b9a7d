"""Whose things are meant, and by which rules they live."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from otagw import clock, errors
from otagw.db import database, models
from otagw.net.allowed_hosts import Hosts

# The name of the space that each account has by default.
SPACE: Final = "DefaultApp"


@dataclass(frozen=True)
class Rules:
    """What the operator decided for every account."""

    register_unknown: bool = True
    package_quota: int = 0
    fetch_hosts: Hosts = field(default_factory=Hosts)
    # Buckets of object storage by name, each with the URL under which fsspec opens it; may others be named too?
    buckets: Mapping[str, str] = field(default_factory=dict)
    accept_unmapped: bool = True
    # The most bytes that a file of a package may have.
    max_bytes: int = 1 << 30


@dataclass(frozen=True)
class Account:
    """The owner that every function of the core takes first and filters by."""

    id: int
    name: str
    rules: Rules = field(default_factory=Rules)


def ensure(name: str, rules: Rules | None = None) -> Account:
    """Return the account of this name; make it, with its first project and its space by default, if there is none."""
    with database.write():
        now = clock.now()
        if models.Account.insert_if_free(name=name, created=now):
            _begin(get(name).id, now)
        return get(name, rules)


def _begin(account_id: int, now: int) -> None:
    """Give a new account its project and its space; an id that is taken is drawn again."""
    given = {"account_id": account_id, "created": now}
    while not models.Project.insert_if_free(id=clock.random_hex(16), **given):
        pass
    while not models.Space.insert_if_free(id=clock.random_hex(12), name=SPACE, is_default=True, **given):
        pass


def get(name: str, rules: Rules | None = None) -> Account:
    """Return the account of this name; raise `errors.NotFound` if there is none."""
    found = models.Account.get_or_none(models.Account.name == name)
    if found is None:
        raise errors.NotFound(kind="account", key=name)
    return Account(found.id, name, rules or Rules())


def names() -> list[str]:
    """Return the name of each account, in order."""
    return [name for (name,) in database.execute("SELECT name FROM account ORDER BY name").fetchall()]


def hold(account: Account) -> None:
    """Lock the account's row for the rest of this write; other writes that lock it wait."""
    database.execute(f"SELECT 1 FROM account WHERE id = ?{database.lock(database.HOLD)}", account.id)  # a lock of ours
