"""The double: what a test run pays for it, beside moto's decorator and moto's server in a thread.

``python -m benchmarks.double KIND COUNT`` measures one of them in a process of its own; it prints milliseconds as JSON.
"""

import contextlib
import http.client
import itertools
import json
import logging
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from benchmarks.gateway import ROOT

HEAD: Final = [
    "| what | bound | otagw | range | moto, `mock_aws` | moto, server in a thread |",
    "| --- | --- | --- | --- | --- | --- |",
]
# What the plugin must not load: each pytest run of each project that has otagw installed would pay for it.
HEAVY: Final = ("flask", "peewee", "marshmallow", "otagw.app")
IMPORT, LOAD, START = (
    "import of the plugin, CPU",
    "import of the rest, for the first test, CPU",
    "start to the first answer, CPU",
)
RESET, RESET_P95 = "reset after a create, 8 connections open, p50", "the same, p95"
CALL, REQUESTS, SDK = "call by `http.client`", "call by `requests.get`", "call by the vendor's SDK (Tea, boto3)"
# Of an application that does nothing, on the same server: what client and server cost by themselves.
EMPTY, EMPTY_REQUESTS = "empty answer by `http.client`", "empty answer by `requests.get`"
HOURS, HOURS_CPU = "27 hours of 20 devices and a rollout", "the same, CPU"
# In milliseconds, by what is measured.
BOUNDS: Final = {
    IMPORT: 10,
    LOAD: None,
    START: 50,
    RESET: None,
    RESET_P95: 5,
    CALL: 1.5,
    EMPTY: None,
    REQUESTS: 1.5,
    EMPTY_REQUESTS: None,
    SDK: None,
    HOURS: 500,
    HOURS_CPU: None,
}
CONNECTIONS: Final = 8
_numbers = itertools.count(1)


def measure(count: int, runs: int) -> list[str]:
    """Return table rows: medians of alternating runs, each in a new process."""
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for _ in range(runs):
        for kind, several in found.items():
            command = [sys.executable, "-m", "benchmarks.double", kind, str(count)]
            done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
            several.append(json.loads(done.stdout))
    rows = []
    for what, bound in BOUNDS.items():
        ours, *theirs = ([one[what] for one in several if what in one] for several in found.values())
        cells = [f"{statistics.median(each):.2f} ms" if each else "–" for each in (ours, *theirs)]
        cells.insert(1, f"{min(ours):.2f}–{max(ours):.2f}")
        rows.append(f"| {what} | {f'{bound:g} ms' if bound else ''} | {' | '.join(cells)} |")
    loaded = sorted({name for one in found["otagw"] for name in one["heavy"]})
    rows.append(f"| loaded by the plugin, of {', '.join(HEAVY)} | none | {', '.join(loaded) or 'none'} | | | |")
    print("\n".join(rows), flush=True)
    return rows


def ours(count: int) -> dict[str, Any]:
    """Measure the double."""
    import pytest  # noqa: F401 - it is there before any plugin

    found: dict[str, Any] = {}
    with _cpu(found, IMPORT):
        import otagw.testing.plugin
    found["heavy"] = [name for name in HEAVY if name in sys.modules]
    with _cpu(found, LOAD):
        import otagw.testing.gateway

    with contextlib.ExitStack() as stack:
        with _cpu(found, START):
            otagw = stack.enter_context(otagw.testing.gateway.Gateway())
            _get(otagw.host, _target(otagw))
        found |= _resets(otagw, count)
        found |= _calls(otagw, count)
        otagw.reset()
        with _cpu(found, HOURS_CPU):
            found[HOURS] = _hours(otagw)
    return found


def _target(otagw: Any) -> str:
    """Return the target of a request that creates a package."""
    url: str = otagw.sign("CreateOTAFirmware", FirmwareName=f"bench-{next(_numbers)}", DestVersion="1.0.0")
    return url.removeprefix(otagw.url)


def _resets(otagw: Any, count: int) -> dict[str, float]:
    """Measure resets; each of the threads behind the open connections has one to the database as well."""
    otagw.faults.add("CreateOTAFirmware", delay=0.2, times=CONNECTIONS)
    several = [_asked(otagw.host, _target(otagw)) for _ in range(CONNECTIONS)]
    for one in several:
        one.getresponse().read()
    with contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(socket.create_connection(otagw.host.split(":")))
        return _p50_p95(_times(otagw.reset, count, before=lambda: _get(otagw.host, _target(otagw))))


def _calls(otagw: Any, count: int) -> dict[str, float]:
    import requests
    from alibabacloud_iot20180120.models import CreateOTAFirmwareRequest

    from otagw.testing.server import Server

    client = otagw.clients.tea()

    def by_sdk() -> None:
        named = CreateOTAFirmwareRequest(firmware_name=f"bench-{next(_numbers)}", dest_version="1.0.0")
        assert client.create_otafirmware(named).body.success

    def by_requests(url: str) -> None:
        requests.get(url, timeout=5).raise_for_status()

    targets = [_target(otagw) for _ in range(2 * count)]
    with contextlib.closing(Server(_nothing)) as empty:
        return {
            CALL: _median(_times(lambda: _get(otagw.host, targets.pop()), count)),
            EMPTY: _median(_times(lambda: _get(empty.netloc, "/"), count)),
            REQUESTS: _median(_times(lambda: by_requests(otagw.url + targets.pop()), count)),
            EMPTY_REQUESTS: _median(_times(lambda: by_requests(empty.url), count)),
            SDK: _median(_times(by_sdk, count)),
        }


