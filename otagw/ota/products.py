"""Products, as far as packages need them: known, or registered on first use."""

from typing import NamedTuple

from otagw import clock, database, errors
from otagw.ota.accounts import Account


class Product(NamedTuple):
    """A product as it is kept."""

    key: str
    name: str
    created: int


def require(account: Account, key: str) -> None:
    """Make sure that the account has this product, inside the write that names it.

    An unknown key is registered where the account's rules say so; one that another account owns is not found.
    """
    owner = owner_of(key)
    if owner is None and account.rules.register_unknown:
        database.execute(
            "INSERT INTO product (key, account_id, name, created) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
            *(key, account.id, key, clock.now()),
        )
        owner = owner_of(key)
    if owner != account.id:
        raise errors.NotFound(kind="product", key=key)


def get(account: Account, key: str) -> Product:
    """Return a product of the account."""
    row = database.execute(
        "SELECT key, name, created FROM product WHERE key = ? AND account_id = ?", key, account.id
    ).fetchone()
    if row is None:
        raise errors.NotFound(kind="product", key=key)
    return Product(*row)


def check_filter(account: Account, key: str | None) -> None:
    """Refuse a listing by a product that is not the account's, where products must be known."""
    if key and not account.rules.register_unknown and owner_of(key) != account.id:
        raise errors.NotFound(kind="product", key=key)


def owner_of(key: str) -> int | None:
    """Return the id of the account that owns a product, if there is one."""
    row = database.execute("SELECT account_id FROM product WHERE key = ?", key).fetchone()
    return int(row[0]) if row else None
