"""`otagw worker`, alone, beside others, and under `otagw serve`."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading

import psycopg
import pytest

from tests.conftest import free_port
from tests.deploy.servers import children, gunicorn_of, ignores, session, worker_of
from tests.engines import postgres
from tests.patience import HANG_SECONDS, eventually

pytestmark = pytest.mark.live
READY, ENDED = "the worker is ready", "the worker ends"


@pytest.fixture
def served(make_live):
    """A gateway whose two processes and one worker are up."""
    gateway = make_live().start()
    master = gunicorn_of(gateway)
    eventually(lambda: sum(ignores(signal.SIGINT, pid) for pid in children(master)) == 2)
    eventually(lambda: READY in gateway.log())
    return gateway


@pytest.fixture
def start_worker():
    """Start workers alone, each with a log of its own."""
    with contextlib.ExitStack() as stack:

        def start(gateway, name="worker"):
            path = gateway.folder / f"{name}.log"
            log = stack.enter_context(open(path, "wb"))
            command = [sys.executable, "-m", "otagw", "worker"]
            process = subprocess.Popen(command, env=gateway.environ, stderr=log, stdout=log, start_new_session=True)
            stack.callback(process.wait)
            stack.callback(process.kill)
            process.log = lambda: path.read_text(encoding="utf-8")
            return process

        yield start


def ready(process):
    eventually(lambda: READY in process.log())
    return process


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


@contextlib.contextmanager
def opened(gateway):
    """Open the gateway's database past the gateway."""
    url = gateway.environ.get("OTAGW_DATABASE_URL")
    if url:
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection
    else:
        with contextlib.closing(sqlite3.connect(gateway.folder / "data/otagw.db", timeout=HANG_SECONDS)) as connection:
            yield connection
            connection.commit()


def released(gateway, number):
    """Let there be files that nobody uses any more."""
    for each in range(number):
        path = gateway.folder / f"data/files/key{each}/x"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    with opened(gateway) as connection:
        connection.execute(
            "INSERT INTO stored_file (key, account_id, path, uses, idle_since) VALUES "
            + ",".join(f"('key{each}', 1, 'key{each}/x', 0, 0)" for each in range(number))
        )


def left(gateway):
    with opened(gateway) as connection:
        (number,) = connection.execute("SELECT COUNT(*) FROM stored_file").fetchone()
    return number


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_supervisor_ends_the_worker_too(served, number):
    served.process.send_signal(number)
    assert served.process.wait(HANG_SECONDS) == 0
    assert session(served.process.pid) == set()
    assert ENDED in served.log()
    assert "Traceback" not in served.log()


def test_ctrl_c_in_a_terminal_ends_the_worker_quietly(served):
    os.killpg(served.process.pid, signal.SIGINT)
    assert served.process.wait(HANG_SECONDS) == 0
    assert session(served.process.pid) == set()
    assert ENDED in served.log()
    assert "Traceback" not in served.log()


def test_ctrl_c_while_all_is_starting_is_quiet(make_live, monkeypatch):
    gateway = make_live()
    monkeypatch.setattr(gateway, "wait", lambda: None)
    gateway.start()
    worker_of(gateway)
    os.killpg(gateway.process.pid, signal.SIGINT)
    assert gateway.process.wait(HANG_SECONDS) == 0
    assert session(gateway.process.pid) == set()
    assert "Traceback" not in gateway.log()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, 128 + signal.SIGKILL), (signal.SIGTERM, 1)])
@pytest.mark.parametrize("find", [worker_of, gunicorn_of])
def test_the_end_of_either_ends_both_with_a_failure(served, find, number, status):
    os.kill(find(served), number)
    assert served.process.wait(HANG_SECONDS) == status
    eventually(lambda: not session(served.process.pid))
    (line,) = [line for line in lines(served.log()) if line["logger"] == "otagw.serve"]
    assert {worker_of: "otagw worker", gunicorn_of: "gunicorn"}[find] in line["command"]


def test_serve_without_a_worker(make_live):
    gateway = make_live().start(("serve", "--no-worker"))
    assert children(gateway.process.pid) == {gunicorn_of(gateway)}
    gateway.stop()
    assert gateway.process.returncode == 0
    assert READY not in gateway.log()


def test_what_is_due_is_done_although_nobody_calls(served):
    released(served, 25)
    eventually(lambda: left(served) == 0)
    assert list((served.folder / "data/files").iterdir()) == []


