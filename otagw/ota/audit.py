"""Who changed what: a row for each change that somebody with a key, or at the command line, has made.

`note` writes into the transaction of the change, so a row is there if and only if its change is. Who acts is said once,
by `acting`, around whatever may change something; what devices report, and what the worker does by itself, is nobody's.
docs/decisions/0021-operations.md says what is kept, and why.
"""

import hashlib
from collections.abc import Sequence
from contextvars import ContextVar
from itertools import chain
from typing import Any, Final, NamedTuple

from otagw import clock
from otagw.db import database, models
from otagw.db.rows import Rows
from otagw.ota.accounts import Account
from otagw.ota.listing import Page

# What is kept of a change; ``times`` is for refusals alone.
COLUMNS: Final = tuple(column for column in models.AuditEvent.columns() if column != "times")
# How many events a listing looks at: 20 ms where each has to be read.
LOOKED_AT: Final = 10_000
_INTO: Final = f"INSERT INTO audit_event ({', '.join(COLUMNS)}) VALUES "
_MARKS: Final = f"({', '.join('?' * len(COLUMNS))})"
_INSERT: Final = f"{_INTO}{_MARKS} ON CONFLICT DO NOTHING"
# Another refusal of the same in the same hour, of which the row shows the last.
_AGAIN: Final = (
    f"{_INTO}{_MARKS} ON CONFLICT (id) DO UPDATE SET times = audit_event.times + 1, address = excluded.address, "
    "request_id = excluded.request_id WHERE audit_event.account_id = ? AND audit_event.key_id = ? "
    "AND audit_event.operation = ? AND audit_event.code = ?"
)
_HOUR_MS: Final = 3600 * 1000
# How many ids a row of refusals may have, where others of the hour have taken the first.
_PLACES: Final = 8


class Actor(NamedTuple):
    """Who acts: by which key (``cli`` at the command line), doing what, from where, in which request."""

    key_id: str
    operation: str
    address: str
    request_id: str


class Event(NamedTuple):
    """A change, or a refused one: ``code`` is empty for what was done. Times are milliseconds.

    A change that was refused several ``times`` within an hour is one event, of the first time and the last address.
    """

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
    times: int = 1


class Filter(NamedTuple):
    """Which events are asked for; None is any. Times are milliseconds, ``until`` is not within.

    ``before`` is the id of an event: those that are listed after it.
    """

    since: int | None = None
    until: int | None = None
    key_id: str | None = None
    operation: str | None = None
    before: int | None = None
    oldest_first: bool = False


_ROWS: Final = Rows(Event, models.AuditEvent, account=models.Account.name)
_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)


class acting:  # noqa: N801 - it is called like a function; every request enters one, so that it is no generator
    """Let whatever is noted inside be the doing of somebody, or of nobody."""

    __slots__ = ("_actor", "_token")

    def __init__(self, actor: Actor | None) -> None:
        self._actor = actor

    def __enter__(self) -> None:
        self._token = _actor.set(self._actor)

    def __exit__(self, *_: object) -> None:
        _actor.reset(self._token)


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
    """Note that somebody with a key tried what the key has no grant for; once an hour, with how often.

    A key that tries again and again would fill the table otherwise.
    """
    with database.write():
        _, account, at, key_id, operation, *rest = _row(account_id, actor, "", "", code)
        same = (account, key_id, operation, code[:128])
        digest = hashlib.sha256(repr(same).encode()).digest()[:4]
        first = clock.first_id(at - at % _HOUR_MS) + int.from_bytes(digest) % (1 << clock.RANDOM_BITS)
        for place in range(first, first + _PLACES):
            if database.execute(_AGAIN, place, account, at, key_id, operation, *rest, *same).rowcount:
                return
        _insert(account_id, actor, "", "", code)


def page(account: Account | None, number: int, size: int, among: Filter) -> tuple[Page[Event], int | None]:
    """Return a page of events, newest first, of an account or of everybody; and the event to go on ``before``.

    However many there are, it looks at `LOOKED_AT` of them, and counts what fits among those. The second is None where
    there are no more. A counter of all would be one row more that every change has to wait for.
    """
    owned = ("WHERE account_id = ?", [account.id]) if account else ("WHERE 1 = 1", [])
    where, values = _where(*owned, among)
    order = "ASC" if among.oldest_first else "DESC"
    named = ", key_id, operation" if among.key_id or among.operation else ""  # else an index has all that is needed
    query = f"SELECT id{named} FROM audit_event {where} ORDER BY at {order}, id {order} LIMIT {LOOKED_AT + 1}"
    with database.read():
        looked_at = database.execute(query, *values).fetchall()
        fitting = [row[0] for row in looked_at[:LOOKED_AT] if not named or _fits(among, *row[1:])]
        shown = fitting[(number - 1) * size : number * size]
        found = {event.id: event for event in _ROWS.run(_of_ids(shown))} if shown else {}
    go_on = looked_at[LOOKED_AT - 1][0] if len(looked_at) > LOOKED_AT else None
    return Page([found[key] for key in shown], number, size, len(fitting)), go_on


def _where(owned: str, owner: Sequence[int], among: Filter) -> tuple[str, list[int]]:
    """Return the condition for the events that a listing looks at, which an index answers in order."""
    given: list[tuple[str, list[int]]] = [(owned, list(owner))]
    if among.since is not None:
        given.append(("at >= ?", [among.since]))
    if among.until is not None:
        given.append(("at < ?", [among.until]))
    if among.before is not None:
        given.append((f"(at, id) {'>' if among.oldest_first else '<'} (?, ?)", [_time_of(among.before), among.before]))
    return " AND ".join(condition for condition, _ in given), list(chain.from_iterable(values for _, values in given))


def _time_of(event_id: int) -> int:
    """Return the time of an event; of one that is gone, what its id says."""
    at = database.smallest("SELECT at FROM audit_event WHERE id = ?", event_id)
    return clock.time_of(event_id) if at is None else at


def _fits(among: Filter, key_id: str, operation: str) -> bool:
    return among.key_id in (None, "", key_id) and among.operation in (None, "", operation)


def _of_ids(wanted: Sequence[int]) -> Any:
    row, owner = models.AuditEvent, models.Account
    return _ROWS.select().join(owner, on=owner.id == row.account_id).where(row.id.in_(wanted))


def _insert(account_id: int, actor: Actor, kind: str, text: str, code: str) -> None:
    while not database.execute(_INSERT, *_row(account_id, actor, kind, text, code)).rowcount:
        pass  # an id that is taken is drawn again


def _row(account_id: int, actor: Actor, kind: str, text: str, code: str) -> tuple[Any, ...]:
    now = clock.now()
    what = (kind, text[:256], code[:128], actor.address[:64], actor.request_id[:64])
    return (clock.new_id(now), account_id, now, actor.key_id[:128], actor.operation[:64], *what)
