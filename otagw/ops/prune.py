"""Delete expired rows in small batches to keep locks short; each kind has its own days to be kept.

The worker takes these steps all the time, `otagw prune` on demand. docs/operations.md has the kinds.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from peewee import fn

from otagw import clock, runtime
from otagw.db import database, models
from otagw.ota import states
from otagw.ota.rollouts import jobs

AT_ONCE: Final = 500
DAY_MS: Final = 24 * 3600 * 1000
EVENTS, DELIVERIES, AUDIT, JOBS, BATCHES = "events", "deliveries", "audit", "jobs", "batches"


class Kind(NamedTuple):
    """A kind of rows that grow old: how many are older than a time, how a few of them go, and when the next is.

    ``first`` is the smallest time for which ``step`` has something to do, or None where there is none.
    """

    count: Callable[[int], int]
    step: Callable[[int], int]
    first: Callable[[], int | None]


# For how many days each kind is kept; 0 is for ever.
DEFAULT_DAYS: Final[Mapping[str, int]] = {EVENTS: 90, DELIVERIES: 30, AUDIT: 400, BATCHES: 90, JOBS: 0}


def days() -> Mapping[str, int]:
    """Return for how many days each kind is kept."""
    return runtime.current().settings.keep_days


def events() -> int:
    """Delete a few old events of devices; return how many."""
    return _due(EVENTS)


def deliveries() -> int:
    """Delete a few deliveries of webhooks that were done long ago; return how many."""
    return _due(DELIVERIES)


def audit() -> int:
    """Delete a few old rows of the audit; return how many."""
    return _due(AUDIT)


def ended_jobs() -> int:
    """Delete a few tasks of jobs that ended long ago, and those jobs; return how many rows."""
    return _due(JOBS)


def batches() -> int:
    """Delete a few registrations of many devices that were made long ago; return how many."""
    return _due(BATCHES)


def buckets() -> int:
    """Delete a few buckets of tokens that have been full for a day, which is as good as none; return how many."""
    oldest = (clock.now() - DAY_MS) * 1000
    if database.execute("SELECT 1 FROM bucket WHERE full_at <= ? LIMIT 1", oldest).fetchone() is None:
        return 0
    some = "SELECT name FROM bucket WHERE full_at <= ? ORDER BY full_at LIMIT ?"
    with database.write():
        query = f"DELETE FROM bucket WHERE name IN ({some}) AND full_at <= ?"
        return int(database.execute(query, oldest, AT_ONCE, oldest).rowcount)


def next_bucket() -> int | None:
    """Return when the next bucket of tokens is to go (milliseconds), or None."""
    full_at = database.smallest("SELECT MIN(full_at) FROM bucket")
    return None if full_at is None else -(-full_at // 1000) + DAY_MS


def next_due(kind: str) -> int | None:
    """Return when the next row of a kind is to go (milliseconds), or None."""
    kept = days()[kind]
    first = KINDS[kind].first() if kept else None
    return None if first is None else first + kept * DAY_MS


def _due(kind: str) -> int:
    kept = days()[kind]
    return KINDS[kind].step(clock.now() - kept * DAY_MS) if kept else 0


def _column(row: Any, column: Any) -> Kind:
    """Return the kind of rows that grow old by an indexed column."""

    def step(oldest: int) -> int:
        old = row.select(row.id).where(column <= oldest)
        if old.first() is None:
            return 0  # without a write transaction, for which others would wait
        with database.write():
            return int(row.delete().where(row.id.in_(old.order_by(column).limit(AT_ONCE))).execute())

    def first() -> int | None:  # in SQL: the test double asks at each of its steps
        return database.smallest(f"SELECT MIN({column.column_name}) FROM {row._meta.table_name}")

    return Kind(lambda oldest: row.select().where(column <= oldest).count(), step, first)


def _count_events(oldest: int) -> int:
    return models.DeviceEvent.select().where(models.DeviceEvent.at < oldest).count()


def _first_event() -> int | None:
    return database.smallest("SELECT at + 1 FROM device_event ORDER BY id LIMIT 1")


def _step_events(oldest: int) -> int:
    """Delete events by their ids, which rise with time: an index on the time would cost each of them more."""
    row = models.DeviceEvent
    first = row.select().where(row.id > 0).order_by(row.id).first()
    if first is None or first.at >= oldest:
        return 0
    with database.write():
        return int(row.delete().where(row.id.between(first.id, first.id + AT_ONCE), row.at < oldest).execute())


def _ended(oldest: int) -> Any:
    """Return peewee's query for the jobs that ended before a time and of which no device has an open task."""
    row = models.Job
    return row.select(row.id).where(row.ended < oldest, _is_over())


def _is_over() -> Any:
    """Return the condition for jobs that run no more, and of which no device has an open task."""
    row, task = models.Job, models.Task
    is_open = task.select().where(task.job_id == row.id, task.state.in_(states.OPEN))
    return row.state.not_in(states.RUNNING) & ~fn.EXISTS(is_open)


def _step_jobs(oldest: int) -> int:
    gone = jobs.delete_tasks(AT_ONCE)
    first = None if gone else _ended(oldest).order_by(models.Job.ended).first()
    if first is None:
        return gone
    with database.write():
        job = jobs.find(first.id, database.HOLD)
        if job is None or not _ended(oldest).where(models.Job.id == job.id).exists():
            return 0  # restarted, or gone
        jobs.delete(job)
        return 1


def _first_job() -> int | None:
    ended = models.Job.select(fn.MIN(models.Job.ended)).where(_is_over()).scalar()
    return None if ended is None else int(ended) + 1


def _count_jobs(oldest: int) -> int:
    tasks = models.Task.select().where(models.Task.job_id.in_(_ended(oldest)))
    return int(_ended(oldest).count()) + tasks.count()


KINDS: Final[Mapping[str, Kind]] = {
    EVENTS: Kind(_count_events, _step_events, _first_event),
    DELIVERIES: _column(models.WebhookDelivery, models.WebhookDelivery.done_at),
    AUDIT: _column(models.AuditEvent, models.AuditEvent.at),
    BATCHES: _column(models.DeviceBatch, models.DeviceBatch.created),
    JOBS: Kind(_count_jobs, _step_jobs, _first_job),
}
