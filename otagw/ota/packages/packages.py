"""Packages: what a device can be updated to."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any, Final

from peewee import fn

from otagw import clock, errors
from otagw.db import database, models
from otagw.db.rows import Rows
from otagw.ota import audit, ids, listing, states
from otagw.ota.accounts import Account
from otagw.ota.listing import Page
from otagw.ota.packages import stored_files
from otagw.ota.packages.records import Artifact, Facts, Package
from otagw.ota.products import modules, products

KIND: Final = "package"
MODULE: Final = "module"
FIRMWARE, SOFTWARE = "firmware", "software"
# Most requests read packages: in SQL, which is put together once.
_ROWS: Final = Rows(
    Package,
    models.Package,
    {"facts": lambda kept: [each and Facts(**each) for each in kept]},
    product_name=models.Product.name,
)
_SELECT: Final = f"SELECT {_ROWS.selected} FROM package LEFT JOIN product ON product.key = package.product_key"


def get(account: Account, key: str) -> Package:
    """Return a package by its id, which is a decimal text."""
    row = database.execute(
        f"{_SELECT} WHERE package.id = ? AND package.account_id = ?", ids.read(KIND, key), account.id
    ).fetchone()
    if row is None:
        raise errors.NotFound(kind=KIND, key=key)
    return _ROWS.record(row)


def find(package_id: int) -> Package | None:
    """Return a package of any account by its number."""
    row = database.execute(f"{_SELECT} WHERE package.id = ?", package_id).fetchone()
    return _ROWS.record(row) if row else None


def page(account: Account, number: int, size: int, *, product_key: str | None, version: str | None) -> Page[Package]:
    """Return a page of the account's packages, newest first; the filters compare exactly."""
    filters = {"product_key": product_key, "version": version}
    where = "".join(f" AND {column} = ?" for column, value in filters.items() if value)
    products.check_filter(account, product_key)
    values = [account.id, *filter(None, filters.values())]
    scope = listing.scope(KIND, **filters)
    rows, total = listing.counted(account.id, scope, _SELECT, "package", f"account_id = ?{where}", values, number, size)
    return Page([_ROWS.record(row) for row in rows], number, size, total)


def kept(account: Account) -> int:
    """Return how many packages the account has."""
    return listing.total(account.id, listing.scope(KIND))


def below(
    account: Account,
    ceiling: int,
    skip: int,
    size: int,
    *,
    kind: str,
    product_key: str | None = None,
    version: str | None = None,
    front_data: Mapping[str, str] | None = None,
) -> tuple[list[Package], int]:
    """Return packages of a kind whose ids are below a ceiling, newest first, and how many there are below or above.

    ``front_data`` filters by what a front noted of its packages; one of which nothing was noted under a name fits any
    value. Such a listing counts its rows, the others have counters.
    """
    filters = {"product_key": product_key, "version": version, "kind": kind}
    values: list[Any] = [account.id, *filter(None, filters.values())]
    where = "package.account_id = ?" + "".join(
        f" AND package.{column} = ?" for column, value in filters.items() if value
    )
    for name, value in (front_data or {}).items():
        noted = database.json_text("package.origin", name)
        where += f" AND ({noted} IS NULL OR {noted} = ?)"
        values.append(value)
    with database.read():
        products.check_filter(account, product_key)
        if front_data:
            (total,) = database.execute(f"SELECT count(*) FROM package WHERE {where}", *values).fetchone()
        else:
            total = listing.total(account.id, listing.scope(KIND, **filters))
        rows = database.execute(
            f"{_SELECT} WHERE {where} AND package.id < ? ORDER BY package.id DESC LIMIT ? OFFSET ?",
            *(*values, ceiling, size, skip),
        ).fetchall()
        return [_ROWS.record(row) for row in rows], total


