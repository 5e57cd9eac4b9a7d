"""Products: kinds of devices, made on request or registered when something first names them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from otagw import clock, errors
from otagw.db import database, models, rows
from otagw.db.rows import Rows
from otagw.ota import audit, idempotency, listing
from otagw.ota.accounts import Account
from otagw.ota.listing import Page
from otagw.security import derived_secrets

KIND: Final = "product"
# Addresses of the gateway itself cannot be keys, since a device's address may begin with its product.
RESERVED_KEYS: Final = ("v3", "v5", "oss", "device", "console", "healthz", "readyz", "metrics", "troubleshoot")
KEY: Final = re.compile(rf"(?!(?:{'|'.join(RESERVED_KEYS)})\Z)[A-Za-z0-9_-]{{1,256}}", re.IGNORECASE | re.ASCII)
# The key in ``front_data`` for the space of a product; a product without it is in every space of its account.
SPACE: Final = "space"
# Kinds of products that fronts may tell apart; listings filter by them.
BASIC, STANDARD = "basic", "standard"
# How often devices are to ask, where a product says nothing else.
POLL_SECONDS: Final = 300
LONGEST_POLL_SECONDS: Final = 30 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class ProductDraft:
    """A product as it is asked for; a front keeps what else it has to show again in ``front_data``."""

    name: str
    key: str | None = None
    description: str | None = None
    is_gateway: bool = False
    edition: str = BASIC
    front_data: Mapping[str, Any] = field(default_factory=dict)


class Product(NamedTuple):
    """A product as it is kept; ``devices`` is how many it has."""

    id: int
    key: str
    name: str
    description: str | None
    is_gateway: bool
    edition: str
    front_data: Mapping[str, Any]
    created: int
    modified: int
    self_registration: int | None
    devices: int

    @property
    def secret(self) -> str:
        """Return the secret that devices of this product share."""
        return derived_secrets.secret(_secret_owner(self.id))


_ROWS: Final = Rows(Product, models.Product, devices="0")  # which `_counted` looks up


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
        answer = idempotency.run(account, "product.create", token, lambda: idempotency.fields(draft, "traits"), work)
        return get(account, answer["key"])


def get(account: Account, key: str) -> Product:
    """Return a product of the account."""
    found = _ROWS.find(models.Product.key == key, models.Product.account == account.id)
    if found is None:
        raise errors.NotFound(kind=KIND, key=key)
    return _counted(account, found)


def secret(key: str) -> str | None:
    """Return the secret of a product of any account, or None if there is no such product."""
    row = database.execute("SELECT id FROM product WHERE key = ?", key).fetchone()
    return derived_secrets.secret(_secret_owner(*row)) if row else None


def _secret_owner(product_id: int) -> str:
    return f"product/{product_id}"


def page(account: Account, number: int, size: int, *, edition: str | None = None) -> Page[Product]:
    """Return a page of the account's products, newest first."""
    where = "account_id = ? AND edition = ?" if edition else "account_id = ?"
    values = [account.id, edition] if edition else [account.id]
    scope = listing.scope(KIND, edition=edition)
    select = f"SELECT {_ROWS.selected} FROM product"
    found, total = listing.counted(account.id, scope, select, KIND, where, values, number, size)
    return Page([_counted(account, _ROWS.record(row)) for row in found], number, size, total)


def below(
    account: Account, ceiling: int, skip: int, size: int, *, name: str | None = None, space: str | None = None
) -> tuple[list[Product], int]:
    """Return products whose ids are below a ceiling, newest first, and how many there are below or above.

    ``space`` filters by what was noted as `SPACE`; one of which nothing was noted is in each.
    """
    row = models.Product
    query = _ROWS.select().where(row.account == account.id)
    if name:
        query = query.where(row.name == name)
    if space:
        query = rows.noted(query, row.front_data, {SPACE: space})
    with database.read():
        newest = query.where(row.id < ceiling).order_by(row.id.desc()).limit(size).offset(skip)
        return [_counted(account, product) for product in _ROWS.run(newest)], query.count()


