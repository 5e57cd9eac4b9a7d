"""The front of Alibaba's devices: each message is one thing that a device says, for `ota.updates`.

docs/mqtt.md is written for those who build devices, docs/wire/alink.md has the facts of the wire.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from otagw import clock
from otagw.dialects.alink import credentials, fields, mistakes, offers
from otagw.dialects.hints.passwords import Reading
from otagw.dialects.messages import Credentials, Message, MessageFront, MessageOperation, Visit
from otagw.ota.devices.devices import Device
from otagw.ota.updates import updates
from otagw.ota.updates.updates import Offer

INFORM: Final = "/ota/device/inform/{product}/{device}"
PROGRESS: Final = "/ota/device/progress/{product}/{device}"
UPGRADE: Final = "/ota/device/upgrade/{product}/{device}"
GET: Final = "/sys/{product}/{device}/thing/ota/firmware/get"
GET_REPLY: Final = f"{GET}_reply"
_INFORM, _PROGRESS, _GET = fields.Inform(), fields.Progress(), fields.Get()


def _topic(topic: str, device: Device) -> str:
    return topic.format(product=device.product_key, device=device.name)


def _inform(front: MessageFront, visit: Visit, device: Device, said: Mapping[str, Any]) -> Sequence[Message]:
    found = _INFORM.read(fields.params(said))
    updates.reported_version(device, found["version"], found["module"], visit.address)
    visit.reported.add(found["module"].lower())
    return front.news(visit, device, found["module"])


def _progress(front: MessageFront, visit: Visit, device: Device, said: Mapping[str, Any]) -> Sequence[Message]:
    found = _PROGRESS.read(fields.params(said))
    updates.progress(device, found["step"], found["desc"], found["module"])
    return ()


def _get(front: MessageFront, visit: Visit, device: Device, said: Mapping[str, Any]) -> Sequence[Message]:
    """Answer a question for an update, which is told however often it is asked for."""
    found = _GET.read(fields.params(said))
    offer = front.wanted(visit, device, found["module"])
    data = offers.spell(offer, visit.endpoint) if offer else {}
    answer = {"id": fields.identifier(said), "code": 200, "data": data}
    return [Message(_topic(GET_REPLY, device), orjson.dumps(answer))]


class Alink(MessageFront):
    """Alibaba's topics of devices."""

    name, vendor, form = "alink", mistakes.VENDOR, mistakes.FORM
    operations = (
        MessageOperation("alink.inform", INFORM, _inform),
        MessageOperation("alink.progress", PROGRESS, _progress),
        MessageOperation("alink.get", GET, _get),
    )

    def is_for(self, given: Credentials) -> bool:
        """Tell whether a user name is one of a device and its product."""
        return "&" in given.user_name and "|" not in given.user_name

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
        """Return product and device."""
        claim = credentials.read(given)
        return f"{claim.product_key}/{claim.name}"

    def push(self, visit: Visit, device: Device, offer: Offer) -> Message:
        """Return what tells a device of an offer."""
        data = offers.spell(offer, visit.endpoint)
        said = {"code": "1000", "id": clock.now(), "message": "success", "data": data}
        return Message(_topic(UPGRADE, device), orjson.dumps(said), offer)
