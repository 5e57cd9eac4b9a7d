"""`otagw serve`: it starts and stops everything together, loads settings anew, and says what is wrong in one line."""

import http.client
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading

import pytest

from tests.deploy import pki
from tests.deploy.servers import children, curl, gunicorn_of, ignores, session
from tests.patience import HANG_SECONDS, eventually

pytestmark = pytest.mark.live


@pytest.fixture
def served(make_live):
    """A gateway whose two workers are up."""
    gateway = make_live().start()
    master = gunicorn_of(gateway)
    eventually(lambda: sum(ignores(signal.SIGINT, pid) for pid in children(master)) == 2)
    assert healthz(gateway) == 200
    return gateway


def healthz(gateway):
    connection = http.client.HTTPConnection(gateway.host, timeout=HANG_SECONDS)
    try:
        connection.request("GET", "/healthz", headers={"Connection": "close"})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_supervisor_stops_everything(served, number):
    served.process.send_signal(number)
    assert served.process.wait(HANG_SECONDS) == 0
    assert session(served.process.pid) == set()
    assert "Traceback" not in served.log()


def test_ctrl_c_in_a_terminal_stops_everything_quietly(served):
    os.killpg(served.process.pid, signal.SIGINT)
    assert served.process.wait(HANG_SECONDS) == 0
    assert session(served.process.pid) == set()
    assert "Traceback" not in served.log()


def ended_by_themselves(gateway):
    """Check that gunicorn did not have to kill a process that did not stop, as it does half a minute later."""
    begun, ended = (re.findall(rf"{word}\D+(\d+)", gateway.log()) for word in ("Booting worker", "Worker exiting"))
    assert sorted(ended) == sorted(begun) != []


SLOW_POOL = """
import concurrent.futures.thread, time
start = concurrent.futures.thread.ThreadPoolExecutor._adjust_thread_count
def start_slowly(self):
    start(self)
    time.sleep(0.3)
concurrent.futures.thread.ThreadPoolExecutor._adjust_thread_count = start_slowly
"""


def test_ctrl_c_while_a_request_enters_the_pool_stops_too(make_live, tmp_path):
    """The pool's lock is held when the signal comes; the thread that holds it must not wait for it in the handler."""
    (tmp_path / "sitecustomize.py").write_text(SLOW_POOL)
    gateway = make_live()
    gateway.environ["PYTHONPATH"] = str(tmp_path)
    gateway.start()
    assert healthz(gateway) == 200
    os.killpg(gateway.process.pid, signal.SIGINT)
    assert gateway.process.wait(HANG_SECONDS) == 0
    ended_by_themselves(gateway)


SLOW_FORK = """
import time
from gunicorn.workers import base

def start_late(self, init=base.Worker.init_signals):
    open(f"{__file__}.started", "w").close()
    while not self.early_signals.qsize():
        time.sleep(0.01)
    init(self)
base.Worker.init_signals = start_late
"""


def test_a_signal_to_a_process_that_has_no_handlers_yet_stops_it(make_live, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SLOW_FORK)
    gateway = make_live()
    gateway.environ["PYTHONPATH"] = str(tmp_path)
    gateway.launch("serve")
    started = tmp_path / "sitecustomize.py.started"
    eventually(lambda: started.exists() or gateway.process.poll() is not None)
    assert gateway.process.poll() is None, gateway.log()
    gateway.process.terminate()
    assert gateway.process.wait(HANG_SECONDS) == 0
    ended_by_themselves(gateway)


def test_the_end_of_gunicorn_ends_the_supervisor_with_a_failure(served):
    master = gunicorn_of(served)
    os.kill(master, signal.SIGKILL)
    assert served.process.wait(HANG_SECONDS) == 128 + signal.SIGKILL
    eventually(lambda: not session(served.process.pid))


def test_gunicorn_stopped_behind_the_supervisors_back_is_a_failure_too(served):
    master = gunicorn_of(served)
    os.kill(master, signal.SIGTERM)
    assert served.process.wait(HANG_SECONDS) == 1


def test_a_killed_supervisor_leaves_nothing_behind(served):
    served.process.kill()
    served.process.wait(HANG_SECONDS)
    eventually(lambda: not session(served.process.pid))


def test_a_killed_worker_is_replaced(served):
    master = gunicorn_of(served)
    before = children(master)
    os.kill(min(before), signal.SIGKILL)
    eventually(lambda: len(children(master) - {min(before)}) == 2)
    assert healthz(served) == 200


def test_sighup_replaces_the_workers_and_refuses_no_request_meanwhile(served):
    stop, answers = threading.Event(), []

    def ask():
        while not stop.is_set():
            try:
                answers.append(healthz(served))
            except OSError as error:
                answers.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    served.process.send_signal(signal.SIGHUP)
    try:
        eventually(lambda: served.log().count("Worker exiting") == 2)
    finally:
        stop.set()
        asking.join()
    assert set(answers) == {200}


