"""The sender of events: what a worker does for webhooks, one step at a time.

A webhook is claimed for a while, and only who holds it sends to it, one delivery after the other. A worker that is
killed holds it until the claim runs out; then what it was sending is sent again. So each event arrives at least once,
unless its receiver is away for a day; docs/decisions/0012-webhooks.md. A worker asks what is due all the time: in SQL.
"""

import hmac
import logging
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from typing import Final, NamedTuple

from otagw import clock
from otagw.db import database
from otagw.net import outgoing
from otagw.net.outgoing import Deadline, Timeouts
from otagw.ops import metrics
from otagw.ota import audit
from otagw.ota.accounts import Account
from otagw.ota.webhooks import webhooks
from otagw.ota.webhooks.webhooks import DELIVERED, FAILED, PENDING, Delivery
from otagw.security import derived_secrets

# After each attempt that failed; with the first there are nine of them, in 21 hours.
BACK_OFF_SECONDS: Final = (10, 30, 2 * 60, 10 * 60, 30 * 60, 2 * 3600, 6 * 3600, 12 * 3600)
JITTER: Final = 0.1
CONNECT_SECONDS: Final = 3
SILENT_SECONDS: Final = 5
# One attempt, however slowly its answer drips in.
ATTEMPT_SECONDS: Final = 10
# No attempt begins later in a turn, so that with its last one it ends well before the lease does.
TURN_SECONDS: Final = 10
LEASE_MS: Final = 60_000
# How long a step waits for slow receivers; what is still on its way then ends by itself.
STEP_SECONDS: Final = 1
THREADS: Final = 8
READ: Final = 1024
GONE: Final = 410
_HEADERS: Final = {"User-Agent": "otagw", "Accept": "*/*", "Connection": "close", "Content-Type": "application/json"}
_log = logging.getLogger("otagw.webhook")


class Outcome(NamedTuple):
    """What came of an attempt; without an error it was delivered."""

    status: int | None
    error: str | None = None


class _Job(NamedTuple):
    """A delivery that is to be tried, and where to."""

    id: int
    event: str
    body: str
    attempts: int
    webhook_id: int
    url: str
    sealed: str


