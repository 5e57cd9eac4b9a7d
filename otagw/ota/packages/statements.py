"""What is signed about a package, to the byte, and where the signatures are kept; docs/signed-packages.md."""

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otagw import clock, errors
from otagw.db import database
from otagw.ota.packages import signing_keys, stored_files
from otagw.ota.packages.signing_keys import Key

if TYPE_CHECKING:  # it signs new packages by this
    from otagw.ota.packages.packages import Package

FORMAT: Final = "otagw-release-1"


class Signature(NamedTuple):
    """A signature of a package: the name of the key, the text that was signed, and the signature in Base64."""

    key: str
    statement: str
    signature: str


def text(package: "Package", not_before: int | None = None) -> str:
    """Return what is signed about a package; ``not_before`` is in epoch seconds, by default when the package was made.

    Raises `errors.WrongState` for a package of no product, or with a file whose SHA-256 is not known.
    """
    if package.product_key is None:
        raise errors.WrongState(
            kind="package", key=str(package.id), state="is of no product, and would be signed for the devices of all"
        )
    said: dict[str, Any] = {
        "format": FORMAT,
        "product": package.product_key,
        "module": package.module,
        "version": package.version,
        "not_before": package.created // 1000 if not_before is None else not_before,
    }
    if package.files:
        said["files"] = [
            {"name": part["name"], **_bytes(package, part.get("object_key"), part["sign_value"], part["size"])}
            for part in package.files
        ]
    else:
        said |= _bytes(package, package.object_key, package.sign, package.size)
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def keep(package_id: int, key: Key, statement: str, signature: str) -> Signature:
    """Keep a signature, inside a write; it takes the place of an older one by the same key."""
    database.execute(
        "INSERT INTO package_signature (package_id, key_id, statement, signature, created) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (package_id, key_id) DO UPDATE "
        "SET statement = excluded.statement, signature = excluded.signature, created = excluded.created",
        *(package_id, key.id, statement, signature, clock.now()),
    )
    return Signature(key.name, statement, signature)


def sign_new(package: "Package", keys: list[Key]) -> None:
    """Sign a package that was just made, inside its write; one that cannot be signed stays without."""
    try:
        statement = text(package)
    except errors.WrongState:
        return
    for key in keys:
        keep(package.id, key, statement, signing_keys.sign(key, statement))


def _bytes(package: "Package", object_key: str | None, sign: str | None, size: int | None) -> dict[str, Any]:
    """Return what is said of the bytes of a file."""
    stored = stored_files.find(object_key) if object_key else None
    if stored:
        return {"sha256": stored.facts.sha256, "size": stored.facts.size}
    if package.sign_method != "SHA256" or not sign:
        unknown = "has a file whose SHA-256 is not known: upload it, or give its SHA-256 as its sign"
        raise errors.WrongState(kind="package", key=str(package.id), state=unknown)
    return {"sha256": sign.lower(), "size": size}
