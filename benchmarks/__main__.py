"""Measure the gateway beside yardsticks on the same machine, in alternating runs, part by part."""

import argparse
import contextlib
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from benchmarks import bytes as bytes_
from benchmarks import calls, cpu, double, engines, fleet, history, load, mqtt, process, rollout
from benchmarks.calls import Requests
from benchmarks.gateway import GUNICORN, ROOT, YARDSTICK, prepare, server
from benchmarks.shares import FLEET, actions, at_rest, crowd


def alone(options: argparse.Namespace) -> list[str]:
    """Measure what answers cost by themselves, in this process."""
    from benchmarks.bare import app as bare
    from otagw import app, settings

    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w", encoding="utf-8") as nowhere:
        port, environ = prepare(1, folder)
        fleet.settle(folder, FLEET)
        with contextlib.redirect_stderr(nowhere):
            ours = app.create_app(settings.load(environ))
            one = calls.v1(port, "CreateOTAFirmware", **calls.named(), DestVersion="1")
            answer = ours.test_client().get(calls.target(one.url))
            calls.packages[port] = answer.get_json()["Data"]["FirmwareID"]
            kinds: dict[str, tuple[Any, Requests]] = {YARDSTICK: (bare, calls.nothing)}
            kinds |= {name: (ours, make) for name, make in {**calls.ACTIONS, **fleet.polls()}.items()}
            rows = cpu.measure(kinds, port, options.requests, options.runs)
            ours.extensions["otagw"]["runtime"].close()
            return cpu.HEAD + rows


def simulated(options: argparse.Namespace) -> list[str]:
    """Measure rollouts to simulated devices."""
    return fleet.HEAD + [fleet.roll_out(server, protocol, options.simulated) for protocol in fleet.PROTOCOLS]


def past(options: argparse.Namespace) -> list[str]:
    """Measure the last page of a long listing, and nonces beside many that are live."""
    rows = list(history.HEAD)
    with tempfile.TemporaryDirectory() as folder:
        history.fill(folder, options.packages)
        with server("otagw.wsgi:app", 1, folder) as port:

            def ask(page: int) -> load.Run:
                asked = {"CurrentPage": str(page), "PageSize": "20"}
                signed = (calls.v1(port, "ListOTAFirmware", **asked) for _ in range(options.requests))
                return load.run(port, [load.get(port, calls.target(one.url)) for one in signed], options.clients)

            rows += history.pages(ask, options.packages, options.runs)
    return rows + history.nonces(options.nonces, options.runs)


def idle(options: argparse.Namespace) -> list[str]:
    """Measure the start of a gateway, and the memory of a worker that has nothing to do."""
    with tempfile.TemporaryDirectory() as folder:
        port, environ = prepare(1, folder)
        rows = process.measure([sys.executable, *GUNICORN, "otagw.wsgi:app"], environ, port, ROOT, options.runs)
    return process.HEAD + rows


def stores(options: argparse.Namespace) -> list[str]:
    """Measure uploads to one worker, and downloads through nginx."""
    rows = list(bytes_.HEAD)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        bytes_.write(folder / "source", options.megabytes)
        os.environ["OTAGW_X_ACCEL"] = "/files/"
        stack.callback(os.environ.pop, "OTAGW_X_ACCEL")
        pids: list[int] = []
        port = stack.enter_context(server("otagw.wsgi:app", 1, name, pids))

        def call(action: str, **params: str) -> Any:
            answer = requests.get(calls.v1(port, action, **params).url, timeout=10).json()
            return answer["Data"] if "Data" in answer else answer["FirmwareInfo"]

        announced: list[Any] = []

        def announce() -> dict[str, str]:
            announced.append(call("GenerateOTAUploadURL", FileSuffix="bin"))
            return dict(announced[-1])

        worker = process.children(pids[0])[0]
        rows += bytes_.uploads(announce, worker, folder / "source", options.runs)
        (folder / "source").unlink()
        for form in announced:
            made = call("CreateOTAFirmware", **calls.named(), DestVersion="1", FirmwareUrl=form["FirmwareUrl"])
        link = call("QueryOTAFirmware", FirmwareId=made["FirmwareID"])["FirmwareUrl"]
        stored = next(path for path in (folder / "files").rglob("*") if path.is_file())
        url = stack.enter_context(bytes_.nginx(folder, folder / "files", port))
        plain = f"{url}/plain/{stored.relative_to(folder / 'files')}"
        rows += bytes_.downloads(link.replace(f"http://127.0.0.1:{port}", url), plain, options.runs, 4)
    return rows


