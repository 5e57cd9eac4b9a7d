"""Modules: the parts of a product that are updated on their own.

Names are compared without regard to case (docs/wire/aliyun.md); a module is shown as it was first written.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from otagw import clock, errors
from otagw.db import database
from otagw.ota import audit, idempotency, ids, listing
from otagw.ota.accounts import Account
from otagw.ota.products import products

DEFAULT: Final = "default"
# What devices report the version of their software under, where that is updated beside the firmware.
SOFTWARE: Final = "software"
LIMIT: Final = 10
KIND: Final = "module"
_COLUMNS: Final = ", ".join(
    f"module.{name}"
    for name in ("name", "title", "description", "created", "modified", "number", "product_id", "origin")
)


class Module(NamedTuple):
    """A module as it is kept; times are milliseconds."""

    name: str
    title: str | None
    description: str | None
    created: int
    modified: int
    id: int
    product_key: str
    origin: Mapping[str, Any]


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
    _insert(product_key, name, None, None, None)
    return name


def create(
    account: Account,
    product_key: str,
    name: str,
    *,
    title: str | None,
    description: str | None,
    origin: Mapping[str, Any] | None = None,
    token: str | None = None,
) -> Module:
    """Keep a new module of a product and return it; ``origin`` is whatever else its front has to show again.

    Raises `errors.AlreadyExists` for a name that is taken in any case, `errors.LimitReached` for one too many.
    """

    def work() -> dict[str, Any]:
        products.require(account, product_key)
        if name.lower() == DEFAULT or _find(product_key, name):
            raise errors.AlreadyExists(kind=KIND, key=name)
        _insert(product_key, name, title, description, origin)
        audit.note(account.id, KIND, f"{product_key}/{name}")
        return {}

    with database.write():  # what is returned was not deleted meanwhile
        idempotency.run(account, "module.create", token, lambda: [product_key, name, title, description], work)
        return _get(account, product_key, name)


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
            f"SELECT {_COLUMNS} FROM module WHERE product_id = ? ORDER BY created, name", product_key
        )
        whole = Module(DEFAULT, None, None, product.created, product.created, 0, product_key, {})
        return [whole, *map(_module, rows)]


def get(account: Account, key: str) -> Module:
    """Return a module by its id, which is a decimal text."""
    row = database.execute(
        f"SELECT {_COLUMNS} FROM module JOIN product ON product.key = module.product_id "
        "WHERE module.number = ? AND product.account_id = ?",
        *(ids.read(KIND, key), account.id),
    ).fetchone()
    if row is None:
        raise errors.NotFound(kind=KIND, key=key)
    return _module(row)


def below(
    account: Account, ceiling: int, skip: int, size: int, *, product_key: str | None, origin: Mapping[str, str]
) -> tuple[list[Module], int]:
    """Return modules whose ids are below a ceiling, newest first, and how many there are below or above.

    ``origin`` filters as in `packages.below`.
    """
    where, values = "product.account_id = ?", [account.id, *origin.values()]
    for name in origin:
        noted = database.json_text("module.origin", name)
        where += f" AND ({noted} IS NULL OR {noted} = ?)"
    if product_key:
        where += " AND module.product_id = ?"
        values.append(product_key)
    source = f"FROM module JOIN product ON product.key = module.product_id WHERE {where}"
    with database.read():
        products.check_filter(account, product_key)
        (total,) = database.execute(f"SELECT count(*) {source}", *values).fetchone()
        rows = database.execute(
            f"SELECT {_COLUMNS} {source} AND module.number < ? ORDER BY module.number DESC LIMIT ? OFFSET ?",
            *(*values, ceiling, size, skip),
        ).fetchall()
        return [_module(row) for row in rows], total


def names(product_key: str) -> list[str]:
    """Return the names of a product's modules but `DEFAULT`."""
    rows = database.execute("SELECT name FROM module WHERE product_id = ? ORDER BY created, name", product_key)
    return [name for (name,) in rows.fetchall()]


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
        f"SELECT {_COLUMNS} FROM module WHERE product_id = ? AND folded = ?", product_key, name.lower()
    ).fetchone()
    return _module(row) if row else None


def _module(row: tuple[Any, ...]) -> Module:
    return Module(*row)._replace(origin=json.loads(row[-1]) if row[-1] else {})


def _insert(
    product_key: str, name: str, title: str | None, description: str | None, origin: Mapping[str, Any] | None
) -> None:
    products.owner_of(product_key, database.HOLD)  # two at once would each count nine, and make eleven
    (count,) = database.execute("SELECT count(*) FROM module WHERE product_id = ?", product_key).fetchone()
    if count >= LIMIT:
        raise errors.LimitReached(kind=KIND, limit=LIMIT)
    now = clock.now()
    database.execute(
        "INSERT INTO module (product_id, folded, name, title, description, created, modified, number, origin) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        *(product_key, name.lower(), name, title, description, now, now, ids.free("module", 0, "number")),
        json.dumps(dict(origin), ensure_ascii=False) if origin else None,
    )