@pytest.fixture(params=["sqlite", "postgresql"])
def gateway(request, make_live):
    """A gateway that does not run, on each engine."""
    with postgres() if request.param == "postgresql" else contextlib.nullcontext("") as url:
        yield make_live(database_url=url)


def test_two_workers_on_one_database_do_nothing_twice(gateway, start_worker):
    released(gateway, 300)
    workers = [start_worker(gateway, name) for name in ("one", "two")]
    eventually(lambda: left(gateway) == 0)
    for process in workers:
        ready(process).terminate()
        assert process.wait(HANG_SECONDS) == 0
    done = [line["steps"]["ota.files.purge"] for each in workers for line in lines(each.log()) if "steps" in line]
    assert sum(done) == 300


def test_a_killed_worker_leaves_what_it_had_not_begun_to_the_next(gateway, start_worker):
    """What it had claimed is due again an hour later: tests/test_worker.py."""
    released(gateway, 300)
    one = start_worker(gateway, "one")
    eventually(lambda: left(gateway) < 300)
    one.kill()
    one.wait(HANG_SECONDS)
    start_worker(gateway, "two")
    eventually(lambda: left(gateway) <= 1)


def test_an_idle_worker_finds_what_another_process_makes_due(gateway, start_worker):
    process = ready(start_worker(gateway))
    for _ in range(2):
        released(gateway, 3)
        eventually(lambda: left(gateway) == 0)
    process.terminate()
    assert process.wait(HANG_SECONDS) == 0
    assert {line["level"] for line in lines(process.log())} == {"INFO"}


def test_a_worker_outlives_the_end_of_its_connections(make_live, start_worker):
    with postgres() as url:
        gateway = make_live(database_url=url)
        process = ready(start_worker(gateway))
        with opened(gateway) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        released(gateway, 3)
        eventually(lambda: left(gateway) == 0)
        process.terminate()
        assert process.wait(HANG_SECONDS) == 0


def test_a_worker_needs_no_redis(make_live, start_worker):
    gateway = make_live(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    process = ready(start_worker(gateway))
    released(gateway, 3)
    eventually(lambda: left(gateway) == 0)
    process.terminate()
    assert process.wait(HANG_SECONDS) == 0


def test_sighup_reads_the_settings_anew_in_the_same_process(make_live):
    gateway = make_live()
    file = gateway.folder / "otagw.toml"
    file.write_text("")
    gateway.environ["OTAGW_CONFIG"] = str(file)
    del gateway.environ["OTAGW_LOG_FORMAT"]
    gateway.start()
    process = worker_of(gateway)
    eventually(lambda: READY in gateway.log())
    file.write_text('log_format = "text"')
    gateway.process.send_signal(signal.SIGHUP)
    eventually(lambda: f"info    {READY}" in gateway.log())
    assert worker_of(gateway) == process
    gateway.process.kill()
    gateway.process.wait(HANG_SECONDS)
    eventually(lambda: not session(gateway.process.pid))


@pytest.mark.parametrize("delay", [0, 0.01, 0.1, 0.5])
def test_a_worker_told_to_stop_while_it_reads_its_settings_stops(make_live, start_worker, delay):
    process = ready(start_worker(make_live()))
    process.send_signal(signal.SIGHUP)
    threading.Event().wait(delay)
    process.send_signal(signal.SIGTERM)
    assert process.wait(HANG_SECONDS) == 0
    assert "Traceback" not in process.log()


def test_sighup_with_wrong_settings_changes_nothing(make_live, start_worker):
    gateway = make_live()
    file = gateway.folder / "otagw.toml"
    file.write_text("")
    gateway.environ["OTAGW_CONFIG"] = str(file)
    process = ready(start_worker(gateway))
    file.write_text("wrokers = 3")
    process.send_signal(signal.SIGHUP)
    eventually(lambda: "did you mean workers?" in process.log())
    assert process.poll() is None


def test_a_worker_without_its_database_says_so_in_one_line(make_live, start_worker):
    gateway = make_live()
    (gateway.folder / "data/otagw.db").rename(gateway.folder / "elsewhere")
    process = start_worker(gateway)
    assert process.wait(HANG_SECONDS) == 1
    assert process.log().startswith("Error: the database lacks")
    assert process.log().count("\n") == 1
