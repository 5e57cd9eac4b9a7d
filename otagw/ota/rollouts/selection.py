"""Select the devices of a static job by statements over many rows, in steps that a crash does not undo.

Each step is one transaction: it makes the tasks of some devices and moves the job's cursor past them. The
next request or worker continues from there.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from otagw import clock
from otagw.db import database
from otagw.ota import ids, states
from otagw.ota.accounts import Account
from otagw.ota.packages import packages, stored_files
from otagw.ota.packages.records import Package
from otagw.ota.rollouts import device_lists, jobs, tasks
from otagw.ota.rollouts.records import SUPERSEDE, WAIT, Job
from otagw.ota.rollouts.skips import Skips

# How many devices a step looks at: it holds up every other writer, for some 10 ms; after it those who wait come first.
AT_ONCE: Final = 500
PAUSE_SECONDS: Final = 0.005
# How long a request goes on before it leaves the rest to a worker.
REQUEST_SECONDS: Final = 1.0
BUSY: Final = "the device has another update under way"
UNFIT: Final = "the device runs a version that the package does not start from"
REPLACED: Final = "a newer job has taken the device"
_OPEN: Final = "('confirm', 'queued', 'notified', 'in_progress')"


@dataclass(frozen=True)
class Window:
    """Some of the devices that a job may be for: a condition on ``d``, and where the next step begins.

    ``size`` is how many they are at most, ``names`` theirs where the job names its devices.
    """

    where: str
    values: tuple[Any, ...]
    cursor: int
    is_last: bool
    size: int = 0
    names: Sequence[str] = ()


def begin(job: Job) -> Job:
    """Select devices for as long as a request may take; the rest is for the worker."""
    until = clock.elapsed() + REQUEST_SECONDS
    while step(job.id) and clock.elapsed() <= until:
        clock.pause(PAUSE_SECONDS)
    return jobs.find(job.id) or job


def step(job_id: int) -> bool:
    """Take one step; return whether there is another."""
    before = jobs.find(job_id)
    if before is None or not before.filling:
        return False
    pages = device_lists.pages(before)  # which may read a file
    with database.write():
        _keep_still(before, pages)
        job = jobs.find(job_id, database.HOLD)
        if job is None or job.cursor != before.cursor:  # somebody else has taken this step
            return bool(job and job.filling)
        return job.filling and _step(job, pages)


def _keep_still(job: Job, pages: Sequence[str]) -> None:
    """Hold the devices of the next step: whoever gives one a task holds it, and holds it before a job."""
    window = _window(job, pages)
    if window.where and not database.is_sqlite():
        database.execute(f"SELECT d.id FROM device d WHERE {window.where} ORDER BY d.id{database.HOLD}", *window.values)


def _step(job: Job, pages: Sequence[str]) -> bool:
    package = packages.find(job.package_id)
    if package is None:
        raise RuntimeError("a job's package is there as long as it runs")
    if job.population is None and job.target == jobs.GRAY:
        job = jobs.set_(job, population=_population(job, package))
    window = _window(job, pages)
    skips = Skips(job.skipped)
    passed = _insert(job, package, window, skips) if window.where else 0
    reached = {"cursor": window.cursor, "position": job.position + passed, "skipped": skips.shown()}
    job = jobs.set_(job, filling=not window.is_last, **reached)
    job = jobs.set_(job, due=jobs.due(job))
    if window.is_last:
        if job.rules.list_key:
            stored_files.release(Account(job.account_id, ""), [job.rules.list_key])
        jobs.settle(job.id)
    return not window.is_last


def _window(job: Job, pages: Sequence[str]) -> Window:
    """Return the devices that the next step looks at; ``pages`` are those of `device_lists`."""
    if job.target == jobs.SPECIFIC:
        number = job.cursor // device_lists.PAGE
        some = device_lists.names_on(pages[number]) if number < len(pages) else []
        where = f"d.product_key = ? AND d.name IN ({','.join('?' * len(some))})" if some else ""
        reached = job.cursor + len(some)
        return Window(where, (job.product_key, *some), reached, number + 1 >= len(pages), len(some), some)
    column, table, key = ("id", "device", "product_key")
    value: Any = job.product_key
    if job.target == jobs.GROUP:
        column, table, key, value = "device_id", "device_group_member", "group_id", job.rules.group_id
    last, count = database.execute(
        f"SELECT MAX(x), COUNT(*) FROM (SELECT {column} AS x FROM {table} WHERE {key} = ? AND {column} > ? "
        f"AND {column} < ? ORDER BY {column} LIMIT ?) AS page",
        *(value, job.cursor, _ceiling(job), AT_ONCE),
    ).fetchone()
    if not count:
        return Window("", (), job.cursor, True)
    where = "d.product_key = ? AND d.id > ? AND d.id <= ?"
    values: tuple[Any, ...] = (job.product_key, job.cursor, last)
    if job.target == jobs.GROUP:
        where += " AND d.id IN (SELECT device_id FROM device_group_member WHERE group_id = ?)"
        values += (job.rules.group_id,)
    return Window(where, values, last, count < AT_ONCE, count)


def _insert(job: Job, package: Package, window: Window, skips: Skips) -> int:
    """Make the tasks of a window, and count whom it skips; return how many devices were eligible."""
    query, values = eligible(job, package, window.where, window.values)
    (count,) = database.execute(f"SELECT COUNT(*) FROM ({query}) AS e", *values).fetchone()
    if count < window.size and not job.rules.inclusive:
        skips.add_unfit(job, sources_of(job, package), window.where, window.values)
        skips.add_absent(device_lists.absent(job.product_key, ["\n".join(window.names)]) if window.names else [])
    if not count:
        return 0
    taken = chosen(job, query)
    if job.target == jobs.GRAY:
        (wanted,) = database.execute(f"SELECT COUNT(*) FROM ({taken}) AS c", *values).fetchone()
        skips.add_not_chosen(count - wanted, query, taken, values)
    if job.rules.overwrite:
        _replace(job, taken, values)
    first = ids.free(tasks.KIND, count)
    now = clock.now()
    reason, given = _ended(job, package)
    follows, followed = _follows(job)
    database.execute(
        f"INSERT INTO task ({', '.join(tasks.COLUMNS)}) "
        "SELECT ? + c.number, ?, ?, ?, c.id, ?, c.name, ?, "
        "CASE WHEN c.reason IS NULL THEN ? WHEN c.reason = '' THEN 'succeeded' ELSE 'failed' END, c.version, ?, "
        "CASE WHEN c.reason = '' THEN 100 ELSE 0 END, c.reason, 0, ?, ?, NULL, NULL, NULL, NULL, NULL, NULL, c.follows "
        "FROM (SELECT c.id, c.name, c.version, ROW_NUMBER() OVER (ORDER BY c.id) AS number, "
        f"{reason} AS reason, {follows} AS follows FROM ({taken}) AS c) AS c",
        *(first, job.account_id, job.id, job.package_id, job.product_key, job.module, job.first_state, job.version),
        *(now, now, *given, *followed, *values),
    )
    tasks.made(job.account_id, first + 1, count)
    return int(count)


def _ended(job: Job, package: Package) -> tuple[str, tuple[Any, ...]]:
    """Return an expression, on ``c``, for why a task has failed before it begins: empty where it has succeeded."""
    if not job.rules.inclusive:
        if job.rules.at_work == WAIT:
            return "CAST(NULL AS TEXT)", ()
        return f"CASE WHEN {busy(job)} THEN ? END", (job.module, BUSY)
    sources = sources_of(job, package)
    unfit = f"c.version NOT IN ({','.join('?' * len(sources))})" if sources else "1 = 0"
    return (
        f"CASE WHEN c.version = ? THEN '' WHEN {unfit} THEN ? WHEN {busy(job)} THEN ? END",
        (job.version, *sources, UNFIT, job.module, BUSY),
    )


def _follows(job: Job) -> tuple[str, tuple[Any, ...]]:
    """Return an expression, on ``c``, for whether a task follows another: what the device says may still be of that."""
    if job.rules.at_work == WAIT:
        return f"CASE WHEN {busy(job)} THEN TRUE END", (job.module,)
    return ("TRUE" if job.rules.at_work == SUPERSEDE else "CAST(NULL AS BOOLEAN)"), ()


def eligible(job: Job, package: Package, where: str, values: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    """Return a query for those of some devices that run another version than the package, and one it starts from.

    An inclusive job takes all of them, and one that is to reinstall also those that run the version.
    """
    query = (
        "SELECT d.id, d.name, v.version FROM device d "
        f"LEFT JOIN device_version v ON v.device_id = d.id AND v.folded = ? WHERE {where}"
    )
    if job.rules.inclusive:
        return query, (job.module, *values)
    sources = sources_of(job, package)
    limit = f" AND v.version IN ({','.join('?' * len(sources))})" if sources else ""
    if job.rules.reinstall:
        return query + limit, (job.module, *values, *sources)
    query += f" AND (v.version IS NULL OR v.version <> ?){limit}"
    return query, (job.module, *values, job.version, *sources)


def chosen(job: Job, query: str) -> str:
    """Return a query for those of the eligible that the job takes.

    A share of N devices takes k of them, as evenly spread as a drawn line takes the points of a grid. Where the line
    begins follows from the job, so that small jobs one after another do not take the same devices.
    """
    if job.target != jobs.GRAY:
        return query
    total, wanted = max(job.population or 0, 1), share(job)
    start = int.from_bytes(hashlib.sha256(str(job.id).encode()).digest()[:8]) % total + job.position
    placed = f"SELECT e.*, (ROW_NUMBER() OVER (ORDER BY e.id) - 1 + {start}) % {total} AS place FROM ({query}) AS e"
    rule = f"(p.place + 1) * {wanted} / {total} > p.place * {wanted} / {total}"
    return f"SELECT p.id, p.name, p.version FROM ({placed}) AS p WHERE {rule}"


def busy(job: Job) -> str:
    """Return a condition, on ``c`` and the job's module, for devices that another job would keep from this one."""
    at_work = "" if job.rules.at_work == SUPERSEDE else "o.state = 'in_progress' OR "
    started = f" AND ({at_work}o.job_id > {job.id})" if job.rules.overwrite else ""
    return f"EXISTS (SELECT 1 FROM task o WHERE o.device_id = c.id AND o.module = ? AND o.state IN {_OPEN}{started})"


