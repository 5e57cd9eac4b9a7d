"""The gate that requests pass: a reset waits until no request is under way."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Final

# Far more than an answer takes; after it the connections of those under way are cut.
PATIENCE: Final = 5.0


class Busy(RuntimeError):
    """Say that requests are under way that do not end."""


class Gate:
    """A lock that many requests share, or one reset holds alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: dict[int, str] = {}
        self._number = 0
        self._waiting = 0
        self._alone: int | None = None

    def enter(self, what: str) -> int:
        """Wait while a thread holds the gate alone, or waits for that; return a number for `leave`."""
        with self._changed:
            self._changed.wait_for(lambda: self._alone is None and not self._waiting)
            self._number += 1
            self._inside[self._number] = what
            return self._number

    def leave(self, number: int) -> None:
        """Leave the gate; a second call does nothing."""
        with self._changed:
            self._inside.pop(number, None)
            self._changed.notify_all()

    @contextlib.contextmanager
    def alone(self, seconds: float | None = None) -> Iterator[None]:
        """Hold the gate alone; raise `Busy` if requests are still inside after ``seconds`` (default `PATIENCE`)."""
        seconds = PATIENCE if seconds is None else seconds
        with self._changed:
            self._waiting += 1  # or a steady stream of requests would keep it waiting
            try:
                if not self._changed.wait_for(lambda: not self._inside and self._alone is None, seconds):
                    raise Busy(f"still under way after {seconds:g} seconds: {', '.join(self._inside.values())}")
                self._alone = threading.get_ident()
            finally:
                self._waiting -= 1
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._alone = None
                self._changed.notify_all()
