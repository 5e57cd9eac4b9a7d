"""How far jobs have come, in finer words than their states: how one went, and not only that it ended."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from otagw import errors
from otagw.db import database
from otagw.ota import states
from otagw.ota.accounts import Account
from otagw.ota.rollouts import jobs, tasks
from otagw.ota.rollouts.records import Job

FILLING, PLANNED, RUNNING, STOPPING = "filling", "planned", "running", "stopping"
SUCCEEDED, FAILED, MIXED, STOPPED = "succeeded", "failed", "mixed", "stopped"
ENDED: Final = (SUCCEEDED, FAILED, MIXED, STOPPED)
_HAS: Final = "EXISTS (SELECT 1 FROM task t WHERE t.job_id = job.id AND t.state = '{}')"
# The first line that holds says what the phase is; each looks at an index once.
PHASE: Final = (
    f"CASE WHEN job.cancel <> '' THEN '{STOPPING}' WHEN job.filling THEN '{FILLING}' "
    f"WHEN job.state = 'planned' THEN '{PLANNED}' WHEN job.state = 'in_progress' THEN '{RUNNING}' "
    f"WHEN job.stopped THEN '{STOPPED}' "
    f"WHEN {_HAS.format('succeeded')} THEN CASE WHEN {_HAS.format('failed')} OR {_HAS.format('canceled')} "
    f"THEN '{MIXED}' ELSE '{SUCCEEDED}' END "
    f"WHEN {_HAS.format('failed')} THEN '{FAILED}' WHEN {_HAS.format('canceled')} THEN '{STOPPED}' "
    f"ELSE '{SUCCEEDED}' END"
)


def get(account: Account, key: str) -> tuple[Job, str]:
    """Return a static job by its id with its phase; a dynamic one never ends, and is not found here."""
    with database.read():
        job = jobs.get(account, key)
        if job.selection != jobs.STATIC:
            raise errors.NotFound(kind=jobs.KIND, key=key)
        return job, of(job)


def of(job: Job) -> str:
    """Return the phase of a job."""
    (phase,) = database.execute(f"SELECT {PHASE} FROM job WHERE id = ?", job.id).fetchone()
    return str(phase)


def outcomes(account: Account, found: Sequence[Job]) -> dict[int, dict[str, Any]]:
    """Return, for each of an account's jobs, how many devices it selected, what came of them, and whom it skipped.

    All are kept count of: no task is looked at. ``waiting`` are those that have not ended, so that it and the three
    ends together are ``selected``.
    """
    counted = tasks.counts_of(account.id, [job.id for job in found])
    return {
        job.id: {
            "selected": sum(counted[job.id].values()),
            "waiting": sum(counted[job.id][state] for state in states.OPEN),
            **{state: counted[job.id][state] for state in states.CLOSED},
            "skipped": list(job.skipped),
        }
        for job in found
    }


def below(
    account: Account,
    ceiling: int,
    skip: int,
    size: int,
    *,
    package_kind: str,
    phase: str | None = None,
    front_data: Mapping[str, str] | None = None,
) -> tuple[list[tuple[Job, str]], int]:
    """Return static jobs whose ids are below a ceiling with their phases, and how many there are below or above.

    They are of packages of a kind, newest first; ``front_data`` filters as in `packages.below`. An account has few
    jobs: they are counted, not kept count of.
    """
    where = "account_id = ? AND selection = ? AND package_kind = ?"
    values: list[Any] = [account.id, jobs.STATIC, package_kind]
    for name, value in (front_data or {}).items():
        noted = database.json_text("job.origin", name)
        where += f" AND ({noted} IS NULL OR {noted} = ?)"
        values.append(value)
    if phase:
        where, values = f"{where} AND {PHASE} = ?", [*values, phase]
    with database.read():
        (total,) = database.execute(f"SELECT COUNT(*) FROM job WHERE {where}", *values).fetchone()
        found = dict(
            database.execute(
                f"SELECT id, {PHASE} FROM job WHERE {where} AND id < ? ORDER BY id DESC LIMIT ? OFFSET ?",
                *(*values, ceiling, size, skip),
            ).fetchall()
        )
        items = jobs.among(f"job.id IN ({','.join('?' * len(found))})", *found) if found else []
        return [(job, found[job.id]) for job in items], total
