"""Packages: what a device can be updated to."""

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from otagw import clock, errors
from otagw.db import database
from otagw.db.models import Package as Row
from otagw.ota import audit, idempotency, ids, listing, states
from otagw.ota.accounts import Account
from otagw.ota.listing import Page
from otagw.ota.packages import insertion, signing_keys, statements, stored_files, verification
from otagw.ota.packages.stored_files import Facts
from otagw.ota.packages.verification import Draft
from otagw.ota.products import modules, products

KIND, MODULE = insertion.KIND, insertion.MODULE
FIRMWARE, SOFTWARE = "firmware", "software"
_COLUMNS: Final = insertion.COLUMNS
_SOURCES, _FILES, _FACTS, _ORIGIN = map(_COLUMNS.index, ("source_versions", "files", "facts", "origin"))
_TRUTHS: Final = (_COLUMNS.index("differential"), _COLUMNS.index("verified"))
_SELECT: Final = (
    f"SELECT {', '.join('package.' + c for c in _COLUMNS)}, product.name "
    "FROM package LEFT JOIN product ON product.key = package.product_key"
)


class Package(NamedTuple):
    """A package as it is kept; the fields stand in the order of the columns."""

    id: int
    account_id: int
    name: str | None
    kind: str
    product_key: str | None
    module: str
    version: str
    source_versions: list[str]
    differential: bool
    description: str | None
    custom_info: str | None
    status: int
    url: str | None
    size: int | None
    sign_method: str | None
    sign: str | None
    files: list[dict[str, Any]]
    verified: bool
    created: int
    modified: int
    object_key: str | None
    facts: list[Facts | None]
    origin: Mapping[str, Any]
    product_name: str | None

    @property
    def part(self) -> str:
        """Return the module of a device that it updates: software is one of its own beside the firmware."""
        return modules.SOFTWARE if self.kind == SOFTWARE else self.module


class Artifact(NamedTuple):
    """One file of a package: what it is called where there are several, where it is, and what is known of its bytes."""

    name: str | None
    url: str | None
    object_key: str | None
    facts: Facts | None


def create(account: Account, draft: Draft, token: str | None = None) -> tuple[int, int]:
    """Keep a new package; return its id and the time of its creation.

    Raises `errors.AlreadyExists` when the account has a package of this name, `errors.LimitReached` at the account's
    quota or the modules of the product, `errors.NotFound` for a product or a file that is not the account's,
    `errors.FetchFailed` for a file of a listed host that cannot be had, and `errors.SizeMismatch` or
    `errors.DigestMismatch` where a file is not what it is said to be.
    """
    action, asked = "package.create", functools.partial(asdict, draft)
    answer = idempotency.find(account, action, token, asked)
    if answer is None:
        checked, verified = verification.check(account, draft)
        answer = None if token else insertion.at_once(account, checked, verified)
    if answer is None:
        answer = idempotency.run(account, action, token, asked, lambda: _insert(account, checked, verified))
    return answer["id"], answer["created"]


def get(account: Account, key: str) -> Package:
    """Return a package by its id, which is a decimal text."""
    row = database.execute(
        f"{_SELECT} WHERE package.id = ? AND package.account_id = ?", ids.read(KIND, key), account.id
    ).fetchone()
    if row is None:
        raise errors.NotFound(kind=KIND, key=key)
    return _package(row)


def find(package_id: int) -> Package | None:
    """Return a package by its number, whoever's it is."""
    row = database.execute(f"{_SELECT} WHERE package.id = ?", package_id).fetchone()
    return _package(row) if row else None


def page(account: Account, number: int, size: int, *, product_key: str | None, version: str | None) -> Page[Package]:
    """Return a page of the account's packages, newest first; the filters compare exactly."""
    filters = {"product_key": product_key, "version": version}
    where = "".join(f" AND {column} = ?" for column, value in filters.items() if value)
    products.check_filter(account, product_key)
    values = [account.id, *filter(None, filters.values())]
    scope = listing.scope(KIND, **filters)
    rows, total = listing.counted(account.id, scope, _SELECT, "package", f"account_id = ?{where}", values, number, size)
    return Page([_package(row) for row in rows], number, size, total)


def below(
    account: Account,
    ceiling: int,
    skip: int,
    size: int,
    *,
    kind: str,
    product_key: str | None = None,
    version: str | None = None,
    origin: Mapping[str, str] | None = None,
) -> tuple[list[Package], int]:
    """Return packages of a kind whose ids are below a ceiling, newest first, and how many there are below or above.

    ``origin`` filters by what a front noted of its packages; one of which nothing was noted under a name fits any
    value. Such a listing counts its rows, the others have counters.
    """
    filters = {"product_key": product_key, "version": version, "kind": kind}
    values: list[Any] = [account.id, *filter(None, filters.values())]
    where = "package.account_id = ?" + "".join(
        f" AND package.{column} = ?" for column, value in filters.items() if value
    )
    for name, value in (origin or {}).items():
        noted = database.json_text("package.origin", name)
        where += f" AND ({noted} IS NULL OR {noted} = ?)"
        values.append(value)
    with database.read():
        products.check_filter(account, product_key)
        if origin:
            (total,) = database.execute(f"SELECT count(*) FROM package WHERE {where}", *values).fetchone()
        else:
            total = listing.total(account.id, listing.scope(KIND, **filters))
        rows = database.execute(
            f"{_SELECT} WHERE {where} AND package.id < ? ORDER BY package.id DESC LIMIT ? OFFSET ?",
            *(*values, ceiling, size, skip),
        ).fetchall()
        return [_package(row) for row in rows], total


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
        if name and name != package.name and _has_name(account, name):
            raise taken
        with database.unique(taken):  # another may have taken the name since
            Row.update(modified=clock.now(), **changes).where(Row.id == package.id).execute()
        audit.note(account.id, KIND, package.id)


