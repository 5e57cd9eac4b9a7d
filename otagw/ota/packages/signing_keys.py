"""Signing keys: Ed25519 pairs with which the firmware team signs its packages.

The private part of a pair is kept encrypted, or not at all; docs/decisions/0016-signed-packages.md says why so.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from otagw import clock, errors
from otagw.db import database, models
from otagw.db.rows import Rows
from otagw.ota import audit
from otagw.ota.accounts import Account
from otagw.ota.products import products
from otagw.security import derived_secrets

KIND: Final = "signing key"
NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
# The format of statement that a new key signs. A key keeps its format, since devices know both together.
NEWEST: Final = 2
PEM: Final = "an Ed25519 public key in PEM (-----BEGIN PUBLIC KEY-----)"


class Key(NamedTuple):
    """A signing key as it is kept: ``public`` and what is sealed in ``private`` are Base64; no products are all."""

    id: int
    account_id: int
    name: str
    public: str
    private: str | None
    products: tuple[str, ...]
    auto: bool
    enabled: bool
    created: int
    statement_format: int

    @property
    def pem(self) -> str:
        """Return the public key as devices and openssl take it."""
        return (
            _public(self)
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    def is_for(self, product_key: str) -> bool:
        """Tell whether it may sign the packages of a product."""
        return not self.products or product_key in self.products


_ROWS: Final = Rows(Key, models.SigningKey)


def create(
    account: Account, name: str, *, product_keys: Sequence[str] = (), auto: bool = False, offline: bool = False
) -> tuple[Key, str | None]:
    """Keep a new key pair; ``auto`` has it sign each new package.

    With ``offline`` only its public part is kept, and the private one is returned in PEM, for the only time. Raises
    `errors.InvalidParameter`, `errors.AlreadyExists`, and `errors.NotFound` for a product.
    """
    if auto and offline:
        raise errors.InvalidParameter("auto", "a key whose private part is kept here, not one that is offline")
    made = Ed25519PrivateKey.generate()
    secret = base64.b64encode(made.private_bytes_raw()).decode()
    key = _keep(account, name, made.public_key(), None if offline else secret, product_keys, auto)
    if not offline:
        return key, None
    pem = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key, pem.decode()


def add(account: Account, name: str, pem: bytes, *, product_keys: Sequence[str] = ()) -> Key:
    """Keep the public part of a key pair whose private part is elsewhere; raise what `create` raises."""
    try:
        public = serialization.load_pem_public_key(pem)
    except ValueError:
        raise errors.InvalidParameter("public", PEM) from None
    if not isinstance(public, Ed25519PublicKey):
        raise errors.InvalidParameter("public", PEM)
    return _keep(account, name, public, None, product_keys, False)


def get(account: Account, name: str, lock: str = "") -> Key:
    """Return a key of the account by its name; with a lock, it stays until we are done."""
    found = _ROWS.find(models.SigningKey.account == account.id, models.SigningKey.name == name, lock=lock)
    if found is None:
        raise errors.NotFound(kind=KIND, key=name)
    return found


def every(account: Account) -> list[Key]:
    """Return the keys of the account, oldest first."""
    row = models.SigningKey
    return _ROWS.all(row.account == account.id, order=(row.created, row.name))


def holding(account: Account) -> database.Statement:
    """Return the statement for the enabled keys of an account whose private part is here; `held_for` reads it.

    It is SQL because a new package has it in one round trip with others.
    """
    return (
        f"SELECT {_ROWS.selected} FROM signing_key WHERE account_id = ? AND enabled AND private IS NOT NULL "
        f"ORDER BY created, name{database.lock(database.SHARE)}",
        account.id,
    )


def held_for(account: Account, product_key: str, found: Any = None) -> list[Key]:
    """Return the enabled keys of the account, oldest first, whose private part is here and that may sign a product.

    ``found`` is the cursor of `holding` where that has been run.
    """
    rows = found or database.execute(*holding(account))
    return [key for key in map(_ROWS.record, rows.fetchall()) if key.is_for(product_key)]


def enable(account: Account, name: str, enabled: bool) -> None:
    """Let a key sign and its signatures be shown, or neither; a request that starts after this sees it."""
    with database.write():
        key = get(account, name)
        models.SigningKey.update(enabled=enabled).where(models.SigningKey.id == key.id).execute()
        audit.note(account.id, KIND, name)


def delete(account: Account, name: str) -> None:
    """Forget a key for good; raise `errors.InUse` while a package carries a signature of it."""
    with database.write():
        key = get(account, name, database.ALONE)
        if models.PackageSignature.select().where(models.PackageSignature.key == key.id).exists():
            raise errors.InUse(kind=KIND, key=name, by="signatures on packages")
        models.SigningKey.delete().where(models.SigningKey.id == key.id).execute()
        audit.note(account.id, KIND, name)


def sign(key: Key, statement: str) -> str:
    """Return the signature of a statement, in Base64, by a key whose private part is here."""
    if key.private is None:
        raise errors.WrongState(kind=KIND, key=key.name, state="signs elsewhere: its private part is not here")
    secret = base64.b64decode(derived_secrets.secret(_owner(key.id), key.private))
    return base64.b64encode(Ed25519PrivateKey.from_private_bytes(secret).sign(statement.encode())).decode()


def verifies(key: Key, statement: str, signature: str) -> bool:
    """Tell whether a signature, in Base64, is that of a statement by a key."""
    try:
        _public(key).verify(base64.b64decode(signature, validate=True), statement.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _public(key: Key) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(key.public))


def _keep(
    account: Account,
    name: str,
    public: Ed25519PublicKey,
    secret: str | None,
    product_keys: Sequence[str],
    auto: bool,
) -> Key:
    if not NAME.fullmatch(name):
        raise errors.InvalidParameter("name", "1 to 64 of A-Z a-z 0-9 . _ -")
    identity = clock.new_id()
    key = Key(
        id=identity,
        account_id=account.id,
        name=name,
        public=base64.b64encode(public.public_bytes_raw()).decode(),
        private=secret and derived_secrets.seal(_owner(identity), secret),
        products=tuple(product_keys),
        auto=auto,
        enabled=True,
        created=clock.now(),
        statement_format=NEWEST,
    )
    with database.write():
        for product_key in product_keys:
            products.check(account, product_key)
        if not models.SigningKey.insert_if_free(**key._asdict()):
            raise errors.AlreadyExists(kind=KIND, key=name)
        audit.note(account.id, KIND, name)
    return key


def _owner(identity: int) -> str:
    return f"signing key/{identity}"
