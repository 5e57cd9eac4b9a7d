"""Products: kinds of devices, made on request or registered when something first names them."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

from otagw import clock, errors
from otagw.db import database
from otagw.ota import audit, idempotency, listing
from otagw.ota.accounts import Account
from otagw.ota.listing import Page
from otagw.security import derived_secrets

KIND: Final = "product"
# Addresses of the gateway itself cannot be keys, since a device's address may begin with its product.
RESERVED_KEYS: Final = ("v3", "v5", "oss", "device", "console", "healthz", "readyz", "metrics", "troubleshoot")
KEY: Final = re.compile(rf"(?!(?:{'|'.join(RESERVED_KEYS)})\Z)[A-Za-z0-9_-]{{1,256}}", re.IGNORECASE | re.ASCII)
# The trait that says which space of the account a product is in; one without it is in each.
SPACE: Final = "space"
# Kinds of products that fronts may tell apart; listings filter by them.
BASIC, STANDARD = "basic", "standard"
# How often devices are to ask, where a product says nothing else.
POLL_SECONDS: Final = 300
_SELECT: Final = "SELECT id, key, name, description, is_gateway, edition, traits, created, modified FROM product"


@dataclass(frozen=True, kw_only=True)
class ProductDraft:
    """A product as it is asked for; a front keeps what else it has to show again in ``traits``."""

    name: str
    key: str | None = None
    description: str | None = None
    is_gateway: bool = False
    edition: str = BASIC
    traits: Mapping[str, Any] = field(default_factory=dict)


class Product(NamedTuple):
    """A product as it is kept; ``devices`` is how many it has."""

    id: int
    key: str
    name: str
    description: str | None
    is_gateway: bool
    edition: str
    traits: Mapping[str, Any]
    created: int
    modified: int
    devices: int = 0

    @property
    def secret(self) -> str:
        """Return the secret that devices of this product share."""
        return derived_secrets.secret(f"product/{self.id}")


def create(account: Account, draft: ProductDraft, token: str | None = None) -> Product:
    """Keep a new product, under a key of its own where none is given.

    Raises `errors.AlreadyExists` when the account has a product of this name, or anybody one of this key.
    """

    def work() -> dict[str, Any]:
        key = draft.key or f"a1{clock.random_text(9)}"
        if _has_name(account, draft.name) or owner_of(key) is not None or not _insert(account, key, draft):
            raise errors.AlreadyExists(kind=KIND, key=draft.name)
        audit.note(account.id, KIND, key)
        return {"key": key}

    with database.write():  # what is returned was not deleted meanwhile
        return get(account, idempotency.run(account, "product.create", token, lambda: asdict(draft), work)["key"])


def get(account: Account, key: str) -> Product:
    """Return a product of the account."""
    row = database.execute(f"{_SELECT} WHERE key = ? AND account_id = ?", key, account.id).fetchone()
    if row is None:
        raise errors.NotFound(kind=KIND, key=key)
    return _product(account, row)


def page(account: Account, number: int, size: int, *, edition: str | None = None) -> Page[Product]:
    """Return a page of the account's products, newest first."""
    where = "account_id = ? AND edition = ?" if edition else "account_id = ?"
    values = [account.id, edition] if edition else [account.id]
    scope = listing.scope(KIND, edition=edition)
    rows, total = listing.counted(account.id, scope, _SELECT, KIND, where, values, number, size)
    return Page([_product(account, row) for row in rows], number, size, total)


def below(
    account: Account, ceiling: int, skip: int, size: int, *, name: str | None = None, space: str | None = None
) -> tuple[list[Product], int]:
    """Return products whose ids are below a ceiling, newest first, and how many there are below or above.

    ``space`` filters by the trait `SPACE`; one of which nothing was noted is in each.
    """
    where = "account_id = ?"
    values: list[Any] = [account.id]
    if name:
        where, values = f"{where} AND name = ?", [*values, name]
    if space:
        noted = database.json_text("traits", SPACE)
        where, values = f"{where} AND ({noted} IS NULL OR {noted} = ?)", [*values, space]
    with database.read():
        (total,) = database.execute(f"SELECT COUNT(*) FROM product WHERE {where}", *values).fetchone()
        rows = database.execute(
            f"{_SELECT} WHERE {where} AND id < ? ORDER BY id DESC LIMIT ? OFFSET ?", *(*values, ceiling, size, skip)
        ).fetchall()
        return [_product(account, row) for row in rows], total


