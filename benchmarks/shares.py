"""Answers a second, as a share of a bare Flask route's with as many workers."""

import argparse
import contextlib
import statistics
import tempfile
from collections.abc import Callable

from benchmarks import calls, fleet, load
from benchmarks.calls import Requests
from benchmarks.gateway import BARE, YARDSTICK, server

# Devices that ask in turn; none asks again within a minute, unless the gateway answers more than that of them.
FLEET = 100_000
SHARES = [
    "| workers | work | share of bare | range | per second | p50 ms | p99 ms | p99 / p50 |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
]


def measure(
    workers: int, kinds: dict[str, Requests], options: argparse.Namespace, fill: Callable[[str], None] | None = None
) -> list[str]:
    """Return table rows for one number of workers: medians of alternating runs, as a share of the bare route.

    ``fill`` puts what is needed beforehand into the gateway's folder.
    """
    runs: dict[str, list[load.Run]] = {name: [] for name in (YARDSTICK, BARE, *kinds)}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        yardstick = stack.enter_context(server(YARDSTICK, workers, folder))
        bare = stack.enter_context(server("benchmarks.bare:app", workers, folder))
        ours = stack.enter_context(server("otagw.wsgi:app", workers, folder))
        if fill:
            fill(folder)
        calls.remember_one(ours)
        for _ in range(options.runs):
            for name, port in ((YARDSTICK, yardstick), (BARE, bare)):
                runs[name].append(load.run(port, calls.nothing(port, options.requests), options.clients))
            for name, make in kinds.items():
                runs[name].append(load.run(ours, make(ours, options.requests), options.clients))
    base = statistics.median(run.rate for run in runs[YARDSTICK])
    rows = []
    for name, found in runs.items():
        failures = sum(run.failures for run in found)
        shares = [run.rate / one.rate for run, one in zip(found, runs[YARDSTICK], strict=True)]
        rate = statistics.median(run.rate for run in found)
        p50, p99 = (statistics.median(run.percentile(percent) for run in found) for percent in (50, 99))
        failed = f" ({failures} failed)" if failures else ""
        rows.append(
            f"| {workers} | {name}{failed} | {rate / base:.2f} | {min(shares):.2f}–{max(shares):.2f} "
            f"| {rate:,.0f} | {p50:.1f} | {p99:.1f} | {p99 / p50:.1f} |"
        )
        print(rows[-1], flush=True)
    return rows


def crowd(options: argparse.Namespace) -> list[str]:
    """Measure creates of many clients at once."""
    many = argparse.Namespace(**{**vars(options), "clients": 32})
    return SHARES + measure(4, {"create, V1": calls.create_v1}, many)


def actions(options: argparse.Namespace) -> list[str]:
    """Measure creates, and with ``--all`` Query and List too."""
    kinds = {name: make for name, make in calls.ACTIONS.items() if options.all or name.startswith("create")}
    return SHARES + [row for workers in options.workers for row in measure(workers, kinds, options)]


def at_rest(options: argparse.Namespace) -> list[str]:
    """Measure polls of devices for which there is nothing to do."""
    rows = list(SHARES)
    for workers in options.workers:
        rows += measure(workers, fleet.polls(), options, lambda folder: fleet.settle(folder, FLEET))
    return rows
