"""Versions that a device says in attributes, beside its word for how an update ended, which decides.

After that word the device runs the version of the package. An attribute may spell it otherwise: that spelling is
remembered, and only another one is a new version.
"""

from typing import Final

from otagw.db import database
from otagw.ota.devices import presence, timeline
from otagw.ota.devices.devices import Device
from otagw.ota.rollouts import job_steps
from otagw.ota.rollouts.records import Task
from otagw.ota.updates import updates

# The spelling is what the attribute says next.
NEXT: Final = ""
_SELECT: Final = "SELECT version, modified, spelled FROM device_version WHERE device_id = ? AND folded = ?"


def installed(device: Device, task: Task, module: str, address: str | None) -> None:
    """Note that a device says it has installed what a task is of: it runs that version from now on.

    What an attribute said while the device was at work is the spelling of it, or else what one says next.
    """
    with database.write():
        had, at, _ = database.execute(_SELECT, device.id, module.lower()).fetchone() or (None, 0, None)
        updates.reported_version(device, task.version, module, address, installed=True)
        if had == task.version:
            return
        said_at_work = had and had != task.source_version and task.started and at >= task.started
        _spell(device, module, had if said_at_work else NEXT)


def attribute_says(device: Device, module: str, version: str, address: str | None) -> None:
    """Note which version an attribute of a device says: a report, unless it spells the one that was installed."""
    with database.write():
        had, _, spelled = database.execute(_SELECT, device.id, module.lower()).fetchone() or (None, 0, None)
        is_awaited = any(task.version == version for task in job_steps.open_of(device.id, module))
        if version == had or spelled not in (version, NEXT) or is_awaited:
            updates.reported_version(device, version, module, address, decides=False)
        elif presence.note(device, address):
            _spell(device, module, version)
            timeline.note(device.id, timeline.REPORTED, f"{module} {version}, which spells {had}")


def _spell(device: Device, module: str, spelled: str | None) -> None:
    query = "UPDATE device_version SET spelled = ? WHERE device_id = ? AND folded = ?"
    database.execute(query, spelled, device.id, module.lower())
