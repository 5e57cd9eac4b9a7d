"""What devices have to say, however they say it."""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

# How far an update has come: each is said once, in this order.
DOWNLOADING: Final = "downloading"
VERIFYING: Final = "verifying"
INSTALLING: Final = "installing"
INSTALLED: Final = "installed"

# Where an update may fail.
DOWNLOAD, VERIFY, INSTALL = FAILURES = ("download", "verify", "install")


class File(NamedTuple):
    """A file to load: ``size`` is None where it is not known, ``hashes`` are hex digits by the names of hashlib."""

    url: str
    size: int | None
    hashes: Mapping[str, str]


class Offer(NamedTuple):
    """What a device is told to install."""

    id: str
    version: str
    files: tuple[File, ...]
    module: str = "default"


class Trouble(Exception):
    """Say that a step came to nothing; it is counted already. ``wait`` is how many seconds to stay away, if told."""

    def __init__(self, text: str, wait: float = 0) -> None:
        super().__init__(text)
        self.wait = wait


class Canceled(Exception):
    """Say that the gateway takes an update back."""


class Asking:
    """What devices have in common that ask, and are told nothing by themselves."""

    listens = None

    def has_news(self) -> bool:
        """Return that there is none."""
        return False

    def down(self) -> None:
        """Do nothing: there is no connection of its own."""


class Speaker(Protocol):
    """One device's side of a protocol; whatever it calls may raise `Trouble`."""

    @property
    def sleep(self) -> float | None:
        """Return how many seconds the gateway asks to wait between polls, if it has said so."""

    @property
    def listens(self) -> float | None:
        """Return how often, in seconds, it looks whether the gateway has said something; None where it cannot."""

    def has_news(self) -> bool:
        """Tell whether the gateway has said something, so that it is time for a `poll`."""

    def down(self) -> None:
        """Note that the device goes down."""

    def report(self, module: str, version: str) -> None:
        """Say what a module runs, after a start."""

    def poll(self) -> Offer | None:
        """Ask for an update; raise `Canceled` where the gateway takes one back."""

    def progress(self, offer: Offer, step: str) -> None:
        """Say how far an update has come; raise `Canceled` where there is none any more."""

    def fail(self, offer: Offer, reason: str) -> bool:
        """Say that an update failed; return whether that is its end, as far as the gateway says."""

    def at(self, offer: Offer, percent: int, message: str) -> None:
        """Say that an update has come so far; raise `Canceled` where there is none any more."""

    def fail_with(self, offer: Offer, message: str) -> bool:
        """Say that an update failed, and why in words of one's own; return as `fail` does."""

    def succeed(self, offer: Offer) -> None:
        """Say, after the restart, that an update is what runs now."""

    def credentials(self, url: str) -> Mapping[str, str]:
        """Return the headers that a download from there takes."""
