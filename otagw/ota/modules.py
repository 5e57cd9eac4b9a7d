"""Modules: the parts of a product that are updated on their own."""

from typing import Final

from otagw import clock, database, errors
from otagw.ota.accounts import Account

DEFAULT: Final = "default"
LIMIT: Final = 10


def require(account: Account, product_key: str, name: str) -> None:
    """Make sure that the product has this module, inside the write that names it.

    `DEFAULT`, the whole device, is always there. An unknown one is registered where the account's rules say so, and
    counts to the `LIMIT` of a product. Names are compared without regard to case (docs/wire/aliyun.md).
    """
    folded = name.lower()
    if folded == DEFAULT:
        return
    known = database.execute("SELECT folded FROM module WHERE product_id = ?", product_key).fetchall()
    if (folded,) in known:
        return
    if not account.rules.register_unknown:
        raise errors.NotFound(kind="module", key=name)
    if len(known) >= LIMIT:
        raise errors.LimitReached(kind="module", limit=LIMIT)
    database.execute(
        "INSERT INTO module (product_id, folded, name, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        *(product_key, folded, name, clock.now()),
    )
