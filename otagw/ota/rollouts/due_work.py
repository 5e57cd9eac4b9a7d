"""What is due: steps of jobs and the ends of tasks, each done once however many sweep.

Due rows are found by an index of their own, so that a sweep costs by what is due and not by what there is.
"""

import logging
from typing import Final

from otagw import clock
from otagw.db import database
from otagw.ota import states
from otagw.ota.rollouts import job_steps, jobs, selection
from otagw.ota.updates import updates

JOBS_AT_ONCE: Final = 20
TASKS_AT_ONCE: Final = 200
# When a job is tried again whose step went wrong; the others do not wait for it.
AGAIN_MS: Final = 60_000
log = logging.getLogger("otagw.sweep")


def advance_jobs() -> int:
    """Take a step of each job that is due; return how many there were."""
    query = "SELECT id FROM job WHERE due <= ? ORDER BY due LIMIT ?"
    found = database.execute(query, clock.now(), JOBS_AT_ONCE).fetchall()
    for (job_id,) in found:
        try:
            _advance(job_id)
        except database.TROUBLE:
            raise
        except Exception:
            log.exception("job %s: a step went wrong, and is tried again in a minute", job_id)
            _postpone(job_id)
        clock.pause(selection.PAUSE_SECONDS)
    return len(found)


def end_tasks() -> int:
    """End the tasks whose time is over; return how many there were."""
    query = "SELECT id, job_id FROM task WHERE due <= ? ORDER BY due LIMIT ?"
    found = database.execute(query, clock.now(), TASKS_AT_ONCE).fetchall()
    for task_id, job_id in found:
        updates.timed_out(task_id, job_id)
    return len(found)


def next_job() -> int | None:
    """Return when the next step of a job is due (milliseconds), or None."""
    return database.smallest("SELECT MIN(due) FROM job")


def next_task() -> int | None:
    """Return when the next task's time is over (milliseconds), or None."""
    return database.smallest("SELECT MIN(due) FROM task")


def _postpone(job_id: int) -> None:
    with database.write():
        job = jobs.find(job_id, database.HOLD)
        if job:
            jobs.set_(job, due=clock.now() + AGAIN_MS)


def _advance(job_id: int) -> None:
    job = jobs.find(job_id)
    if job is None:
        return
    now = clock.now()
    if job.filling:
        selection.step(job.id)
    elif job.is_steered:
        job_steps.step(job.id)
    elif job.state == states.PLANNED and (job.schedule_at or 0) <= now:
        updates.started(job)
    elif job.finish_at and job.finish_at <= now and job.state in states.RUNNING:
        job_steps.finish(job.id)
    else:
        with database.write():
            current = jobs.find(job.id, database.HOLD)
            if current:
                jobs.set_(current, due=jobs.due(current))
