"""Due work in order: the gateway's background work, and the steps of played devices."""

import contextlib
import heapq
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from otagw import runtime, worker
from otagw.ota.webhooks import outbox
from otagw.testing.double import Double
from otagw.testing.times import shown

DELIVER: Final = "ota.outbox.deliver_due"
# Kinds of work that keep the gateway from being idle.
_GOING: Final = (
    *("ota.sweep.end_tasks", "ota.sweep.advance_jobs", "ota.sweep.deleted_jobs", "ota.devices.register_due"),
    DELIVER,
)
# Kinds that are looked up at each step. The others are due a day after they are made at the earliest, and are looked up
# once a day.
_SOON: Final = (*_GOING, "ota.files.purge")
_LATE: Final = tuple(name for name in worker.STEPS if name not in _SOON)
_DAY_MS: Final = 24 * 3600 * 1000
Life = Iterator[float]


class NeverIdle(RuntimeError):
    """Work still goes on at the end of the given time."""


class Interrupted(RuntimeError):
    """The gateway ends during an advance."""


class Schedule:
    """The due times of one gateway; only one thread at a time does what is due."""

    def __init__(self, gateway: Double) -> None:
        self._gateway, self._clock = gateway, gateway.clock
        self._doing = threading.RLock()
        self._nested = False
        self._order = itertools.count()
        self._lives: list[tuple[int, int, Life]] = []
        # Hooks of played devices: poll for new tasks at once; tell whether one of them has a task.
        self.wake: Callable[[], object] = lambda: None
        self.is_at_work: Callable[[], bool] = lambda: False
        self.trouble: list[BaseException] = []
        self._is_over = False
        # The range of time in which no work of `_LATE` is due.
        self._quiet = range(0)
        self._steps: dict[str, Callable[[], int]] = {**worker.STEPS, DELIVER: lambda: outbox.deliver_due(threads=1)}

    def before(self) -> None:
        """Do what is due before a request, except to send to webhooks."""
        self._quickly(tuple(name for name in worker.STEPS if name != DELIVER))

    def after(self) -> None:
        """Send what is due to webhooks, so that it is there when the answer is."""
        self._quickly((DELIVER,))

    def add(self, life: Life) -> None:
        """Let a device live from now on."""
        heapq.heappush(self._lives, (self._clock.now(), next(self._order), life))

    def hasten(self, lives: Iterable[Life]) -> None:
        """Let devices that wait go on now."""
        some, now = {id(life) for life in lives}, self._clock.now()
        if some:
            self._lives = [(now if id(one) in some else at, number, one) for at, number, one in self._lives]
            heapq.heapify(self._lives)

    def remove(self, life: Life) -> None:
        """Let a device live no more."""
        self._lives = [entry for entry in self._lives if entry[2] is not life]
        heapq.heapify(self._lives)

    def clear(self) -> None:
        """Let no device live any more."""
        self._lives.clear()
        self.trouble.clear()
        self.forget()

    def interrupt(self) -> None:
        """Stop an advance in another thread at the next due time."""
        self._is_over = True

    def forget(self) -> None:
        """Forget known due times, since the database is another one."""
        self._quiet = range(0)

    def next_due(self) -> int | None:
        """Return when something is due next (milliseconds), or None."""
        with runtime.entered(self._gateway):
            ours = worker.next_due()
        return min((at for at in (ours, self._first_life()) if at is not None), default=None)

    def run(self, until: Callable[[int], int]) -> None:
        """Do all that is due until a time that follows from the present one, each at its own time and in order.

        Raises `Interrupted`.
        """
        with self._doing, self._inside():
            was_still, begun = self._clock.is_still, self._clock.now()
            end = until(begun)
            self._clock.set(begun, still=True)
            try:
                self.wake()
                while self._step(end):
                    self._check()
                self._clock.set(max(end, self._clock.now()), still=True)
            finally:
                if not was_still:
                    self._clock.set(self._clock.now(), still=False)

    def is_idle(self) -> bool:
        """Tell whether no job, no task and no delivery waits for a time, and no device that is played is at work."""
        with runtime.entered(self._gateway):
            going = [name for name in _GOING if worker.NEXT_DUE[name]() is not None]
        return not going and not self.is_at_work()

    def _first_life(self) -> int | None:
        return self._lives[0][0] if self._lives else None

    def _next(self, among: tuple[str, ...] = _SOON) -> int:
        """Return when to look for due work next: the next due time, or the end of `_quiet`."""
        now = self._clock.now()
        with runtime.entered(self._gateway):
            if now not in self._quiet:
                self._quiet = range(now, min([now + _DAY_MS, *_due(_LATE)]))
            return min([max(self._quiet.stop, now), *_due(among)])

    def _step(self, until: int) -> bool:
        """Go to the next due time and do all that is due then; return whether there was one until a time."""
        ours, life = self._next(), self._first_life()
        at = ours if life is None else min(ours, life)
        if at > until:
            return False
        now = max(at, self._clock.now())
        self._clock.set(now, still=True)
        if ours <= now:
            if not self._work(tuple(worker.STEPS)) and self._next() == ours:
                raise RuntimeError(f"work is due at {shown(ours)} that no step handles")
            self.wake()
        while self._lives and self._lives[0][0] <= now:
            self._check()
            self._live(heapq.heappop(self._lives)[2])
        return True

    def _check(self) -> None:
        if self._is_over:
            raise Interrupted(f"the gateway ends; it is {shown(self._clock.now())}")

    def _live(self, life: Life) -> None:
        with runtime.entered(self._gateway):
            seconds = next(life, None)
        if seconds is not None:
            at = self._clock.now() + max(round(seconds * 1000), 1)
            heapq.heappush(self._lives, (at, next(self._order), life))

    def _work(self, names: tuple[str, ...]) -> int:
        """Take steps of the gateway until nothing more is due; return how much was done."""
        total = 0
        among = tuple(name for name in _SOON if name in names)
        while self._next(among) <= self._clock.now():
            with runtime.entered(self._gateway):
                done = sum(int(self._steps[name]()) for name in names)
            self._quiet = range(0)
            total += done
            if not done:
                break
        return total

    def _quickly(self, names: tuple[str, ...]) -> None:
        """Do due work around a request, unless another thread does it; errors go to `trouble`."""
        if self._nested or not self._doing.acquire(blocking=False):
            return
        try:
            with self._inside():
                self._work(names)
        except Exception as error:
            self.trouble.append(error)
        finally:
            self._doing.release()

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        """Mark that what is due is being done, since that makes requests of its own."""
        before, self._nested = self._nested, True
        try:
            yield
        finally:
            self._nested = before


def _due(names: tuple[str, ...]) -> list[int]:
    """Return when kinds of work are due, of the gateway at hand."""
    return [at for at in (worker.NEXT_DUE[name]() for name in names) if at is not None]
