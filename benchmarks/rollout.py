"""A rollout to a whole product: how soon its maker has an answer, and all devices a task; who waits meanwhile."""

import contextlib
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

from otagw import parts, settings
from otagw.db import database, schema
from otagw.ota import accounts
from otagw.ota.devices import devices
from otagw.ota.devices.devices import DeviceDraft
from otagw.ota.packages import insertion
from otagw.ota.packages.records import PackageDraft
from otagw.ota.products import products
from otagw.ota.rollouts import due_work, jobs, planning, selection, tasks
from otagw.ota.updates import updates

PRODUCT = "bench"
# Whose devices ask meanwhile: there is nothing new for them, and they have asked before.
OTHERS = "others"
HEAD = [
    "| devices | the call | all tasks made | polls | p50 ms | p99 ms | max ms | p99 before | in times | memory |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
]


def measure(count: int) -> str:
    """Return a table row for a static job over so many devices, on SQLite as it is by default."""
    with tempfile.TemporaryDirectory() as folder, _open(folder) as account:
        _fill(account, count)
        _poll(200, lambda: None)
        before = _poll(500, lambda: time.sleep(0.01))
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_roll_out, args=(folder, theirs))
        process.start()
        called = ours.recv()
        polls = _poll(None, lambda: ours.poll(0.01))
        total, memory, made = ours.recv()
        process.join()
    if made != count:
        raise RuntimeError(f"{made} tasks for {count} devices")
    p99, p99_before = (sorted(found)[int(len(found) * 0.99)] * 1000 for found in (polls, before))
    row = (
        f"| {count:,} | {called:.2f} s | {total:.1f} s | {len(polls):,} | {statistics.median(polls) * 1000:.2f} "
        f"| {p99:.1f} | {max(polls) * 1000:.0f} | {p99_before:.1f} | {p99 / p99_before:.1f} | {memory} MiB |"
    )
    print(row, flush=True)
    return row


@contextlib.contextmanager
def _open(folder: str) -> Iterator[accounts.Account]:
    chosen = settings.load({"OTAGW_CONFIG": "/dev/null", "OTAGW_DATA_DIR": folder})
    with parts.opened(chosen):
        schema.migrate(chosen)
        yield accounts.ensure("main")


def _fill(account: accounts.Account, count: int) -> None:
    for start in range(0, count, 10_000):
        with database.write():
            products.require(account, PRODUCT)
            drafts = [DeviceDraft(f"device-{number:07}") for number in range(start, min(start + 10_000, count))]
            devices.add(account, PRODUCT, drafts)
    with database.write():
        products.require(account, OTHERS)
        devices.add(account, OTHERS, [DeviceDraft(f"device-{number}") for number in range(150)])


def _roll_out(folder: str, pipe: Connection) -> None:
    """Make the job as a request does, and go on as a worker does."""
    with _open(folder) as account:
        _make_job(account, pipe)


def _make_job(account: accounts.Account, pipe: Connection) -> None:
    package = PackageDraft(name="bench", version="2", product_key=PRODUCT, needs_verification=False, url="https://h/x")
    identity, _ = insertion.create(account, package)
    started = time.perf_counter()
    job = selection.begin(planning.create(account, planning.JobDraft(package=str(identity), product_key=PRODUCT)))
    pipe.send(time.perf_counter() - started)
    while jobs.get(account, str(job.id)).filling:
        due_work.advance_jobs()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    pipe.send((time.perf_counter() - started, memory, sum(tasks.counts(account.id, job.id).values())))


def _poll(count: int | None, is_over: Callable[[], object]) -> list[float]:
    """Let one device after another ask, a hundred times a second, so often or until it is over."""
    account = accounts.get("main")
    asking = devices.several(account, OTHERS, [f"device-{number}" for number in range(150)])
    taken: list[float] = []
    while len(taken) != count:
        started = time.perf_counter()
        updates.asked(asking[len(taken) % len(asking)])
        taken.append(time.perf_counter() - started)
        if is_over():
            break
    return taken