def neighbours(options: argparse.Namespace) -> list[str]:
    """Measure creates beside moto's AWS IoT, under our gunicorn and as its own server runs it; one worker each."""
    head = ["| work | in times of moto | range | per second |", "| --- | --- | --- | --- |"]
    from benchmarks import aws  # moto takes seconds to import

    runs: dict[str, list[load.Run]] = {"ours": [], "moto under gunicorn": [], "moto_server": []}
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two, contextlib.ExitStack() as stack:
        ours = stack.enter_context(server("otagw.wsgi:app", 1, one))
        theirs = stack.enter_context(server("benchmarks.aws:app", 1, two))
        alone = stack.enter_context(aws.server())
        for port in (theirs, alone):
            load.run(port, aws.create_job(port, 20), 1)
        for _ in range(options.runs):
            runs["ours"].append(load.run(ours, calls.create_v1(ours, options.requests), options.clients))
            for name, port in (("moto under gunicorn", theirs), ("moto_server", alone)):
                runs[name].append(load.run(port, aws.create_job(port, options.requests // 2), options.clients))
    rows = []
    for name, found in runs.items():
        times = [our.rate / run.rate for our, run in zip(runs["ours"], found, strict=True)]
        failures = sum(run.failures for run in found)
        rate = statistics.median(run.rate for run in found)
        rows.append(
            f"| {name}{f' ({failures} failed)' if failures else ''} | {statistics.median(times):.1f} "
            f"| {min(times):.1f}–{max(times):.1f} | {rate:,.0f} |"
        )
        print(rows[-1], flush=True)
    return head + rows


def stores_of_rows(options: argparse.Namespace) -> list[str]:
    """Measure creates and listings on other engines than SQLite, where a server is named."""
    if not options.postgres:
        return ["Not measured: it takes the URL of a server, `--postgres postgresql://USER@HOST/DATABASE`."]
    kinds = {name: calls.ACTIONS[name] for name in ("create, V1", "list of 20")}
    where = (options.postgres, options.redis)
    how = (options.requests, options.clients, options.runs)
    return engines.HEAD + engines.measure(lambda folder: server("otagw.wsgi:app", 2, folder), kinds, *where, *how)


def whole_product(options: argparse.Namespace) -> list[str]:
    """Measure a rollout to a whole product."""
    return [*rollout.HEAD, rollout.measure(options.devices)]


def in_tests(options: argparse.Namespace) -> list[str]:
    """Measure the test double beside moto."""
    return double.HEAD + double.measure(options.requests, options.runs)


def connected(options: argparse.Namespace) -> list[str]:
    """Measure devices that keep a connection, beside mosquitto."""
    return mqtt.HEAD + mqtt.measure(options.connections, options.requests, options.clients)


PARTS: dict[str, tuple[str, str, Callable[[argparse.Namespace], list[str]]]] = {
    "actions": (
        "Actions",
        "Signed Actions beside a bare Flask route under gunicorn's sync worker, as many of them, each request on a\n"
        "connection of its own, durable (`synchronous=FULL`).",
        actions,
    ),
    "crowd": ("A crowd", "Creates by 4 workers, with 32 clients at once.", crowd),
    "cpu": (
        "By themselves",
        "The processor's time of one thread in a WSGI call: no network, no server, nobody else. Log lines\n"
        "are written to nowhere.",
        alone,
    ),
    "rest": (
        "The fleet at rest",
        "Polls of devices for which there is nothing to do, beside a bare Flask route.",
        at_rest,
    ),
    "history": ("What piles up", "One worker; the nonces in process.", past),
    "process": ("At rest", "gunicorn with one worker, by the configuration of the repository.", idle),
    "files": ("Files", "One worker; nginx with one process. The digests by hand are taken one after another.", stores),
    "moto": ("Beside moto", "CreateOTAFirmware, durable, and moto's `create_job` for AWS IoT, in memory.", neighbours),
    "double": (
        "The test double",
        "Each run is a process of its own. A call creates a package; moto's creates a topic of SNS. The double keeps\n"
        "its rows in SQLite and checks signatures; moto does neither. Under `mock_aws` a call takes no socket.",
        in_tests,
    ),
    "engines": (
        "Engines",
        "Two workers; the servers on the same machine. A statement is a round trip, for which both sides take turns\n"
        "at its cores.",
        stores_of_rows,
    ),
    "rollout": (
        "Rollouts",
        "A static job for all devices of a product; meanwhile devices of another product, for which there is nothing\n"
        "new, ask for their update, a hundred a second; and before it, for comparison.",
        whole_product,
    ),
    "simulated": (
        "Rollouts to simulated devices",
        f"`otagw serve` and `otagw simulate {' '.join(fleet.BEHAVIOUR)}` on the same machine, a file of "
        f"{fleet.SIZE:,} bytes. The latencies are those of polls.",
        simulated,
    ),
    "mqtt": (
        "MQTT",
        "`otagw mqtt` beside a gateway of one process; mosquitto with the same tool in the same run. The processor's\n"
        "time is that of the server alone, with what the core does in it but for mosquitto.",
        connected,
    ),
}


def record(part: str, table: list[str], options: argparse.Namespace) -> None:
    """Put a part's table into the file of results in place of its last one; what was not measured stays."""
    path = options.out
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    sections = {text.partition("\n")[0]: text.partition("\n")[2].strip() for text in old.split("\n## ")[1:]}
    title, about, _ = PARTS[part]
    how = (
        f"`make bench PARTS='{shlex.join(sys.argv[1:])}'`: {options.runs} runs, {options.clients} clients, "
        f"{os.cpu_count()} cores; load average of the machine at its end {os.getloadavg()[1]:.1f}."
    )
    sections[title] = "\n".join([about, "", how, "", *table])
    measured = [name for name, _, _ in PARTS.values()]
    ordered = sorted(sections, key=lambda name: measured.index(name) if name in measured else -1)  # prose goes first
    path.write_text(
        "# Results\n\nMedians of alternating runs. The shares are what counts; the absolute figures belong to one\n"
        "machine and one hour.\n" + "".join(f"\n## {name}\n\n{sections[name]}\n" for name in ordered),
        encoding="utf-8",
    )


def main() -> None:
    """Run the parts that are asked for, print their tables, and write each to benchmarks/RESULTS.md."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"Of {', '.join(PARTS)}; all if none is named.")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--all", action="store_true", help="Query and List too, not the creates alone.")
    parser.add_argument("--devices", type=int, default=1_000_000, help="For the rollout.")
    parser.add_argument("--simulated", type=int, default=2000, help="Devices that are simulated.")
    parser.add_argument("--connections", type=int, default=5000, help="Of devices over MQTT.")
    parser.add_argument("--packages", type=int, default=1_000_000, help="For the long listing.")
    parser.add_argument("--nonces", type=int, default=10_000_000, help="That are live.")
    parser.add_argument("--postgres", default="", help="URL of any database of a server, for the part engines.")
    parser.add_argument("--redis", default="", help="URL of a Redis, for the same.")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/RESULTS.md", help="Where tables are kept.")
    parser.add_argument("--megabytes", type=int, default=1000, help="Of an upload.")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; expected some of {', '.join(PARTS)}")
    for part in options.parts or PARTS:
        print(f"{part}:", flush=True)
        record(part, PARTS[part][2](options), options)


if __name__ == "__main__":
    main()
