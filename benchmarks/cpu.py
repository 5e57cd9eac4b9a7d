"""What an answer costs by itself: the processor's time of a WSGI call, without a network, a server, another client."""

import io
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

HEAD = ["| work | CPU µs | range | with waiting µs |", "| --- | --- | --- | --- |"]
Requests = Callable[[int, int], list[bytes]]


def measure(kinds: Mapping[str, tuple[Any, Requests]], port: int, count: int, runs: int) -> list[str]:
    """Return table rows: medians of alternating runs; ``kinds`` are an application and what makes requests, by name."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
    for run in range(runs + 1):
        for name, (app, make) in kinds.items():
            taken = _run(app, make(port, count))
            if run:  # the first one fills caches
                found[name].append(taken)
    rows = []
    for name, several in found.items():
        cpu = [one for one, _ in several]
        waiting = statistics.median(wall for _, wall in several)
        rows.append(f"| {name} | {statistics.median(cpu):.0f} | {min(cpu):.0f}–{max(cpu):.0f} | {waiting:.0f} |")
        print(rows[-1], flush=True)
    return rows


def _run(app: Any, requests: list[bytes]) -> tuple[float, float]:
    """Return microseconds of this thread, and of the clock, for one request."""
    environs = [_environ(raw) for raw in requests]
    cpu, wall = time.thread_time(), time.perf_counter()
    for environ in environs:
        _call(app, environ)
    each = 1e6 / len(requests)
    return (time.thread_time() - cpu) * each, (time.perf_counter() - wall) * each


def _call(app: Any, environ: dict[str, Any]) -> None:
    statuses: list[str] = []
    body = app(environ, lambda status, headers, exc=None: statuses.append(status))
    b"".join(body)
    if hasattr(body, "close"):
        body.close()
    if statuses[0][:3] not in ("200", "204"):
        raise RuntimeError(statuses[0])


def _environ(raw: bytes) -> dict[str, Any]:
    """Return a request without a body as its server would hand it over."""
    head, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = head.split(" ")
    path, _, query = target.partition("?")
    headers = {"HTTP_" + name.upper().replace("-", "_"): value for name, _, value in (x.partition(": ") for x in lines)}
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "RAW_URI": target,
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **headers,
    }
