"""Signed packages: a device can verify a release without a request to the gateway.

docs/signed-packages.md has the signed statement, to the byte.
"""

import json
from typing import Any, Final

from otagw import clock, errors
from otagw.db import database, models
from otagw.ota import audit
from otagw.ota.accounts import Account
from otagw.ota.packages import packages, signing_keys, stored_files
from otagw.ota.packages.records import Package, Signature
from otagw.ota.packages.signing_keys import Key

# By the number that a signing key has. The first does not name the kind, and calls the module of software `default`.
FORMATS: Final = {1: "otagw-release-1", 2: "otagw-release-2"}


def statement(account: Account, package_key: str, not_before: int | None = None, name: str | None = None) -> str:
    """Return what is to be signed about a package by a key, or by any key that may sign it.

    Raises what `text` raises, `errors.NotFound` for a key, and `errors.InvalidParameter` for none where keys of several
    formats may sign the package.
    """
    package = packages.get(account, package_key)
    keys = [key for key in signing_keys.every(account) if key.enabled and key.is_for(package.product_key or "")]
    among = [signing_keys.get(account, name)] if name else keys
    formats = {key.statement_format for key in among} or {signing_keys.NEWEST}
    if len(formats) > 1:
        raise errors.InvalidParameter("key", "the key that is to sign, since older keys sign another statement")
    return text(package, not_before, formats.pop())


def sign(account: Account, package_key: str, name: str | None = None, not_before: int | None = None) -> list[Signature]:
    """Sign a package by a key of the account, or by every one whose private part is here; return the signatures.

    Raises `errors.NotFound` for a package or a key, `errors.WrongState` for those that cannot sign or be signed.
    """
    with database.write():
        package = _held(account, package_key)
        if name is None:
            keys = signing_keys.held_for(account, package.product_key or "")
            if not keys:
                raise errors.NotFound(kind=signing_keys.KIND, key=f"for the product {package.product_key}")
        else:
            keys = [_usable(account, name, package)]
        made = [_sign(package, key, text(package, not_before, key.statement_format)) for key in keys]
        audit.note(account.id, packages.KIND, package.id)
        return made


def attach(account: Account, package_key: str, name: str, signature: str, not_before: int | None = None) -> Signature:
    """Keep a signature that was made elsewhere of what `statement` returns for the same ``not_before``.

    Raises what `sign` raises, and `errors.InvalidParameter` for a signature that is not the key's for this package.
    """
    with database.write():
        package = _held(account, package_key)
        key = _usable(account, name, package)
        said = text(package, not_before, key.statement_format)
        if not signing_keys.verifies(key, said, signature):
            expected = f"the signature, in Base64, of the statement of package {package.id} by the key {name}"
            raise errors.InvalidParameter("signature", expected)
        audit.note(account.id, packages.KIND, package.id)
        return _keep(package.id, key, said, signature)


def text(package: Package, not_before: int | None = None, statement_format: int = signing_keys.NEWEST) -> str:
    """Return what is signed about a package; ``not_before`` is in epoch seconds, by default when the package was made.

    Raises `errors.WrongState` for a package of no product, or with a file whose SHA-256 is not known.
    """
    if package.product_key is None:
        raise errors.WrongState(
            kind=packages.KIND,
            key=str(package.id),
            state="is of no product, and would be signed for the devices of all",
        )
    said: dict[str, Any] = {
        "format": FORMATS[statement_format],
        "product": package.product_key,
        "module": package.module,
        "version": package.version,
        "not_before": package.created // 1000 if not_before is None else not_before,
    }
    if statement_format > 1:
        said |= {"kind": package.kind, "module": packages.part(package)}
    if package.files:
        said["files"] = [
            {"name": part["name"], **_bytes(package, part.get("object_key"), part["sign_value"], part["size"])}
            for part in package.files
        ]
    else:
        said |= _bytes(package, package.object_key, package.sign, package.size)
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def sign_new(package: Package, keys: list[Key]) -> None:
    """Sign a package that was just made, inside its write; one that cannot be signed stays without."""
    try:
        statements = [text(package, None, key.statement_format) for key in keys]
    except errors.WrongState:
        return
    for key, statement in zip(keys, statements, strict=True):
        _sign(package, key, statement)


def of(package_id: int) -> list[Signature]:
    """Return the signatures of a package by keys that are enabled, those of the oldest key first.

    It is SQL, since each offer asks.
    """
    rows = database.execute(
        "SELECT k.name, s.statement, s.signature FROM package_signature s JOIN signing_key k ON k.id = s.key_id "
        "WHERE s.package_id = ? AND k.enabled ORDER BY k.created, k.name",
        package_id,
    )
    return [Signature(*row) for row in rows.fetchall()]


def _sign(package: Package, key: Key, statement: str) -> Signature:
    return _keep(package.id, key, statement, signing_keys.sign(key, statement))


def _keep(package_id: int, key: Key, statement: str, signature: str) -> Signature:
    """Keep a signature, inside a write; it takes the place of an older one by the same key."""
    row = models.PackageSignature
    made = row.insert(package=package_id, key=key.id, statement=statement, signature=signature, created=clock.now())
    changed = (row.statement, row.signature, row.created)
    made.on_conflict(conflict_target=(row.package, row.key), preserve=changed).execute()
    return Signature(key.name, statement, signature)


def _held(account: Account, package_key: str) -> Package:
    """Return a package, locked against deletion until the end of the transaction; inside a write."""
    packages.hold(account, package_key)
    return packages.get(account, package_key)


def _usable(account: Account, name: str, package: Package) -> Key:
    """Return a key that may sign a package, inside a write."""
    key = signing_keys.get(account, name, database.SHARE)
    if not key.enabled:
        raise errors.WrongState(kind=signing_keys.KIND, key=name, state="is disabled")
    if not key.is_for(package.product_key or ""):
        raise errors.WrongState(kind=signing_keys.KIND, key=name, state=f"is not for the product {package.product_key}")
    return key


def _bytes(package: Package, object_key: str | None, sign: str | None, size: int | None) -> dict[str, Any]:
    """Return what is said of the bytes of a file."""
    stored = stored_files.find(object_key) if object_key else None
    if stored:
        return {"sha256": stored.facts.sha256, "size": stored.facts.size}
    if package.sign_method != "SHA256" or not sign:
        unknown = "has a file whose SHA-256 is not known: upload it, or give its SHA-256 as its sign"
        raise errors.WrongState(kind=packages.KIND, key=str(package.id), state=unknown)
    return {"sha256": sign.lower(), "size": size}
