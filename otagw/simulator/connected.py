"""A device that keeps a connection: what all of these have in common, however they spell it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from otagw.simulator.mqtt import Connection, Credentials, Message
from otagw.simulator.protocol import DOWNLOAD, DOWNLOADING, INSTALL, INSTALLED, INSTALLING, VERIFY, VERIFYING, Offer
from otagw.simulator.transport import Transport

LISTEN_SECONDS = 1.0
PERCENT = {DOWNLOADING: 5, VERIFYING: 50, INSTALLING: 70, INSTALLED: 99}
WORDS = {
    DOWNLOAD: "the connection broke off for good",
    VERIFY: "the bytes are not what was announced",
    INSTALL: "the flash could not be written",
}


class Device(ABC):
    """Speak for one device: it reports when it has connected, is told of updates, and asks now and then."""

    sleep = None
    listens: ClassVar[float | None] = LISTEN_SECONDS

    def __init__(self, transport: Transport, endpoint: str, product: str, name: str, secret: str) -> None:
        self.product, self.name, self.secret = product, name, secret
        self._connection = Connection(transport, endpoint)
        self._asks = False

    # --- as each vendor has it

    @abstractmethod
    def signed(self) -> Credentials:
        """Return what the device says in CONNECT."""

    @abstractmethod
    def spelled_report(self, module: str, version: str, after_update: bool) -> tuple[str, Mapping[str, Any]]:
        """Return topic and message of a report of what a module runs."""

    @abstractmethod
    def spelled_progress(self, offer: Offer, percent: int, message: str) -> tuple[str, Mapping[str, Any]]:
        """Return topic and message of a report of progress."""

    @abstractmethod
    def spelled_failure(self, offer: Offer, reason: str, message: str) -> tuple[str, Mapping[str, Any]]:
        """Return topic and message of a failure."""

    @abstractmethod
    def read(self, message: Message) -> Offer | None:
        """Return the update that a message is about, if it is about one."""

    def question(self) -> tuple[str, Mapping[str, Any]] | None:
        """Return topic and message of a question for an update; None where the protocol has none."""
        return None

    # --- what all do

    def report(self, module: str, version: str) -> None:
        """Say what a module runs; connect for that where there is no connection."""
        self._say("report", self.spelled_report(module, version, after_update=False))

    def poll(self) -> Offer | None:
        """Return what the device was told last; where it was told nothing since the last time, ask."""
        self._connection.ping("poll")
        found = self._offer()
        if found is None and self._asks:
            question = self.question()
            if question:
                self._say("ask", question)
                self._connection.ping("poll")  # the answer is behind the acknowledgement
                found = self._offer()
        self._asks = found is None
        return found

    def _offer(self) -> Offer | None:
        found = [self.read(message) for message in self._connection.taken()]
        return next((offer for offer in reversed(found) if offer), None)

    def has_news(self) -> bool:
        """Tell whether the gateway has said something, or ended the connection."""
        return self._connection.has_news()

    def down(self) -> None:
        """End the connection, as the device goes down."""
        self._connection.close()
        self._asks = False

    def progress(self, offer: Offer, step: str) -> None:
        """Say how far an update has come."""
        self.at(offer, PERCENT[step], step)

    def fail(self, offer: Offer, reason: str) -> bool:
        """Say that an update failed; the gateway does not say whether it is to be tried again."""
        self._say("progress", self.spelled_failure(offer, reason, WORDS[reason]))
        return True

    def at(self, offer: Offer, percent: int, message: str) -> None:
        """Say that an update has come so far."""
        self._say("progress", self.spelled_progress(offer, percent, message))

    def fail_with(self, offer: Offer, message: str) -> bool:
        """Say that an update failed, and why."""
        self._say("progress", self.spelled_failure(offer, INSTALL, message))
        return True

    def succeed(self, offer: Offer) -> None:
        """Report, on a new connection, the version that was to be installed."""
        self._say("report", self.spelled_report(offer.module, offer.version, after_update=True))

    def credentials(self, url: str) -> Mapping[str, str]:
        """Return nothing: links are good by themselves."""
        return {}

    def _say(self, what: str, said: tuple[str, Mapping[str, Any]]) -> None:
        if not self._connection.is_open:
            self._connection.open(self.signed())
        self._connection.say(what, *said)
