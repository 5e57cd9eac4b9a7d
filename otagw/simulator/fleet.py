"""The scheduler: many devices that mostly wait, and a few threads that do what is due."""

import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

# How long at most until the caller of `Fleet.run` is asked whether it is over.
TICK: Final = 0.2

Life = Iterator[float]


class _Step(NamedTuple):
    """What came of a step: when the device is due again, or None if it is at its end, or what went wrong."""

    life: Life | None
    seconds: float | None = None
    error: BaseException | None = None


class Fleet:
    """Lives, each with the time at which it goes on; a waiting one costs an entry in a heap and nothing else.

    Tests pass ``now`` and ``pause``: time then stands still while a step is being done, and leaps to the next one.
    """

    def __init__(
        self,
        lives: Iterable[Life],
        threads: int,
        *,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] | None = None,
    ) -> None:
        self._now, self._pause = now, pause
        self._order = itertools.count()
        self._due = [(now(), next(self._order), life) for life in lives]
        self._ready: queue.SimpleQueue[Life | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[_Step] = queue.SimpleQueue()
        self._running = 0
        self._stopped = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]

    def run(self, is_over: Callable[[], bool]) -> None:
        """Run until all lives have ended, it is over, or `stop` is called; steps under way are finished."""
        for thread in self._threads:
            thread.start()
        try:
            while not self._stopped and (self._due or self._running) and not is_over():
                self._begin_what_is_due()
                self._wait()
        finally:
            for _ in self._threads:
                self._ready.put(None)
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """Begin nothing more; for signal handlers."""
        self._stopped = True
        self._done.put(_Step(None))

    def _begin_what_is_due(self) -> None:
        # No more than the threads can do: what is begun late is begun in order, and a stop need not wait for it.
        while self._due and self._due[0][0] <= self._now() and self._running < len(self._threads):
            _, _, life = heapq.heappop(self._due)
            self._running += 1
            self._ready.put(life)

    def _wait(self) -> None:
        """Wait for a step to be done, or for the next to be due."""
        seconds = TICK
        if self._due and self._running < len(self._threads):
            seconds = min(max(self._due[0][0] - self._now(), 0), TICK)
        if self._pause and not self._running:
            self._pause(self._due[0][0] - self._now())
            return
        try:
            self._finish(self._done.get(timeout=None if self._pause else seconds))
            while True:
                self._finish(self._done.get_nowait())
        except queue.Empty:
            return

    def _finish(self, step: _Step) -> None:
        if step.life is None:
            return
        self._running -= 1
        if step.error:
            raise step.error
        if step.seconds is not None:
            heapq.heappush(self._due, (self._now() + step.seconds, next(self._order), step.life))

    def _work(self) -> None:
        while (life := self._ready.get()) is not None:
            try:
                self._done.put(_Step(life, next(life, None)))
            except BaseException as error:  # it is raised again where the fleet is run
                self._done.put(_Step(life, error=error))
