"""The worker in process: its sweeps, what is due by our own steps, and when it looks again."""

import contextlib
import dataclasses
import io
import json
import logging
import queue
import signal

import peewee
import pytest

from otagw import clock, extras, settings, worker
from otagw.db import database
from otagw.ops import log
from otagw.ota import accounts, idempotency
from otagw.ota.packages import stored_files
from otagw.server import supervisor
from otagw.worker import Worker
from tests import door
from tests.conftest import NOW
from tests.engines import migrated
from tests.races import race


@contextlib.contextmanager
def prepared(environment, engine="sqlite", **changes):
    """Make a migrated database of these settings, and the storage."""
    with migrated(environment, engine, **changes) as chosen:
        yield chosen


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request, environment):
    """A migrated database."""
    with prepared(environment, request.param) as chosen:
        yield chosen


@pytest.fixture
def lines(environment):
    """Read what was logged since, line by line."""
    stream = io.StringIO()
    log.configure(settings.load(environment))
    logging.getLogger("otagw").handlers[0].setStream(stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def steps():
    """Steps of the test's own instead of ours."""
    return {}


@pytest.fixture
def sweep(steps):
    """Let a worker sweep with the test's own steps."""
    return Worker(steps).sweep


def step(name, results, calls):
    """Return a step that notes its calls and returns, or raises, these results."""
    left = list(results)

    def run():
        calls.append(name)
        result = left.pop(0) if left else 0
        if isinstance(result, Exception):
            raise result
        return result

    return run


def test_steps_take_turns_until_none_has_more_to_do(steps, lines, sweep):
    calls = []
    steps |= {"one": step("one", [10, 10, 3], calls), "two": step("two", [0, 2], calls)}
    sweep()
    assert calls == ["one", "two"] * 4
    (line,) = lines()
    assert (line["message"], line["steps"]) == ("done", {"one": 23, "two": 2})


def test_a_sweep_that_finds_nothing_says_nothing(steps, lines, sweep):
    steps["one"] = step("one", [], [])
    sweep()
    assert lines() == []


def test_a_sweep_can_be_asked_to_end_after_a_round(steps, sweep):
    calls = []
    steps |= {"one": step("one", [1] * 9, calls), "two": step("two", [1] * 9, calls)}
    sweep(lambda: False)
    assert calls == ["one", "two"]


def test_a_step_that_raises_does_not_stop_the_others_and_is_logged_once(steps, lines, sweep):
    calls = []
    steps |= {
        "bad": step("bad", [ValueError("no"), ValueError("no"), KeyError(1), 0], calls),
        "good": step("good", [1], calls),
    }
    sweep()
    assert calls == ["bad", "good"] * 2
    sweep()
    sweep()
    told = [(line["message"], line.get("step"), "traceback" in line) for line in lines()]
    failed = ("a step failed; it is tried again every second", "bad", True)
    assert told == [
        failed,
        ("done", None, False),
        failed,  # another error
        ("a step works again", "bad", False),
    ]


def test_trouble_with_the_database_drops_the_connection_and_the_next_sweep_has_another(store, steps, lines, sweep):
    closed = []
    steps["bad"] = step("bad", [peewee.OperationalError("gone")], [])
    steps["next"] = lambda: closed.append(database.db.is_closed()) or 0
    database.ping()
    sweep()
    assert closed == [True]
    database.ping()


@pytest.mark.postgres
def test_a_server_that_ends_our_connection_is_found_again(environment, lines):
    with prepared(environment, "postgresql") as chosen:
        Worker().sweep()
        import psycopg

        with psycopg.connect(chosen.database_url, autocommit=True) as server:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        Worker().sweep()
        released(1)
        Worker().sweep()
        assert count("stored_file") == 0
    assert lines()[0]["message"] == "a step failed; it is tried again every second"


def released(number, first=0):
    """Insert files that nobody uses any more."""
    with database.write():
        for each in range(first, first + number):
            database.execute(
                "INSERT INTO stored_file (key, account_id, path, uses, idle_since) VALUES (?, 1, ?, 0, 0)",
                *(f"key{each}", f"key{each}/x"),
            )


def answered(number, created):
    with database.write():
        for each in range(number):
            database.execute(
                "INSERT INTO answer (account_id, action, token, digest, answer, created) VALUES (1, 'a', ?, '', '', ?)",
                *(f"{created}-{each}", created),
            )


def count(table):
    return database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]


def test_our_steps_do_all_that_is_due_and_nothing_else(store, lines):
    clock.hold(lambda: NOW * 1000)
    try:
        answered(25, NOW * 1000 - idempotency.KEPT_MS)
        answered(2, NOW * 1000 - idempotency.KEPT_MS + 1)
        released(25)
        stored_files.announce(accounts.ensure("main"), "prefix/", "bin")
        Worker().sweep()
        assert (count("answer"), count("stored_file")) == (2, 1)
    finally:
        clock.hold(None)
    # The announcement has purged a few, as requests do where no worker runs.
    assert lines()[-1]["steps"] == {"ota.files.purge": 15, "ota.idempotency.sweep": 25}