def modify(
    account: Account,
    key: str,
    *,
    product_key: str | None = None,
    name: str | None = None,
    description: str | None = None,
    custom_info: str | None = None,
) -> None:
    """Change what is given of a package; with ``product_key`` only if it is of that product."""
    given = {"name": name, "description": description, "custom_info": custom_info}
    changes = {column: value for column, value in given.items() if value is not None}
    with database.write():
        package = get(account, key)
        if product_key and package.product_key != product_key:
            raise errors.NotFound(kind=KIND, key=key)
        taken = errors.AlreadyExists(kind=KIND, key=name or "")
        if name and name != package.name and has_name(account, name):
            raise taken
        with database.unique(taken):  # another may have taken the name since
            models.Package.update(modified=clock.now(), **changes).where(models.Package.id == package.id).execute()
        audit.note(account.id, KIND, package.id)


def artifacts(package: Package) -> list[Artifact]:
    """Return the files of a package; of its own files what is known is looked up where the package does not have it."""
    if package.files:
        parts = [(part["name"], part["url"], part.get("object_key")) for part in package.files]
    else:
        parts = [(None, package.url, package.object_key)]
    known = package.facts or [None] * len(parts)
    return [Artifact(*part, facts or _facts_of(part[2])) for part, facts in zip(parts, known, strict=True)]


def part(package: Package) -> str:
    """Return the module of a device that a package updates: software is one of its own beside the firmware."""
    return modules.SOFTWARE if package.kind == SOFTWARE else package.module


def is_measured(package: Package) -> bool:
    """Tell whether all bytes of a package have been seen, so that every digest of them is known."""
    return all(artifact.facts for artifact in artifacts(package))


def _facts_of(object_key: str | None) -> Facts | None:
    file = stored_files.find(object_key) if object_key else None
    return file.facts if file else None


def file_keys(object_key: str | None, parts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the keys of the files of our own store that a package is made of."""
    return [key for key in (object_key, *(part.get("object_key") for part in parts)) if key]


def kind_of(kind: str, module: str) -> str:
    """Return the kind of a package: `MODULE` for a module of its own, otherwise the kind that its front gives."""
    return kind if module == modules.DEFAULT else MODULE


@functools.lru_cache(1024)
def scopes(product_key: str | None, version: str, module: str, kind: str) -> list[str]:
    """Return every counter that a package is counted in."""
    found = listing.scopes(KIND, product_key=product_key, version=version, kind=kind_of(kind, module))
    return [*found, modules.use(product_key, module)] if product_key and module != modules.DEFAULT else found


def hold(account: Account, key: str) -> None:
    """Lock a package until the end of the transaction, so that it cannot be deleted; inside a write."""
    query = f"SELECT 1 FROM package WHERE id = ? AND account_id = ?{database.lock(database.HOLD)}"
    if database.execute(query, ids.read(KIND, key), account.id).fetchone() is None:
        raise errors.NotFound(kind=KIND, key=key)


def status(package_id: int) -> int | None:
    """Return what a package's verification has come to, if the package is there."""
    row = database.execute("SELECT status FROM package WHERE id = ?", package_id).fetchone()
    return int(row[0]) if row else None


def set_status(package_id: int, status: int) -> None:
    """Note what a package's verification has come to, inside the write that makes it so."""
    models.Package.update(status=status, modified=clock.now()).where(models.Package.id == package_id).execute()


def delete(account: Account, key: str) -> None:
    """Delete a package, and after that the files that no other package uses.

    Raises `errors.InUse` while a job of it has not ended, or is stopped and a device still has a task of it.
    """
    with database.write():
        hold(account, key)
        package = get(account, key)
        job, task = models.Job, models.Task
        has_open = fn.EXISTS(task.select().where(task.job_id == job.id, task.state.in_(states.OPEN)))
        used = job.select().where(job.package_id == package.id, job.state.in_(states.RUNNING) | has_open)
        if used.exists():
            raise errors.InUse(kind=KIND, key=key, by="jobs")
        models.Package.delete().where(models.Package.id == package.id).execute()
        stored_files.release(account, file_keys(package.object_key, package.files))
        listing.uncount(account.id, scopes(package.product_key, package.version, package.module, package.kind))
        audit.note(account.id, KIND, package.id)
    stored_files.purge()


def has_name(account: Account, name: str) -> bool:
    """Tell whether the account has a package of this name."""
    return models.Package.select().where(models.Package.account_id == account.id, models.Package.name == name).exists()
