"""Who changed what: a row for each change that somebody with a key, or at the command line, has made.

`note` writes into the transaction of the change, so a row is there if and only if its change is. Who acts is said once,
by `acting`, around whatever may change something; what devices report, and what the worker does by itself, is nobody's.
docs/decisions/0021-operations.md says what is kept, and why.
"""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from itertools import chain
from typing import Any, Final, NamedTuple

from otagw import clock
from otagw.db import database, models
from otagw.db.rows import Rows
from otagw.ota import listing
from otagw.ota.accounts import Account
from otagw.ota.listing import Page

COLUMNS: Final = models.AuditEvent.columns()
_INTO: Final = f"INSERT INTO audit_event ({', '.join(COLUMNS)}) VALUES "
_MARKS: Final = f"({', '.join('?' * len(COLUMNS))})"
_INSERT: Final = f"{_INTO}{_MARKS} ON CONFLICT DO NOTHING"


class Actor(NamedTuple):
    """Who acts: by which key (``cli`` at the command line), doing what, from where, in which request."""

    key_id: str
    operation: str
    address: str
    request_id: str


class Event(NamedTuple):
    """A change, or a refused one: ``code`` is empty for what was done. Times are milliseconds."""

    id: int
    account: str
    at: int
    key_id: str
    operation: str
    kind: str
    object: str
    code: str
    address: str
    request_id: str


class Filter(NamedTuple):
    """Which events are asked for; None is any. Times are milliseconds, ``until`` is not within."""

    since: int | None = None
    until: int | None = None
    key_id: str | None = None
    operation: str | None = None


_ROWS: Final = Rows(Event, models.AuditEvent, account=models.Account.name)
_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)


@contextlib.contextmanager
def acting(actor: Actor | None) -> Iterator[None]:
    """Let whatever is noted inside be the doing of somebody, or of nobody."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def note(account_id: int, kind: str, *objects: str | int) -> None:
    """Note that things were changed, inside the write that changes them; nothing where nobody acts."""
    actor = _actor.get()
    if actor is not None:
        for each in objects:
            _insert(account_id, actor, kind, str(each), "")


def note_alone(account_id: int, kind: str, *objects: str | int) -> None:
    """Note what was given out and leaves no other row, as `note` does, in a write of its own."""
    with database.write():
        note(account_id, kind, *objects)


def note_with(account_id: int, kind: str, thing: str | int, *others: database.Statement) -> list[Any]:
    """Note one change as `note` does, in one round trip with other statements; return their cursors."""
    noted = row(account_id, kind, thing)
    if noted is None:
        return database.together(*others)
    cursor, *cursors = database.together((_INSERT, *noted), *others)
    if not cursor.rowcount:
        note(account_id, kind, thing)
    return cursors


def row(account_id: int, kind: str, thing: str | int) -> tuple[Any, ...] | None:
    """Return what `note` would keep of one change, in the order of `COLUMNS`; None where nobody acts."""
    actor = _actor.get()
    return _row(account_id, actor, kind, str(thing), "") if actor else None


def keep(rows: Sequence[tuple[Any, ...]]) -> None:
    """Keep rows that `row` has returned, inside the write of their changes; raise IntegrityError if an id is taken."""
    database.execute(_INTO + ", ".join([_MARKS] * len(rows)), *chain.from_iterable(rows))


def refused(account_id: int, actor: Actor, code: str) -> None:
    """Note that somebody with a key tried what the key has no grant for."""
    with database.write():
        _insert(account_id, actor, "", "", code)


def page(account: Account | None, number: int, size: int, among: Filter) -> Page[Event]:
    """Return a page of events, newest first: an account's, or everybody's.

    They are counted, not kept count of: a counter would be one row more that every change has to wait for.
    """
    row, owner = models.AuditEvent, models.Account
    query = _ROWS.select().join(owner, on=owner.id == row.account_id)
    given = (
        (account and account.id, account and row.account_id == account.id),
        (among.since, row.at >= among.since),
        (among.until, row.at < among.until),
        (among.key_id, row.key_id == among.key_id),
        (among.operation, row.operation == among.operation),
    )
    for value, condition in given:
        query = query if value is None else query.where(condition)
    return listing.page(_ROWS, query, [row.at.desc(), row.id.desc()], number, size)


def _insert(account_id: int, actor: Actor, kind: str, text: str, code: str) -> None:
    while not database.execute(_INSERT, *_row(account_id, actor, kind, text, code)).rowcount:
        pass  # an id that is taken is drawn again


def _row(account_id: int, actor: Actor, kind: str, text: str, code: str) -> tuple[Any, ...]:
    now = clock.now()
    what = (kind, text[:256], code[:128], actor.address[:64], actor.request_id[:64])
    return (clock.new_id(now), account_id, now, actor.key_id[:128], actor.operation[:64], *what)
