"""Signed packages: who has released one, so that a device can check it without asking anybody."""

from otagw import errors
from otagw.db import database
from otagw.ota import audit
from otagw.ota.accounts import Account
from otagw.ota.packages import packages, signing_keys, statements
from otagw.ota.packages.signing_keys import Key
from otagw.ota.packages.statements import Signature


def statement(account: Account, package_key: str, not_before: int | None = None) -> str:
    """Return what is to be signed about a package; raise what `statements.text` raises."""
    return statements.text(packages.get(account, package_key), not_before)


def sign(account: Account, package_key: str, name: str | None = None, not_before: int | None = None) -> list[Signature]:
    """Sign a package by a key of the account, or by every one whose private part is here; return the signatures.

    Raises `errors.NotFound` for a package or a key, `errors.WrongState` for those that cannot sign or be signed.
    """
    with database.write():
        package = _held(account, package_key)
        said = statements.text(package, not_before)
        if name is None:
            keys = signing_keys.held_for(account, package.product_key or "")
            if not keys:
                raise errors.NotFound(kind=signing_keys.KIND, key=f"for the product {package.product_key}")
        else:
            keys = [_usable(account, name, package)]
        audit.note(account.id, packages.KIND, package.id)
        return [statements.keep(package.id, key, said, signing_keys.sign(key, said)) for key in keys]


def attach(account: Account, package_key: str, name: str, signature: str, not_before: int | None = None) -> Signature:
    """Keep a signature that was made elsewhere of what `statement` returns for the same ``not_before``.

    Raises what `sign` raises, and `errors.InvalidParameter` for a signature that is not the key's for this package.
    """
    with database.write():
        package = _held(account, package_key)
        said = statements.text(package, not_before)
        key = _usable(account, name, package)
        if not signing_keys.verifies(key, said, signature):
            expected = f"the signature, in Base64, of the statement of package {package.id} by the key {name}"
            raise errors.InvalidParameter("signature", expected)
        audit.note(account.id, packages.KIND, package.id)
        return statements.keep(package.id, key, said, signature)


def signatures(package_id: int) -> list[Signature]:
    """Return the signatures of a package by keys that are enabled, those of the oldest key first."""
    rows = database.execute(
        "SELECT k.name, s.statement, s.signature FROM package_signature s JOIN signing_key k ON k.id = s.key_id "
        "WHERE s.package_id = ? AND k.enabled ORDER BY k.created, k.name",
        package_id,
    )
    return [Signature(*row) for row in rows.fetchall()]


def _held(account: Account, package_key: str) -> packages.Package:
    """Return a package that nobody deletes until we are done, inside a write."""
    packages.hold(account, package_key)
    return packages.get(account, package_key)


def _usable(account: Account, name: str, package: packages.Package) -> Key:
    """Return a key that may sign a package, inside a write."""
    key = signing_keys.get(account, name, database.SHARE)
    if not key.enabled:
        raise errors.WrongState(kind=signing_keys.KIND, key=name, state="is disabled")
    if not key.is_for(package.product_key or ""):
        raise errors.WrongState(kind=signing_keys.KIND, key=name, state=f"is not for the product {package.product_key}")
    return key
