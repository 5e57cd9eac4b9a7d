"""What a device does, however it speaks: report a version, ask, be offered, make progress, finish.

Every front calls these; docs/states.md has the rules. Times that are over are seen here too, so that a device that asks
gets the right answer while no worker runs.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from otagw import clock, errors
from otagw.db import database
from otagw.ops import metrics
from otagw.ota import states
from otagw.ota.devices import devices, presence, timeline
from otagw.ota.devices.devices import Device
from otagw.ota.packages import packages
from otagw.ota.packages.records import Package
from otagw.ota.products import minimum_versions, modules
from otagw.ota.rollouts import dynamic_jobs, job_steps, jobs, tasks
from otagw.ota.rollouts.records import Job, Task
from otagw.ota.updates import reasons

# How many modules a device may report; their names are its own.
MODULES: Final = 50
TIMEOUT: Final = "timeout"
FOREIGN: Final = reasons.FOREIGN
# A device's own words for what went wrong, by the step it reports.
STEPS: Final = {-1: "the update failed", -2: "the download failed", -3: "the check failed", -4: "flashing failed"}


class Offer(NamedTuple):
    """What a device is to install: the task that says so, its job and its package."""

    task: Task
    job: Job
    package: Package


def reported_version(
    device: Device,
    version: str,
    module: str = modules.DEFAULT,
    address: str | None = None,
    *,
    decides: bool = True,
    installed: bool = False,
) -> None:
    """Note what a module of a device runs, and what follows from it.

    The version that the device was to get is the success of its task, whatever it has said before. Another one than it
    had, while it is at work, is a failure, unless the device says otherwise how it ended: then this one does not
    decide. The one it had changes nothing: it may have rebooted into it. Nor does the first that is ever reported:
    nobody knows what it had. Where the device had the version before, it is a success once the device is at work, or
    says itself that it has ``installed`` it. Raises `errors.LimitReached` for a module too many.
    """
    with database.write():
        if not presence.note(device, address):  # it was deleted
            return
        had = _keep_version(device, module, version)
        timeline.note(device.id, timeline.REPORTED, f"{module} {version}")
        found, job = _held(device, module)
        if not found or not job:
            dynamic_jobs.reported(device, module, version)
        elif version == found.version:
            is_new = found.source_version != version
            if is_new or installed or (decides and found.state == states.IN_PROGRESS):
                _end(found, "succeed", "", progress=100)
        elif decides and found.state == states.IN_PROGRESS and had and version not in (had, found.source_version):
            _failed(found, job, FOREIGN)


def asked(device: Device, module: str | None = None, address: str | None = None) -> Offer | None:
    """Return what a device is to install now, if anything; it is noted as offered."""
    found = None
    if device.enabled:
        presence.heard(device, address)
        offers = (take(offer) for offer in ready(device, job_steps.open_of(device.id, module), module))
        found = next(filter(None, offers), None)
    polled(found)
    return found


def polled(found: object) -> None:
    """Count a question for an update, by whether there was one."""
    metrics.count("otagw_device_polls_total", "yes" if found else "no")


def ready(device: Device, among: Sequence[Task], module: str | None = None, **how: bool) -> Iterator[Offer]:
    """Yield what a device could `take` now of some of its open tasks, `look` says how, and then of dynamic jobs.

    A module that has no task may get one of a dynamic job that is also for devices that reported before it began. Of
    several tasks of a module the oldest comes first; the others follow it.
    """
    oldest = {task.module: task.id for task in sorted(among, key=lambda task: -task.id)}
    for task in chain(
        (task for task in among if task.id == oldest[task.module]), _lazily(dynamic_jobs.asked, device, module)
    ):
        offer = look(device, task, **how)
        if offer and not _is_used_up(offer):
            yield offer


def look(device: Device, task: Task, *, at_work: bool = False, measured: bool = False) -> Offer | None:
    """Return a task that may be offered now, and move nothing but what has become of it by time.

    With ``at_work``, a device that is at work sees its task though the job is paused. With ``measured``, only what all
    digests are known of is offered.
    """
    job, package, now = jobs.find(task.job_id), packages.find(task.package_id), clock.now()
    if job is None or package is None:
        return None
    if task.due and task.due <= now:
        timed_out(task.id, task.job_id)
    goes_on = at_work and task.state == states.IN_PROGRESS
    if reasons.hindrance(task, job._replace(paused=None) if goes_on else job, now) or _is_misfit(
        device, task, job, package
    ):
        return None
    if job.state == states.PLANNED:
        job = started(job)
    if not jobs.offers(job) or (measured and not packages.is_measured(package)):
        return None
    return Offer(task, job, package)


def take(offer: Offer) -> Offer | None:
    """Note a task as offered; return it as it is then, or None if it is not to be had any more in this minute."""
    if offer.task.state != states.QUEUED:
        return offer
    moved = _notify(offer.task, offer.job, clock.now())
    return offer._replace(task=moved) if moved else None


def progress(
    device: Device, percent: int, text: str = "", module: str = modules.DEFAULT, task_id: int | None = None
) -> Task | None:
    """Note how far a device has come; a negative step is a failure. Return its task, or None if it has none.

    With ``task_id``, another task of the module counts as none, here and in `finished`.
    """
    if percent < 0:
        return finished(device, False, text or STEPS.get(percent, STEPS[-1]), module, task_id)
    with database.write():
        presence.note(device, None)
        task, job = _held(device, module, task_id)
        if not task or not job or _is_unknown(task, task_id):
            return None
        timeline.note(device.id, timeline.PROGRESS, f"{percent}% {text}".strip(), task.job_id, task.id)
        if task.state == states.IN_PROGRESS:
            latest = max(task.progress, percent)
            return tasks.set_(task, progress=latest, note=text[:1024] or task.note, retry_at=None)
        now = clock.now()
        due = now + job.rules.timeout * jobs.MINUTE_MS if job.rules.timeout else None
        return tasks.move(task, "progress", text or None, progress=percent, started=now, due=due, retry_at=None)


def finished(
    device: Device, succeeded: bool, text: str = "", module: str = modules.DEFAULT, task_id: int | None = None
) -> Task | None:
    """Take a device's own word for how its update ended; a front says True only where that counts as success."""
    with database.write():
        presence.note(device, None)
        task, job = _held(device, module, task_id)
        if not task or not job or _is_unknown(task, task_id):
            return None
        timeline.note(
            device.id, timeline.PROGRESS, f"{'succeeded' if succeeded else 'failed'}: {text}", task.job_id, task.id
        )
        if succeeded:
            return _end(task, "succeed", text, progress=100)
        return _failed(task, job, text)


