"""Offers to devices that keep a connection: they are told, and do not have to ask.

By the same rules as `updates`. A task that waits is told at once, and moves by that; one that was told before is told
again on a new connection, or when its device is to try again. One whose device did not acknowledge it before its
connection broke is told again at once on the next.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Final, TypeAlias

from otagw import clock
from otagw.db import database
from otagw.ota import states
from otagw.ota.devices import connections, timeline
from otagw.ota.devices.devices import Device
from otagw.ota.rollouts import job_steps, jobs, tasks
from otagw.ota.rollouts.records import Job, Task
from otagw.ota.updates import reasons, updates
from otagw.ota.updates.updates import Offer

# What makes an offer another one: its task, and how often that was retried.
Key: TypeAlias = tuple[int, int]
# How many devices of one job are told at once.
AT_ONCE: Final = 1000
# How many are looked at for that: few cannot be told anything.
LOOKED_AT: Final = 2000
_OPEN: Final = "('confirm', 'queued', 'notified', 'in_progress')"
# Tasks of connected devices that wait to be told: by the index of open tasks, of which each device has few. Without a
# condition on the module, SQLite goes through all tasks that the device ever had.
_FIRST: Final = (
    "SELECT t.id, t.job_id, t.device_id, t.module FROM mqtt_session s CROSS JOIN task t "
    f"WHERE s.node = ? AND t.device_id = s.device_id AND t.state IN {_OPEN} AND t.follows IS NULL AND t.module > '' "
    "AND ((t.state = 'queued' AND t.retry_at IS NULL) OR t.retry_at <= ? "
    "OR (t.id = s.pushed AND t.retry_at IS NULL AND (s.attempts < t.attempts "
    "OR (s.acknowledged IS NULL AND t.state = 'notified'))))"
)
# And those that follow another one, by an index of them alone.
_FOLLOWING: Final = (
    "SELECT t.id, t.job_id, t.device_id, t.module FROM mqtt_session s CROSS JOIN task t "
    "WHERE s.node = ? AND t.device_id = s.device_id AND t.state = 'queued' AND t.follows IS NOT NULL AND NOT EXISTS "
    f"(SELECT 1 FROM task o WHERE o.device_id = t.device_id AND o.module = t.module AND o.state IN {_OPEN} "
    "AND o.follows IS NULL)"
)
_WAITING: Final = f"FROM ({_FIRST} UNION ALL {_FOLLOWING}) AS w"
# Nor by the index of the job, which it would go through for each connection.
_OF_JOB: Final = "WHERE w.job_id + 0 = ?"


def key(offer: Offer) -> Key:
    """Return what tells one offer from another."""
    return offer.task.id, offer.task.attempts


def news(device: Device, told: Collection[Key], module: str | None = None) -> Iterator[Offer]:
    """Yield what a device may be told now and was not told before on this connection; nothing moves by that.

    Jobs whose devices are to ask by themselves are left out.
    """
    for offer in updates.ready(device, job_steps.open_of(device.id, module), module):
        is_new = offer.task.state == states.QUEUED or key(offer) not in told
        if is_new and offer.job.rules.need_push:
            yield offer


def tell(device: Device, offer: Offer) -> Offer | None:
    """Note that a device is told of an offer; return it as it is then, or None if it is not to be had any more."""
    with database.write():
        taken = updates.take(offer)
        if taken:
            if taken.task.retry_at:  # that time has come
                taken = taken._replace(task=tasks.set_(taken.task, retry_at=None))
            connections.pushed(device.id, *key(taken))
            timeline.note_link(device.id, taken.job.id, taken.task.id)
        return taken


def due(node: str, is_free: Callable[[int, int], bool]) -> list[tuple[int, str]]:
    """Return devices of a node, each with a module, that there is something to tell.

    Of each job there are as many as it may still offer in this minute. ``is_free`` says whether a device can be told of
    a task. It costs by the connections of the node; where no job may offer anything now, one statement.
    """
    now = clock.now()
    found: list[tuple[int, str]] = []
    for job in reversed(jobs.among(f"job.id IN (SELECT w.job_id {_WAITING})", node, now, node)):
        left = min(_left(job, now), AT_ONCE)
        if left and not _is_held_up(job, node, now):
            query = f"SELECT w.device_id, w.module, w.id {_WAITING} {_OF_JOB} ORDER BY w.id LIMIT ?"
            waiting = database.execute(query, node, now, node, job.id, LOOKED_AT).fetchall()
            free = ((device_id, module) for device_id, module, task_id in waiting if is_free(device_id, task_id))
            found += [one for one, _ in zip(free, range(left), strict=False)]
    return found


def _left(job: Job, now: int) -> int:
    """Return how many devices a job may still offer its package to in this minute, on its own initiative."""
    return jobs.left(job, now) if job.paused is None and job.rules.need_push else 0


def _is_held_up(job: Job, node: str, now: int) -> bool:
    """Tell whether what holds up one task of a job that waits holds up all of them."""
    row = database.execute(f"SELECT w.id {_WAITING} {_OF_JOB} LIMIT 1", node, now, node, job.id).fetchone()
    task: Task | None = tasks.find(*row) if row else None
    return task is None or reasons.hindrance(task, job, now) is not None
