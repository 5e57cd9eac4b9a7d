"""Why a device does not update: the reason for the present state, in one sentence."""

from typing import Final

from otagw import clock
from otagw.ota import states
from otagw.ota.devices import devices
from otagw.ota.devices.devices import Device
from otagw.ota.packages import packages
from otagw.ota.products import minimum_versions
from otagw.ota.rollouts import jobs, tasks
from otagw.ota.rollouts.records import Job, Task

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
    found = tasks.open_of(device.id)
    return [_sentence(device, task) for task in found] or [_without_task(device), *_passed_over(device)]


def _sentence(device: Device, task: Task) -> str:
    job, package, now = jobs.find(task.job_id), packages.find(task.package_id), clock.now()
    what = f"{task.module} {task.version}, job {task.job_id}"
    if job is None or package is None:
        return f"{what}: the job or its package is gone."
    hindered = hindrance(task, job, now) or minimum_versions.hindrance(task.product_key, task.module, task.version)
    if hindered:
        return f"{what}: not offered, because {hindered}."
    if task.state == states.QUEUED:
        rest = "or more devices asked in this minute than may be offered it"
        unmeasured = "" if packages.is_measured(package) else f" {UNMEASURED}"
        return f"{what}: the device has not asked since the task was made, {rest}.{unmeasured}"
    if task.state == states.NOTIFIED:
        return f"{what}: offered, and the device has not said that it began."
    heard = "" if device.state == devices.ONLINE else " It has not been heard of lately."
    return f"{what}: the device is at work, {task.progress} percent done.{heard}"


def _without_task(device: Device) -> str:
    last = tasks.last_of(device.id)
    if last is None:
        return "No job has selected the device."
    what = f"{last.module} {last.version}, job {last.job_id}"
    said = f": {last.note}" if last.note else ""
    return f"The device has nothing to do. Its last task ({what}) {last.state}{said}."


def _passed_over(device: Device) -> list[str]:
    """Return a sentence on each dynamic job that gives nobody its version, which is below the minimum."""
    found = [job for known in devices.versions(device) for job in jobs.dynamic_for(device.product_key, known.module)]
    reasons = ((job, minimum_versions.hindrance(job.product_key, job.module, job.version)) for job in found)
    return [f"Job {job.id} selects no device, because {reason}." for job, reason in reasons if reason]
