"""Jobs: rollouts of a package, to devices chosen once (static) or whenever they report a version (dynamic).

A job's state follows from its tasks: whoever ends one calls `settle`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from otagw import clock, errors
from otagw.db import database, models
from otagw.db.rows import Rows
from otagw.ota import ids, listing, states
from otagw.ota.accounts import Account
from otagw.ota.devices import devices
from otagw.ota.listing import Page
from otagw.ota.packages import packages
from otagw.ota.products import modules
from otagw.ota.rollouts import tasks
from otagw.ota.rollouts.records import Job, Rules
from otagw.ota.webhooks import events

KIND: Final = "job"
VERIFY, UPGRADE = "verify", "upgrade"
STATIC, DYNAMIC = "static", "dynamic"
ALL, SPECIFIC, GRAY, GROUP = "all", "specific", "gray", "group"
MINUTE_MS: Final = 60_000
# A dynamic job's second mode: only devices that report a version after it began.
LATER: Final = 2
DELETED_AT_ONCE: Final = 500


def _rules(kept: Mapping[str, Any]) -> Rules:
    lists = {name: tuple(kept[name]) for name in ("source_versions", "names")}
    return Rules(**{**kept, **lists, "tags": tuple((key, value) for key, value in kept["tags"])})


# Each poll reads jobs: in SQL, which is put together once.
_ROWS: Final = Rows(Job, models.Job, {"rules": _rules})
_SELECT: Final = f"SELECT {_ROWS.selected} FROM job"


def insert(job: Job) -> None:
    """Keep a new job, inside a write."""
    models.Job.insert({**job._asdict(), "rules": asdict(job.rules)}).execute()
    listing.count(job.account_id, [of_package_scope(job.package_id)], 1)
    events.job_changed(job, "created")


def get(account: Account, key: str) -> Job:
    """Return a job by its id, which is a decimal text."""
    job = find(ids.read(KIND, key))
    if job is None or job.account_id != account.id:
        raise errors.NotFound(kind=KIND, key=key)
    return job


def find(job_id: int, lock: str = "") -> Job | None:
    """Return a job of any account by its number."""
    row = database.execute(f"{_SELECT} WHERE id = ?{database.lock(lock)}", job_id).fetchone()
    return _ROWS.record(row) if row else None


def hold(job_ids: Iterable[int]) -> None:
    """Keep jobs and their tasks to ourselves, inside a write; whoever holds several takes the newest first."""
    for job_id in sorted(set(job_ids), reverse=True):
        find(job_id, database.HOLD)


def of_package(account: Account, package_key: str, number: int, size: int) -> Page[Job]:
    """Return a page of a package's jobs, newest first."""
    with database.read():
        package = packages.get(account, package_key)
        scope, where = of_package_scope(package.id), "package_id = ?"
        rows, total = listing.counted(account.id, scope, _SELECT, KIND, where, [package.id], number, size)
        return Page([_ROWS.record(row) for row in rows], number, size, total)


def among(condition: str, *values: Any) -> list[Job]:
    """Return the jobs for which a condition on ``job`` holds, newest first."""
    rows = database.execute(f"{_SELECT} WHERE {condition} ORDER BY job.id DESC", *values)
    return [_ROWS.record(row) for row in rows.fetchall()]


def of_device(account: Account, package_key: str, device: devices.Device, number: int, size: int) -> Page[Job]:
    """Return a page of those of a package's jobs that have a task for a device, newest first."""
    with database.read():
        package = packages.get(account, package_key)
        among = "id IN (SELECT job_id FROM task WHERE device_id = ? AND package_id = ?)"
        values = [device.id, package.id]
        (total,) = database.execute(f"SELECT COUNT(*) FROM job WHERE {among}", *values).fetchone()
        rows = listing.rows(_SELECT, KIND, among, values, total, number, size)
        return Page([_ROWS.record(row) for row in rows], number, size, total)


def dynamic_for(product_key: str, module: str) -> list[Job]:
    """Return the dynamic jobs that run for a module of a product, newest first: the newest policy wins."""
    rows = database.execute(
        f"{_SELECT} WHERE product_key = ? AND module = ? AND selection = ? AND state = ? ORDER BY id DESC",
        *(product_key, module.lower(), DYNAMIC, states.IN_PROGRESS),
    )
    return [_ROWS.record(row) for row in rows.fetchall()]


def dynamic_of(device: devices.Device, module: str | None) -> list[tuple[devices.Version, Job]]:
    """Return the dynamic jobs that run for what a device has reported, by module and newest first."""
    where, values = ("", ()) if module is None else (" AND v.folded = ?", (module.lower(),))
    rows = database.execute(
        f"SELECT v.module, v.version, {_ROWS.selected} FROM device_version v "
        "JOIN job ON job.product_key = ? AND job.module = v.folded AND job.selection = ? AND job.state = ? "
        f"WHERE v.device_id = ?{where} ORDER BY v.folded <> ?, v.folded, job.id DESC",
        *(device.product_key, DYNAMIC, states.IN_PROGRESS, device.id, *values, modules.DEFAULT),
    )
    return [(devices.Version(*row[:2]), _ROWS.record(row[2:])) for row in rows.fetchall()]


