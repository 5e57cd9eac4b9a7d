"""New packages in the database: their rows, what they are counted in, and the short way to them."""

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import peewee

from otagw import clock, database
from otagw.models import Package as Row
from otagw.ota import audit, listing, modules, states
from otagw.ota.accounts import Account
from otagw.ota.checks import Draft

KIND: Final = "package"
MODULE: Final = "module"
COLUMNS: Final = tuple(field.column_name for field in Row._meta.sorted_fields)
_INTO: Final = f"INSERT INTO package ({', '.join(COLUMNS)})"
_MARKS: Final = ", ".join("?" * len(COLUMNS))
_INSERT: Final = f"{_INTO} VALUES ({_MARKS}) ON CONFLICT DO NOTHING"


def keys(object_key: str | None, parts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the keys of the files of our own store that a package is made of."""
    return [key for key in (object_key, *(part.get("object_key") for part in parts)) if key]


def values(account: Account, draft: Draft, module: str, verified: bool, now: int) -> tuple[Any, ...]:
    """Return a new row's values after its id, in the order of the columns."""
    return (
        account.id,
        draft.name,
        kind_of(draft.kind, module),
        draft.product_key,
        module,
        draft.version,
        json.dumps(draft.source_versions, ensure_ascii=False) if draft.source_versions else "[]",
        draft.differential,
        draft.description,
        draft.custom_info,
        states.UNVERIFIED if draft.needs_verification else states.NOT_NEEDED,
        draft.url,
        draft.size,
        draft.sign_method,
        draft.sign,
        json.dumps([dict(file) for file in draft.files], ensure_ascii=False) if draft.files else None,
        verified,
        now,
        now,
        draft.object_key,
        json.dumps([facts and asdict(facts) for facts in draft.facts]) if any(draft.facts) else None,
        json.dumps(dict(draft.origin), ensure_ascii=False) if draft.origin else None,
    )


def kind_of(kind: str, module: str) -> str:
    """Return what kind of package it is: one for a module is that, whatever its front calls it."""
    return kind if module == modules.DEFAULT else MODULE


@functools.lru_cache(1024)
def scopes(product_key: str | None, version: str, module: str, kind: str) -> list[str]:
    """Return every counter that a package is counted in."""
    found = listing.scopes(KIND, product_key=product_key, version=version, kind=kind_of(kind, module))
    return [*found, modules.use(product_key, module)] if product_key and module != modules.DEFAULT else found


def insert(identity: int, row: Sequence[Any]) -> bool:
    """Insert a row, inside a write; return whether neither its id nor its name was taken."""
    return bool(database.execute(_INSERT, identity, *row).rowcount)


def at_once(account: Account, draft: Draft, verified: bool) -> dict[str, Any] | None:
    """Keep a plain new package in one statement, where each is a round trip; return its id and time.

    All that belongs to it is done, or nothing and None returned: the long way then does it, or finds out why not.
    """
    if not database.is_postgres() or account.rules.package_quota:
        return None
    if draft.module != modules.DEFAULT or keys(draft.object_key, draft.files):
        return None
    now = clock.now()
    identity = clock.new_id(now)
    event = audit.row(account.id, KIND, identity)
    if event is None:
        return None
    names = sorted(scopes(draft.product_key, draft.version, draft.module, draft.kind))
    product = (draft.product_key, account.id) if draft.product_key else ()
    row = (identity, *values(account, draft, draft.module, verified, now))
    counted = (value for name in names for value in (account.id, name))
    try:
        made = database.execute(_at_once(bool(product), len(names)), *product, *row, account.id, *counted, *event)
    except peewee.IntegrityError:  # the id of the event is taken
        return None
    return {"id": identity, "created": now} if made.rowcount else None


@functools.cache
def _at_once(has_product: bool, counters: int) -> str:
    """Return the statement of `at_once`; who has keys that sign by themselves wants more than it does."""
    fits = f"SELECT 1 FROM product WHERE key = ? AND account_id = ?{database.SHARE}" if has_product else "SELECT 1"
    signed = "SELECT 1 FROM signing_key WHERE account_id = ? AND auto AND enabled AND private IS NOT NULL"
    names = ", ".join(["(CAST(? AS INTEGER), CAST(? AS VARCHAR))"] * counters)
    return (
        f"WITH fits AS ({fits}), made AS ({_INTO} SELECT {_MARKS} WHERE EXISTS (SELECT 1 FROM fits) "
        f"AND NOT EXISTS ({signed}) ON CONFLICT DO NOTHING RETURNING id), counted AS ("
        f"INSERT INTO counter (account_id, scope, total) SELECT n.account_id, n.scope, 1 "
        f"FROM made, (VALUES {names}) n (account_id, scope) "
        "ON CONFLICT (account_id, scope) DO UPDATE SET total = counter.total + excluded.total), noted AS ("
        f"INSERT INTO audit_event ({audit.COLUMNS}) SELECT {audit.MARKS} FROM made) SELECT id FROM made"
    )
