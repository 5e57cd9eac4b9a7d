"""What must not cost more as it piles up: the last page of a long listing, and nonces that are still live."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import load
from otagw import clock, parts, settings
from otagw.db import database, engines, schema
from otagw.ota import accounts, listing
from otagw.ota.packages import packages
from otagw.security.nonce_stores import File
from otagw.security.nonces import WINDOW_MS
from otagw.settings import Settings

HEAD = ["| what | share | range | p50 | p99 |", "| --- | --- | --- | --- | --- |"]
SKEW_MS = 900_000


def fill(folder: str, count: int) -> None:
    """Make a database with so many packages of the account main."""
    chosen = settings.load({"OTAGW_CONFIG": "/dev/null", "OTAGW_DATA_DIR": folder})
    with parts.opened(chosen):
        _fill(chosen, count)


def _fill(chosen: Settings, count: int) -> None:
    schema.migrate(chosen)
    account = accounts.ensure("main")
    with database.write():
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO package (id, account_id, name, kind, module, version, source_versions, differential, status, "
            "verified, created, modified) SELECT i << 22, ?, printf('p-%08d', i), 'firmware', 'default', '1', '[]', "
            "0, 0, 0, i, i FROM n",
            *(count, account.id),
        )
        listing.count(account.id, listing.scopes(packages.KIND, version="1"), count)


def pages(ask: Callable[[int], load.Run], count: int, runs: int) -> list[str]:
    """Return table rows for the first and the last page of 20; ``ask`` runs requests for a page."""
    first, last = [], []
    for _ in range(runs):
        first.append(ask(1))
        last.append(ask(-(-count // 20)))
    shares = [there.rate / here.rate for here, there in zip(first, last, strict=True)]
    return [
        _row(f"page 1 of {count:,} packages", [1.0], first),
        _row(f"last page of {count:,}, as a share of page 1's rate", shares, last),
    ]


def _row(what: str, shares: list[float], runs: list[load.Run]) -> str:
    p50, p99 = (statistics.median(run.percentile(percent) for run in runs) for percent in (50, 99))
    span = f"{min(shares):.2f}–{max(shares):.2f}"
    row = f"| {what} | {statistics.median(shares):.2f} | {span} | {p50:.1f} ms | {p99:.1f} ms |"
    print(row, flush=True)
    return row


def nonces(count: int, runs: int) -> list[str]:
    """Return a table row for claims beside so many live nonces, in times of claims beside none."""
    with tempfile.TemporaryDirectory() as folder:
        empty = File(Path(folder) / "empty.db", SKEW_MS)
        full = File(Path(folder) / "full.db", SKEW_MS)
        now = clock.now()
        full.claim("key", "first", now)
        _fill_nonces(Path(folder) / "full.db", now // WINDOW_MS, count)
        found: dict[str, list[list[float]]] = {"empty": [], "full": []}
        for run in range(runs):
            for name, store in (("empty", empty), ("full", full)):
                found[name].append([_claim(store, f"{name}-{run}-{number}") for number in range(2000)])
        empty.close()
        full.close()
    times = [
        statistics.median(there) / statistics.median(here)
        for here, there in zip(found["empty"], found["full"], strict=True)
    ]
    p50 = statistics.median(statistics.median(run) for run in found["full"]) * 1e6
    p99 = statistics.median(statistics.quantiles(run, n=100)[98] for run in found["full"]) * 1e6
    row = (
        f"| claim beside {count:,} live nonces, in times of one beside none (smaller is better) "
        f"| {statistics.median(times):.2f} | {min(times):.2f}–{max(times):.2f} | {p50:.0f} µs | {p99:.0f} µs |"
    )
    print(row, flush=True)
    return [row]


def _fill_nonces(path: Path, window: int, count: int) -> None:
    db = engines.sqlite(path, "OFF")
    db.execute_sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
        f"INSERT INTO nonce_{window:d} SELECT randomblob(16) AS digest FROM n ORDER BY digest",
        (count,),
    )
    db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _claim(store: File, nonce: str) -> float:
    started = time.perf_counter()
    store.claim("key", nonce, clock.now())
    return time.perf_counter() - started
