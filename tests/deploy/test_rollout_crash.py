"""Workers and servers that are killed in the middle of a rollout, and workers that do the same work at once."""

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time

import pytest
import requests

from otagw import clock, settings
from otagw.db import database, schema
from otagw.ota import accounts, states
from otagw.ota.rollouts import bulk_control, jobs, planning, tasks
from otagw.ota.rollouts.planning import JobDraft
from otagw.ota.rollouts.records import Rules
from tests import door
from tests.engines import postgres
from tests.ota import rollouts
from tests.patience import HANG_SECONDS, eventually

pytestmark = [pytest.mark.live]
DEVICES, TIMEOUTS = 50_000, 4_000
# Take a step for each line that is read, and say what was done; after the last line, sweep until nothing is due.
WORKER = """
import sys
from otagw import parts, settings
from otagw.ota.rollouts import due_work
with parts.opened(settings.load()):
    print("ready", flush=True)
    for _ in sys.stdin:
        print(due_work.advance_jobs() + due_work.end_tasks(), flush=True)
    steps = 0
    while due_work.advance_jobs() + due_work.end_tasks():
        steps += 1
    print(steps, "steps, and nothing is due", flush=True)
"""


class Worker:
    """A process that sweeps, once it is told to begin."""

    def __init__(self, environ):
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER],
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.line() == "ready", self.process.communicate(timeout=HANG_SECONDS)

    def line(self):
        return self.process.stdout.readline().strip()

    def begin(self):
        """Let it go on to the end."""
        self.process.stdin.close()
        self.process.stdin = None

    def tell(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill_after(self, steps, moment):
        """Kill it a moment, a share of what a step takes, after so many steps, in which it was at work."""
        begun = time.monotonic()
        for _ in range(steps):
            self.tell()
            assert int(self.line()) > 0
        self.tell()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait((time.monotonic() - begun) / steps * moment)
        self.process.kill()
        self.process.communicate(timeout=HANG_SECONDS)

    def end(self):
        """Wait for the end, up to which nothing may go wrong; return how many steps it took."""
        out, err = self.process.communicate(timeout=HANG_SECONDS)
        assert (self.process.returncode, err) == (0, "")
        steps, _, rest = out.partition(" ")
        assert rest == "steps, and nothing is due\n"
        return int(steps)


@pytest.fixture(params=["sqlite", "postgresql"])
def environ(request, tmp_path):
    """A migrated database of a fleet, as settings for its workers."""
    with postgres() if request.param == "postgresql" else contextlib.nullcontext("") as url:
        given = {"OTAGW_CONFIG": "/dev/null", "OTAGW_DATA_DIR": str(tmp_path / "data"), "OTAGW_DATABASE_URL": url}
        connect(given)
        yield given
        database.disconnect()


def connect(given):
    chosen = settings.load(given)
    door.enter(chosen)
    schema.migrate(chosen)


def fleet(account, count):
    """Register many devices, of which one in ten runs the new version already, and one in ten is mute."""
    runs = ("2.0", None, *["1.0"] * 8)
    rollouts.register(account, {f"d{n}": {"default": runs[n % 10]} if runs[n % 10] else {} for n in range(count)})


def outcome():
    """Return everything that a worker decides: tasks by device, job and state, jobs, counters."""
    query = "SELECT job_id, device_id, module, state, COALESCE(note, ''), COALESCE(source_version, '') FROM task"
    found = sorted(database.execute(query).fetchall())
    assert len(found) == len({row[:3] for row in found})
    about = ("state", "filling", "cursor", "position", "population", "cancel", "bulk", "due", "paused")
    facts = {key: [job[name] for name in about] for key, job in rollouts.rows("job").items()}
    assert rollouts.counted() == rollouts.there()
    return found, facts


def undo(job):
    """Make a job as it was when it was created."""
    with database.write():
        database.execute("DELETE FROM task")
        database.execute("DELETE FROM job")
        database.execute("DELETE FROM counter WHERE scope LIKE 'task/%'")
        jobs.insert(job)


def drafted(package, percent):
    by = Rules(percent=percent, source_versions=("1.0",)) if percent else Rules()
    target = jobs.GRAY if percent else jobs.ALL
    return JobDraft(package=package, product_key="p", target=target, rules=by, finish_at=clock.now() + 10**9)


def prepare(percent):
    """Make a fleet, and return a job for it that is not kept yet."""
    account = accounts.ensure("main")
    fleet(account, DEVICES)
    job, _ = planning.draft(account, drafted(rollouts.package(account, "a"), percent))
    return job


def begin_late(job):
    """Make every task one of a device that was at work for too long."""
    with database.write():
        database.execute("UPDATE task SET state = 'in_progress', started = 1, due = ? + id % 1000", clock.now() - 9999)
        database.execute("DELETE FROM counter WHERE scope LIKE 'task/%'")
        rows = database.execute("SELECT COUNT(*) FROM task").fetchone()
        tasks.count_moves(job.account_id, job.id, {states.IN_PROGRESS: rows[0]})


@pytest.mark.parametrize("percent", [None, 33_333])
def test_a_worker_that_is_killed_while_it_fills_a_job_leaves_what_the_next_one_ends(environ, percent):
    job = prepare(percent)
    undo(job)
    worker = Worker(environ)
    worker.begin()
    assert worker.end() > 5
    undisturbed = outcome()
    assert undisturbed[1][job.id][:2] == ["in_progress", False]
    undo(job)
    draw = random.Random(percent)
    for _ in range(3):
        Worker(environ).kill_after(draw.randint(1, 2), draw.random())
    worker = Worker(environ)
    worker.begin()
    worker.end()
    assert outcome() == undisturbed


def test_two_workers_who_fill_a_job_take_no_step_twice(environ):
    job = prepare(33_333)
    undo(job)
    worker = Worker(environ)
    worker.begin()
    alone = worker.end()
    undisturbed = outcome()
    undo(job)
    workers = [Worker(environ) for _ in range(2)]
    for worker in workers:
        worker.begin()
    together = sum(worker.end() for worker in workers)
    assert outcome() == undisturbed
    assert together <= 2 * alone + 2


def late():
    """Make a job whose devices have all been at work for too long."""
    account = accounts.ensure("main")
    rollouts.register(account, {f"d{n}": {"default": "1.0"} for n in range(TIMEOUTS)})
    job = jobs.find(rollouts.create(account, rollouts.package(account, "a")))
    begin_late(job)
    return job


def ended(job):
    found, facts = outcome()
    assert [row[3:5] for row in found] == [(states.FAILED, "timeout")] * TIMEOUTS
    assert facts[job.id][0] == states.COMPLETED
    (noted,) = database.execute("SELECT COUNT(*) FROM device_event WHERE detail = 'failed: timeout'").fetchone()
    assert noted == TIMEOUTS


def test_a_worker_that_is_killed_while_it_ends_tasks_leaves_what_the_next_one_ends(environ):
    job = late()
    draw = random.Random(1)
    for _ in range(3):
        Worker(environ).kill_after(1, draw.random())
    (left,) = database.execute("SELECT COUNT(*) FROM task WHERE due IS NOT NULL").fetchone()
    assert 0 < left < TIMEOUTS
    worker = Worker(environ)
    worker.begin()
    worker.end()
    ended(job)


def test_two_workers_end_each_task_once(environ):
    job = late()
    workers = [Worker(environ) for _ in range(2)]
    for worker in workers:
        worker.begin()
    for worker in workers:
        worker.end()
    ended(job)


def failed(job):
    """Make every task one of a device that has failed, and ask for another try of all."""
    with database.write():
        database.execute("UPDATE task SET state = 'failed', due = NULL, progress = 9, note = 'x'")
        database.execute("DELETE FROM counter WHERE scope LIKE 'task/%'")
        tasks.count_moves(job.account_id, job.id, {states.FAILED: TIMEOUTS})
        jobs.settle(job.id)
    bulk_control.retry(accounts.ensure("main"), str(job.id), None)


def again(job):
    found, facts = outcome()
    assert [row[3:5] for row in found] == [(states.QUEUED, "")] * TIMEOUTS
    assert facts[job.id][0] == states.IN_PROGRESS
    (noted,) = database.execute("SELECT COUNT(*) FROM device_event WHERE detail = 'queued'").fetchone()
    assert noted == TIMEOUTS


def test_a_worker_that_is_killed_while_it_retries_a_job_leaves_what_the_next_one_ends(environ):
    job = late()
    failed(job)
    draw = random.Random(2)
    for _ in range(3):
        Worker(environ).kill_after(1, draw.random())
    worker = Worker(environ)
    worker.begin()
    assert worker.end() > 0
    again(job)


def test_two_workers_retry_each_task_once(environ):
    job = late()
    failed(job)
    workers = [Worker(environ) for _ in range(2)]
    for worker in workers:
        worker.begin()
    for worker in workers:
        worker.end()
    again(job)


def test_a_server_that_is_killed_while_it_makes_a_job_has_made_it_once(make_live):
    gateway = make_live()
    given = {"OTAGW_CONFIG": "/dev/null", "OTAGW_DATA_DIR": gateway.environ["OTAGW_DATA_DIR"]}
    connect(given)
    account = accounts.ensure("main")
    fleet(account, DEVICES)
    package = rollouts.package(account, "a")
    wanted = {"FirmwareId": package, "ProductKey": "p", "TargetSelection": "ALL", "ClientToken": "t"}
    gateway.start(("serve", "--no-worker"))

    def create(until):
        """Ask again and again: each request goes on for a second at most."""
        while not until.is_set():
            with contextlib.suppress(requests.RequestException, json.JSONDecodeError):
                gateway.get("CreateOTAStaticUpgradeJob", **wanted)

    def made():
        return database.execute("SELECT COUNT(*) FROM task").fetchone()[0]

    for _ in range(3):
        before, killed = made(), threading.Event()
        thread = threading.Thread(target=create, args=(killed,))
        thread.start()
        try:
            eventually(lambda before=before: made() > before, pause=0)
            gateway.kill()
        finally:
            killed.set()
            thread.join()
        assert before < made() < DEVICES * 9 // 10
        gateway.start(("serve", "--no-worker"))
    key = gateway.get("CreateOTAStaticUpgradeJob", **wanted).json()["Data"]["JobID"]
    worker = Worker(given)
    worker.begin()
    worker.end()
    found, facts = outcome()
    assert facts.keys() == {int(key)}
    assert len(found) == DEVICES * 9 // 10
    assert {row[3] for row in found} == {states.QUEUED}
    assert facts[int(key)][:2] == [states.IN_PROGRESS, False]
    database.disconnect()