def filling(product_key: str) -> list[int]:
    """Return the jobs that are still selecting devices of a product."""
    query = "SELECT id FROM job WHERE product_key = ? AND due IS NOT NULL AND filling"
    return [job_id for (job_id,) in database.execute(query, product_key).fetchall()]


def set_(job: Job, **columns: Any) -> Job:
    """Change facts of a job, inside a write."""
    changes = {"modified": clock.now(), **columns}
    written = {**changes, "rules": asdict(changes["rules"])} if "rules" in changes else changes
    models.Job.update(written).where(models.Job.id == job.id).execute()
    return job._replace(**changes)


def delete(job: Job) -> None:
    """Delete a job that has ended, inside a write that holds it; its tasks follow by `delete_tasks`."""
    tasks.forget_counts(job.account_id, job.id)
    listing.uncount(job.account_id, [of_package_scope(job.package_id)])
    models.Job.delete().where(models.Job.id == job.id).execute()
    models.DeletedJob.insert(id=job.id, due=clock.now()).execute()


def delete_tasks(limit: int = DELETED_AT_ONCE) -> int:
    """Delete some tasks of a job that was deleted; return how many rows."""
    found = database.smallest("SELECT id FROM deleted_job WHERE due <= ? ORDER BY due, id LIMIT 1", clock.now())
    if found is None:
        return 0  # without a write transaction, for which others would wait
    with database.write():
        held = f"SELECT id FROM deleted_job WHERE id = ?{database.lock(database.ALONE)}"
        if database.smallest(held, found) is None:  # another worker has deleted the last of them
            return 0
        some = "SELECT id FROM task WHERE job_id = ? ORDER BY id LIMIT ?"
        gone = int(database.execute(f"DELETE FROM task WHERE id IN ({some})", found, limit).rowcount)
        if gone < limit:
            gone += int(models.DeletedJob.delete().where(models.DeletedJob.id == found).execute())
        return gone


def next_deleted() -> int | None:
    """Return since when tasks of a deleted job are to follow it (milliseconds), or None."""
    return database.smallest("SELECT MIN(due) FROM deleted_job")


def offers(job: Job) -> bool:
    """Tell whether a job's tasks go on: a dynamic job that was stopped only takes no more devices."""
    return job.state == states.IN_PROGRESS or (job.selection == DYNAMIC and job.stopped)


def left(job: Job, now: int) -> int:
    """Return how many devices a job may still offer its package to in this minute, going by what was read of it."""
    used = job.rate_used if job.rate_minute == now // MINUTE_MS else 0
    return max(job.rules.per_minute - used, 0)


def settle(job_id: int) -> None:
    """Bring the state of a job, and of the package it verifies, into line with its tasks; inside a write."""
    job = find(job_id, database.HOLD)
    if job is None:
        return
    counts = tasks.counts(job.account_id, job.id)
    facts = states.Facts(
        is_planned=job.started is None,
        is_filling=job.filling or job.is_steered,
        is_dynamic=job.selection == DYNAMIC,
        is_stopped=job.stopped,
        counts=counts,
    )
    state = states.job_state(facts)
    if state != job.state:
        ended = None if state in states.RUNNING else clock.now()
        job = set_(job, state=state, ended=ended)
        job = set_(job, due=due(job))
        events.job_changed(job, state)
        if job.kind == VERIFY and ended:
            passed = counts[states.SUCCEEDED] and not counts[states.FAILED] and not counts[states.CANCELED]
            packages.set_status(job.package_id, states.VERIFIED if passed else states.UNFIT)
    _guard(job, counts)


def _guard(job: Job, counts: Mapping[str, int]) -> None:
    """Pause a job of which too many devices have failed; not before all that are retried have been."""
    reason = excess(job, counts)
    if reason and not job.paused and not job.bulk and job.state in states.RUNNING:
        events.job_changed(set_(job, paused=reason), "paused")


def excess(job: Job, counts: Mapping[str, int]) -> str | None:
    """Return by what a job's failures are too many, if they are."""
    rules = job.rules
    failed, ended = counts[states.FAILED], counts[states.FAILED] + counts[states.SUCCEEDED]
    if not failed or ended < rules.guard_minimum:
        return None
    if rules.guard_count is not None and failed >= rules.guard_count:
        return f"{failed} devices failed, and {rules.guard_count} are the limit"
    if rules.guard_percent is not None and failed * 100 >= rules.guard_percent * ended:
        return f"{failed} of {ended} devices failed, and {rules.guard_percent} percent are the limit"
    return None


def due(job: Job) -> int | None:
    """Return when a worker has to look at a job next: to fill it, to begin it, or to end it."""
    if job.filling or job.is_steered:
        return clock.now()
    if job.state not in states.RUNNING:
        return None
    if job.state == states.PLANNED:
        return job.schedule_at
    if not job.finish_at or job.finish_at > clock.now():
        return job.finish_at
    counts = tasks.counts(job.account_id, job.id)
    return job.finish_at if any(counts[state] for state in states.WAITING) else None


def of_package_scope(package_id: int) -> str:
    """Return the counter of a package's jobs."""
    return listing.scope(KIND, package=str(package_id))