def test_an_expired_answer_goes_and_its_token_can_be_used_again(store):
    account = accounts.ensure("main")
    made = iter(range(9))
    clock.hold(lambda: NOW * 1000)
    try:
        run = lambda: idempotency.run(account, "a", "token", lambda: 1, lambda: {"made": next(made)})  # noqa: E731
        assert [run(), run()] == [{"made": 0}] * 2
        clock.hold(lambda: NOW * 1000 + idempotency.KEPT_MS)
        assert [idempotency.sweep(), idempotency.sweep()] == [1, 0]
        assert run() == {"made": 1}
    finally:
        clock.hold(None)


class Counting:
    """A storage that notes what is deleted."""

    def __init__(self):
        self.deleted = []

    def delete(self, path):
        self.deleted.append(path)


def test_several_sweepers_do_nothing_twice(store):
    storage, threads, number = Counting(), 4, 100
    door.replace(storage=storage)
    released(number)

    def sweep():
        total = 0
        while done := stored_files.purge():
            total += done
        return total

    totals = race(*[sweep] * threads)
    # One that found only what the others had claimed already has stopped; nothing is left or done twice all the same.
    while done := stored_files.purge():
        totals.append(done)
    assert sum(totals) == number
    assert sorted(storage.deleted) == sorted(f"key{each}" for each in range(number))
    assert count("stored_file") == 0


def test_a_file_whose_purge_breaks_off_is_due_again_later_and_holds_up_no_other(store, steps, lines, sweep):
    class Broken(Counting):
        def delete(self, path):
            if path == "key0":
                raise OSError("no")
            super().delete(path)

    storage = Broken()
    door.replace(storage=storage)
    released(3)
    steps["purge"] = stored_files.purge
    sweep()
    sweep()
    assert sorted(storage.deleted) == ["key1", "key2"]
    clock.hold(lambda: NOW * 2000)
    try:
        door.replace(storage=Counting())
        assert stored_files.purge() == 1
    finally:
        clock.hold(None)
    assert count("stored_file") == 0


def test_a_sweep_costs_by_what_is_due(environment, monkeypatch):
    """Each SELECT of an idle sweep is answered from an index, and sorts nothing; webhooks, which are few, are read."""
    asked = []
    with prepared(environment):
        engine = door.here().database.engine
        execute = engine.execute_sql
        monkeypatch.setattr(
            engine, "execute_sql", lambda sql, values=(): asked.append((sql, values)) or execute(sql, values)
        )
        door.replace(settings=dataclasses.replace(door.here().settings, keep_jobs_days=30))
        Worker().sweep()
        asked = [(sql, values) for sql, values in asked if sql.startswith("SELECT")]
        assert len(asked) >= len(worker.STEPS)
        for sql, values in asked:
            steps = [row[3] for row in execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()]
            plan = " ".join(step for step in steps if step not in ("SCAN webhook", "SCAN CONSTANT ROW"))
            assert "SEARCH" in plan, sql
            assert "SCAN" not in plan, sql
            assert "TEMP B-TREE" not in plan, sql


@pytest.fixture
def received():
    return queue.SimpleQueue()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_sweeps_first_and_ends_by_a_signal(store, received, number):
    released(25)
    received.put(number)
    assert worker.run(store, received) == number
    assert count("stored_file") == 15  # the signal ends the sweep after its first round


def test_sighup_ends_a_run_unless_the_settings_are_wrong(environment, received, monkeypatch):
    answers = [False, True]
    monkeypatch.setattr(worker.supervisor, "can_reload", lambda _: answers.pop(0))
    received.put(signal.SIGHUP)
    received.put(signal.SIGHUP)
    with prepared(environment) as chosen:
        assert worker.run(chosen, received) == signal.SIGHUP
    assert answers == []


class Waits:
    """Where signals arrive: SIGTERM instead of the last of some waits, each of which ends at once."""

    def __init__(self, number):
        self.number, self.seconds = number, []

    def empty(self):
        return True

    def get(self, timeout):
        self.seconds.append(timeout)
        if len(self.seconds) < self.number:
            raise queue.Empty
        return signal.SIGTERM


def test_a_run_looks_again_and_again_at_leisure_while_a_step_fails(store, steps):
    waits = Waits(4)
    steps["one"] = step("one", [0, KeyError(1), 1, 0], [])
    assert worker.run(store, waits, steps) == signal.SIGTERM
    assert waits.seconds == [worker.LOOK_SECONDS, worker.RETRY_SECONDS, worker.LOOK_SECONDS, worker.LOOK_SECONDS]


@pytest.mark.parametrize(
    ("name", "value", "extra"),
    [
        ("redis_url", "redis://127.0.0.1/0", "redis"),
        ("database_url", "postgresql://u@127.0.0.1/otagw", "postgres"),
        ("storage_url", "s3://bucket/prefix", "s3"),
        ("obs_buckets", '{"firmware": "s3://bucket"}', "s3"),
    ],
)
def test_a_setting_without_its_package_is_said_at_the_start(environment, monkeypatch, name, value, extra):
    chosen = settings.load({**environment, f"OTAGW_{name.upper()}": value})
    supervisor.check(chosen)
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(
        settings.SettingsError, match=rf"^{name}: .*pip install --require-hashes -r requirements-{extra}\.lock"
    ):
        supervisor.check(chosen)
