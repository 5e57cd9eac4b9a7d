"""Measure signed Actions beside a bare Flask route under the same gunicorn, in alternating runs."""

import argparse
import contextlib
import itertools
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import fleet, load, rollout
from otagw.dialects.aliyun import client

ROOT = Path(__file__).parent.parent
KEY = ("benchid", "benchsecret")
WORK = {
    "FirmwareUrl": "https://ota.example.com/ota/firmware/0f7b2c1e.bin",
    "FirmwareSign": "0" * 32,
    "SignMethod": "MD5",
    "FirmwareSize": "1048576",
    "ProductKey": "a1uctKe0001",
    "DestVersion": "1.2.3",
    "FirmwareDesc": "a nightly build",
}
number = itertools.count()
Requests = Callable[[int, int], list[bytes]]


@contextlib.contextmanager
def server(application: str, workers: int, folder: str) -> Iterator[int]:
    """Serve an application with the gateway's own gunicorn settings, or by `otagw serve`; yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {
        **os.environ,
        "OTAGW_CONFIG": "/dev/null",
        "OTAGW_DATA_DIR": folder,
        "OTAGW_BIND": f"127.0.0.1:{port}",
        "OTAGW_WORKERS": str(workers),
    }
    otagw = [sys.executable, "-m", "otagw"]
    subprocess.run([*otagw, "migrate"], env=environ, check=True, capture_output=True)
    key = ["keys", "create", "--id", KEY[0], "--secret", KEY[1]]
    subprocess.run([*otagw, *key], env=environ, check=False, capture_output=True)
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py", application]
    command = [*otagw, "serve"] if application == "serve" else gunicorn
    with (
        open(Path(folder) / f"{port}.log", "wb") as log,
        subprocess.Popen(command, env=environ, cwd=ROOT, stderr=log, stdout=log) as process,
    ):
        try:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                time.sleep(0.05)
            load.run(port, [load.get(port, "/")] * 50, 4)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def nothing(port: int, count: int) -> list[bytes]:
    """Return requests for the bare route; as long as a signed one, since reading it costs too."""
    return [load.get(port, _target(_v1(port, "CreateOTAFirmware", **WORK).url))] * count


def create_v1(port: int, count: int) -> list[bytes]:
    """Return creates, each signed by its parameters."""
    return [load.get(port, _target(_v1(port, "CreateOTAFirmware", **WORK, **_name()).url)) for _ in range(count)]


def create_v3(port: int, count: int) -> list[bytes]:
    """Return creates, each signed by its headers."""
    signed = (client.v3(_url(port), *KEY, {"Action": "CreateOTAFirmware", **WORK, **_name()}) for _ in range(count))
    return [load.post(port, _target(one.url), dict(one.headers)) for one in signed]


def query(port: int, count: int) -> list[bytes]:
    """Return questions about one package that is there."""
    identity = os.environ["OTAGW_TEST_BENCH_ID"]
    return [load.get(port, _target(_v1(port, "QueryOTAFirmware", FirmwareId=identity).url)) for _ in range(count)]


def listing(port: int, count: int) -> list[bytes]:
    """Return requests for the first page of 20."""
    page = {"CurrentPage": "1", "PageSize": "20"}
    return [load.get(port, _target(_v1(port, "ListOTAFirmware", **page).url)) for _ in range(count)]


def _v1(port: int, action: str, **params: str) -> client.Signed:
    return client.v1(_url(port), *KEY, {"Action": action, **params})


def _name() -> dict[str, str]:
    return {"FirmwareName": f"bench-{os.getpid()}-{next(number)}"}


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def measure(workers: int, kinds: dict[str, Requests], options: argparse.Namespace) -> list[str]:
    """Return table rows for one number of workers: medians of alternating runs, as a share of the bare route."""
    runs: dict[str, list[load.Run]] = {name: [] for name in ("bare Flask route", *kinds)}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        bare = stack.enter_context(server("benchmarks.bare:app", workers, folder))
        ours = stack.enter_context(server("otagw.wsgi:app", workers, folder))
        _remember_one(ours)
        fleet.register(folder, len(kinds) * options.runs * options.requests)
        for _ in range(options.runs):
            runs["bare Flask route"].append(load.run(bare, nothing(bare, options.requests), options.clients))
            for name, make in kinds.items():
                runs[name].append(load.run(ours, make(ours, options.requests), options.clients))
    base = statistics.median(run.rate for run in runs["bare Flask route"])
    rows = []
    for name, found in runs.items():
        failures = sum(run.failures for run in found)
        shares = [run.rate / bare.rate for run, bare in zip(found, runs["bare Flask route"], strict=True)]
        rate = statistics.median(run.rate for run in found)
        p50, p99 = (statistics.median(run.percentile(percent) for run in found) for percent in (50, 99))
        failed = f" ({failures} failed)" if failures and name != "bare Flask route" else ""
        rows.append(
            f"| {workers} | {name}{failed} | {rate / base:.2f} | {min(shares):.2f}–{max(shares):.2f} "
            f"| {rate:,.0f} | {p50:.1f} | {p99:.1f} |"
        )
        print(rows[-1], flush=True)
    return rows


def _remember_one(port: int) -> None:
    signed = _v1(port, "CreateOTAFirmware", FirmwareName="one", DestVersion="1")
    import requests

    os.environ["OTAGW_TEST_BENCH_ID"] = requests.get(signed.url, timeout=10).json()["Data"]["FirmwareID"]


def main() -> None:
    """Run, print the table, and write it to benchmarks/RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--all", action="store_true", help="Query and List too, not the creates alone.")
    parser.add_argument("--devices", type=int, default=1_000_000, help="For the rollout; 0 leaves it out.")
    parser.add_argument(
        "--simulated", type=int, default=2000, help="Devices for simulated rollouts; 0 leaves them out."
    )
    options = parser.parse_args()
    kinds: dict[str, Requests] = {"create, V1": create_v1, "create, V3": create_v3}
    if options.all:
        kinds |= {"query": query, "list of 20": listing}
    head = [
        "| workers | work | share of bare | range | per second | p50 ms | p99 ms |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    print("\n".join(head), flush=True)
    table = head + [row for workers in options.workers for row in measure(workers, kinds, options)]
    at_rest = head + [row for workers in options.workers for row in measure(workers, fleet.polls(), options)]
    simulated = options.simulated and [
        fleet.roll_out(server, protocol, options.simulated) for protocol in fleet.PROTOCOLS
    ]
    rolled = [*rollout.HEAD, rollout.measure(options.devices)] if options.devices else []
    (ROOT / "benchmarks/RESULTS.md").write_text(
        "# Results\n\n"
        "Medians of alternating runs of signed Actions beside a bare Flask route, under the same gunicorn settings\n"
        "and number of workers, each request on a connection of its own, durable (`synchronous=FULL`). The share is\n"
        "what counts; the absolute figures belong to one machine and one hour.\n\n"
        f"`make bench`: {options.runs} runs of {options.requests} requests, {options.clients} clients, "
        f"{os.cpu_count()} cores.\n\n" + "\n".join(table) + "\n\n"
        "## The fleet at rest\n\n"
        "Polls of devices for which there is nothing to do, measured as above; each is of a device that was\n"
        "not heard of in the last minute, so that it is noted as seen.\n\n" + "\n".join(at_rest) + "\n\n"
        "## Rollouts\n\n"
        "A static job for all devices of a product; meanwhile devices ask for their update, a hundred a second.\n\n"
        + "\n".join(rolled)
        + "\n\n## Rollouts to simulated devices\n\n"
        f"`otagw serve` and `otagw simulate {' '.join(fleet.BEHAVIOUR)}` on the same machine,\n"
        f"a file of {fleet.SIZE:,} bytes. The latencies are those of polls.\n\n"
        + "\n".join([*fleet.HEAD, *(simulated or [])])
        + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
