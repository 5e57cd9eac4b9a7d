"""What is counted, and how it is told: read by a reader of the tests' own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from werkzeug.test import Client as Http

from otagw.db import database
from otagw.ops import exporter, metrics
from otagw.ota import accounts
from otagw.ota.rollouts import tasks
from tests import signer
from tests.conftest import KEY, ROOT, Client

LINE = re.compile(r"(\w+)(?:\{(.*)\})? ([0-9.e+-]+)")


@pytest.fixture
def counted(make_app):
    """A gateway that counts."""
    return Client(make_app(metrics_bind="127.0.0.1:1"))


@pytest.fixture
def folder(counted, environment):
    return Path(environment["OTAGW_DATA_DIR"]) / "metrics"


@pytest.fixture
def ask(folder):
    """Ask the exporter; return each series by its text."""

    def read():
        response = Http(lambda environ, start: exporter.answer(folder, environ, start)).get("/metrics")
        assert response.status_code == 200
        found = [LINE.fullmatch(line).groups() for line in response.text.splitlines() if not line.startswith("#")]
        return {f"{name}{{{labels or ''}}}": float(value) for name, labels, value in found}

    return read


def requests_of(said):
    names = [name for name in said if name.startswith("otagw_requests_total")]
    return {tuple(re.findall(r'="(.*?)"', name)): said[name] for name in names}


def test_requests_are_counted_by_operation_and_outcome(counted, ask):
    counted.make("one")
    counted("CreateOTAFirmware", FirmwareName="one", DestVersion="1")
    counted("CreateOTAFirmware")
    params = signer.v1(KEY, "QueryOTAFirmware", FirmwareId="1")
    counted.send(params)
    counted.send(params)
    said = ask()
    assert requests_of(said) == {
        ("OK", "aliyun", "CreateOTAFirmware"): 1,
        ("AlreadyExists", "aliyun", "CreateOTAFirmware"): 1,
        ("MissingParameter", "aliyun", "CreateOTAFirmware"): 1,
        ("NotFound", "aliyun", "QueryOTAFirmware"): 1,
        ("ReplayedNonce", "aliyun", "QueryOTAFirmware"): 1,
    }
    assert said["otagw_nonces_refused_total{}"] == 1
    assert said['otagw_request_seconds_count{front="aliyun",operation="CreateOTAFirmware"}'] == 3
    assert said['otagw_request_seconds_bucket{front="aliyun",le="+Inf",operation="QueryOTAFirmware"}'] == 2


def test_what_strangers_send_makes_no_series_of_its_own(counted, ask):
    for number in range(20):
        counted.by((f"nobody{number}", "x"))(f"Invented{number}")
        counted(f"Invented{number}", **{f"P{number}": "1"})
        counted.http.get(f"/nowhere/{number}")
        counted.http.get(f"/oss/{number}?Signature={number}")
        counted.http.get(f"/device/v1/p{number}/d{number}/update")
    found = requests_of(ask())
    assert len(found) <= 6
    assert {operation for _, _, operation in found} == {"unknown", "GetObject", "device.update"}


def test_other_fronts_are_counted_too(counted, ask):
    counted.http.get("/device/v1/p/d/update")
    counted.http.get("/oss/x")
    found = requests_of(ask())
    assert found == {("IncompleteSignature", "device", "device.update"): 1, ("ExpiredTimestamp", "oss", "GetObject"): 1}


def test_the_public_port_has_no_metrics(counted):
    assert counted.http.get("/metrics").status_code == 404


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/metrics/"), ("POST", "/metrics"), ("PUT", "/x")])
def test_the_exporter_has_nothing_else(folder, method, path):
    response = Http(lambda environ, start: exporter.answer(folder, environ, start)).open(path, method=method)
    assert (response.status_code, response.data) == (404, b"")


def test_what_is_rolled_back_is_not_counted(counted, ask):
    account = accounts.get("main")
    with database.write():
        tasks.count_moves(account.id, 1, {"queued": 3, "failed": -2})
    with pytest.raises(ZeroDivisionError):
        undone(account)
    assert {name: value for name, value in ask().items() if "tasks" in name} == {'otagw_tasks_total{state="queued"}': 3}


def undone(account):
    with database.write():
        tasks.count_moves(account.id, 1, {"queued": 5})
        raise ZeroDivisionError


def test_what_is_due_is_looked_up(counted, ask):
    said = ask()
    assert said['otagw_due_rows{table="job"}'] == said['otagw_overdue_seconds{table="task"}'] == 0
    assert said["otagw_database_up{}"] == 1
    with database.write():
        database.execute(
            "INSERT INTO webhook (id, account_id, url, secret, events, enabled, busy_until, created) "
            "VALUES (1, 1, '', '', '', TRUE, 0, 0)"
        )
        database.execute(
            "INSERT INTO webhook_delivery (id, webhook_id, event, body, state, attempts, next_at, created) "
            "VALUES (1, 1, '', '', 'pending', 0, 5, 0)"
        )
    said = ask()
    assert said['otagw_due_rows{table="webhook_delivery"}'] == 1
    assert said['otagw_overdue_seconds{table="webhook_delivery"}'] > 10**9


def test_a_database_that_is_gone_is_told_and_the_rest_goes_on(counted, ask, monkeypatch):
    counted.make("one")

    def gone(*_):
        raise database.TROUBLE[0]("gone")

    monkeypatch.setattr(database, "execute", gone)
    said = ask()
    assert said["otagw_database_up{}"] == 0
    assert not [name for name in said if "due" in name]
    assert requests_of(said) == {("OK", "aliyun", "CreateOTAFirmware"): 1}


COUNT = """
import pathlib, sys
from otagw.ops.metrics import Metrics
Metrics(pathlib.Path(sys.argv[1]), ["A"]).count("otagw_upload_bytes_total", by=10)
"""


def test_processes_that_have_ended_are_added_up_and_leave_no_files(counted, folder, ask):
    for _ in range(3):
        subprocess.run([sys.executable, "-c", COUNT, str(folder)], check=True, cwd=ROOT)
    metrics.count("otagw_upload_bytes_total", by=5)
    assert len(list(folder.glob("counter_*.db"))) == 4
    assert [ask()["otagw_upload_bytes_total{}"] for _ in range(3)] == [35] * 3
    assert {path.name for path in folder.glob("counter_*.db")} == {"counter_ended-1.db", f"counter_{os.getpid()}.db"}


# Folds copies of a folder in processes that end at their first, second… change, twice each; prints what is left.
KILLED = """
import itertools, os, pathlib, shutil, sys
from prometheus_client.multiprocess import MultiProcessCollector
from otagw.ops import exporter

