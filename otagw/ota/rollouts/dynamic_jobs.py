"""Dynamic jobs, looked at for one device when it reports or asks, and never by going through the fleet."""

from itertools import groupby
from operator import itemgetter
from typing import Final

from otagw import clock
from otagw.db import database
from otagw.ota import ids, states
from otagw.ota.devices import devices, timeline
from otagw.ota.devices.devices import Device
from otagw.ota.products import minimum_versions
from otagw.ota.rollouts import jobs, tasks
from otagw.ota.rollouts.records import Job, Task

# How often one job may be tried on one device.
MATCHES: Final = 10


def reported(device: Device, module: str, version: str) -> None:
    """Make a task of the newest dynamic job that is for what a device reports; inside a write."""
    _match(device, module, version, _allowed(device.product_key, module, jobs.dynamic_for(device.product_key, module)))


def asked(device: Device, module: str | None) -> list[Task]:
    """Make tasks for modules that have none, of jobs that are also for devices that reported before; return these."""
    made: list[Task] = []
    running = jobs.dynamic_of(device, module)  # one statement, after which most who ask get nothing
    for (name, version), found in groupby(running, key=itemgetter(0)):
        fitting = [job for _, job in found if job.rules.mode != jobs.LATER and _is_for(job, device, version)]
        fitting = _allowed(device.product_key, name, fitting)
        if not fitting or _tried(device, fitting[0]) >= MATCHES or tasks.open_of(device.id, name):
            continue
        with database.write():
            if devices.hold([device.id]) and not tasks.open_of(device.id, name):
                _match(device, name, version, fitting)
        made += tasks.open_of(device.id, name)
    return made


def _allowed(product_key: str, module: str, among: list[Job]) -> list[Job]:
    """Return those of the dynamic jobs for a module whose version it may be given."""
    return [job for job in among if not minimum_versions.hindrance(product_key, module, job.version)]


def _match(device: Device, module: str, version: str, among: list[Job]) -> None:
    for job in among:
        if not _is_for(job, device, version):
            continue
        if _tried(device, job) >= MATCHES:
            timeline.note(device.id, timeline.DECIDED, f"matched {MATCHES} times already", job.id)
            return
        jobs.hold([job.id])
        now = jobs.find(job.id)
        if now and now.state == states.IN_PROGRESS:  # not stopped meanwhile
            _make(device, module, version, job)
            return


def _tried(device: Device, job: Job) -> int:
    query = "SELECT COUNT(*) FROM task WHERE device_id = ? AND job_id = ?"
    return int(database.execute(query, device.id, job.id).fetchone()[0])


def _is_for(job: Job, device: Device, version: str) -> bool:
    """Tell whether a dynamic job is for a device: by the version it runs, or by its group."""
    if version == job.version:
        return False
    if job.rules.group_id is None:
        return version in job.rules.source_versions
    query = "SELECT 1 FROM device_group_member WHERE group_id = ? AND device_id = ?"
    return database.execute(query, job.rules.group_id, device.id).fetchone() is not None


def _make(device: Device, module: str, version: str, job: Job) -> None:
    now, identity = clock.now(), ids.free(tasks.KIND, 1)
    task = Task(
        id=identity,
        account_id=job.account_id,
        job_id=job.id,
        package_id=job.package_id,
        device_id=device.id,
        product_key=device.product_key,
        device_name=device.name,
        module=module.lower(),
        state=job.first_state,
        source_version=version,
        version=job.version,
        progress=0,
        note=None,
        attempts=0,
        created=now,
        modified=now,
        started=None,
        retry_at=None,
        due=None,
    )
    marks = ",".join("?" * len(tasks.COLUMNS))
    insert = f"INSERT INTO task ({', '.join(tasks.COLUMNS)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
    if database.execute(insert, *task).rowcount:  # else it got one meanwhile, of another job
        tasks.made(job.account_id, identity, 1)
        timeline.note(device.id, timeline.DECIDED, f"selected by a dynamic job for {job.version}", job.id, identity)
