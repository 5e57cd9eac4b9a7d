"""The clients of one process: how many there may be, what their bodies may take, and who goes when there is no room.

Whoever has waited longest without bringing a whole request goes first, and the newest never: a stranger who opens
connections pushes out the own ones.
"""

import time
from collections import Counter
from typing import Final

import gevent
from greenlet import getcurrent, greenlet

# What is held in memory of all clients together: what they have sent, and what they have not taken of their answers.
# One that holds little is not let go for it: all places together are within a quarter of the whole.
HELD_BYTES: Final = 64 * 1024 * 1024
SMALL_BYTES: Final = 16 * 1024
# So much less, and the system gets back what they have left.
SHRUNK_BYTES: Final = 16 * 1024 * 1024
# What a client takes besides, above all while it shakes hands for TLS.
GUEST_BYTES: Final = 32 * 1024
# What has come is there more than once while it is put together.
COPIES: Final = 2
# After so long without taking anything of its answer, a client is one of those who may have to go.
STUCK_SECONDS: Final = 1.0
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
        self._held = self._most_held = self._left = self._most_guests = 0

    def __len__(self) -> int:
        return len(self._guests)

    def has_room(self) -> bool:
        """Tell whether one more may come; if there is one too many, somebody goes where anybody can."""
        return len(self._guests) <= self._room or self.dismiss()

    def enter(self, guest: Guest) -> None:
        """Take a client in; where there is no room somebody else goes, or it itself if all of its address work."""
        if self._of_one_address and guest.address and self._addresses[guest.address] >= self._of_one_address:
            if not self.dismiss(guest.address):
                raise gevent.GreenletExit
        elif len(self._guests) >= self._room:
            self.dismiss()
        self._guests.add(guest)
        self._most_guests = max(self._most_guests, len(self._guests))
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

    def dismiss(self, address: str = "", memory_for: Guest | None = None) -> bool:
        """Let the one go that has waited longest, of an address or of those that hold much; tell whether one did.

        Where none waits, one goes that has not taken anything of its answer for a while.
        """
        stuck = time.monotonic() - (0 if memory_for else STUCK_SECONDS)

        def may_go(guest: Guest) -> bool:
            if memory_for:
                return guest.held > SMALL_BYTES and guest is not memory_for
            return not address or guest.address == address

        going = next(filter(may_go, self._waiting), None) or min(
            (guest for guest in self._guests if guest.sends and guest.since < stuck and may_go(guest)),
            key=lambda guest: guest.since,
            default=None,
        )
        if going:
            self._end(going)
        return going is not None

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
        """Count bytes that stay in memory for a client, or no longer do; where they are too many, somebody goes.

        The client itself goes if nobody else can.
        """
        if guest not in self._guests:
            return
        guest.held += size
        self._held += size
        self._most_held = max(self._most_held, self._held)
        while self._held > HELD_BYTES and guest.held > SMALL_BYTES:
            if not self.dismiss(memory_for=guest):
                self.leave(guest)
                raise gevent.GreenletExit

    def has_shrunk(self) -> bool:
        """Tell whether clients have left much memory since this was so last."""
        gone = self._most_guests - len(self._guests)
        if self._most_held - self._held + self._left + GUEST_BYTES * gone < SHRUNK_BYTES:
            return False
        self._most_held, self._left, self._most_guests = self._held, 0, len(self._guests)
        return True

    def release(self, guest: Guest) -> None:
        """Count nothing of a client any more."""
        self._held -= guest.held
        guest.held = 0

    def _end(self, guest: Guest) -> None:
        self._left += guest.held
        self.leave(guest)
        gevent.get_hub().loop.run_callback(guest.end)