def artifacts(package: Package) -> list[Artifact]:
    """Return the files of a package; of its own files what is known is looked up where the package does not have it."""
    if package.files:
        parts = [(part["name"], part["url"], part.get("object_key")) for part in package.files]
    else:
        parts = [(None, package.url, package.object_key)]
    known = package.facts or [None] * len(parts)
    return [Artifact(*part, facts or _facts_of(part[2])) for part, facts in zip(parts, known, strict=True)]


def is_measured(package: Package) -> bool:
    """Tell whether all bytes of a package have been seen, so that every digest of them is known."""
    return all(artifact.facts for artifact in artifacts(package))


def _facts_of(object_key: str | None) -> Facts | None:
    file = stored_files.find(object_key) if object_key else None
    return file.facts if file else None


def hold(account: Account, key: str) -> None:
    """Let others who hold this package wait until we are done, and nobody delete it; inside a write."""
    query = f"SELECT 1 FROM package WHERE id = ? AND account_id = ?{database.lock(database.HOLD)}"
    if database.execute(query, ids.read(KIND, key), account.id).fetchone() is None:
        raise errors.NotFound(kind=KIND, key=key)


def status(package_id: int) -> int | None:
    """Return what a package's verification has come to, if the package is there."""
    row = database.execute("SELECT status FROM package WHERE id = ?", package_id).fetchone()
    return int(row[0]) if row else None


def set_status(package_id: int, status: int) -> None:
    """Note what a package's verification has come to, inside the write that makes it so."""
    Row.update(status=status, modified=clock.now()).where(Row.id == package_id).execute()


def delete(account: Account, key: str) -> None:
    """Delete a package, and after that the files that no other package uses.

    Raises `errors.InUse` while a job of it has not ended, or is stopped and a device still has a task of it.
    """
    with database.write():
        hold(account, key)
        package = get(account, key)
        used = (
            "SELECT 1 FROM job j WHERE j.package_id = ? AND (j.state IN (?, ?) OR EXISTS "
            "(SELECT 1 FROM task t WHERE t.job_id = j.id AND t.state IN (?, ?, ?, ?))) LIMIT 1"
        )
        if database.execute(used, package.id, *states.RUNNING, *states.OPEN).fetchone():
            raise errors.InUse(kind=KIND, key=key, by="jobs")
        Row.delete().where(Row.id == package.id).execute()
        stored_files.release(account, insertion.keys(package.object_key, package.files))
        listing.count(
            account.id, insertion.scopes(package.product_key, package.version, package.module, package.kind), -1
        )
        audit.note(account.id, KIND, package.id)
    stored_files.purge()


def _insert(account: Account, draft: Draft, verified: bool) -> dict[str, Any]:
    quota = account.rules.package_quota
    if quota and listing.total(account.id, listing.scope(KIND)) >= quota:
        raise errors.LimitReached(kind=KIND, limit=quota)
    module = draft.module
    if draft.product_key:
        products.require(account, draft.product_key)
        module = modules.require(account, draft.product_key, draft.module)
    stored_files.claim(account, insertion.keys(draft.object_key, draft.files))
    now = clock.now()
    values = insertion.values(account, draft, module, verified, now)
    identity = clock.new_id(now)
    while not insertion.insert(identity, values):
        if draft.name and _has_name(account, draft.name):
            raise errors.AlreadyExists(kind=KIND, key=draft.name)
        identity = clock.new_id(now)
    scopes = insertion.scopes(draft.product_key, draft.version, module, draft.kind)
    may_be_signed = draft.product_key and (draft.sign or draft.files)  # what is without cannot be
    more = [signing_keys.holding(account)] if may_be_signed else []
    _, *held = audit.note_with(account.id, KIND, identity, listing.counting(account.id, scopes, 1), *more)
    if draft.product_key and held:
        _sign(account, identity, draft.product_key, held[0])
    return {"id": identity, "created": now}


def _sign(account: Account, package_id: int, product_key: str, held: Any) -> None:
    """Sign a package that was just made by the keys that do so on their own, of those held."""
    keys = [key for key in signing_keys.held_for(account, product_key, held) if key.auto]
    package = find(package_id) if keys else None
    if package:
        statements.sign_new(package, keys)


def _package(row: tuple[Any, ...]) -> Package:
    values = list(row)  # not `_replace` after the fact: it takes twice as long as all else of a row
    values[_SOURCES] = json.loads(row[_SOURCES]) if row[_SOURCES] != "[]" else []
    values[_FILES] = json.loads(row[_FILES]) if row[_FILES] else []
    values[_FACTS] = [kept and Facts(**kept) for kept in json.loads(row[_FACTS])] if row[_FACTS] else []
    values[_ORIGIN] = json.loads(row[_ORIGIN]) if row[_ORIGIN] else {}
    for column in _TRUTHS:
        values[column] = bool(row[column])
    return Package._make(values)


def _has_name(account: Account, name: str) -> bool:
    query = "SELECT 1 FROM package WHERE account_id = ? AND name = ?"
    return database.execute(query, account.id, name).fetchone() is not None
