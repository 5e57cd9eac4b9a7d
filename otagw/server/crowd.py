"""The clients of one process: how many there may be, what their bodies may take, and who goes when there is no room.

Whoever has waited longest without bringing a whole request goes first, and the newest never: a stranger who opens
connections pushes out the own ones.
"""

import itertools
import time
from collections import Counter
from typing import Final

import gevent
from greenlet import getcurrent, greenlet

# Bodies held in memory by all clients together; small ones are not counted.
BODY_BYTES: Final = 64 * 1024 * 1024
SMALL_BYTES: Final = 64 * 1024
# A body is there more than once while it is put together.
COPIES: Final = 2
# After so long without taking anything of its answer, a client is one of those who may have to go.
STUCK_SECONDS: Final = 5.0
# How long the end of a process waits for a client that has just come to ask for something.
MOMENT_SECONDS: Final = 0.5


class Guest:
    """One client, as the crowd sees it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.greenlet: greenlet = getcurrent()
        # It is being sent an answer; since when it waits, or its last progress.
        self.sends, self.since = False, time.monotonic()
        self.held = 0
        # Its request has a head.
        self.asks = False
        # Its greenlet may attend to another client by now.
        self.gone = False

    def end(self) -> None:
        """Interrupt what is done for it."""
        if not self.gone:
            self.greenlet.throw(gevent.GreenletExit)


class Crowd:
    """The clients of a process: ``room`` in all, and as many of one address, 0 for no such limit."""

    def __init__(self, room: int, of_one_address: int) -> None:
        self._room, self._of_one_address = room, of_one_address
        self._guests: set[Guest] = set()
        # Those who have not brought a whole request; who has waited longest comes first.
        self._waiting: dict[Guest, None] = {}
        self._addresses: Counter[str] = Counter()
        self._held = 0

    def __len__(self) -> int:
        return len(self._guests)

    def enter(self, guest: Guest) -> None:
        """Take a client in; somebody else goes where there is no room, or it waits for some."""
        while self._is_full(guest.address) and not self.dismiss(guest.address if self._has_many(guest.address) else ""):
            gevent.sleep(0.02)
        self._guests.add(guest)
        self._addresses[guest.address] += 1
        self.wait(guest)

    def leave(self, guest: Guest) -> None:
        """Forget a client that has gone, or has been told to go."""
        if guest in self._guests:
            self.release(guest)
            self.work(guest)
            self._guests.remove(guest)
            self._addresses[guest.address] -= 1
            if not self._addresses[guest.address]:
                del self._addresses[guest.address]

    def wait(self, guest: Guest) -> None:
        """Note that a client begins to bring a request, or that more of an upload has come: it waits from now on."""
        self._waiting.pop(guest, None)
        guest.since = time.monotonic()
        if guest in self._guests:
            self._waiting[guest] = None

    def work(self, guest: Guest) -> None:
        """Note that a client has brought a whole request."""
        self._waiting.pop(guest, None)

    def dismiss(self, address: str = "", *, large: bool = False) -> bool:
        """Let the one go that has waited longest, of an address or of those with large bodies; tell whether one did.

        Where none waits, one goes that has not taken anything of its answer for a while.
        """
        stuck = time.monotonic() - STUCK_SECONDS
        going = (guest for guest in self._guests if guest.sends and guest.since < stuck)
        for guest in itertools.chain(self._waiting, going):
            if (not address or guest.address == address) and (not large or guest.held > SMALL_BYTES):
                self._end(guest)
                return True
        return False

    def dismiss_idle(self) -> None:
        """Let all go that have not asked for anything for a moment; an upload goes on."""
        idle = time.monotonic() - MOMENT_SECONDS
        for guest in [guest for guest in self._waiting if not guest.asks and guest.since < idle]:
            self._end(guest)

    def dismiss_all(self) -> None:
        """Let all go."""
        for guest in list(self._guests):
            self._end(guest)

    def hold(self, guest: Guest, size: int) -> None:
        """Count bytes of a body that stay in memory; where that is too much, somebody goes, or this client."""
        guest.held += COPIES * size
        self._held += COPIES * size
        while self._held > BODY_BYTES:
            if not self.dismiss(large=True):
                self.leave(guest)
                raise gevent.GreenletExit

    def release(self, guest: Guest) -> None:
        """Count the body of a client no more."""
        self._held -= guest.held
        guest.held = 0

    def _end(self, guest: Guest) -> None:
        self.leave(guest)
        gevent.get_hub().loop.run_callback(guest.end)

    def _has_many(self, address: str) -> bool:
        return bool(self._of_one_address and address) and self._addresses[address] >= self._of_one_address

    def _is_full(self, address: str) -> bool:
        return len(self._guests) >= self._room or self._has_many(address)
