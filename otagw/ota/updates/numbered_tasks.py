"""Tasks by number: for protocols in which a device sees one update at a time, as an action with a short number.

A task gets its number when a device is first shown it. Whoever has been shown a task that is then canceled is to be
told: `recall` of the task says whether the device does not know yet (pending) or goes on nevertheless (refused). A
device that says the action has ended in any way is free, and so is one that does not answer in time.
"""

import contextlib
from typing import Final, NamedTuple

import peewee

from otagw import clock, errors
from otagw.db import database
from otagw.ota import audit, states
from otagw.ota.accounts import Account
from otagw.ota.devices import devices, presence, timeline
from otagw.ota.devices.devices import Device
from otagw.ota.packages import packages
from otagw.ota.rollouts import job_steps, jobs, tasks
from otagw.ota.rollouts.records import Task
from otagw.ota.updates import spellings, updates
from otagw.ota.updates.updates import Offer

KIND: Final = "action"
LARGEST: Final = 2**31 - 1
PENDING, REFUSED = tasks.PENDING, tasks.REFUSED
FAILED: Final = "the device says that it failed"
ENDED: Final = "cancellation settled: the device has ended the action"
FORCED: Final = "cancellation forced by the operator"
# Which of several open tasks comes first: what a device has begun, it is to end.
_ORDER: Final = (states.IN_PROGRESS, states.NOTIFIED, states.QUEUED, states.CONFIRM)


class Shown(NamedTuple):
    """What a device that asks is shown: a task whose cancellation it is to be told, or else an offer, or nothing."""

    recalled: Task | None = None
    offer: Offer | None = None


def shown(device: Device, address: str | None) -> Shown:
    """Return what a device is to see now; nothing moves by that, and where nothing is new nothing is written."""
    presence.heard(device, address)
    found = _shown(device)
    updates.polled(found.offer)
    return found


def _shown(device: Device) -> Shown:
    found = job_steps.at_hand(device.id)
    for task in found:
        if task.recall == PENDING and not _is_over(task):
            return Shown(recalled=task)
    is_open = sorted((task for task in found if task.is_open), key=lambda task: _ORDER.index(task.state))
    for offer in updates.ready(device, is_open, at_work=True, measured=True):
        numbered = _numbered(offer.task)
        if numbered:
            return Shown(offer=offer._replace(task=numbered))
    return Shown()


def _is_over(task: Task) -> bool:
    """Tell whether a device has had its time to answer to a cancellation; it is not told then any more."""
    over = bool(task.due and task.due <= clock.now())
    if over:
        updates.timed_out(task.id, task.job_id)
    return over