def modify(account: Account, key: str, *, name: str, description: str | None = None) -> None:
    """Give a product a name and, where one is given, a description."""
    taken = errors.AlreadyExists(kind=KIND, key=name)
    with database.write():
        product = get(account, key)
        if name != product.name and _has_name(account, name):
            raise taken
        with database.unique(taken):  # another may have taken the name since
            database.execute(
                "UPDATE product SET name = ?, description = COALESCE(?, description), modified = ? WHERE key = ?",
                *(name, description, clock.now(), key),
            )
        audit.note(account.id, KIND, key)


def delete(account: Account, key: str) -> None:
    """Delete a product with its modules; raise `errors.InUse` while it has devices or packages."""
    with database.write():
        product = get(account, key)
        owner_of(key, database.ALONE)
        for kind in ("device", "package"):
            if listing.total(account.id, listing.scope(kind, product_key=key)):
                raise errors.InUse(kind=KIND, key=key, by=f"{kind}s")
        database.execute("DELETE FROM product WHERE key = ?", key)
        listing.count(account.id, listing.scopes(KIND, edition=product.edition), -1)
        audit.note(account.id, KIND, key)


def set_gateway_token(account: Account, key: str, token: str | None) -> None:
    """Let the devices of a product prove themselves with one token, or no more."""
    _set(account, key, "gateway_token", derived_secrets.seal(token_owner(key), token) if token else None)


def set_poll_seconds(account: Account, key: str, seconds: int) -> None:
    """Say how often the devices of a product are to ask, where their protocol lets us."""
    _set(account, key, "poll_seconds", seconds)


def token_owner(key: str) -> str:
    """Return for whom a product's token is sealed."""
    return f"product/{key} token"


def _set(account: Account, key: str, column: str, value: str | int | None) -> None:
    with database.write():
        changed = database.execute(
            f"UPDATE product SET {column} = ?, modified = ? WHERE key = ? AND account_id = ?",
            *(value, clock.now(), key, account.id),
        ).rowcount
        if not changed:
            raise errors.NotFound(kind=KIND, key=key)
        audit.note(account.id, KIND, key)


def require(account: Account, key: str) -> None:
    """Make sure that the account has this product, inside the write that names it.

    An unknown key is registered where the account's rules say so; one that another account owns is not found.
    """
    owner = owner_of(key, database.SHARE)
    if owner is None and account.rules.register_unknown:
        # Its key is its name, unless the account has given that name to another product.
        if not _insert(account, key, ProductDraft(name=key)):
            _insert(account, key, ProductDraft(name=f"{key}-{clock.new_id()}"))
        owner = owner_of(key, database.SHARE)
    if owner != account.id:
        raise errors.NotFound(kind=KIND, key=key)


def check(account: Account, key: str) -> None:
    """Raise `errors.NotFound` unless the account has this product."""
    if owner_of(key) != account.id:
        raise errors.NotFound(kind=KIND, key=key)


def check_filter(account: Account, key: str | None) -> None:
    """Refuse a listing by a product that is not the account's, where products must be known."""
    if key and not account.rules.register_unknown:
        check(account, key)


def name_of(key: str) -> str | None:
    """Return the name of a product, if it is still there."""
    row = database.execute("SELECT name FROM product WHERE key = ?", key).fetchone()
    return row[0] if row else None


def owner_of(key: str, lock: str = "") -> int | None:
    """Return the id of the account that owns a product, if there is one; with a lock, it stays until we are done."""
    row = database.execute(f"SELECT account_id FROM product WHERE key = ?{database.lock(lock)}", key).fetchone()
    return int(row[0]) if row else None


def _insert(account: Account, key: str, draft: ProductDraft) -> bool:
    """Insert a product; tell whether its key, name and id were free."""
    now = clock.now()
    traits = json.dumps(dict(draft.traits), ensure_ascii=False) if draft.traits else None
    inserted = database.execute(
        "INSERT INTO product (id, account_id, key, name, description, is_gateway, edition, traits, created, modified) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        *(clock.new_id(now), account.id, key, draft.name, draft.description, draft.is_gateway, draft.edition),
        *(traits, now, now),
    ).rowcount
    if inserted:
        listing.count(account.id, listing.scopes(KIND, edition=draft.edition), 1)
    return bool(inserted)


def _product(account: Account, row: tuple[Any, ...]) -> Product:
    raw = Product(*row)
    return raw._replace(
        is_gateway=bool(raw.is_gateway),
        traits=json.loads(row[6]) if row[6] else {},
        devices=listing.total(account.id, listing.scope("device", product_key=raw.key)),
    )


def _has_name(account: Account, name: str) -> bool:
    query = "SELECT 1 FROM product WHERE account_id = ? AND name = ?"
    return database.execute(query, account.id, name).fetchone() is not None
