"""Names of devices that a batch is registering: nobody else gets one of them before the batch has come to it."""

import json
from collections.abc import Collection, Sequence
from typing import Final

from otagw.db import database

_LOOKED_UP_AT_ONCE: Final = 1000


def taken(product_key: str, names: Sequence[str]) -> set[str]:
    """Return which of some names a device of the product has, or is to have."""
    found: set[str] = set()
    for start in range(0, len(names), _LOOKED_UP_AT_ONCE):
        some = names[start : start + _LOOKED_UP_AT_ONCE]
        query = f"SELECT name FROM device WHERE product_key = ? AND name IN ({','.join('?' * len(some))})"
        found.update(name for (name,) in database.execute(query, product_key, *some).fetchall())
    return found | claimed(product_key, names)


def claimed(product_key: str, names: Collection[str], but_for: int | None = None) -> set[str]:
    """Return which of some names batches of a product are registering, but for one batch.

    Every registration asks, in SQL: the index of the batches that are due has few or none.
    """
    query = "SELECT id, names FROM device_batch WHERE due IS NOT NULL AND product_key = ?"
    batches = database.execute(query, product_key).fetchall()
    found = {name for identity, kept in batches if identity != but_for for name, _ in json.loads(kept)}
    return found.intersection(names)