def timed_out(task_id: int, job_id: int) -> None:
    """End a task if its time is over, or the wait for the answer to its cancellation. A slow device is not retried."""
    with database.write():
        jobs.hold([job_id])
        task = tasks.find(task_id)
        if task and task.due and task.due <= clock.now():
            if task.is_open:
                _end(task, "fail", TIMEOUT)
            else:
                tasks.answered(task, None, tasks.UNANSWERED)


def _is_unknown(task: Task, task_id: int | None) -> bool:
    """Tell whether a device cannot mean a task, since it has not been offered it; ``task_id`` is what it names."""
    return task.state == states.CONFIRM or bool(task.follows and task.state == states.QUEUED and task_id is None)


def _lazily(find: Callable[..., Iterable[Task]], *given: Any) -> Iterator[Task]:
    yield from find(*given)


def _is_used_up(offer: Offer) -> bool:
    """Tell whether a task that waits has to wait for another minute, going by what was read of its job."""
    return offer.task.state == states.QUEUED and not jobs.left(offer.job, clock.now())


def _is_misfit(device: Device, task: Task, job: Job, package: Package) -> bool:
    """End a task whose device must not be offered its package any more."""
    below = minimum_versions.hindrance(task.product_key, task.module, task.version)
    said = below or _misfit(device, task, job, package)
    if said is None:
        return False
    with database.write():
        jobs.hold([task.job_id])
        _end(tasks.find(task.id) or task, "fail", said)
    return True


def _misfit(device: Device, task: Task, job: Job, package: Package) -> str | None:
    """Return why a package does not fit: its device runs another version by now than it, or its job, starts from."""
    bound = package.differential or (job.rules.inclusive and package.source_versions)
    if not bound or task.state == states.IN_PROGRESS:
        return None
    running = {found.module.lower(): found.version for found in devices.versions(device)}.get(task.module)
    if running is None or running in package.source_versions:
        return None
    return f"the device runs {running}, and the package starts from {', '.join(package.source_versions)}"


