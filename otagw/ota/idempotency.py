"""The same answer to a create that is asked for twice."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from otagw import clock, database, errors
from otagw.ota.accounts import Account

KEPT_MS: Final = 24 * 3600 * 1000
SWEPT_AT_ONCE: Final = 10


def run(
    account: Account, action: str, token: str | None, asked: Callable[[], Any], work: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Do ``work`` in one write transaction, at most once for a token of this account and action.

    Within 24 hours the same token returns the first answer, and raises `errors.TokenReused` when ``asked`` returns
    something else (of what JSON can hold). A refusal is not kept: the caller may correct it and use the token again.
    """
    with database.write():
        found = find(account, action, token, asked)
        if found is not None:
            return found
        answer = work()
        if token:
            _keep(account, action, token, asked, answer)
        return answer


def find(account: Account, action: str, token: str | None, asked: Callable[[], Any]) -> dict[str, Any] | None:
    """Return the first answer to a token, or None, so that what comes before `run` need not be done again."""
    if not token:
        return None
    row = database.execute(
        "SELECT digest, answer FROM answer WHERE account_id = ? AND action = ? AND token = ? AND created > ?",
        *(account.id, action, token, clock.now() - KEPT_MS),
    ).fetchone()
    if row is None:
        return None
    if row[0] != _digest(asked):
        raise errors.TokenReused
    return dict(json.loads(row[1]))


def sweep() -> int:
    """Forget a few expired answers; return how many."""
    oldest = clock.now() - KEPT_MS
    if not database.execute("SELECT 1 FROM answer WHERE created <= ? LIMIT 1", oldest).fetchone():
        return 0  # without a write transaction, for which others would wait
    with database.write():
        return _forget(oldest)


def _keep(account: Account, action: str, token: str, asked: Callable[[], Any], answer: dict[str, Any]) -> None:
    now = clock.now()
    _forget(now - KEPT_MS)
    key = (account.id, action, token)
    database.execute("DELETE FROM answer WHERE account_id = ? AND action = ? AND token = ?", *key)
    database.execute(
        "INSERT INTO answer (account_id, action, token, digest, answer, created) VALUES (?, ?, ?, ?, ?, ?)",
        *(*key, _digest(asked), json.dumps(answer), now),
    )


def _digest(asked: Callable[[], Any]) -> str:
    return hashlib.sha256(json.dumps(asked(), sort_keys=True).encode()).hexdigest()


def _forget(oldest: int) -> int:
    """Forget a few expired answers: as each write leaves one and takes up to ten, the table stays small."""
    expired = database.execute(
        "SELECT account_id, action, token FROM answer WHERE created <= ? LIMIT ?", oldest, SWEPT_AT_ONCE
    ).fetchall()
    return sum(
        database.execute(
            "DELETE FROM answer WHERE account_id = ? AND action = ? AND token = ? AND created <= ?", *row, oldest
        ).rowcount
        for row in expired
    )
