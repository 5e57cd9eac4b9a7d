"""The front of Tuya's devices: each message is one thing that a device says, for `ota.updates`.

docs/mqtt.md is written for those who build devices, docs/wire/tylink.md has the facts of the wire.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from otagw import clock, runtime
from otagw.dialects.hints.passwords import Reading
from otagw.dialects.messages import Credentials, Message, MessageFront, MessageOperation, Visit
from otagw.dialects.tylink import credentials, fields, mistakes
from otagw.ota.devices.devices import Device
from otagw.ota.packages import packages
from otagw.ota.updates import updates
from otagw.ota.updates.updates import Offer

_BASE: Final = "tylink/{device}/ota"
REPORT, PROGRESS, GET = f"{_BASE}/firmware/report", f"{_BASE}/progress/report", f"{_BASE}/get"
ISSUE, GET_RESPONSE = f"{_BASE}/issue", f"{_BASE}/get_response"
# What the codes of a failed update mean, in our words.
CODES: Final[Mapping[int, str]] = {
    40: "the device failed",
    41: "the battery is low",
    42: "there is no room in the flash memory",
    43: "the device is out of memory",
    44: "the update took too long",
    45: "the checksum is wrong",
    46: "the battery is low",
    47: "the device is out of memory",
    48: "the version is wrong",
    49: "the signature is wrong",
    50: "the gateway is busy",
}
_PROGRESS: Final = fields.Progress()


def _report(front: MessageFront, visit: Visit, device: Device, said: Mapping[str, Any]) -> Sequence[Message]:
    """Note what all channels run, and then tell what there is for them: a refused one loses nothing that was told."""
    reported = fields.channels(said)
    for module, version in reported:
        updates.reported_version(device, version, module, visit.address)
        visit.reported.add(module)
    return [message for module in dict(reported) for message in front.news(visit, device, module)]


def _progress(front: MessageFront, visit: Visit, device: Device, said: Mapping[str, Any]) -> Sequence[Message]:
    """Note how an update goes; the version that the device reports after it is the success."""
    found = _PROGRESS.read(fields.data(said))
    module, code = fields.module(found["channel"]), found["errorCode"]
    if code:
        words = f"{CODES.get(code, CODES[40])} ({code})"
        updates.finished(device, False, f"{words}: {found['errorMsg']}".removesuffix(": "), module)
    else:
        updates.progress(device, found["progress"] or 0, found["errorMsg"], module)
    return ()


def _get(front: MessageFront, visit: Visit, device: Device, said: Mapping[str, Any]) -> Sequence[Message]:
    """Answer a question for an update, which is told however often it is asked for."""
    offer = front.wanted(visit, device)
    data = _spell(offer, visit) if offer else {}
    answer = {"msgId": fields.identifier(said), "time": clock.now(), "code": 0, "data": data}
    return (Message(GET_RESPONSE.format(device=visit.name), orjson.dumps(answer)),)


def _is_told(offer: Offer) -> bool:
    """Tell whether an offer can be told: one file, whose MD5 is known, for a channel."""
    package = offer.package
    channel = fields.channel_of(packages.part(package))
    return channel is not None and not package.files and _md5(offer) is not None


def _md5(offer: Offer) -> str | None:
    package = offer.package
    if package.sign_method == "MD5":
        return package.sign
    (artifact,) = packages.artifacts(package)
    return artifact.facts.md5 if artifact.facts else None


def _spell(offer: Offer, visit: Visit) -> dict[str, Any]:
    """Return an offer as data. There is no ``hmac``: which key it is made with is not known."""
    task, _, package = offer
    key = package.object_key
    url = runtime.current().links.download(visit.endpoint, key) if key else package.url
    (artifact,) = packages.artifacts(package)
    size = package.size or (artifact.facts.size if artifact.facts else 0)
    return {
        "ctId": str(task.id),
        "channel": fields.channel_of(packages.part(package)),
        "version": task.version,
        "url": url,
        "cdnUrl": url,
        "httpsUrl": url,
        "size": str(size),
        "md5": _md5(offer),
        "upgradeType": 0,
        "execTime": 0,
    }


class Tylink(MessageFront):
    """Tuya's topics of devices."""

    name, vendor, form = "tylink", mistakes.VENDOR, mistakes.FORM
    operations = (
        MessageOperation("tylink.report", REPORT, _report),
        MessageOperation("tylink.progress", PROGRESS, _progress),
        MessageOperation("tylink.get", GET, _get),
    )

    def is_for(self, given: Credentials) -> bool:
        """Tell whether a client id is one of Tuya's."""
        return given.client_id.startswith(credentials.PREFIX) and "|" in given.user_name

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
        return credentials.read(given).device

    def before(self, visit: Visit, device: Device, offer: Offer) -> Sequence[Message] | None:
        """Leave out what cannot be told."""
        return None if _is_told(offer) else ()

    def push(self, visit: Visit, device: Device, offer: Offer) -> Message:
        """Return what tells a device of an offer."""
        said = {"msgId": str(offer.task.id), "time": clock.now(), "data": _spell(offer, visit)}
        return Message(ISSUE.format(device=visit.name), orjson.dumps(said), offer)