def started(job: Job) -> Job:
    """Begin a planned job whose time has come."""
    with database.write():
        current = jobs.find(job.id, database.HOLD) or job
        if current.state != states.PLANNED:
            return current
        jobs.set_(current, started=clock.now())
        jobs.settle(current.id)  # which tells of the state that this leads to
        return jobs.find(current.id) or current


def _notify(task: Task, job: Job, now: int) -> Task | None:
    """Offer a task that waits, unless its job has offered as many in this minute as it may."""
    minute = now // jobs.MINUTE_MS
    with database.write():
        allowed = database.execute(
            "UPDATE job SET rate_used = CASE WHEN rate_minute = ? THEN rate_used + 1 ELSE 1 END, rate_minute = ? "
            "WHERE id = ? AND paused IS NULL AND (rate_minute <> ? OR rate_used < ?)",
            *(minute, minute, job.id, minute, job.rules.per_minute),
        ).rowcount
        if not allowed:
            return None
        current, job = tasks.find(task.id), jobs.find(job.id) or job  # as they are, now that nobody else moves them
        may = current and jobs.offers(job) and not reasons.hindrance(current, job, now)
        moved = tasks.move(current, "offer") if current and may else None
        if moved is None:  # somebody else was first: what they did not use they leave to others
            database.execute("UPDATE job SET rate_used = rate_used - 1 WHERE id = ?", job.id)
        if moved:
            timeline.note(task.device_id, timeline.OFFERED, f"version {task.version}", task.job_id, task.id)
        return moved


def _failed(task: Task, job: Job, why: str) -> Task | None:
    """End a task that failed, or let the device try again; during a retry the task stays in the state it is in.

    A failure before the next try is the last one said again, and uses up no try.
    """
    if task.retry_at and task.retry_at > clock.now():
        return task
    rules = job.rules
    bound = rules.source_versions or rules.inclusive
    may_retry = rules.retry_interval is not None and bound and task.attempts < rules.retry_count
    if not may_retry or rules.retry_interval is None:
        return _end(task, "fail", why)
    again = clock.now() + rules.retry_interval * jobs.MINUTE_MS
    said = f"{why}; to be tried again"
    timeline.note(task.device_id, timeline.DECIDED, said, task.job_id, task.id)
    return tasks.set_(task, attempts=task.attempts + 1, retry_at=again, progress=0, note=said[:1024])


def _end(task: Task, event: str, note: str, **columns: Any) -> Task | None:
    moved = tasks.move(task, event, note, **columns)
    if moved:
        jobs.settle(task.job_id)
    return moved


def _open(device: Device, module: str) -> Task | None:
    found = job_steps.open_of(device.id, module)
    return found[0] if found else None


def _held(device: Device, module: str, task_id: int | None = None) -> tuple[Task | None, Job | None]:
    """Return the open task of a module with its job, which nobody else changes then; inside a write."""
    found = _open(device, module)
    while found and task_id in (None, found.id):
        job = jobs.find(found.job_id, database.HOLD)
        held, found = found, _open(device, module)
        if found and found.id == held.id:
            if not found.due or found.due > clock.now():
                return found, job
            _end(found, "fail", TIMEOUT)
            found = None
    return None, None


def _keep_version(device: Device, module: str, version: str) -> str | None:
    """Keep what a module runs, inside a write; return what it ran before, as far as that is known."""
    query = "SELECT version FROM device_version WHERE device_id = ? AND folded = ?"
    before = database.execute(query, device.id, module.lower()).fetchone()
    if before is None:
        (known,) = database.execute("SELECT COUNT(*) FROM device_version WHERE device_id = ?", device.id).fetchone()
        if known >= MODULES:
            raise errors.LimitReached(kind=modules.KIND, limit=MODULES)
    database.execute(
        "INSERT INTO device_version (device_id, folded, module, version, modified) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (device_id, folded) DO UPDATE SET version = excluded.version, modified = excluded.modified, "
        "spelled = CASE WHEN excluded.version = device_version.version THEN device_version.spelled END",
        *(device.id, module.lower(), module, version, clock.now()),
    )
    return before[0] if before else None
