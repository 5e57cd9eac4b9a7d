"""Measure creates and listings on PostgreSQL beside SQLite, in alternating runs: ``python -m benchmarks.engines URL``.

URL is an empty PostgreSQL database, which is migrated; with ``--redis URL`` a third gateway keeps its nonces in Redis.
"""

import argparse
import contextlib
import os
import statistics
import tempfile
from collections.abc import Iterator

from benchmarks import __main__ as bench
from benchmarks import load

KINDS: dict[str, bench.Requests] = {"create, V1": bench.create_v1, "list of 20": bench.listing}


@contextlib.contextmanager
def _settings(**changes: str) -> Iterator[None]:
    """Start whatever is started here with these settings."""
    before = dict(os.environ)
    os.environ.update({f"OTAGW_{name.upper()}": value for name, value in changes.items()})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def main() -> None:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--redis", default="")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    engines = {"SQLite": {}, "PostgreSQL": {"database_url": options.url}}
    if options.redis:
        engines["SQLite, nonces in Redis"] = {"redis_url": options.redis}
    runs: dict[tuple[str, str], list[load.Run]] = {(kind, name): [] for kind in KINDS for name in engines}
    with contextlib.ExitStack() as stack:
        ports = {}
        for name, changes in engines.items():
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            with _settings(**changes):
                ports[name] = stack.enter_context(bench.server("otagw.wsgi:app", options.workers, folder))
        for _ in range(options.runs):
            for (kind, name), found in runs.items():
                port = ports[name]
                found.append(load.run(port, KINDS[kind](port, options.requests), options.clients))
    print("| work | store | share of SQLite | range | per second | p50 ms | p99 ms |\n| --- |" + " --- |" * 6)
    for (kind, name), found in runs.items():
        shares = [run.rate / base.rate for run, base in zip(found, runs[kind, "SQLite"], strict=True)]
        p50, p99 = (statistics.median(run.percentile(percent) for run in found) for percent in (50, 99))
        print(
            f"| {kind} | {name} | {statistics.median(shares):.2f} | {min(shares):.2f}–{max(shares):.2f} "
            f"| {statistics.median(run.rate for run in found):,.0f} | {p50:.1f} | {p99:.1f} |"
            + (f" {sum(run.failures for run in found)} failed" if any(run.failures for run in found) else "")
        )


if __name__ == "__main__":
    main()