def deliver_due(limit: int = 20, threads: int = THREADS) -> int:
    """Send what is due: of each webhook up to ``limit`` deliveries, of so many webhooks at once.

    Return how many deliveries it tried. A step is over when all of them are, or after `STEP_SECONDS`; a slow receiver,
    which is then still busy, is passed over by the steps that follow. With nothing due it is one query.
    """
    due = _due()
    if not due:
        return 0
    pool = ThreadPoolExecutor(min(len(due), threads), "otagw-webhook")
    turns = [pool.submit(copy_context().run, _turn, webhook_id, limit) for webhook_id in due]
    done, _ = wait(turns, STEP_SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    return sum(turn.result() for turn in done)


def next_delivery() -> int | None:
    """Return when the next delivery is due (milliseconds), or None; a claimed webhook is due when its claim ends."""
    rows = database.execute(
        "SELECT (SELECT MIN(next_at) FROM webhook_delivery WHERE webhook_id = webhook.id), busy_until "
        "FROM webhook WHERE enabled"
    ).fetchall()
    return min((max(row) for row in rows if row[0] is not None), default=None)


def deliver_ping(account: Account, key: str) -> Delivery:
    """Send a ``ping`` to a webhook now, once, whether it is enabled or not; return what came of it."""
    with database.write():
        webhook = webhooks.get(account, key)
        # Due later, so that no worker sends it too; if we are killed, one does.
        data = {"webhook": str(webhook.id)}
        number = webhooks.insert(webhook.id, "ping", [data], clock.now() + LEASE_MS)
        audit.note(account.id, webhooks.DELIVERY, number)
    ping = webhooks.delivery(account, str(number))
    job = _Job(number, ping.event, ping.body, 0, webhook.id, webhook.url, webhook.sealed)
    _keep(job, _post(job), ())
    return webhooks.delivery(account, str(number))


def signature(secret: str, timestamp: int, body: str) -> str:
    """Return what the header of a delivery says."""
    return f"sha256={hmac.digest(secret.encode(), f'{timestamp}.{body}'.encode(), 'sha256').hex()}"


def _due() -> list[int]:
    """Return the webhooks that nobody sends to and that have something due, the longest waiting first.

    The aggregate reads one entry of the index; there are few webhooks, however many deliveries there are.
    """
    now = clock.now()
    rows = database.execute(
        "SELECT (SELECT MIN(next_at) FROM webhook_delivery WHERE webhook_id = webhook.id AND next_at <= ?), id "
        "FROM webhook WHERE enabled AND busy_until <= ?",
        *(now, now),
    ).fetchall()
    return [webhook_id for since, webhook_id in sorted(row for row in rows if row[0] is not None)]


def _turn(webhook_id: int, limit: int) -> int:
    """Send what is due to one webhook, until something cannot be delivered; return how many were tried."""
    tried = 0
    until = time.monotonic() + TURN_SECONDS
    try:
        lease = _claim(webhook_id)
        while lease and tried < limit and time.monotonic() < until and (job := _next(webhook_id, lease)):
            outcome = _post(job)
            _keep(job, outcome, BACK_OFF_SECONDS)
            tried += 1
            if outcome.error:
                break
        _release(webhook_id, lease)
    except Exception:
        # Nobody may be waiting for this thread any more. The lease makes a pause before the next try.
        _log.exception("webhook turn failed", extra={"webhook": webhook_id})
    finally:
        database.recover()
    return tried


def _claim(webhook_id: int) -> int:
    """Take a webhook for ourselves for a while; return until when, or 0 if another has it."""
    now = clock.now()
    with database.write():
        claimed = database.execute(
            "UPDATE webhook SET busy_until = ? WHERE id = ? AND busy_until <= ?", now + LEASE_MS, webhook_id, now
        ).rowcount
    return now + LEASE_MS if claimed else 0


def _release(webhook_id: int, lease: int) -> None:
    with database.write():
        database.execute("UPDATE webhook SET busy_until = 0 WHERE id = ? AND busy_until = ?", webhook_id, lease)


def _next(webhook_id: int, lease: int) -> _Job | None:
    """Return what is due next, while the webhook is ours, and enabled."""
    row = database.execute(
        "SELECT d.id, d.event, d.body, d.attempts, w.id, w.url, w.secret "
        "FROM webhook w JOIN webhook_delivery d ON d.webhook_id = w.id "
        "WHERE w.id = ? AND w.enabled AND w.busy_until = ? AND d.next_at <= ? ORDER BY d.next_at, d.id LIMIT 1",
        *(webhook_id, lease, clock.now()),
    ).fetchone()
    return _Job(*row) if row else None


def _post(job: _Job) -> Outcome:
    """Send a delivery; whatever goes wrong at the other end, or on the way, is an outcome."""
    timestamp = clock.now() // 1000
    headers = {
        **_HEADERS,
        "X-Otagw-Event": job.event,
        "X-Otagw-Delivery": str(job.id),
        "X-Otagw-Timestamp": str(timestamp),
        "X-Otagw-Signature": signature(
            derived_secrets.secret(webhooks.owner(job.webhook_id), job.sealed), timestamp, job.body
        ),
    }
    target = outgoing.target("POST", job.url, headers, job.body.encode())
    if target is None:
        return Outcome(None, "its URL cannot be asked")
    try:
        endpoints = outgoing.resolve(target.host, target.port)
    except (OSError, UnicodeError):
        return Outcome(None, "its host cannot be resolved")
    with Deadline(time.monotonic() + ATTEMPT_SECONDS) as deadline:
        try:
            with outgoing.sent(target, endpoints, deadline, Timeouts(CONNECT_SECONDS, SILENT_SECONDS)) as response:
                status = response.status
                # What it says is of no interest; read a little, so that it need not notice.
                with suppress(*outgoing.BROKEN):
                    response.read(READ, decode_content=False)
        except outgoing.BROKEN as error:
            return Outcome(None, "its answer took too long" if deadline.over else outgoing.why(error))
    return Outcome(status, None if 200 <= status < 300 else f"it answers with status {status}")


def _keep(job: _Job, outcome: Outcome, back_off: tuple[int, ...]) -> None:
    """Write down what came of an attempt, and when the next one is, unless the delivery is done."""
    now = clock.now()
    error = outcome.error and outcome.error[:256]
    again = outcome.error and outcome.status != GONE and job.attempts < len(back_off)
    state = PENDING if again else FAILED if outcome.error else DELIVERED
    next_at = None
    if again:
        next_at = now + round(back_off[job.attempts] * 1000 * clock.chance().uniform(1 - JITTER, 1 + JITTER))
    with database.write():
        database.execute(
            "UPDATE webhook_delivery SET state = ?, attempts = attempts + 1, next_at = ?, done_at = ?, "
            "last_status = ?, last_error = ? WHERE id = ? AND state = ? AND attempts = ?",
            *(state, next_at, None if again else now, outcome.status, error, job.id, PENDING, job.attempts),
        )
    metrics.count("otagw_webhook_deliveries_total", "retried" if again else state)
    if outcome.error:
        facts = {"webhook": job.webhook_id, "delivery": job.id, "event": job.event, "status": outcome.status}
        level = logging.INFO if again else logging.WARNING
        _log.log(level, "webhook delivery failed", extra={**facts, "error": outcome.error, "final": not again})