def _nothing(environ: dict[str, Any], start: Callable[..., object]) -> list[bytes]:
    start("200 OK", [("Content-Length", "0")])
    return [b""]


def _hours(otagw: Any) -> float:
    """Return how long 27 hours take of devices that ask hourly and when they have work; a rollout begins amid them."""
    otagw.clock.freeze("2026-11-22T00:00Z")
    devices = otagw.devices.add("a1bench", count=20)
    job = otagw.rollouts.add(otagw.packages.add("bench", "2.0.0", product="a1bench"), schedule="2026-11-22T13:30Z")
    otagw.devices.play(devices)
    (taken,) = _times(lambda: otagw.clock.advance(hours=27), 1)
    assert job.counts() == {"SUCCEEDED": 20}
    return taken


def decorated(count: int) -> dict[str, Any]:
    """Measure moto as its decorator runs it."""
    found: dict[str, Any] = {}
    with _cpu(found, LOAD):
        import moto.sns.responses  # noqa: F401 - else the first request loads it
        from moto import mock_aws

    client = _boto()
    mock = mock_aws()
    with _cpu(found, START):
        mock.start()
        client.create_topic(Name="bench")

    def reset() -> None:
        mock.stop()
        mock.start()

    found |= _p50_p95(_times(reset, count, before=lambda: _create_topic(client)))
    found[SDK] = _median(_times(lambda: _create_topic(client), count))
    mock.stop()
    return found


def served(count: int) -> dict[str, Any]:
    """Measure moto's server in a thread."""
    found: dict[str, Any] = {}
    with _cpu(found, LOAD):
        import moto.sns.responses  # noqa: F401 - as above
        from moto.server import ThreadedMotoServer
    import requests

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request would be to its disadvantage
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with _cpu(found, START):
        server.start()
        host = "{}:{}".format(*server.get_host_and_port())
        _post(host, "/", "Action=CreateTopic&Name=bench")
    client = _boto(f"http://{host}")
    with contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(socket.create_connection(host.split(":")))
        resets = _times(lambda: _post(host, "/moto-api/reset", ""), count, before=lambda: _create_topic(client))
    found |= _p50_p95(resets)
    topic = "Action=CreateTopic&Name=bench-{}"
    found[CALL] = _median(_times(lambda: _post(host, "/", topic.format(next(_numbers))), count))

    def by_requests() -> None:
        requests.post(f"http://{host}/", topic.format(next(_numbers)), headers=_SNS, timeout=5).raise_for_status()

    found[REQUESTS] = _median(_times(by_requests, count))
    found[SDK] = _median(_times(lambda: _create_topic(client), count))
    server.stop()
    return found


KINDS: Final[dict[str, Callable[[int], dict[str, Any]]]] = {"otagw": ours, "decorated": decorated, "served": served}
# moto reads the service from it and checks no signature.
_SCOPE: Final = "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/sns/aws4_request, SignedHeaders=host, Signature=0"
_SNS: Final = {"Authorization": _SCOPE, "Content-Type": "application/x-www-form-urlencoded"}


def _boto(url: str | None = None) -> Any:
    import boto3

    named = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench", "region_name": "us-east-1"}
    return boto3.client("sns", endpoint_url=url, **named)


def _create_topic(client: Any) -> None:
    client.create_topic(Name=f"bench-{next(_numbers)}")


def _asked(host: str, target: str) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", target)
    return connection


def _get(host: str, target: str) -> None:
    """Make a call over a new connection."""
    with contextlib.closing(_asked(host, target)) as connection:
        _read(connection)


def _post(host: str, target: str, body: str) -> None:
    with contextlib.closing(http.client.HTTPConnection(host, timeout=10)) as connection:
        connection.request("POST", target, body, _SNS)
        _read(connection)


def _read(connection: http.client.HTTPConnection) -> None:
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {body[:200]!r}")


@contextlib.contextmanager
def _cpu(found: dict[str, Any], what: str) -> Iterator[None]:
    """Note how much of the processor all threads of this process take inside."""
    begun = time.process_time()
    yield
    found[what] = (time.process_time() - begun) * 1e3


def _times(work: Callable[[], object], count: int, before: Callable[[], object] = lambda: None) -> list[float]:
    found = []
    for _ in range(count):
        before()
        begun = time.perf_counter()
        work()
        found.append((time.perf_counter() - begun) * 1e3)
    return found


_median = statistics.median


def _p50_p95(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {RESET: _median(ordered), RESET_P95: ordered[len(ordered) * 95 // 100]}


if __name__ == "__main__":
    print(json.dumps(KINDS[sys.argv[1]](int(sys.argv[2]))))
