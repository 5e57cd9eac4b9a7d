"""New packages: checked, kept, counted and signed; plain ones by a short way of few statements."""

import functools
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple

import orjson

from otagw import clock, errors, hosts
from otagw.db import database
from otagw.db.models import AuditEvent, Package
from otagw.db.models.base import Model
from otagw.ota import audit, idempotency, listing, states
from otagw.ota.accounts import Account
from otagw.ota.packages import packages, signatures, signing_keys, stored_files, verification
from otagw.ota.packages.records import PackageDraft
from otagw.ota.products import modules, products

_COLUMNS: Final = Package.columns()
_INTO: Final = f"INSERT INTO package ({', '.join(_COLUMNS)})"
_GIVEN: Final = {column: f"?{place}" for place, column in enumerate(_COLUMNS, 1)}
_INSERT: Final = f"{_INTO} VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT DO NOTHING"


class _New(NamedTuple):
    """A package to be kept: its row, the counters it is counted in, and the row of the audit trail."""

    row: tuple[Any, ...]
    account_id: int
    scopes: Sequence[str]
    event: tuple[Any, ...]


def create(account: Account, draft: PackageDraft, token: str | None = None) -> tuple[int, int]:
    """Keep a new package; return its id and the time of its creation.

    Raises `errors.AlreadyExists` when the account has a package of this name, `errors.LimitReached` at the account's
    quota or the modules of the product, `errors.NotFound` for a product or a file that is not the account's,
    `errors.FetchFailed` for a file of a listed host that cannot be had, and `errors.EmptyFile`,
    `errors.SizeMismatch` or `errors.DigestMismatch` where a file has no bytes or is not what it is said to be.
    """
    action, asked = "package.create", functools.partial(idempotency.fields, draft)
    answer = idempotency.find(account, action, token, asked)
    if answer is None:
        checked, verified = verification.check(account, draft)
        answer = None if token else at_once(account, checked, verified)
    if answer is None:
        answer = idempotency.run(account, action, token, asked, lambda: _insert(account, checked, verified))
    return answer["id"], answer["created"]


def values(account: Account, draft: PackageDraft, module: str, verified: bool, now: int) -> tuple[Any, ...]:
    """Return a new row's values after its id, in the order of the columns."""
    return (
        account.id,
        draft.name,
        packages.kind_of(draft.kind, module),
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
        json.dumps(dict(draft.front_data), ensure_ascii=False) if draft.front_data else None,
    )


def insert(identity: int, row: Sequence[Any]) -> bool:
    """Insert a row, inside a write; return whether neither its id nor its name was taken."""
    return bool(database.execute(_INSERT, identity, *row).rowcount)


def at_once(account: Account, draft: PackageDraft, verified: bool) -> dict[str, Any] | None:
    """Keep a plain new package by as few statements as may be; return its id and time.

    Those of a round go together. All that belongs to a package is done, or nothing and None returned: the long way then
    does it, or finds out why not.
    """
    if database.is_cockroach() or account.rules.package_quota:
        return None
    if draft.module != modules.DEFAULT or packages.file_keys(draft.object_key, draft.files):
        return None
    now = clock.now()
    identity = clock.new_id(now)
    event = audit.row(account.id, packages.KIND, identity)
    if event is None:
        return None
    row = (identity, *values(account, draft, draft.module, verified, now))
    new = _New(row, account.id, packages.scopes(draft.product_key, draft.version, draft.module, draft.kind), event)
    return {"id": identity, "created": now} if hosts.ask(_MAKE, new) else None


def _insert(account: Account, draft: PackageDraft, verified: bool) -> dict[str, Any]:
    quota = account.rules.package_quota
    if quota and packages.kept(account) >= quota:
        raise errors.LimitReached(kind=packages.KIND, limit=quota)
    module = draft.module
    if draft.product_key:
        products.require(account, draft.product_key)
        module = modules.require(account, draft.product_key, draft.module)
    stored_files.claim(account, packages.file_keys(draft.object_key, draft.files))
    now = clock.now()
    row = values(account, draft, module, verified, now)
    identity = clock.new_id(now)
    while not insert(identity, row):
        if draft.name and packages.has_name(account, draft.name):
            raise errors.AlreadyExists(kind=packages.KIND, key=draft.name)
        identity = clock.new_id(now)
    scopes = packages.scopes(draft.product_key, draft.version, module, draft.kind)
    may_be_signed = draft.product_key and (draft.sign or draft.files)  # what is without cannot be
    more = [signing_keys.holding(account)] if may_be_signed else []
    _, *held = audit.note_with(account.id, packages.KIND, identity, listing.counting(account.id, scopes, 1), *more)
    if draft.product_key and held:
        _sign(account, identity, draft.product_key, held[0])
    return {"id": identity, "created": now}


def _sign(account: Account, package_id: int, product_key: str, held: Any) -> None:
    """Sign a package that was just made by the keys that do so on their own, of those held."""
    keys = [key for key in signing_keys.held_for(account, product_key, held) if key.auto]
    package = packages.find(package_id) if keys else None
    if package:
        signatures.sign_new(package, keys)


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
            **dict(zip(_COLUMNS, new.row, strict=True)),
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
    SELECT * FROM jsonb_to_recordset(CAST(? AS JSONB)) AS g ({_typed(Package)}, scopes JSONB, event JSONB)
), made AS (
    {_INTO} SELECT {", ".join(f"g.{column}" for column in _COLUMNS)} FROM given g
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
_MAKE: Final = hosts.Question(_make, again=True)