def everyone(job: Job, pages: Sequence[str]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield conditions, on ``d``, that together are for all the devices that a job may be for."""
    if job.target == jobs.SPECIFIC:
        for page in pages:
            some = device_lists.names_on(page)
            yield f"d.product_key = ? AND d.name IN ({','.join('?' * len(some))})", (job.product_key, *some)
        return
    where = "d.product_key = ? AND d.id < ?"
    values: tuple[Any, ...] = (job.product_key, _ceiling(job))
    if job.rules.group_id is not None:
        where += " AND d.id IN (SELECT device_id FROM device_group_member WHERE group_id = ?)"
        values += (job.rules.group_id,)
    yield where, values


def counted(job: Job, package: Package) -> Job:
    """Return a job that knows how many devices it takes a share of."""
    return job._replace(population=_population(job, package)) if job.target == jobs.GRAY else job


def share(job: Job) -> int:
    """Return how many devices a job for a share of them takes: rounded down, and one at least."""
    total = job.population or 0
    return min(total, max(1, total * (job.rules.percent or 0) // 100_000))


def _population(job: Job, package: Package) -> int:
    query, values = eligible(job, package, "d.product_key = ? AND d.id < ?", (job.product_key, _ceiling(job)))
    return int(database.execute(f"SELECT COUNT(*) FROM ({query}) AS e", *values).fetchone()[0])


def _replace(job: Job, taken: str, values: Sequence[Any]) -> None:
    """Cancel what older jobs offer the chosen devices; what they are at work on goes on, unless it is superseded."""
    replaced = ",".join(f"'{each}'" for each in (states.OPEN if job.rules.at_work == SUPERSEDE else states.WAITING))
    where = f"module = ? AND job_id < ? AND state IN ({replaced}) AND device_id IN (SELECT c.id FROM ({taken}) AS c)"
    given: tuple[Any, ...] = (job.module, job.id, *values)
    others = [row[0] for row in database.execute(f"SELECT DISTINCT job_id FROM task WHERE {where}", *given).fetchall()]
    if not others:
        return
    jobs.hold(others)  # before their tasks: nobody moves one between the count and the change
    where, given = f"{where} AND job_id IN ({','.join('?' * len(others))})", (*given, *others)
    tasks.cancel_where(job.account_id, where, given, REPLACED)
    for job_id in others:
        jobs.settle(job_id)


def sources_of(job: Job, package: Package) -> tuple[str, ...]:
    """Return the versions that a job's devices may come from; a differential package knows of its own."""
    found = job.rules.source_versions or (tuple(package.source_versions) if package.differential else ())
    return (*found, job.version) if found and job.rules.reinstall else found


def _ceiling(job: Job) -> int:
    """Return the id from which on devices were registered after the job was made."""
    return job.upto + 1
