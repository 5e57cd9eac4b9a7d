"""Devices that bring their secrets along, as a fleet does that moves here."""

from otagw.db import database
from otagw.ota import accounts
from otagw.ota.devices import devices, external_ids
from otagw.ota.devices.devices import DeviceDraft
from otagw.ota.products import products


def bring(product, name, secret, external_id=None):
    """Register a device with its own secret, and perhaps under an id that was chosen for it."""
    account = accounts.ensure("main")
    draft = DeviceDraft(name, secret=secret)
    with database.write():
        products.require(account, product)
        if external_id:
            external_ids.register(account, product, draft, external_id, {})
        else:
            assert devices.add(account, product, [draft])
    return devices.find(product, name)
