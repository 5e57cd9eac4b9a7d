"""Bodies that come slowly, or break off at a byte."""

import threading
from collections.abc import Iterable, Iterator
from typing import Any, Final

from otagw.testing.fault import Fault
from otagw.testing.server import Hangup

# As many bytes at once come over a connection that is slow or breaks off.
PIECE: Final = 4096


class Met:
    """A fault that a request has met; ``over`` is set when all faults are taken away, and ends every wait."""

    def __init__(self, fault: Fault, over: threading.Event) -> None:
        self.fault, self._over = fault, over
        # The fault has had its effect; with drop_after, once the body reaches that byte.
        self.is_done = fault.drop_after is None
        # The body of the request breaks off, and not the answer's.
        self.is_upload = False
        # A slow connection brings a little ten times a second, and not much at once after a long wait.
        self.piece = min(PIECE, max(int(fault.bandwidth / 10), 1)) if fault.bandwidth else PIECE

    def wait(self, seconds: float) -> None:
        """Wait, unless all faults are taken away meanwhile."""
        self._over.wait(min(seconds, threading.TIMEOUT_MAX))

    def travel(self, count: int) -> None:
        """Wait for as long as so many bytes take."""
        if self.fault.bandwidth:
            self.wait(count / self.fault.bandwidth)


class Body:
    """The body of a request."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._passed = 0
        self._met: Met | None = None
        self.is_broken = False

    def pace(self, met: Met) -> None:
        """Let it be as a fault says; raise ConnectionError where it has been read too far already."""
        self._met, stop, met.is_upload = met, met.fault.drop_after, True
        met.travel(min(self._passed, self._passed if stop is None else stop))
        if stop is not None and self._passed > stop:
            self._break(met)

    def read(self, size: int = -1) -> bytes:
        """Return bytes; raise ConnectionError where they break off."""
        return self._came(self._stream.read(self._some(size)))

    def readline(self, size: int = -1) -> bytes:
        """Return a line."""
        return self._came(self._stream.readline(self._some(size)))

    def _some(self, size: int) -> int:
        """Return how many bytes to read: a few where they are counted, so that they come and break off as told."""
        if self._met is None:
            return size
        stop = self._met.fault.drop_after
        most = self._met.piece
        left = most if stop is None else stop - self._passed
        if left <= 0:
            self._break(self._met)
        return min(most, left, size if size >= 0 else most)

    def _came(self, data: bytes) -> bytes:
        self._passed += len(data)
        if self._met:
            self._met.travel(len(data))
        return data

    def _break(self, met: Met) -> None:
        self.is_broken = met.is_done = True
        raise ConnectionResetError("the body breaks off")


def pieces(met: Met, whole: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the body of an answer as a fault lets it come; raise `Hangup` where it breaks off."""
    left = None if met.is_done else met.fault.drop_after
    for part in whole:
        for start in range(0, len(part), met.piece):
            piece = part[start : start + met.piece]
            piece = piece if left is None else piece[:left]
            met.travel(len(piece))
            yield piece
            if left is not None:
                left -= len(piece)
                if left <= 0:
                    raise Hangup(met.fault.reset)
