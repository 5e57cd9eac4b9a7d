"""What Prometheus is told: what has happened, counted by every process; and what waits, looked up when it asks.

Each process counts in a file of its own in the data folder. The exporter (`otagw.ops.exporter`) adds the files up.
Where metrics are off, nothing is counted and nothing is loaded. docs/operations.md lists every metric.
"""

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from otagw import private_files, runtime
from otagw.db import database

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OK: Final = "OK"
# Stands for every operation that is not ours: what a stranger sends must not become a time series.
UNKNOWN: Final = "unknown"


class Metric(NamedTuple):
    """One metric as Prometheus knows it."""

    name: str
    kind: str
    doc: str
    labels: tuple[str, ...] = ()


COUNTED: Final = (
    Metric(
        "otagw_requests_total",
        "counter",
        "Requests answered; code is OK or the name of the refusal in otagw/errors.py.",
        ("front", "operation", "code"),
    ),
    Metric("otagw_request_seconds", "histogram", "Time to answer, until the first byte.", ("front", "operation")),
    Metric("otagw_nonces_refused_total", "counter", "Requests refused since their nonce was used before."),
    Metric("otagw_upload_bytes_total", "counter", "Bytes of files uploaded and kept."),
    Metric("otagw_download_bytes_total", "counter", "Bytes of files that downloads were answered with."),
    Metric(
        "otagw_device_polls_total", "counter", "Questions of devices for an update, by what came of it.", ("offer",)
    ),
    Metric("otagw_tasks_total", "counter", "Tasks that came into a state.", ("state",)),
    Metric("otagw_worker_steps_total", "counter", "Things that the worker did, by step.", ("step",)),
    Metric("otagw_worker_failures_total", "counter", "Steps of the worker that failed.", ("step",)),
    Metric(
        "otagw_webhook_deliveries_total", "counter", "Attempts to deliver an event, by what came of it.", ("state",)
    ),
    Metric(
        "otagw_mqtt_connects_total",
        "counter",
        "Devices that said who they are over MQTT; result is OK or the name of the refusal in otagw/errors.py.",
        ("front", "result"),
    ),
    Metric(
        "otagw_mqtt_messages_total",
        "counter",
        "Messages of devices over MQTT; result is OK or the name of the refusal in otagw/errors.py.",
        ("operation", "result"),
    ),
    Metric("otagw_mqtt_message_seconds", "histogram", "Time to take a message, until it is durable.", ("operation",)),
    Metric("otagw_mqtt_pushes_total", "counter", "Messages that told a device what to install.", ("front",)),
    Metric("otagw_mqtt_bad_packets_total", "counter", "Connections that ended since a packet broke the protocol."),
)
LOOKED_UP: Final = (
    Metric("otagw_database_up", "gauge", "1 where the database answers."),
    Metric("otagw_due_rows", "gauge", "What the worker has to do now.", ("table",)),
    Metric("otagw_overdue_seconds", "gauge", "For how long the oldest of it has been due.", ("table",)),
    Metric("otagw_mqtt_connections", "gauge", "Devices that are connected over MQTT, to any node."),
    Metric("otagw_mqtt_unacknowledged", "gauge", "Those of them that have not acknowledged what they were told last."),
    Metric("otagw_build_info", "gauge", "1; the label says what runs.", ("version",)),
)


class Metrics:
    """The counts of one process of one gateway; without a folder it counts nothing."""

    def __init__(self, folder: Path | None, operations: Iterable[str] = ()) -> None:
        self._live = _Live(folder, operations) if folder else None

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        """Add to a counter."""
        if self._live is not None and by:
            self._live.series(name, *labels).inc(by)

    def observe(self, name: str, *labels: str, seconds: float) -> None:
        """Add to a histogram."""
        if self._live is not None:
            self._live.series(name, *labels).observe(seconds)

    def request(self, front: str, operation: str, code: str, seconds: float) -> None:
        """Count a request; an ``operation`` that the gateway does not have counts as `UNKNOWN`."""
        live = self._live
        if live is None:
            return
        known = operation if operation in live.operations else UNKNOWN
        live.series("otagw_requests_total", front, known, code or OK).inc()
        live.series("otagw_request_seconds", front, known).observe(seconds)
        if code == "ReplayedNonce":
            live.series("otagw_nonces_refused_total").inc()


class _Live:
    """The metrics of this process, with each of their series at hand."""

    def __init__(self, folder: Path, operations: Iterable[str]) -> None:
        self._folder, self._guard = folder, threading.Lock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._live_in(folder)
        # Loaded where metrics are on, and after the variable by which it chooses where values live.
        from prometheus_client import CollectorRegistry, Counter, Histogram, values  # noqa: PLC0415 - off by default

        self._library, self._values = values, values.MultiProcessValue()  # type: ignore[no-untyped-call]
        self.operations = frozenset(operations)
        registry = CollectorRegistry()
        self._series: dict[tuple[str, ...], Any] = {}
        self._metrics: dict[str, Any] = {}
        values.ValueClass = self._values
        for name, kind, doc, labels in COUNTED:
            more: dict[str, Any] = {"buckets": SECONDS} if kind == "histogram" else {}
            made = Histogram if kind == "histogram" else Counter
            self._metrics[name] = made(name, doc, labels, registry=registry, **more)
        self._tighten()

    def series(self, name: str, *labels: str) -> Any:
        """Return one series; the library's own way to it takes as long as the counting."""
        found = self._series.get((name, *labels))
        if found is None:
            metric = self._metrics[name]
            with self._guard:  # the library makes values in the folder, and of the class, that it finds just then
                self._live_in(self._folder)
                self._library.ValueClass = self._values
                found = self._series[name, *labels] = metric.labels(*labels) if labels else metric
                self._tighten()
        return found

    def _tighten(self) -> None:
        """Make the files of this process private: the library makes them by the umask."""
        for kind in ("counter", "histogram"):
            private_files.tighten(self._folder / f"{kind}_{os.getpid()}.db")

    @staticmethod
    def _live_in(folder: Path) -> None:
        os.environ.update(PROMETHEUS_MULTIPROC_DIR=str(folder))


def count(name: str, *labels: str, by: float = 1) -> None:
    """Add to a counter of the gateway at hand."""
    runtime.current().metrics.count(name, *labels, by=by)


def observe(name: str, *labels: str, seconds: float) -> None:
    """Add to a histogram of the gateway at hand."""
    runtime.current().metrics.observe(name, *labels, seconds=seconds)


def count_committed(name: str, *labels: str, by: float = 1) -> None:
    """Add to a counter once the transaction at hand is committed, if it is."""
    database.after_commit(lambda: count(name, *labels, by=by))
