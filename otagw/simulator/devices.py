"""How simulated devices behave: they start, report, ask, update, fail, break off, crash and come back.

A device is a generator. What stands between two ``yield`` is done at once; a ``yield`` says how many seconds pass then.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from otagw.simulator import protocol, report
from otagw.simulator.protocol import Canceled, File, Offer, Speaker, Trouble
from otagw.simulator.transport import Download, Transport

POLL: Final = 10.0
# How much earlier or later than told a device asks, so that not all ask at once.
JITTER: Final = 0.1
# What reading an answer of an unexpected shape comes to.
_MISREAD: Final = (KeyError, IndexError, TypeError, AttributeError, ValueError)


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """How devices behave: times are seconds, shares from 0 to 1, ``bandwidth`` is bytes a second.

    ``poll`` None is what the gateway says, else `POLL`; ``latency`` is the mean of each step of an update, the same for
    all if ``fixed``.
    """

    poll: float | None = None
    ramp: float = 5.0
    latency: float = 1.0
    fixed: bool = False
    download: bool = True
    bandwidth: float | None = None
    fail: float = 0.0
    break_off: float = 0.0
    crash: float = 0.0
    reboot: float = 2.0
    seed: int = 1


class _Crash(Exception):
    """Say that a device went down in the middle of an update."""


class Device:
    """One device: what it runs, and what is to befall it, which follows from the seed and its name alone."""

    def __init__(self, name: str, version: str, speaker: Speaker, behaviour: Behaviour, transport: Transport) -> None:
        self.name = name
        self._versions = {"default": version}
        self._speaker, self._behaviour = speaker, behaviour
        self._transport, self._report = transport, transport.report
        self._random = random.Random(f"{behaviour.seed}/{name}")  # noqa: S311 - chance, not secrecy
        self._has_crashed = False
        self._last = ""

    def live(self) -> Iterator[float]:
        """Go through the device's life, which does not end by itself."""
        yield self._random.uniform(0, self._behaviour.ramp)
        try:
            yield from self._lives()
        finally:
            self._speaker.down()

    def _lives(self) -> Iterator[float]:
        while True:
            try:
                yield from self._run()
            except _Crash:
                self._report.count("crashes")
                self._speaker.down()
                yield self._behaviour.reboot
            except Canceled:
                self._report.note(self.name, report.CANCELED)
                yield self._interval()
            except Trouble as trouble:
                yield max(trouble.wait, self._interval())
            except _MISREAD as error:
                self._report.error(f"an answer of an unexpected shape: {type(error).__name__} {error}")
                yield self._interval()

    def _run(self) -> Iterator[float]:
        """Run from a start until the device is down."""
        for module, version in self._versions.items():
            self._speaker.report(module, version)
        while True:
            offer = self._speaker.poll()
            if offer:
                yield from self._update(offer)
            yield from self._wait()

    def _wait(self) -> Iterator[float]:
        """Wait until it is time to ask again, or the gateway has said something."""
        left, listens = self._interval(), self._speaker.listens
        while listens and left > listens and not self._speaker.has_news():
            yield listens
            left -= listens
        if not self._speaker.has_news():
            yield left

    def _update(self, offer: Offer) -> Iterator[float]:
        if self._versions.get(offer.module) == offer.version:
            if offer.id == self._last:
                self._report.error("an update is offered again after its success")
            self._succeed(offer)
            return
        self._report.note(self.name, report.AT_WORK)
        chance = self._random.random
        failure = self._random.choice(protocol.FAILURES) if chance() < self._behaviour.fail else ""
        crashes = chance() < self._behaviour.crash and not self._has_crashed
        breaks = chance() < self._behaviour.break_off

        self._speaker.progress(offer, protocol.DOWNLOADING)
        yield self._pause()
        for file in offer.files if self._behaviour.download else ():
            yield from self._load(offer, file, breaks, failure == protocol.DOWNLOAD)
        if failure == protocol.DOWNLOAD:
            return self._fail(offer, failure)
        self._speaker.progress(offer, protocol.VERIFYING)
        yield self._pause()
        if failure == protocol.VERIFY:
            return self._fail(offer, failure)
        self._speaker.progress(offer, protocol.INSTALLING)
        yield self._pause()
        if failure == protocol.INSTALL:
            return self._fail(offer, failure)
        if crashes:
            self._has_crashed = True
            raise _Crash
        self._speaker.progress(offer, protocol.INSTALLED)
        self._speaker.down()
        yield self._behaviour.reboot
        self._succeed(offer)

    def _load(self, offer: Offer, file: File, breaks: bool, fails: bool) -> Iterator[float]:
        """Load a file, in two parts if the connection breaks off, and its first part alone if that is its end."""
        download = Download(self._transport, file, self._speaker.credentials(file.url))
        middle = (file.size or 0) // 2
        if middle and (breaks or fails):
            yield self._travel(download.load(middle)) + self._pause()
        if fails:
            return
        yield self._travel(download.load())
        problem = download.problem()
        if problem:
            self._fail(offer, protocol.VERIFY)
            raise self._transport.trouble(f"download: {problem}")

    def _fail(self, offer: Offer, reason: str) -> None:
        if self._speaker.fail(offer, reason):
            self._report.note(self.name, report.FAILED, reason)

    def _succeed(self, offer: Offer) -> None:
        self._versions[offer.module] = offer.version
        self._speaker.succeed(offer)
        self._last = offer.id
        self._report.note(self.name, report.SUCCEEDED)

    def _interval(self) -> float:
        chosen = self._behaviour.poll or self._speaker.sleep or POLL
        return chosen * self._random.uniform(1 - JITTER, 1 + JITTER)

    def _pause(self) -> float:
        mean = self._behaviour.latency
        return mean if self._behaviour.fixed or not mean else self._random.expovariate(1 / mean)

    def _travel(self, number: int) -> float:
        """Return how long so many bytes would have taken; they came as fast as they could."""
        return number / self._behaviour.bandwidth if self._behaviour.bandwidth else 0.0