def test_sighup_reads_the_settings_file_anew(make_live):
    gateway = make_live()
    file = gateway.folder / "otagw.toml"
    file.write_text("workers = 1")
    gateway.environ["OTAGW_CONFIG"] = str(file)
    gateway.start()
    master = gunicorn_of(gateway)
    eventually(lambda: len(children(master)) == 1)
    file.write_text("workers = 3")
    gateway.process.send_signal(signal.SIGHUP)
    eventually(lambda: len(children(master)) == 3)


def test_sighup_with_wrong_settings_changes_nothing(make_live):
    gateway = make_live()
    file = gateway.folder / "otagw.toml"
    file.write_text("workers = 1")
    gateway.environ["OTAGW_CONFIG"] = str(file)
    gateway.start()
    assert healthz(gateway) == 200
    file.write_text("wrokers = 3")
    gateway.process.send_signal(signal.SIGHUP)
    eventually(lambda: "did you mean workers?" in gateway.log())
    assert healthz(gateway) == 200


def test_a_port_in_use_is_one_message_and_a_failure(make_live):
    gateway = make_live()
    with socket.create_server(("127.0.0.1", gateway.port)):
        done = gateway.cli("serve", check=False)
    assert done.returncode == 1
    assert done.stderr == f"Error: cannot serve on {gateway.host}: Address already in use\n"


def test_a_certificate_of_another_key_is_one_message_and_a_failure(make_live, tmp_path):
    pki.make(tmp_path)
    certificate = (tmp_path / "tls.crt").rename(tmp_path / "other.crt")
    pki.make(tmp_path)
    done = make_live(tls_cert=certificate, tls_key=tmp_path / "tls.key").cli("serve", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: tls_cert, tls_key: expected a readable pair")
    assert done.stderr.count("\n") == 1


def test_serve_needs_no_file_of_the_working_folder(make_live, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gateway = make_live()
    del gateway.environ["OTAGW_CONFIG"]
    assert healthz(gateway.start()) == 200


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({}, 0),
        ({"trusted_proxies": 1}, 1),
        ({"trusted_proxies": 1, "public_url": "https://ota.example.com"}, 0),
    ],
)
def test_serve_warns_once_that_links_follow_what_clients_send(make_live, changes, warned):
    gateway = make_live(workers=2, **changes).start(("serve", "--no-worker"))
    gateway.stop()
    assert gateway.log().count("public_url is not set") == warned


def test_serve_listens_on_a_unix_socket(make_live, tmp_path, monkeypatch):
    from tests.conftest import need

    gateway = make_live(bind=f"unix:{tmp_path}/socket")
    monkeypatch.setattr(gateway, "wait", lambda: None)
    gateway.start()
    file = tmp_path / "socket"
    eventually(lambda: file.exists() and stat.S_ISSOCK(file.stat().st_mode))
    reply = curl(need("curl"), "http://gateway/healthz", "--unix-socket", str(file), "-H", "X_Forwarded_For: 1.2.3.4")
    assert reply.status == 200


def lines_until(gateway, last, *options):
    """Serve with stdout and stderr on one pipe; return its lines up to the one that begins so, and the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "otagw", "serve", *options], env=gateway.environ, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    gateway.process = process
    lines = []
    while not lines or not lines[-1].strip().startswith(last):
        lines.append(process.stdout.readline())
        assert lines[-1], lines
    return lines, process


def rest_of(process):
    """Stop a gateway; return what it said since."""
    process.send_signal(signal.SIGTERM)
    with process.stdout:
        rest = process.stdout.read()
    assert process.wait(HANG_SECONDS) == 0
    return rest


def test_the_welcome_comes_last_and_says_where_it_serves(make_live):
    gateway = make_live()
    lines, process = lines_until(gateway, "curl ", "--welcome")
    assert healthz(gateway) == 200
    rest = rest_of(process)
    begin = next(number for number, line in enumerate(lines) if "The gateway serves" in line)
    before, block = "".join(lines[:begin]), "".join(lines[begin:])
    assert before.count("Booting worker") == 2
    assert "the worker is ready" in before
    assert '"logger"' not in block
    shown = dict(line.split(maxsplit=1) for line in block.splitlines() if re.match(r"  [A-Z]\w+  ", line))
    assert shown["Endpoint"] == gateway.url
    assert (shown["Health"], shown["Stop"]) == (f"{gateway.url}/healthz", "Ctrl-C")
    assert shown["AccessKeyId"]
    assert "The gateway serves" not in rest
    assert "Booting worker" not in rest
    assert "the worker is ready" not in rest


def test_a_process_that_is_started_again_does_not_bring_a_second_welcome(make_live):
    gateway = make_live()
    lines, process = lines_until(gateway, "curl ", "--welcome", "--no-worker")
    os.kill(int(re.findall(r"Booting worker with pid: (\d+)", "".join(lines))[0]), signal.SIGKILL)
    while "Booting worker" not in process.stdout.readline():
        pass
    rest = rest_of(process)
    assert "The gateway serves" not in rest
    assert "Traceback" not in rest


def test_serve_without_welcome_says_nothing_of_keys(make_live):
    lines, process = lines_until(make_live(), '{"time"', "--no-worker")
    rest = rest_of(process)
    assert "AccessKey" not in "".join(lines) + rest
