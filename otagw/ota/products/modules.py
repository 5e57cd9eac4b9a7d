"""Modules: the parts of a product that are updated on their own.

Names are compared without regard to case (docs/wire/aliyun.md); a module is shown as it was first written.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from otagw import clock, errors
from otagw.db import database, models, rows
from otagw.db.rows import Rows
from otagw.ota import audit, idempotency, ids, listing
from otagw.ota.accounts import Account
from otagw.ota.products import products

DEFAULT: Final = "default"
# What devices report the version of their software under, where that is updated beside the firmware.
SOFTWARE: Final = "software"
LIMIT: Final = 10
KIND: Final = "module"


class Module(NamedTuple):
    """A module as it is kept; times are milliseconds."""

    name: str
    title: str | None
    description: str | None
    created: int
    modified: int
    id: int
    product_key: str
    front_data: Mapping[str, Any]


_ROWS: Final = Rows(Module, models.Module, id=models.Module.number, product_key=models.Module.product)
_BY_AGE: Final = (models.Module.created, models.Module.name)


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
    front_data: Mapping[str, Any] | None = None,
    token: str | None = None,
) -> Module:
    """Keep a new module of a product and return it; ``front_data`` are further values that its front has to show again.

    Raises `errors.AlreadyExists` for a name that is taken in any case, `errors.LimitReached` for one too many.
    """

    def work() -> dict[str, Any]:
        products.require(account, product_key)
        if name.lower() == DEFAULT or _find(product_key, name):
            raise errors.AlreadyExists(kind=KIND, key=name)
        _insert(product_key, name, title, description, front_data)
        audit.note(account.id, KIND, f"{product_key}/{name}")
        return {}

    with database.write():  # what is returned was not deleted meanwhile
        idempotency.run(account, "module.create", token, lambda: [product_key, name, title, description], work)
        return _get(account, product_key, name)


def update(account: Account, product_key: str, name: str, *, title: str | None, description: str | None) -> None:
    """Change what is given of a module; its name stays."""
    with database.write():
        module = _get(account, product_key, name)
        changes = {"title": title or module.title, "description": description or module.description}
        models.Module.update(modified=clock.now(), **changes).where(*_is(product_key, name)).execute()
        audit.note(account.id, KIND, f"{product_key}/{module.name}")


def delete(account: Account, product_key: str, name: str) -> None:
    """Delete a module that no package is for; raise `errors.InUse` otherwise."""
    with database.write():
        _get(account, product_key, name)
        if listing.total(account.id, use(product_key, name)):
            raise errors.InUse(kind=KIND, key=name, by="packages")
        models.Module.delete().where(*_is(product_key, name)).execute()
        audit.note(account.id, KIND, f"{product_key}/{name}")


def every(account: Account, product_key: str) -> list[Module]:
    """Return the modules of a product, `DEFAULT` first and the others by age."""
    with database.read():
        product = products.get(account, product_key)
        whole = Module(DEFAULT, None, None, product.created, product.created, 0, product_key, {})
        return [whole, *_ROWS.all(models.Module.product == product_key, order=_BY_AGE)]


def get(account: Account, key: str) -> Module:
    """Return a module by its id, which is a decimal text."""
    number = models.Module.number == ids.read(KIND, key)
    found = _ROWS.run(_of_account(account).where(number))
    if not found:
        raise errors.NotFound(kind=KIND, key=key)
    return found[0]


def below(
    account: Account, ceiling: int, skip: int, size: int, *, product_key: str | None, front_data: Mapping[str, str]
) -> tuple[list[Module], int]:
    """Return modules whose ids are below a ceiling, newest first, and how many there are below or above.

    ``front_data`` filters as in `packages.below`.
    """
    row = models.Module
    query = rows.noted(_of_account(account), row.front_data, front_data)
    if product_key:
        query = query.where(row.product == product_key)
    with database.read():
        products.check_filter(account, product_key)
        newest = query.where(row.number < ceiling).order_by(row.number.desc()).limit(size).offset(skip)
        return _ROWS.run(newest), query.count()


def names(product_key: str) -> list[str]:
    """Return the names of a product's modules but `DEFAULT`; in SQL, since devices that report ask."""
    query = "SELECT name FROM module WHERE product_id = ? ORDER BY created, name"
    return [name for (name,) in database.execute(query, product_key).fetchall()]


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
    return _ROWS.find(*_is(product_key, name))


def _is(product_key: str, name: str) -> tuple[Any, Any]:
    return models.Module.product == product_key, models.Module.folded == name.lower()


def _of_account(account: Account) -> Any:
    return _ROWS.select().join(models.Product).where(models.Product.account == account.id)


def _insert(
    product_key: str, name: str, title: str | None, description: str | None, front_data: Mapping[str, Any] | None
) -> None:
    products.owner_of(product_key, database.HOLD)  # two at once would each count nine, and make eleven
    if models.Module.select().where(models.Module.product == product_key).count() >= LIMIT:
        raise errors.LimitReached(kind=KIND, limit=LIMIT)
    now = clock.now()
    models.Module.insert_if_free(
        product=product_key,
        folded=name.lower(),
        name=name,
        title=title,
        description=description,
        created=now,
        modified=now,
        number=ids.free("module", 0, "number"),
        front_data=front_data,
    )
