"""New packages in the database: their rows, what they are counted in, and the short way to them."""

import functools
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple

import orjson

from otagw import clock
from otagw.db import database, rounds
from otagw.db.models import AuditEvent
from otagw.db.models import Package as Row
from otagw.db.models.base import Model
from otagw.ota import audit, listing, states
from otagw.ota.accounts import Account
from otagw.ota.packages.verification import Draft
from otagw.ota.products import modules

KIND: Final = "package"
MODULE: Final = "module"
COLUMNS: Final = tuple(field.column_name for field in Row._meta.sorted_fields)
_INTO: Final = f"INSERT INTO package ({', '.join(COLUMNS)})"
_GIVEN: Final = {column: f"?{place}" for place, column in enumerate(COLUMNS, 1)}
_INSERT: Final = f"{_INTO} VALUES ({', '.join('?' * len(COLUMNS))}) ON CONFLICT DO NOTHING"


class _New(NamedTuple):
    """A package to be kept: its row, the counters it is counted in, and the row of the audit trail."""

    row: tuple[Any, ...]
    account_id: int
    scopes: Sequence[str]
    event: tuple[Any, ...]


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
    """Keep a plain new package by as few statements as may be; return its id and time.

    Those of a round go together. All that belongs to a package is done, or nothing and None returned: the long way then
    does it, or finds out why not.
    """
    if database.is_cockroach() or account.rules.package_quota:
        return None
    if draft.module != modules.DEFAULT or keys(draft.object_key, draft.files):
        return None
    now = clock.now()
    identity = clock.new_id(now)
    event = audit.row(account.id, KIND, identity)
    if event is None:
        return None
    row = (identity, *values(account, draft, draft.module, verified, now))
    new = _New(row, account.id, scopes(draft.product_key, draft.version, draft.module, draft.kind), event)
    return {"id": identity, "created": now} if rounds.ask(_MAKE, new) else None


def _make(several: Sequence[_New]) -> list[bool]:
    """Keep new packages; return which were kept."""
    try:
        return (_one_after_another if database.is_sqlite() else _in_one_statement)(several)
    except database.TROUBLE:
        raise
    except Exception:  # of one of them: alone, each finds out whether it is that one
        return [False] * len(several)


def _one_after_another(several: Sequence[_New]) -> list[bool]:
    """Keep new packages on SQLite, in one write; what they are counted and noted in is written once for all."""
    with database.write():
        kept = [bool(database.execute(_PLAIN, *new.row).rowcount) for new in several]
        made = [new for new, is_kept in zip(several, kept, strict=True) if is_kept]
        if made:
            database.execute(*listing.moving(Counter((new.account_id, scope) for new in made for scope in new.scopes)))
            audit.keep([new.event for new in made])
    return kept


def _in_one_statement(several: Sequence[_New]) -> list[bool]:
    """Keep new packages on PostgreSQL, in one round trip."""
    by_id = {new.row[0]: new for new in several}
    given = [
        {
            **dict(zip(COLUMNS, new.row, strict=True)),
            "scopes": new.scopes,
            "event": dict(zip(audit.COLUMNS, new.event, strict=True)),
        }
        for new in by_id.values()
    ]
    kept = {row[0] for row in database.execute(_AT_ONCE, orjson.dumps(given).decode()).fetchall()}
    return [new.row[0] in kept and by_id[new.row[0]] is new for new in several]


def _typed(model: type[Model]) -> str:
    """Return the columns of a table with their types."""
    return ", ".join(f"{field.column_name} {field.field_type}" for field in model._meta.sorted_fields)


# Whoever has keys that sign by themselves wants more than this, and than the statement after it.
_PLAIN: Final = f"""
{_INTO} SELECT {", ".join(_GIVEN.values())}
WHERE ({_GIVEN["product_key"]} IS NULL OR EXISTS (
    SELECT 1 FROM product p WHERE p.key = {_GIVEN["product_key"]} AND p.account_id = {_GIVEN["account_id"]}
)) AND NOT EXISTS (
    SELECT 1 FROM signing_key k
    WHERE k.account_id = {_GIVEN["account_id"]} AND k.auto AND k.enabled AND k.private IS NOT NULL
)
ON CONFLICT DO NOTHING
"""
# Counters are moved in the order of `listing.moving`.
_AT_ONCE: Final = f"""
WITH given AS (
    SELECT * FROM jsonb_to_recordset(CAST(? AS JSONB)) AS g ({_typed(Row)}, scopes JSONB, event JSONB)
), made AS (
    {_INTO} SELECT {", ".join(f"g.{column}" for column in COLUMNS)} FROM given g
    WHERE (g.product_key IS NULL OR EXISTS (
        SELECT 1 FROM product p WHERE p.key = g.product_key AND p.account_id = g.account_id FOR KEY SHARE
    )) AND NOT EXISTS (
        SELECT 1 FROM signing_key k WHERE k.account_id = g.account_id AND k.auto AND k.enabled AND k.private IS NOT NULL
    )
    ON CONFLICT DO NOTHING RETURNING id
), counted AS (
    INSERT INTO counter (account_id, scope, total)
    SELECT g.account_id, s.scope, count(*) FROM given g JOIN made ON made.id = g.id,
        jsonb_array_elements_text(g.scopes) s (scope) GROUP BY 1, 2 ORDER BY 1, s.scope COLLATE "C"
    ON CONFLICT (account_id, scope) DO UPDATE SET total = counter.total + excluded.total
), noted AS (
    INSERT INTO audit_event ({", ".join(audit.COLUMNS)}) SELECT {", ".join(f"e.{column}" for column in audit.COLUMNS)}
    FROM given g JOIN made ON made.id = g.id, jsonb_to_record(g.event) AS e ({_typed(AuditEvent)})
)
SELECT id FROM made
"""
_MAKE: Final = rounds.Question(_make)