def fetch(device: Device, number: str) -> Offer:
    """Return what an action of a device is to install; its task is noted as offered.

    Raises `errors.NotFound` for an action that is not the device's or is not offered now, `errors.WrongState` for one
    that has ended, and `errors.TooEarly` if its job has offered as many in this minute as it may.
    """
    task = find(device, number)
    if not task.is_open:
        raise errors.WrongState(kind=KIND, key=number, state=task.state)
    offer = updates.look(device, task, at_work=True, measured=True)
    if offer is None:
        raise errors.NotFound(kind=KIND, key=number)
    taken = updates.take(offer)
    if taken is None:  # by another request at the same time, or the minute is used up
        task = find(device, number)
        taken = updates.look(device, task, at_work=True, measured=True)
        if taken and task.state == states.QUEUED:
            raise errors.TooEarly((jobs.MINUTE_MS - clock.now() % jobs.MINUTE_MS) // 1000 + 1)
    if taken is None:
        raise errors.NotFound(kind=KIND, key=number)
    timeline.note_link(device.id, taken.job.id, taken.task.id)
    return taken


def package_of(device: Device, number: str) -> Offer:
    """Return an action whose files a device may fetch: it is open, or the device goes on with it though it is canceled.

    Nothing moves by that. Raises `errors.NotFound`.
    """
    task = find(device, number)
    job, package = jobs.find(task.job_id), packages.find(task.package_id)
    if not (task.is_open or task.recall == REFUSED) or job is None or package is None:
        raise errors.NotFound(kind=KIND, key=number)
    return Offer(task, job, package)


def find(device: Device, number: str) -> Task:
    """Return the task of a device's action; raise `errors.NotFound`."""
    is_number = number.isascii() and number.isdecimal() and len(number) <= len(str(LARGEST)) and int(number) <= LARGEST
    if is_number:
        at_hand = (task for task in job_steps.at_hand(device.id) if task.action == int(number))
        found = next(at_hand, None) or tasks.by_action(device.id, int(number))
        if found:
            return found
    raise errors.NotFound(kind=KIND, key=number)


def expected(device: Device, number: str) -> Task:
    """Return the task of an action of which there may be more to hear: it is open, or canceled without an agreement.

    Raises `errors.NotFound`, and `errors.WrongState` for one that has ended.
    """
    task = find(device, number)
    if not task.is_open and task.recall is None:
        raise errors.WrongState(kind=KIND, key=number, state=task.state)
    return task


def progress(device: Device, number: str, percent: int, text: str, *, later: bool = False) -> None:
    """Note how far a device has come with an action; it begins with that, or says that it goes on ``later``."""
    with database.write():
        task = expected(device, number)
        if not (task.is_open and updates.progress(device, percent, text, task.module, task.id)):
            _note(device, expected(device, number), text)
        _defer(task, later)


def succeeded(device: Device, number: str, text: str, address: str | None) -> None:
    """Note that a device runs what an action was to install, also if that was canceled; it has ended it, anyway.

    Raises `errors.WrongState` for a canceled one that the device knows of, if it has begun a newer update since.
    """
    with database.write():
        task = find(device, number)
        if task.state != states.CANCELED or (task.recall is None and tasks.is_superseded(task)):
            task = expected(device, number)
        package = packages.find(task.package_id)
        spellings.installed(device, task, package.module if package else task.module, address)
        devices.want_attributes(device.id)
        if text:
            timeline.note(device.id, timeline.PROGRESS, f"succeeded: {text}", task.job_id, task.id)
        tasks.answered(task, None, ENDED)


def failed(device: Device, number: str, text: str) -> None:
    """Note that a device has failed at an action; if that is canceled, the device is free."""
    with database.write():
        task = expected(device, number)
        if not (task.is_open and updates.finished(device, False, text or FAILED, task.module, task.id)):
            task = expected(device, number)
            _note(device, task, text or FAILED)
            tasks.answered(task, None, ENDED)


def said(device: Device, number: str, text: str, *, later: bool = False) -> None:
    """Note what a device says of an action, perhaps that it goes on ``later``; nothing else follows from it."""
    with database.write():
        task = expected(device, number)
        _note(device, task, text)
        _defer(task, later)


def recalled(device: Device, number: str) -> Task:
    """Return the task of an action that was canceled and of which the device has not agreed to that.

    Raises `errors.NotFound` also for one that is not canceled.
    """
    task = expected(device, number)
    if task.recall is None:
        raise errors.NotFound(kind=KIND, key=number)
    return task


def agreed(device: Device, number: str, text: str) -> None:
    """Note that a device knows that an action was canceled, and does nothing for it any more."""
    _answered(device, recalled(device, number), None, f"cancellation acknowledged: {text}")


def refused(device: Device, number: str, text: str) -> None:
    """Note that a device goes on with an action that was canceled; it is not told again."""
    _answered(device, recalled(device, number), REFUSED, f"cancellation refused: {text}")


def force(account: Account, device: Device) -> int:
    """Free a device that does not answer to cancellations; return of how many it is told no more."""
    with database.write():
        found = [task for task in job_steps.at_hand(device.id) if task.recall == PENDING]
        for task in found:
            tasks.answered(task, None, FORCED)
        if found:
            audit.note(account.id, devices.KIND, f"{device.product_key}/{device.name}")
        return len(found)


def _answered(device: Device, task: Task, recall: str | None, text: str) -> None:
    with database.write():
        presence.note(device, None)
        tasks.answered(task, recall, text.removesuffix(": "))


def _defer(task: Task, later: bool) -> None:
    if bool(task.deferred) != later:
        database.execute("UPDATE task SET deferred = ? WHERE id = ?", later, task.id)


def _note(device: Device, task: Task, text: str) -> None:
    if not text:
        return
    with database.write():
        presence.note(device, None)
        timeline.note(device.id, timeline.PROGRESS, text, task.job_id, task.id)
        database.execute("UPDATE task SET note = ? WHERE id = ? AND state = ?", text[:1024], task.id, task.state)


def _numbered(task: Task) -> Task | None:
    """Return an open task with a number, drawing one where it has none; None if it has ended meanwhile."""
    found: Task | None = task
    while found and found.is_open and found.action is None:
        # The index refuses a number that another task of the device has: then another is drawn.
        with contextlib.suppress(peewee.IntegrityError), database.write():
            database.execute(
                "UPDATE task SET action = ? WHERE id = ? AND action IS NULL AND state IN (?, ?, ?, ?)",
                *(clock.chance().randint(1, LARGEST), task.id, *states.OPEN),
            )
        found = tasks.find(task.id)
    return found if found and found.is_open else None
