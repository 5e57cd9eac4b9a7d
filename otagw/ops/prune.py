"""What is old goes: a few rows at a time, so that nobody waits for it, by how long each kind is to be kept.

The worker takes these steps all the time, `otagw prune` when it is told to. docs/operations.md has the kinds.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from otagw import clock, runtime
from otagw.db import database
from otagw.ota import states
from otagw.ota.rollouts import jobs

AT_ONCE: Final = 500
DAY_MS: Final = 24 * 3600 * 1000
EVENTS, DELIVERIES, AUDIT, JOBS = "events", "deliveries", "audit", "jobs"


class Kind(NamedTuple):
    """A kind of rows that grow old: how many are older than a time, and how a few of them go."""

    count: Callable[[int], int]
    step: Callable[[int], int]


# For how many days each kind is kept; 0 is for ever.
DEFAULT_DAYS: Final[Mapping[str, int]] = {EVENTS: 90, DELIVERIES: 30, AUDIT: 400, JOBS: 0}


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


def _due(kind: str) -> int:
    kept = days()[kind]
    return KINDS[kind].step(clock.now() - kept * DAY_MS) if kept else 0


def _column(table: str, column: str) -> Kind:
    """Return the kind of rows that grow old by an indexed column."""

    def step(oldest: int) -> int:
        query = f"SELECT 1 FROM {table} WHERE {column} <= ? LIMIT 1"
        if database.execute(query, oldest).fetchone() is None:
            return 0  # without a write transaction, for which others would wait
        with database.write():
            some = f"SELECT id FROM {table} WHERE {column} <= ? ORDER BY {column} LIMIT ?"
            return int(database.execute(f"DELETE FROM {table} WHERE id IN ({some})", oldest, AT_ONCE).rowcount)

    return Kind(lambda oldest: _number(f"SELECT COUNT(*) FROM {table} WHERE {column} <= ?", oldest), step)


def _step_events(oldest: int) -> int:
    """Delete events by their ids, which rise with time: an index on the time would cost each of them more."""
    first = database.execute("SELECT id, at FROM device_event WHERE id > 0 ORDER BY id LIMIT 1").fetchone()
    if first is None or first[1] >= oldest:
        return 0
    with database.write():
        query = "DELETE FROM device_event WHERE id BETWEEN ? AND ? AND at < ?"
        return int(database.execute(query, first[0], first[0] + AT_ONCE, oldest).rowcount)


_ENDED: Final = (
    f"FROM job j WHERE j.ended < ? AND j.state NOT IN ('{states.PLANNED}', '{states.IN_PROGRESS}') AND NOT EXISTS "
    "(SELECT 1 FROM task t WHERE t.job_id = j.id AND t.state IN ('confirm', 'queued', 'notified', 'in_progress'))"
)


def _step_jobs(oldest: int) -> int:
    row = database.execute(f"SELECT j.id {_ENDED} ORDER BY j.ended LIMIT 1", oldest).fetchone()
    if row is None:
        return 0
    with database.write():
        job = jobs.find(row[0], database.HOLD)
        if job is None or not database.execute(f"SELECT 1 {_ENDED} AND j.id = ?", oldest, job.id).fetchone():
            return 0  # restarted, or gone
        gone = jobs.delete_some(job, AT_ONCE)
        return gone + (gone < AT_ONCE)


def _count_jobs(oldest: int) -> int:
    tasks_of = f"SELECT COUNT(*) FROM task WHERE job_id IN (SELECT j.id {_ENDED})"
    return _number(f"SELECT COUNT(*) {_ENDED}", oldest) + _number(tasks_of, oldest)


def _number(query: str, oldest: int) -> int:
    return int(database.execute(query, oldest).fetchone()[0])


KINDS: Final[Mapping[str, Kind]] = {
    EVENTS: Kind(lambda oldest: _number("SELECT COUNT(*) FROM device_event WHERE at < ?", oldest), _step_events),
    DELIVERIES: _column("webhook_delivery", "done_at"),
    AUDIT: _column("audit_event", "at"),
    JOBS: Kind(_count_jobs, _step_jobs),
}
