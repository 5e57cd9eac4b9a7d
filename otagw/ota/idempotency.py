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
        if not token:
            return work()
        digest = hashlib.sha256(json.dumps(asked(), sort_keys=True).encode()).hexdigest()
        oldest = clock.now() - KEPT_MS
        key = (account.id, action, token)
        row = database.execute(
            "SELECT digest, answer FROM answer WHERE account_id = ? AND action = ? AND token = ? AND created > ?",
            *(*key, oldest),
        ).fetchone()
        if row:
            if row[0] != digest:
                raise errors.TokenReused
            return dict(json.loads(row[1]))
        answer = work()
        _sweep(oldest)
        database.execute("DELETE FROM answer WHERE account_id = ? AND action = ? AND token = ?", *key)
        database.execute(
            "INSERT INTO answer (account_id, action, token, digest, answer, created) VALUES (?, ?, ?, ?, ?, ?)",
            *(*key, digest, json.dumps(answer), clock.now()),
        )
        return answer


def _sweep(oldest: int) -> None:
    """Forget a few expired answers: as each write leaves one and takes up to ten, the table stays small."""
    expired = database.execute(
        "SELECT account_id, action, token FROM answer WHERE created <= ? LIMIT ?", oldest, SWEPT_AT_ONCE
    ).fetchall()
    for row in expired:
        database.execute("DELETE FROM answer WHERE account_id = ? AND action = ? AND token = ?", *row)
