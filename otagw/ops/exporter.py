"""The exporter: a process of its own that adds up what all others have counted, and answers Prometheus at /metrics.

It answers one question at a time, on an address of its own. docs/operations.md.
"""

import contextlib
import logging
import os
import queue
import signal
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from otagw import __version__, clock, private_files
from otagw.db import database
from otagw.ops import metrics
from otagw.ota.devices import connections

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

log = logging.getLogger("otagw.metrics")
PATH: Final = "/metrics"
KIND: Final = "text/plain; version=0.0.4; charset=utf-8"
# What is due: the table, and the column that says when.
DUE: Final = (("job", "due"), ("task", "due"), ("webhook_delivery", "next_at"))
# How long one who asks may be silent, and how soon a signal is seen.
SILENT_SECONDS: Final = 5
LOOK_SECONDS: Final = 0.2
ENDED: Final = "ended"


class _Handler(WSGIRequestHandler):
    timeout = SILENT_SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as it is called there
        """Say nothing: it is asked every few seconds."""


class _Server(WSGIServer):
    def server_bind(self) -> None:
        """Bind without looking up the name of this machine, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()


def run(bind: str, folder: Path, received: "queue.SimpleQueue[int]") -> None:
    """Answer until a signal is received that stops it; a reload changes nothing here.

    Raises OSError for an address that cannot be had.
    """
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _Server.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with _Server((host, int(port)), _Handler) as server:
        server.set_app(lambda environ, start: answer(folder, environ, start))
        server.timeout = LOOK_SECONDS
        log.info("metrics are at http://%s%s", bind, PATH)
        while received.empty() or received.get() == signal.SIGHUP:
            server.handle_request()


def answer(folder: Path, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
    """Answer GET /metrics; there is nothing else here."""
    method = environ.get("REQUEST_METHOD")
    if environ.get("PATH_INFO") != PATH or method not in ("GET", "HEAD"):
        start("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return [b""]
    fold(folder)
    text = generate_latest(_registry(folder))
    start("200 OK", [("Content-Type", KIND), ("Content-Length", str(len(text)))])
    return [text if method == "GET" else b""]


def fold(folder: Path) -> None:
    """Add the files of processes that have ended to one, so that counters never fall and files do not pile up.

    It may be killed at any moment, and nothing is lost or counted twice. Files to add are first renamed, to name the
    total that they go into; that total then appears as a whole; once it is there, whatever is in it can go. A process
    with the number of an ended one finds no file of that.
    """
    for kind in sorted({path.stem.partition("_")[0] for path in folder.glob("*_*.db")}):
        total = _delete_added(folder, kind)
        for path in folder.glob(f"{kind}_*.db"):
            pid = path.stem.rpartition("_")[2]
            if pid.isdecimal() and not _is_there(int(pid)):
                path.rename(folder / f"{kind}_{pid}-into-{total + 1}.db")
        if added := sorted(folder.glob(f"{kind}_*-into-{total + 1}.db")):
            _add(folder, kind, total, added)
            _delete_added(folder, kind)


def _delete_added(folder: Path, kind: str) -> int:
    """Delete what the newest total of a kind has in it, be it of a fold that was killed; return its number."""
    totals = {_number(path): path for path in folder.glob(f"{kind}_{ENDED}*.db")}
    newest = max(totals, default=0)
    for number, path in totals.items():
        if number < newest:
            path.unlink()
    for path in folder.glob(f"{kind}_*-into-*.db"):
        if _number(path) <= newest:
            path.unlink()
    return newest


def _add(folder: Path, kind: str, total: int, added: Iterable[Path]) -> None:
    """Write the total that follows one, with what is added."""
    draft = folder / f"{kind}.draft"
    draft.unlink(missing_ok=True)
    private_files.keep(draft)
    made = MmapedDict(str(draft))  # type: ignore[no-untyped-call]
    before = [path for path in folder.glob(f"{kind}_{ENDED}*.db") if _number(path) == total]
    for path in (*before, *added):
        if path.stat().st_size:  # a process that was killed as it began has left nothing in it
            for key, value, _, _ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
                made.write_value(key, made.read_value(key)[0] + value, 0.0)  # type: ignore[no-untyped-call]
    made.close()  # type: ignore[no-untyped-call]
    with open(draft, "rb") as file:
        os.fsync(file.fileno())  # or a power cut may leave the name without the numbers
    draft.rename(folder / f"{kind}_{ENDED}-{total + 1}.db")


def _number(path: Path) -> int:
    """Return the number of a total, or of the total that a file goes into; 0 for a total of earlier versions."""
    number = path.stem.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


class _Waiting:
    """What waits in the database, looked up anew for each question."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges; those of the database only if it answers."""
        gauges = {metric.name: GaugeMetricFamily(metric.name, metric.doc, labels=metric.labels) for metric in _GAUGES}
        gauges["otagw_build_info"].add_metric([__version__], 1)
        try:
            for table, column in DUE:
                number, oldest = _due(table, column)
                gauges["otagw_due_rows"].add_metric([table], number)
                gauges["otagw_overdue_seconds"].add_metric([table], oldest)
            connected, waiting = connections.count()
            gauges["otagw_mqtt_connections"].add_metric([], connected)
            gauges["otagw_mqtt_unacknowledged"].add_metric([], waiting)
            gauges["otagw_database_up"].add_metric([], 1)
        except database.TROUBLE:
            database.recover()
            gauges["otagw_database_up"].add_metric([], 0)
        yield from gauges.values()


_GAUGES: Final = metrics.LOOKED_UP


def _due(table: str, column: str) -> tuple[int, float]:
    now = clock.now()
    query = f"SELECT COUNT(*), MIN({column}) FROM {table} WHERE {column} <= ?"
    number, oldest = database.execute(query, now).fetchone()
    return number, (now - oldest) / 1000 if number else 0


def _registry(folder: Path) -> CollectorRegistry:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    registry.register(_Waiting())
    return registry


def _is_there(pid: int) -> bool:
    with contextlib.suppress(PermissionError):  # then it is somebody else's, and there
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True
