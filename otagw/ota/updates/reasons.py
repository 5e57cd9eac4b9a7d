"""Why a device does not update: the reason for the present state, in one sentence."""

import textwrap
from collections.abc import Mapping
from typing import Final

from otagw import clock
from otagw.ota import states
from otagw.ota.devices import connections, devices
from otagw.ota.devices.devices import Device
from otagw.ota.packages import packages
from otagw.ota.packages.records import Package
from otagw.ota.products import minimum_versions
from otagw.ota.rollouts import jobs, tasks
from otagw.ota.rollouts.records import Job, Task

# What a device that reports another version than the one it was to get has failed for.
FOREIGN: Final = "report version is not conform"
# As many characters of a device's note as a person reads here; the timeline has all of them.
NOTE: Final = 200
UNMEASURED: Final = (
    "Not all digests of the package are known, since the gateway has not seen its bytes: a device whose protocol needs "
    "them is not offered it."
)


def hindrance(task: Task, job: Job, now: int) -> str | None:
    """Return why a task is not offered now, or None if it is."""
    ended = bool(job.finish_at and job.finish_at <= now and task.state != states.IN_PROGRESS)
    reasons = (
        (task.state == states.CONFIRM, "the task waits for somebody to confirm it"),
        (job.state == states.PLANNED and (job.schedule_at or 0) > now, "the job's time has not come"),
        (job.paused is not None, f"the job is paused: {job.paused}"),
        (ended or task.state in job.cancel.split(), "the task is being canceled"),
        (bool(task.retry_at and task.retry_at > now), "the device failed, and is not yet to try again"),
        (bool(task.due and task.due <= now), "the device's time is over"),
    )
    return next((text for holds, text in reasons if holds), None)


def sentences(device: Device) -> list[str]:
    """Return what there is to say: one sentence on the device, or one on each of its open tasks."""
    if not device.enabled:
        return ["The device is disabled: it is refused whatever it asks for."]
    if device.activated is None:
        return ["The device has never been heard of."]
    told = next((task for task, _ in tasks.at_hand(device.id) if task.recall == tasks.PENDING), None)
    if told:  # until then the device is shown nothing else
        return [f"{_what(told)}: canceled; the gateway waits for its answer to a cancellation."]
    found = tasks.open_of(device.id)
    oldest = {task.module: task for task in reversed(found)}
    said = [_sentence(device, each) if each is oldest[each.module] else _behind(each, oldest) for each in found]
    return said or [
        _without_task(device),
        *_passed_over(device),
    ]


def _behind(task: Task, oldest: Mapping[str, Task]) -> str:
    return f"{_what(task)}: not offered, because the update of job {oldest[task.module].job_id} has not ended."


def _sentence(device: Device, task: Task) -> str:
    job, package, now = jobs.find(task.job_id), packages.find(task.package_id), clock.now()
    what = _what(task)
    if job is None or package is None:
        return f"{what}: the job or its package is gone."
    hindered = hindrance(task, job, now) or minimum_versions.hindrance(task.product_key, task.module, task.version)
    if hindered:
        return f"{what}: not offered, because {hindered}."
    if task.state == states.QUEUED:
        return f"{what}: {_not_fetched(task, job, package)}"
    if task.state == states.NOTIFIED:
        return f"{what}: {_not_begun(task)}"
    running = _running(device, task)
    if running and running not in (task.version, task.source_version):
        return f"{what}: the device is at work, and reported {running}, expected {task.version}."
    is_here = device.state == devices.ONLINE or connections.of(device.id)
    heard = "" if is_here else " It has not been heard of lately."
    return f"{what}: the device is at work, {task.progress} percent done.{heard}"


def _without_task(device: Device) -> str:
    last = tasks.last_of(device.id)
    if last is None:
        return "No job has selected the device."
    said = f": {textwrap.shorten(last.note, NOTE, placeholder=' …')}" if last.note else ""
    running = _running(device, last)
    if last.note == FOREIGN and running and running != last.version:
        said = f": reported {running}, expected {last.version}"
    return f"The device has nothing to do. Its last task ({_what(last)}) {last.state}{said}."


def _not_fetched(task: Task, job: Job, package: Package) -> str:
    if task.action is not None:
        return "shown, not fetched."
    unmeasured = "" if packages.is_measured(package) else f" {UNMEASURED}"
    if connections.of(task.device_id) and job.rules.need_push:
        full = "as many devices as may be offered it in this minute were."
        rest = "it is told within seconds, unless its protocol waits for its version, or cannot tell of such a package."
        cause = f"{rest}{unmeasured}" if jobs.left(job, clock.now()) else full
        return f"not pushed to the device, which is connected: {cause}"
    rest = "or more devices asked in this minute than may be offered it"
    return f"the device has not asked since the task was made, {rest}.{unmeasured}"


def _not_begun(task: Task) -> str:
    connection, lost = connections.of(task.device_id), connections.lost(task.device_id)
    last = connection or lost
    if not last or last.pushed != task.id or not last.pushed_at:
        return "offered, and the device has not said that it began."
    told = f"pushed at {clock.spelled(last.pushed_at)}"
    if last.acknowledged and connection:
        return f"{told} and acknowledged, and the device has not said that it began."
    if connection and last.acknowledged is not None:
        return f"{told}, not acknowledged."
    again = "when the device reports its version" if connection else "when the device connects again"
    return f"{told}, not acknowledged before its connection ended; it is pushed again {again}."


def _what(task: Task) -> str:
    return f"{task.module} {task.version}, job {task.job_id}"


def _running(device: Device, task: Task) -> str | None:
    """Return what the device said last that the module of a task runs."""
    return {found.module.lower(): found.version for found in devices.versions(device)}.get(task.module)


def _passed_over(device: Device) -> list[str]:
    """Return a sentence on each dynamic job that gives nobody its version, which is below the minimum."""
    found = [job for known in devices.versions(device) for job in jobs.dynamic_for(device.product_key, known.module)]
    reasons = ((job, minimum_versions.hindrance(job.product_key, job.module, job.version)) for job in found)
    return [f"Job {job.id} selects no device, because {reason}." for job, reason in reasons if reason]
