"""The same answer to a create that is asked for twice.

A request claims its token, then does its work, then keeps the answer in the claimed row: all in one transaction. A
second request with the token waits for that transaction. Then it finds the answer, or claims the token itself where the
first request was refused or its process died. A claim without an answer is never committed.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from otagw import clock, errors
from otagw.db import database
from otagw.ota.accounts import Account

KEPT_MS: Final = 24 * 3600 * 1000
SWEPT_AT_ONCE: Final = 10
_IS: Final = "account_id = ? AND action = ? AND token = ?"
# Fields that drafts have got since digests are kept, and what they are where nothing is asked.
_LATER: Final = (("poll_seconds", None), ("reinstall", False), ("at_work", "fail"))
# An expired answer is replaced. One that holds is locked by this statement, so that it is there to be read after it.
_CLAIM: Final = """
INSERT INTO answer (account_id, action, token, digest, answer, created) VALUES (?, ?, ?, ?, '', ?)
ON CONFLICT (account_id, action, token)
DO UPDATE SET digest = excluded.digest, answer = excluded.answer, created = excluded.created
WHERE answer.created <= ?
"""
# Expired answers that another transaction deletes or replaces are left to it.
_UNCLAIMED: Final = " FOR UPDATE SKIP LOCKED"


def run(
    account: Account, action: str, token: str | None, asked: Callable[[], Any], work: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Do ``work`` in one write transaction, at most once for a token of this account and action.

    Within 24 hours the same token returns the first answer, and raises `errors.TokenReused` when ``asked`` returns
    something else (of what JSON can hold). A refusal is not kept: the caller may correct it and use the token again.

    The claim is the first statement of the transaction, and the only one that waits for a token. A request that waits
    for a token holds no lock, so two requests never wait for each other. Call this before all else of a write.
    """
    if not token:
        with database.write():
            return work()
    key, digest = (account.id, action, token), _digest(asked)
    with database.write():
        now = clock.now()
        oldest = now - KEPT_MS
        if not database.execute(_CLAIM, *key, digest, now, oldest).rowcount:
            return _read(database.execute(f"SELECT digest, answer FROM answer WHERE {_IS}", *key).fetchone(), digest)
        answer = work()
        database.execute(f"UPDATE answer SET answer = ? WHERE {_IS}", json.dumps(answer), *key)
        _forget(oldest)
        return answer


def fields(draft: Any, front_data: str = "origin") -> dict[str, Any]:
    """Return what a draft, a dataclass, asks for.

    Its names are those that the kept digests were made of, of which ``front_data`` is one: tokens stay good across an
    upgrade.
    """
    return _first_fields({front_data if name == "front_data" else name: value for name, value in asdict(draft).items()})


def find(account: Account, action: str, token: str | None, asked: Callable[[], Any]) -> dict[str, Any] | None:
    """Return the first answer to a token, or None, so that what comes before `run` need not be done again."""
    if not token:
        return None
    row = database.execute(
        f"SELECT digest, answer FROM answer WHERE {_IS} AND created > ?",
        *(account.id, action, token, clock.now() - KEPT_MS),
    ).fetchone()
    return _read(row, _digest(asked)) if row else None


def sweep() -> int:
    """Forget a few expired answers; return how many."""
    oldest = clock.now() - KEPT_MS
    if not database.execute("SELECT 1 FROM answer WHERE created <= ? LIMIT 1", oldest).fetchone():
        return 0  # without a write transaction, for which others would wait
    with database.write():
        return _forget(oldest)


def next_expiry() -> int | None:
    """Return when the next answer expires (milliseconds), or None."""
    first = database.smallest("SELECT MIN(created) FROM answer")
    return None if first is None else first + KEPT_MS


def _first_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a draft but for later ones that say nothing; its rules are fields too."""
    found = {name: value for name, value in values.items() if (name, value) not in _LATER}
    return {name: _first_fields(value) if name == "rules" else value for name, value in found.items()}


def _read(row: tuple[str, str], digest: str) -> dict[str, Any]:
    if row[0] != digest:
        raise errors.TokenReused
    return dict(json.loads(row[1]))


def _digest(asked: Callable[[], Any]) -> str:
    return hashlib.sha256(json.dumps(asked(), sort_keys=True).encode()).hexdigest()


def _forget(oldest: int) -> int:
    """Forget a few expired answers: as each write leaves one and takes up to ten, the table stays small."""
    expired = database.execute(
        f"SELECT account_id, action, token FROM answer WHERE created <= ? LIMIT ?{database.lock(_UNCLAIMED)}",
        *(oldest, SWEPT_AT_ONCE),
    ).fetchall()
    return sum(
        database.execute(f"DELETE FROM answer WHERE {_IS} AND created <= ?", *row, oldest).rowcount for row in expired
    )
