"""Webhooks: who wants to be told of which events, and the outbox of what they are told.

`emit` writes into the transaction of the change it tells of: an event is there if and only if its change is.
`otagw.ota.webhooks.outbox` sends it afterwards; docs/decisions/0012-webhooks.md. What belongs to emitting is SQL: each
move of a task does it.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, NamedTuple

from otagw import clock, errors, runtime
from otagw.db import database, models
from otagw.db.rows import Rows
from otagw.net import outgoing
from otagw.ota import audit, ids, listing
from otagw.ota.accounts import Account
from otagw.ota.listing import Page
from otagw.security import derived_secrets

KIND: Final = "webhook"
DELIVERY: Final = "delivery"
PENDING, DELIVERED, FAILED = "pending", "delivered", "failed"
EVERYTHING: Final = "*"
LONGEST_URL: Final = 2048
URL: Final = "an absolute http or https URL of at most 2048 ASCII characters, without a user name"
SECRET_LENGTH: Final = 40
_PATTERN: Final = re.compile(r"\*|[a-z_]{1,32}\.(?:\*|[a-z_]{1,31})|[a-z_]{1,32}", re.ASCII)
_SECRET: Final = re.compile(r"[!-~]{16,128}", re.ASCII)
_INSERTED_AT_ONCE: Final = 1000


class Webhook(NamedTuple):
    """A webhook as it is kept."""

    id: int
    url: str
    sealed: str
    events: tuple[str, ...]
    enabled: bool
    created: int

    @property
    def shown(self) -> str:
        """Return its URL without the query, which may hold a secret."""
        return self.url.partition("?")[0]


class Delivery(NamedTuple):
    """One event for one webhook; times are milliseconds, and ``next_at`` is None once it is done."""

    id: int
    webhook_id: int
    event: str
    body: str
    state: str
    attempts: int
    next_at: int | None
    last_status: int | None
    last_error: str | None
    created: int
    done_at: int | None


_ROWS: Final = Rows(Webhook, models.Webhook, sealed=models.Webhook.secret)
_DELIVERIES: Final = Rows(Delivery, models.WebhookDelivery)


def create(
    account: Account, url: str, events: Sequence[str] = (EVERYTHING,), secret: str | None = None
) -> tuple[Webhook, str]:
    """Keep a new webhook for the events that match a pattern; return it, and the secret that signs what it is sent."""
    if not _is_url(url):
        raise errors.InvalidParameter("url", URL)
    if not events or not all(_PATTERN.fullmatch(pattern) for pattern in events):
        raise errors.InvalidParameter("event", "patterns such as * or job.* or task.succeeded")
    if secret is not None and not _SECRET.fullmatch(secret):
        raise errors.InvalidParameter("secret", "16 to 128 printable ASCII characters without spaces")
    secret = secret or clock.random_text(SECRET_LENGTH)
    now = clock.now()
    number = clock.new_id(now)
    with database.write():
        models.Webhook.insert(
            id=number,
            account_id=account.id,
            url=url,
            secret=derived_secrets.seal(owner(number), secret),
            events=dict.fromkeys(events),
            enabled=True,
            busy_until=0,
            created=now,
        ).execute()
        audit.note(account.id, KIND, number)
    return get(account, str(number)), secret


def get(account: Account, key: str) -> Webhook:
    """Return a webhook by its id, which is a decimal text."""
    found = _ROWS.find(models.Webhook.id == ids.read(KIND, key), models.Webhook.account_id == account.id)
    if found is None:
        raise errors.NotFound(kind=KIND, key=key)
    return found


def every(account: Account) -> list[Webhook]:
    """Return the account's webhooks, oldest first."""
    return _ROWS.all(models.Webhook.account_id == account.id, order=[models.Webhook.id])


def enable(account: Account, key: str, enabled: bool) -> None:
    """Let a webhook be told of events, or not; while it is not, what is pending waits."""
    with database.write():
        models.Webhook.update(enabled=enabled).where(models.Webhook.id == get(account, key).id).execute()
        audit.note(account.id, KIND, key)


def delete(account: Account, key: str) -> None:
    """Delete a webhook with all that it has been told or was to be told."""
    with database.write():
        models.Webhook.delete().where(models.Webhook.id == get(account, key).id).execute()
        audit.note(account.id, KIND, key)


