"""Modules: the parts of a product that are updated on their own.

Names are compared without regard to case (docs/wire/aliyun.md); a module is shown as it was first written.
"""

from typing import Any, Final, NamedTuple

from otagw import clock, database, errors
from otagw.ota import audit, idempotency, listing, products
from otagw.ota.accounts import Account

DEFAULT: Final = "default"
LIMIT: Final = 10
KIND: Final = "module"


class Module(NamedTuple):
    """A module as it is kept; times are milliseconds."""

    name: str
    title: str | None
    description: str | None
    created: int
    modified: int


def require(account: Account, product_key: str, name: str) -> str:
    """Make sure that the product has this module, inside the write that names it; return its name.

    `DEFAULT`, the whole device, is always there. An unknown one is registered where the account's rules say so, and
    counts to the `LIMIT` of a product.
    """
    if name.lower() == DEFAULT:
        return DEFAULT
    found = _find(product_key, name)
    if found:
        return found.name
    if not account.rules.register_unknown:
        raise errors.NotFound(kind=KIND, key=name)
    _insert(product_key, name, None, None)
    return name


def create(
    account: Account,
    product_key: str,
    name: str,
    *,
    title: str | None,
    description: str | None,
    token: str | None = None,
) -> None:
    """Keep a new module of a product.

    Raises `errors.AlreadyExists` for a name that is taken in any case, `errors.LimitReached` for one too many.
    """

    def work() -> dict[str, Any]:
        products.require(account, product_key)
        if name.lower() == DEFAULT or _find(product_key, name):
            raise errors.AlreadyExists(kind=KIND, key=name)
        _insert(product_key, name, title, description)
        audit.note(account.id, KIND, f"{product_key}/{name}")
        return {}

    idempotency.run(account, "module.create", token, lambda: [product_key, name, title, description], work)


def update(account: Account, product_key: str, name: str, *, title: str | None, description: str | None) -> None:
    """Change what is given of a module; its name stays."""
    with database.write():
        module = _get(account, product_key, name)
        database.execute(
            "UPDATE module SET title = ?, description = ?, modified = ? WHERE product_id = ? AND folded = ?",
            *(title or module.title, description or module.description, clock.now(), product_key, name.lower()),
        )
        audit.note(account.id, KIND, f"{product_key}/{module.name}")


def delete(account: Account, product_key: str, name: str) -> None:
    """Delete a module that no package is for; raise `errors.InUse` otherwise."""
    with database.write():
        _get(account, product_key, name)
        if listing.total(account.id, use(product_key, name)):
            raise errors.InUse(kind=KIND, key=name, by="packages")
        database.execute("DELETE FROM module WHERE product_id = ? AND folded = ?", product_key, name.lower())
        audit.note(account.id, KIND, f"{product_key}/{name}")


def every(account: Account, product_key: str) -> list[Module]:
    """Return the modules of a product, `DEFAULT` first and the others by age."""
    with database.read():
        product = products.get(account, product_key)
        rows = database.execute(
            "SELECT name, title, description, created, modified FROM module "
            "WHERE product_id = ? ORDER BY created, name",
            product_key,
        )
        return [Module(DEFAULT, None, None, product.created, product.created), *(Module(*row) for row in rows)]


def use(product_key: str, name: str) -> str:
    """Return the counter of the packages that are for a module."""
    return listing.scope("packages of module", product_key=product_key, module=name.lower())


def _get(account: Account, product_key: str, name: str) -> Module:
    """Return a module that may be changed; `DEFAULT` may not."""
    products.check(account, product_key)
    if name.lower() == DEFAULT:
        raise errors.Protected(kind=KIND, key=name)
    module = _find(product_key, name)
    if module is None:
        raise errors.NotFound(kind=KIND, key=name)
    return module


def _find(product_key: str, name: str) -> Module | None:
    row = database.execute(
        "SELECT name, title, description, created, modified FROM module WHERE product_id = ? AND folded = ?",
        *(product_key, name.lower()),
    ).fetchone()
    return Module(*row) if row else None


def _insert(product_key: str, name: str, title: str | None, description: str | None) -> None:
    products.owner_of(product_key, database.HOLD)  # two at once would each count nine, and make eleven
    (count,) = database.execute("SELECT count(*) FROM module WHERE product_id = ?", product_key).fetchone()
    if count >= LIMIT:
        raise errors.LimitReached(kind=KIND, limit=LIMIT)
    now = clock.now()
    database.execute(
        "INSERT INTO module (product_id, folded, name, title, description, created, modified) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        *(product_key, name.lower(), name, title, description, now, now),
    )
