"""The events between the gateway and a device, in order, to find out why a device does not update.

Devices cause events often, so this module uses SQL statements, not peewee.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Final, NamedTuple

from otagw import clock
from otagw.db import database, models
from otagw.db.rows import Rows
from otagw.ota import listing
from otagw.ota.accounts import Account
from otagw.ota.devices.devices import Device
from otagw.ota.listing import Page

# What is noted.
REPORTED, OFFERED, LINK, PROGRESS, DECIDED = "reported", "offered", "link", "progress", "decided"
# A device that asks again and again gets a link each time; one an hour is noted.
LINK_NOTED_MS: Final = 3600 * 1000
_LONGEST: Final = 1024


class Event(NamedTuple):
    """One thing that happened, at a time in milliseconds; job and task where it is about one."""

    id: int
    at: int
    kind: str
    job_id: int | None
    task_id: int | None
    detail: str


_ROWS: Final = Rows(Event, models.DeviceEvent)


def note(device_id: int, kind: str, detail: str, job_id: int | None = None, task_id: int | None = None) -> None:
    """Note something, inside the write that makes it true."""
    database.execute(
        "INSERT INTO device_event (device_id, at, kind, job_id, task_id, detail) VALUES (?, ?, ?, ?, ?, ?)",
        *(device_id, clock.now(), kind, job_id, task_id, _cut(detail)),
    )


def note_many(kind: str, detail: str, about: Sequence[tuple[int, int, int]]) -> None:
    """Note one thing of many tasks, each a device, a job and a task; inside the write that makes it true."""
    if about:
        marks = ",".join(["(?,?,?)"] * len(about))
        database.execute(
            "INSERT INTO device_event (device_id, job_id, task_id, at, kind, detail) "
            f"SELECT column1, column2, column3, ?, ?, ? FROM (VALUES {marks}) AS noted",
            *(clock.now(), kind, _cut(detail)),
            *chain.from_iterable(about),
        )


def note_link(device_id: int, job_id: int, task_id: int) -> None:
    """Note that a device was given where to download from, unless that was noted of its task within an hour."""
    row = database.execute(
        "SELECT at FROM device_event WHERE device_id = ? AND kind = ? AND task_id = ? ORDER BY id DESC LIMIT 1",
        *(device_id, LINK, task_id),
    ).fetchone()
    if row is None or clock.now() - row[0] >= LINK_NOTED_MS:
        with database.write():
            note(device_id, LINK, "where to download from", job_id, task_id)


def _cut(detail: str) -> str:
    return detail if len(detail) <= _LONGEST else f"{detail[: _LONGEST - 1]}…"


def page(account: Account, device: Device, number: int, size: int) -> Page[Event]:
    """Return a page of a device's events, newest first."""
    assert device.account_id == account.id  # noqa: S101 - the caller found the device in its account
    row = models.DeviceEvent
    return listing.page(_ROWS, _ROWS.select().where(row.device_id == device.id), [row.id.desc()], number, size)
