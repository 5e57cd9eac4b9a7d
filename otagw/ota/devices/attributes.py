"""What devices say of themselves beside their versions: texts by name, and the versions that some of them are."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from otagw import errors
from otagw.db import database
from otagw.ota import audit, versions
from otagw.ota.accounts import Account
from otagw.ota.devices import devices, presence
from otagw.ota.devices.devices import Device
from otagw.ota.products import modules
from otagw.ota.updates import spellings

KIND: Final = "attribute"
LIMIT: Final = 100
REPLACE: Final = "replace"
_SUFFIX: Final = ".version"


def of(device_id: int) -> dict[str, str] | None:
    """Return what a device has said of itself; None if nothing ever came."""
    row = database.execute("SELECT attributes FROM device WHERE id = ?", device_id).fetchone()
    return json.loads(row[0]) if row and row[0] is not None else None


def report(
    device: Device, mode: str, given: Mapping[str, str | None], version_names: Sequence[str], address: str | None
) -> None:
    """Keep what a device says of itself, and the versions it says by that: of the whole device, and of its modules.

    What is None is forgotten, as is all that is not given where it replaces. The whole device runs what the first of
    ``version_names`` says that is given and can be a version. The attribute ``<module>.version`` is for a module that
    the product has. Raises `errors.LimitReached` for one attribute too many.
    """
    with database.write():
        query = f"SELECT attributes, attributes_asked FROM device WHERE id = ?{database.lock(database.HOLD)}"
        row = database.execute(query, device.id).fetchone()
        if row is None:  # it was deleted
            return
        known = json.loads(row[0]) if row[0] else {}
        merged = {**({} if mode == REPLACE else known), **given}
        kept = {name: text for name, text in merged.items() if text is not None}
        if len(kept) > LIMIT:
            raise errors.LimitReached(kind=KIND, limit=LIMIT)
        if row[0] is None or row[1] or kept != known:
            query = "UPDATE device SET attributes = ?, attributes_asked = NULL WHERE id = ?"
            database.execute(query, json.dumps(kept), device.id)
        presence.note(device, address)
        for module, version in _versions(device.product_key, given, version_names).items():
            spellings.attribute_says(device, module, version, address)


def request(account: Account, device: Device) -> None:
    """Ask a device for its attributes again."""
    with database.write():
        devices.want_attributes(device.id)
        audit.note(account.id, devices.KIND, f"{device.product_key}/{device.name}")


def _versions(product_key: str, given: Mapping[str, str | None], version_names: Sequence[str]) -> dict[str, str]:
    said = {name: text for name, text in given.items() if text and versions.TEXT.fullmatch(text)}
    whole = next((name for name in version_names if name in said), None)
    found = {modules.DEFAULT: said[whole]} if whole else {}
    if any(name.endswith(_SUFFIX) for name in said):
        named = {name.lower(): text for name, text in said.items() if name != whole}
        for module in modules.names(product_key):
            text = named.get(f"{module.lower()}{_SUFFIX}")
            if text:
                found[module] = text
    return found
