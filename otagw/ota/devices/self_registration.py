"""Devices that register themselves: by the token of their product, while that has fewer than a number of devices."""

import hmac
from typing import Final

from otagw import errors
from otagw.db import database
from otagw.ota import listing
from otagw.ota.accounts import Account
from otagw.ota.devices import devices, timeline
from otagw.ota.devices.devices import Device, DeviceDraft
from otagw.ota.products import products
from otagw.security import derived_secrets

# How many devices a product may have for another to register itself, where the operator gives no number.
MOST: Final = 10_000
REGISTERED: Final = "registered by itself, with the token of its product"


def register(product_key: str, name: str, token: str) -> Device | None:
    """Register a device that has the token of its product, in any case of its key; return None where it may not.

    Nothing is written for another token. Raises `errors.LimitReached` where the product has as many devices as it may.
    """
    query = "SELECT key, account_id, gateway_token FROM product WHERE key = ? AND self_registration IS NOT NULL"
    row = database.execute(query, products.spelled(product_key)).fetchone()
    if row is None or row[2] is None:
        return None
    key, account_id, sealed = row
    known = derived_secrets.secret(products.token_owner(key), sealed)
    if not hmac.compare_digest(known.encode(), token.encode()):
        return None
    with database.write():
        most = _most(key)
        found = devices.find(key, name)
        if found is None and most is not None:
            found = _add(Account(account_id, ""), key, name, most)
        return found


def _most(key: str) -> int | None:
    """Hold a product, and return how many devices it may have for another to register itself; None: it takes none."""
    query = f"SELECT self_registration FROM product WHERE key = ?{database.lock(database.HOLD)}"
    (most,) = database.execute(query, key).fetchone() or (None,)
    return most


def _add(account: Account, key: str, name: str, most: int) -> Device | None:
    if listing.total(account.id, listing.scope(devices.KIND, product_key=key)) >= most:
        raise errors.LimitReached(kind=devices.KIND, limit=most)
    if not devices.add(account, key, [DeviceDraft(name)]):  # a batch is to register this name
        return None
    made = devices.find(key, name)
    if made:
        timeline.note(made.id, timeline.DECIDED, REGISTERED)
    return made