def deliveries(account: Account, key: str, number: int, size: int, *, state: str | None = None) -> Page[Delivery]:
    """Return a page of what a webhook was and is to be told, newest first: all, or that in one state.

    They are counted, not kept count of: a counter would be one row that all who emit wait for.
    """
    with database.read():
        values: list[Any] = [get(account, key).id, *([state] if state else [])]
        where = "webhook_id = ? AND state = ?" if state else "webhook_id = ?"
        (total,) = database.execute(f"SELECT COUNT(*) FROM webhook_delivery WHERE {where}", *values).fetchone()
        select = f"SELECT {_DELIVERIES.selected} FROM webhook_delivery"
        found = listing.rows(select, "webhook_delivery", where, values, total, number, size)
        return Page(list(map(_DELIVERIES.record, found)), number, size, total)


def delivery(account: Account, key: str) -> Delivery:
    """Return a delivery of one of the account's webhooks."""
    own = models.Webhook.select(models.Webhook.id).where(models.Webhook.account_id == account.id)
    row = models.WebhookDelivery
    found = _DELIVERIES.find(row.id == ids.read(DELIVERY, key), row.webhook.in_(own))
    if found is None:
        raise errors.NotFound(kind=DELIVERY, key=key)
    return found


def redeliver(account: Account, key: str) -> None:
    """Send a delivery once more, as if it were new."""
    with database.write():
        row = models.WebhookDelivery
        again = row.update(state=PENDING, attempts=0, next_at=clock.now(), done_at=None)
        again.where(row.id == delivery(account, key).id).execute()
        audit.note(account.id, DELIVERY, key)


def emit(account_id: int, event: str, data: Mapping[str, Any]) -> None:
    """Tell the account's webhooks of an event, inside the transaction of the change that it tells of."""
    emit_many(account_id, event, (data,))


def emit_many(account_id: int, event: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Tell of one event of each row; where nobody listens, no row is looked at.

    The webhooks are locked against deletion, which would make the caller's own transaction fail.
    """
    with database.write():
        query = f"SELECT id, events FROM webhook WHERE account_id = ? AND enabled{database.lock(database.SHARE)}"
        found = database.execute(query, account_id).fetchall()
        listeners = [number for number, events in found if _matches(event, events.split())]
        if listeners:
            source = iter(rows)
            while chunk := list(islice(source, _INSERTED_AT_ONCE)):
                for number in listeners:
                    insert(number, event, chunk, clock.now())


def insert(webhook_id: int, event: str, rows: Sequence[Mapping[str, Any]], due: int) -> int:
    """Insert deliveries that are due at a time, whose ids follow each other; return the first of these."""
    now = clock.now()
    first = _free_ids(len(rows), now)
    marks = ",".join(["(?,?)"] * len(rows))  # two for a row and not eight: engines read many marks slowly
    database.execute(
        "INSERT INTO webhook_delivery (id, body, webhook_id, event, state, attempts, next_at, created) "
        f"SELECT column1, column2, ?, ?, ?, 0, ?, ? FROM (VALUES {marks}) AS made",
        *(webhook_id, event, PENDING, due, now),
        *(value for number, data in enumerate(rows, first) for value in (number, _body(number, event, data, now))),
    )
    return first


def owner(webhook_id: int) -> str:
    """Return the name that a webhook's secret is sealed for."""
    return f"webhook/{webhook_id}"


def _body(number: int, event: str, data: Mapping[str, Any], now: int) -> str:
    """Return the very text that is signed and sent, whenever that is."""
    created = datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {"id": str(number), "event": event, "created": created, "data": dict(data)}
    # A text that is no Unicode must not make the caller's change fail.
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace").decode()


def _matches(event: str, patterns: Iterable[str]) -> bool:
    return any(
        pattern == event or (pattern.endswith(EVERYTHING) and event.startswith(pattern[:-1])) for pattern in patterns
    )


def _free_ids(count: int, now: int) -> int:
    """Return the first of so many ids that follow each other and are nobody's.

    They come after those that this process took before: of two events in one millisecond the later is sent later.
    """
    while True:
        first = runtime.current().clock.row_of_ids(count, now)
        query = "SELECT 1 FROM webhook_delivery WHERE id BETWEEN ? AND ? LIMIT 1"
        if database.execute(query, first, first + count - 1).fetchone() is None:
            return first


def _is_url(url: str) -> bool:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    target = outgoing.target("POST", url, {})
    return target is not None and bool(target.host) and not target.has_user
