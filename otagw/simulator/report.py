"""What a simulation has come to: kept while it runs, shown at its end."""

import threading
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

SUCCEEDED, FAILED, CANCELED, AT_WORK = "succeeded", "failed", "canceled", "at work"
ENDED: Final = (SUCCEEDED, FAILED, CANCELED)
SHOWN: Final = 10


class Report:
    """Counts of a fleet of so many devices; every method may be called from any thread."""

    def __init__(self, devices: int, now: Callable[[], float] = time.monotonic) -> None:
        self.devices = devices
        self.errors: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._now = now
        self._started = self._changed = now()
        self._outcomes: dict[str, tuple[str, str]] = {}
        self._states: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._bytes = 0
        self._latencies: dict[str, array[float]] = defaultdict(lambda: array("d"))

    def took(self, what: str, seconds: float) -> None:
        """Keep how long a request took until its answer came."""
        with self._lock:
            self._latencies[what].append(seconds)

    def error(self, text: str) -> None:
        """Count something that should not have happened."""
        with self._lock:
            self.errors[text] += 1

    def count(self, what: str) -> None:
        """Count something that a device went through: a download, a crash…"""
        with self._lock:
            self._counts[what] += 1

    def loaded(self, number: int) -> None:
        """Count bytes that a device loaded."""
        with self._lock:
            self._bytes += number

    def note(self, device: str, state: str, reason: str = "") -> None:
        """Note that a device is at work on an update, or how that ended; the last word counts."""
        with self._lock:
            before = self._outcomes.get(device)
            if before:
                self._states[before[0]] -= 1
            self._outcomes[device] = (state, reason)
            self._states[state] += 1
            self._changed = self._now()

    def take(self) -> tuple[int, float]:
        """Return how many devices have ended, and for how many seconds no device has been at work."""
        with self._lock:
            idle = 0.0 if self._states[AT_WORK] else self._now() - self._changed
            return sum(self._states[state] for state in ENDED), idle

    def summary(self) -> dict[str, Any]:
        """Return everything as plain data; latencies are in milliseconds."""
        with self._lock:
            seconds = self._now() - self._started
            states = {state: self._states[state] for state in (*ENDED, AT_WORK)}
            reasons = Counter(reason for state, reason in self._outcomes.values() if state == FAILED)
            return {
                "devices": self.devices,
                "seconds": round(seconds, 3),
                **{state.replace(" ", "_"): number for state, number in states.items()},
                "never_offered": self.devices - len(self._outcomes),
                "failed_by": dict(sorted(reasons.items())),
                "requests": {what: _figures(taken, seconds) for what, taken in sorted(self._latencies.items())},
                "bytes": self._bytes,
                "downloads": self._counts["downloads"],
                "resumed": self._counts["resumed"],
                "begun_again": self._counts["begun again"],
                "crashes": self._counts["crashes"],
                "errors": dict(self.errors.most_common()),
            }


def _figures(taken: "array[float]", seconds: float) -> dict[str, float]:
    ordered = sorted(taken)
    return {
        "count": len(ordered),
        "per_second": round(len(ordered) / seconds, 2) if seconds else 0.0,
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 2),
        "p99_ms": round(ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)] * 1000, 2),
    }


def table(summary: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that show a summary to a reader."""
    reasons = ", ".join(f"{number} at {reason}" for reason, number in summary["failed_by"].items())
    yield f"{'devices':13}{summary['devices']:>9,}   in {summary['seconds']:.1f} s"
    for name in ("succeeded", "failed", "canceled", "at_work", "never_offered"):
        if summary[name] or name in ("succeeded", "failed"):
            more = f"   {reasons}" if name == "failed" and reasons else ""
            yield f"{name.replace('_', ' '):13}{summary[name]:>9,}{more}"
    through = f"{summary['resumed']} resumed, {summary['crashes']} crashes"
    yield f"{'loaded':13}{_size(summary['bytes']):>9}   {summary['downloads']} downloads, {through}"
    yield ""
    yield f"{'requests':13}{'count':>9}{'per s':>9}{'p50 ms':>9}{'p99 ms':>9}"
    for what, figures in summary["requests"].items():
        rates = f"{figures['per_second']:>9,.1f}{figures['p50_ms']:>9,.1f}{figures['p99_ms']:>9,.1f}"
        yield f"{what:13}{figures['count']:>9,}{rates}"
    yield ""
    yield f"{'errors':13}{sum(summary['errors'].values()):>9,}"
    for text, number in list(summary["errors"].items())[:SHOWN]:
        yield f"  {number} x {text}"


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