def fold(folder, changes):
    def happens(event, _):
        nonlocal changes
        if event in ("open", "os.rename", "os.remove"):
            changes -= 1
            if changes < 0:
                os._exit(9)
    if not (pid := os.fork()):
        sys.addaudithook(happens)
        exporter.fold(folder)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def counted(folder):
    found = MultiProcessCollector.merge([str(path) for path in folder.glob("*.db")])
    return sum(s.value for metric in found for s in metric.samples if s.name == "otagw_upload_bytes_total")

source = pathlib.Path(sys.argv[1])
for number in itertools.count():
    folder = pathlib.Path(shutil.copytree(source, f"{source}-{number}"))
    ended = fold(folder, number), fold(folder, number)
    exporter.fold(folder)
    print(*ended, counted(folder), len(list(folder.glob("counter*"))))
    if ended[0] == 0:
        break
"""


def test_nothing_is_counted_twice_or_lost_where_the_exporter_is_killed(folder, tmp_path):
    (tmp_path / "m").mkdir()
    for _ in range(3):
        subprocess.run([sys.executable, "-c", COUNT, str(tmp_path / "m")], check=True, cwd=ROOT)
    first = next((tmp_path / "m").glob("counter_*.db"))
    first.rename(tmp_path / "m/counter_ended.db")  # as versions before wrote it
    (tmp_path / "m/counter_99999999.db").touch()  # of a process that was killed as it began
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "m")], check=True, cwd=ROOT, capture_output=True, text=True
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["9"] * (len(lines) - 1) + ["0"]
    assert len(lines) > 10
    assert {tuple(line[2:]) for line in lines} == {("30.0", "1")}


def test_off_by_default_nothing_is_counted_or_kept(client, environment):
    client.make("one")
    metrics.count("otagw_upload_bytes_total", by=5)
    assert not (Path(environment["OTAGW_DATA_DIR"]) / "metrics").exists()


def test_every_metric_is_documented():
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    for metric in (*metrics.COUNTED, *metrics.LOOKED_UP):
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        assert f"| `{metric.name}` | {metric.kind} | {labels} | {metric.doc} |\n" in page
    assert page.count("\n| `otagw_") == len(metrics.COUNTED) + len(metrics.LOOKED_UP)
