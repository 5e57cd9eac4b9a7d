"""Creates and listings on PostgreSQL, and with nonces in Redis, beside SQLite."""

import contextlib
import os
import statistics
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from benchmarks import load

HEAD = ["| work | store | share of SQLite | range | per second | p50 ms | p99 ms |", "| --- |" + " --- |" * 6]
Requests = Callable[[int, int], list[bytes]]
Server = Callable[[str], AbstractContextManager[int]]


def measure(
    server: Server, kinds: dict[str, Requests], postgres: str, redis: str, count: int, clients: int, runs: int
) -> list[str]:
    """Return table rows, of alternating runs; ``server`` serves a folder's gateway by the environment.

    ``postgres`` is the URL of any database of a server, in which another is made and dropped.
    """
    with contextlib.ExitStack() as stack:
        engines = {"SQLite": {}, "PostgreSQL": {"OTAGW_DATABASE_URL": stack.enter_context(empty(postgres))}}
        if redis:
            engines["SQLite, nonces in Redis"] = {"OTAGW_REDIS_URL": redis}
        ports = {}
        for name, changes in engines.items():
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            with environment(changes):
                ports[name] = stack.enter_context(server(folder))
        found: dict[tuple[str, str], list[load.Run]] = {(kind, name): [] for kind in kinds for name in engines}
        for _ in range(runs):
            for (kind, name), several in found.items():
                several.append(load.run(ports[name], kinds[kind](ports[name], count), clients))
    return [_row(kind, name, several, found[kind, "SQLite"]) for (kind, name), several in found.items()]


def _row(kind: str, name: str, runs: list[load.Run], base: list[load.Run]) -> str:
    shares = [run.rate / one.rate for run, one in zip(runs, base, strict=True)]
    p50, p99 = (statistics.median(run.percentile(percent) for run in runs) for percent in (50, 99))
    failures = sum(run.failures for run in runs)
    row = (
        f"| {kind}{f' ({failures} failed)' if failures else ''} | {name} | {statistics.median(shares):.2f} "
        f"| {min(shares):.2f}–{max(shares):.2f} | {statistics.median(run.rate for run in runs):,.0f} "
        f"| {p50:.1f} | {p99:.1f} |"
    )
    print(row, flush=True)
    return row


@contextlib.contextmanager
def empty(url: str) -> Iterator[str]:
    """Make an empty database beside one that is there; yield its URL."""
    import psycopg

    name = f"otagw_bench_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        base, mark, query = url.partition("?")
        try:
            yield f"{base.rpartition('/')[0]}/{name}{mark}{query}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def environment(changes: dict[str, str]) -> Iterator[None]:
    """Start whatever is started here with these settings."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
