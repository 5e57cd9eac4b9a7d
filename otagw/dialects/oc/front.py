"""The front of Huawei's devices: each event is one thing that a device says, for `ota.updates`.

docs/mqtt.md is written for those who build devices, docs/wire/oc.md has the facts of the wire.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from otagw import clock
from otagw.dialects.hints.passwords import Reading
from otagw.dialects.messages import Credentials, Message, MessageFront, MessageOperation, Visit
from otagw.dialects.oc import credentials, fields, mistakes, offers
from otagw.ota import states
from otagw.ota.devices.devices import Device
from otagw.ota.products import modules
from otagw.ota.rollouts import job_steps
from otagw.ota.rollouts.records import Task
from otagw.ota.updates import updates
from otagw.ota.updates.updates import Offer

UP: Final = "$oc/devices/{device}/sys/events/up"
DOWN: Final = "$oc/devices/{device}/sys/events/down"
SUCCESS, NEWEST, WHOLE = 0, 3, 100
# What the codes of a failed update mean, in our words.
CODES: Final[Mapping[int, str]] = {
    1: "the device is in use",
    2: "the signal is weak",
    NEWEST: "the device has the newest version",
    4: "the battery is low",
    5: "there is no room for the file",
    6: "the download took too long",
    7: "the package could not be verified",
    8: "the package is of a kind that the device does not take",
    9: "the device is out of memory",
    10: "the installation failed",
    255: "the device failed",
}
_AT_WORK: Final = (states.IN_PROGRESS, states.NOTIFIED, states.QUEUED)


def _event(visit: Visit, kind: str, paras: Mapping[str, Any], offer: Offer | None = None) -> Message:
    """Return an event for a device."""
    at = datetime.fromtimestamp(clock.now() // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    service = {"service_id": fields.SERVICE, "event_type": kind, "event_time": at, "paras": paras}
    said = {"object_device_id": visit.name, "services": [service]}
    return Message(DOWN.format(device=visit.name), orjson.dumps(said), offer)


def _events(front: MessageFront, visit: Visit, device: Device, said: Mapping[str, Any]) -> Sequence[Message]:
    """Take the events of a message in their order; then, if a device has said what it runs, tell what is there for it.

    Not sooner: what one event is told would be lost, if the next one were refused.
    """
    events = fields.events(said)
    for kind, found in events:
        if kind == fields.VERSION_REPORT:
            _versions(visit, device, found)
        else:
            _progress(visit, device, found)
    return front.news(visit, device) if fields.VERSION_REPORT in dict(events) else ()


def _versions(visit: Visit, device: Device, found: Mapping[str, Any]) -> None:
    """Note what a device runs."""
    for module, version in ((modules.DEFAULT, found["fw_version"]), (modules.SOFTWARE, found["sw_version"])):
        if version is not None:
            updates.reported_version(device, version, module, visit.address)
    visit.reported |= {modules.DEFAULT, modules.SOFTWARE}
    visit.passed.clear()


def _progress(visit: Visit, device: Device, found: Mapping[str, Any]) -> None:
    """Note how an update goes. It has succeeded with the target version, unless the device is still below 100 percent.

    A report names no update: it is of the one whose version it names, or else of the one that the device was told of.
    """
    code, version, percent = found["result_code"], found["version"], found["progress"]
    task = _task(device, version)
    if task is None:
        return
    is_target = version == task.version and percent in (None, WHOLE)
    if code in (SUCCESS, NEWEST) and is_target:
        updates.reported_version(device, task.version, task.module, visit.address, installed=True)
    elif code == SUCCESS:
        updates.progress(device, percent or 0, found["description"], task.module)
    else:
        words = CODES.get(code, CODES[255])
        said = f"{words} ({code})" + (f": {found['description']}" if found["description"] else "")
        updates.finished(device, False, said, task.module)


def _task(device: Device, version: str) -> Task | None:
    """Return the task that a report is of. One that the device was not told of is none, unless its version is named."""
    at_work = (task for task in job_steps.open_of(device.id) if task.state in _AT_WORK)
    meant = (task for task in at_work if task.state != states.QUEUED or task.version == version)
    return min(meant, key=lambda task: (task.version != version, _AT_WORK.index(task.state)), default=None)


class Oc(MessageFront):
    """Huawei's topics of devices."""

    name, vendor, form = "oc", mistakes.VENDOR, mistakes.FORM
    operations = (MessageOperation("oc.events", UP, _events),)

    def is_for(self, given: Credentials) -> bool:
        """Tell whether a client id is one of Huawei's, and the user name none of another vendor's."""
        return credentials.is_ours(given) and not set(given.user_name) & set("&|")

    def admit(self, given: Credentials) -> Device:
        """Return the device that signed its password."""
        return credentials.admit(given)

    def reading(self, given: Credentials) -> Reading:
        """Return what a client says of itself, for `mistake`."""
        return mistakes.reading(given)

    def misread(self, given: Credentials) -> str:
        """Return what is wrong with names that are almost right."""
        return mistakes.misread(given)

    def called(self, given: Credentials) -> str:
        """Return the device's id."""
        return given.user_name

    def before(self, visit: Visit, device: Device, offer: Offer) -> Sequence[Message] | None:
        """Ask a device for its versions, once on a connection; it is told of offers when it has answered."""
        if not offers.is_told(offer.package):
            return ()
        if visit.reported:
            return None
        if visit.asked:
            return ()
        visit.asked = True
        return (_event(visit, "version_query", {}),)

    def push(self, visit: Visit, device: Device, offer: Offer) -> Message:
        """Return the event that tells a device of an offer."""
        return _event(visit, *offers.spell(offer, visit), offer)