def modify(account: Account, key: str, *, name: str, description: str | None = None) -> None:
    """Give a product a name and, where one is given, a description."""
    taken = errors.AlreadyExists(kind=KIND, key=name)
    with database.write():
        product = get(account, key)
        if name != product.name and _has_name(account, name):
            raise taken
        with database.unique(taken):  # another may have taken the name since
            changes = {"name": name, "modified": clock.now()}
            if description is not None:
                changes["description"] = description
            models.Product.update(changes).where(models.Product.key == key).execute()
        audit.note(account.id, KIND, key)


def delete(account: Account, key: str) -> None:
    """Delete a product with its modules; raise `errors.InUse` while it has devices or packages."""
    with database.write():
        product = get(account, key)
        owner_of(key, database.ALONE)
        for kind in ("device", "package"):
            if listing.total(account.id, listing.scope(kind, product_key=key)):
                raise errors.InUse(kind=KIND, key=key, by=f"{kind}s")
        models.Product.delete().where(models.Product.key == key).execute()
        listing.uncount(account.id, listing.scopes(KIND, edition=product.edition))
        audit.note(account.id, KIND, key)


def set_gateway_token(account: Account, key: str, token: str | None) -> None:
    """Let the devices of a product prove themselves with one token, or no more."""
    _set(account, key, "gateway_token", derived_secrets.seal(token_owner(key), token) if token else None)


def set_poll_seconds(account: Account, key: str, seconds: int) -> None:
    """Say how often the devices of a product are to ask, where their protocol lets us."""
    _set(account, key, "poll_seconds", seconds)


def set_self_registration(account: Account, key: str, most: int | None) -> None:
    """Let devices register themselves by a product's token while it has fewer than ``most``; None: let no device."""
    _set(account, key, "self_registration", most)


def spelled(text: str) -> str | None:
    """Return the key of the product, of any account, that is spelled so, or the only one but for case; None else."""
    query = "SELECT key FROM product WHERE LOWER(key) = ? ORDER BY key <> ? LIMIT 2"  # the exact one first
    found = [key for (key,) in database.execute(query, text.lower(), text).fetchall()]
    return found[0] if found[:1] == [text] or len(found) == 1 else None


def token_owner(key: str) -> str:
    """Return for whom a product's token is sealed."""
    return f"product/{key} token"


def _set(account: Account, key: str, column: str, value: str | int | None) -> None:
    with database.write():
        row = models.Product
        change = row.update({column: value, "modified": clock.now()})
        if not change.where(row.key == key, row.account == account.id).execute():
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
    found = models.Product.get_or_none(models.Product.key == key)
    return found.name if found else None


def owner_of(key: str, lock: str = "") -> int | None:
    """Return the id of the account that owns a product, if there is one; with a lock, it stays until we are done.

    It is SQL, since every request that names a product asks.
    """
    row = database.execute(f"SELECT account_id FROM product WHERE key = ?{database.lock(lock)}", key).fetchone()
    return int(row[0]) if row else None


def _insert(account: Account, key: str, draft: ProductDraft) -> bool:
    """Insert a product; tell whether its key, name and id were free."""
    now = clock.now()
    is_free = models.Product.insert_if_free(
        id=clock.new_id(now),
        account=account.id,
        key=key,
        name=draft.name,
        description=draft.description,
        is_gateway=draft.is_gateway,
        edition=draft.edition,
        front_data=draft.front_data,
        created=now,
        modified=now,
    )
    if is_free:
        listing.count(account.id, listing.scopes(KIND, edition=draft.edition), 1)
    return is_free


def _counted(account: Account, product: Product) -> Product:
    return product._replace(devices=listing.total(account.id, listing.scope("device", product_key=product.key)))


def _has_name(account: Account, name: str) -> bool:
    return models.Product.select().where(models.Product.account == account.id, models.Product.name == name).exists()
