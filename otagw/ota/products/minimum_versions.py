"""The minimum version of a product's module: nothing below it is planned, or offered to a device.

What a device runs is not judged: a downgrade to the minimum or above it is the operator's right.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from otagw import clock, errors
from otagw.db import database, models
from otagw.db.rows import Rows
from otagw.ota import audit, versions
from otagw.ota.accounts import Account
from otagw.ota.products import modules, products


class Minimum(NamedTuple):
    """The lowest version that a module may be given."""

    product_key: str
    module: str
    version: str


_ROWS: Final = Rows(Minimum, models.MinimumVersion)


def set_(account: Account, product_key: str, module: str, version: str, *, lower: bool = False) -> None:
    """Set the minimum of a module; without ``lower`` it can only rise.

    Raises `errors.NotFound` for a product or a module that the account does not have, `errors.InvalidParameter` for
    what is no version, and for a lower one.
    """
    if not versions.TEXT.fullmatch(version):
        raise errors.InvalidParameter("version", versions.EXPECTED)
    with database.write():
        name = _hold(account, product_key, module)
        present = find(product_key, module)
        if present and versions.is_below(version, present) and not lower:
            raise errors.InvalidParameter("VERSION", f"{present}, the minimum now, or a higher one, unless forced")
        row = models.MinimumVersion
        row.insert(
            product=product_key, folded=module.lower(), module=name, version=version, modified=clock.now()
        ).on_conflict(conflict_target=(row.product, row.folded), preserve=(row.version, row.modified)).execute()
        audit.note(account.id, modules.KIND, f"{product_key}/{name}")


def clear(account: Account, product_key: str, module: str) -> None:
    """Take the minimum of a module away; raise `errors.NotFound` if it has none."""
    with database.write():
        products.check(account, product_key)
        row = models.MinimumVersion
        if not row.delete().where(row.product == product_key, row.folded == module.lower()).execute():
            raise errors.NotFound(kind="minimum version of", key=module)
        audit.note(account.id, modules.KIND, f"{product_key}/{module}")


def find(product_key: str, module: str) -> str | None:
    """Return the minimum of a module, if it has one; in SQL, since each offer asks for it."""
    query = "SELECT version FROM minimum_version WHERE product_key = ? AND folded = ?"
    row = database.execute(query, product_key, module.lower()).fetchone()
    return str(row[0]) if row else None


def every(product_keys: Iterable[str]) -> list[Minimum]:
    """Return the minimums of these products, by product and module."""
    row = models.MinimumVersion
    return _ROWS.all(row.product.in_(list(product_keys)), order=(row.product, row.folded))


def hindrance(product_key: str, module: str, version: str) -> str | None:
    """Return why a module may not be given a version, or None if it may."""
    minimum = find(product_key, module)
    if minimum is None or not versions.is_below(version, minimum):
        return None
    return f"the version {version} is below {minimum}, the minimum of the module {module}"


def check(product_key: str, module: str, version: str) -> None:
    """Raise `errors.BelowMinimum` for a version that a module may not be given."""
    minimum = find(product_key, module)
    if minimum is not None and versions.is_below(version, minimum):
        raise errors.BelowMinimum(version=version, minimum=minimum, module=module)


def _hold(account: Account, product_key: str, module: str) -> str:
    """Keep the product to ourselves, inside a write; return the module as it is shown."""
    products.check(account, product_key)
    products.owner_of(product_key, database.HOLD)  # of two that raise the minimum at once, the higher is to stay
    found = {known.name.lower(): known.name for known in modules.every(account, product_key)}
    if module.lower() not in found:
        raise errors.NotFound(kind=modules.KIND, key=module)
    return found[module.lower()]
