"""Fronts of devices that keep a connection and speak in messages: what a transport needs of them.

A transport (`otagw.mqtt`) knows no vendor. It asks a front who a client is, hands it each message of that device, and
sends what the front returns. Everything here runs in a thread, and may wait for the database.
"""

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, NamedTuple

from otagw import errors
from otagw.dialects import json_body
from otagw.dialects.hints import passwords
from otagw.dialects.hints.passwords import Reading
from otagw.ota.devices import presence, timeline
from otagw.ota.devices.devices import Device
from otagw.ota.rollouts import job_steps
from otagw.ota.updates import pushes, updates
from otagw.ota.updates.updates import Offer

log: Final = logging.getLogger("otagw.messages")


class Credentials(NamedTuple):
    """How a client says who it is."""

    client_id: str
    user_name: str
    password: str


class Message(NamedTuple):
    """What a device is sent; ``offer`` is what it is told to install by that, if anything."""

    topic: str
    payload: bytes
    offer: Offer | None = None


@dataclass(slots=True)
class Visit:
    """One connection of a device: ``name`` is what its topics call it, ``endpoint`` the base of the links that it gets.

    ``told`` are the offers that it was sent on this connection, ``reported`` the modules whose version it has said.
    ``asked`` tells whether it was asked for its versions; ``passed`` are the tasks that it cannot be told of for now.
    ``room`` is how many offers more it may be sent before it acknowledges some.
    """

    device_id: int
    name: str
    address: str | None
    endpoint: str
    told: set[pushes.Key] = field(default_factory=set)
    reported: set[str] = field(default_factory=set)
    passed: set[int] = field(default_factory=set)
    asked: bool = False
    room: int = 0


@dataclass(frozen=True)
class MessageOperation:
    """One thing that a device can say: the topic it says it on, and what comes of it.

    ``topic`` has names in braces. ``act`` takes the front, the visit, the device and the JSON object that was sent, and
    returns what the device is to be sent.
    """

    name: str
    topic: str
    act: Callable[["MessageFront", Visit, Device, Mapping[str, Any]], Sequence[Message]]


class MessageFront(ABC):
    """A protocol of devices over messages; ``name`` is its folder, ``operations`` what it takes.

    ``vendor`` and ``form`` say, for people, whose devices these are and how they say who they are.
    """

    name: ClassVar[str]
    vendor: ClassVar[str]
    form: ClassVar[str]
    operations: ClassVar[tuple[MessageOperation, ...]]

    def __init__(self) -> None:
        self._topics: Final = [(_pattern(found.topic), found) for found in self.operations]

    def find(self, topic: str) -> tuple[MessageOperation, Mapping[str, str]] | None:
        """Return the operation of a topic and the names in it, or None where nothing is done about it."""
        for pattern, operation in self._topics:
            match = pattern.fullmatch(topic)
            if match:
                return operation, match.groupdict()
        return None

    def hear(
        self, operation: MessageOperation, names: Mapping[str, str], visit: Visit, device: Device, payload: bytes
    ) -> Sequence[Message]:
        """Take a message of a device; return what it is to be sent. Raises `errors.Fault` for one that is refused."""
        if "/".join(names.values()) != visit.name:  # a topic of another device
            raise errors.NotGranted(operation.name)
        return operation.act(self, visit, device, json_body.read_object(payload or b"{}", strict=False))

    def news(self, visit: Visit, device: Device, module: str | None = None) -> list[Message]:
        """Return what tells a device of what it can install now and has not been told on this connection.

        As much as there is room for: what still waits it is told later.
        """
        found: list[Message] = []
        for offer in pushes.news(device, visit.told, module):
            if len(found) >= visit.room:
                break
            before = self.before(visit, device, offer)
            if before is not None:
                found += before
                visit.passed |= set() if before else {offer.task.id}
                continue
            message = self._spelled(visit, device, offer)  # first: what cannot be said is not noted as told
            taken = pushes.tell(device, offer) if message else None
            if message and taken:
                visit.told.add(pushes.key(taken))
                found.append(message._replace(offer=taken))
        return found

    def _spelled(self, visit: Visit, device: Device, offer: Offer) -> Message | None:
        """Return what tells a device of an offer; where our code fails at that, the device loses nothing but the offer.

        If its connection broke, it would report again, and meet the same offer, without end.
        """
        try:
            return self.push(visit, device, offer)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            log.exception("an offer cannot be put into words", extra={"task": offer.task.id, "front": self.name})
            visit.passed.add(offer.task.id)
            return None

    def wanted(self, visit: Visit, device: Device, module: str | None = None) -> Offer | None:
        """Return what a device that asks can install now; it is told so however often it asks."""
        presence.heard(device, visit.address)
        offers = updates.ready(device, job_steps.open_of(device.id, module), module)
        takes = (updates.take(offer) for offer in offers if self.before(visit, device, offer) is None)
        found = next(filter(None, takes), None)
        updates.polled(found)
        if found:
            visit.told.add(pushes.key(found))
            timeline.note_link(device.id, found.job.id, found.task.id)
        return found

    def before(self, visit: Visit, device: Device, offer: Offer) -> Sequence[Message] | None:
        """Return what a device has to be sent before it may be told of an offer; None where it may be told now.

        Where there is nothing to send, the offer waits: for an answer, or for another way.
        """
        return None

    def mistake(self, given: Credentials) -> str:
        """Return which mistake would have made credentials that are not believed, in one sentence; or an empty text."""
        try:
            return self.misread(given) or passwords.mistake(self.reading(given))
        except errors.Fault:
            return ""

    @abstractmethod
    def reading(self, given: Credentials) -> Reading:
        """Return what a client says of itself; raise the fault that says why it cannot be read."""

    @abstractmethod
    def misread(self, given: Credentials) -> str:
        """Return what is wrong with credentials that are almost this vendor's, in one sentence; or an empty text."""

    @abstractmethod
    def is_for(self, given: Credentials) -> bool:
        """Tell whether these are credentials as this vendor's clients make them."""

    @abstractmethod
    def admit(self, given: Credentials) -> Device:
        """Return the device whose credentials these are, or raise the fault that says why they are not believed."""

    @abstractmethod
    def called(self, given: Credentials) -> str:
        """Return what the topics of a client that was let in call it: the names in them, with slashes between."""

    @abstractmethod
    def push(self, visit: Visit, device: Device, offer: Offer) -> Message:
        """Return what tells a device of an offer."""


def _pattern(topic: str) -> re.Pattern[str]:
    """Return what fits topics like one with names in braces."""
    parts = re.split(r"\{(\w+)\}", topic)
    return re.compile("".join(f"(?P<{part}>[^/]+)" if at % 2 else re.escape(part) for at, part in enumerate(parts)))
