"""`otagw backup` and `otagw restore` that a signal ends: no copy of the database, and of a restore nothing, is left."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from otagw.db import database
from tests.conftest import KEY, Client
from tests.oss.conftest import link_of

pytestmark = pytest.mark.live
# Sends a signal to itself when it is about to do something, as Python's own audit events say, and again at the cleanup.
INTERRUPTED = """
import os, signal, sys
number, event, name = int(sys.argv.pop(1)), sys.argv.pop(1), sys.argv.pop(1)

def send(happens, arguments):
    if happens == "shutil.rmtree" or (happens == event and any(str(each).endswith(name) for each in arguments)):
        os.kill(os.getpid(), number)

sys.addaudithook(send)
from otagw.cli import main
main()
"""


@pytest.fixture(autouse=True)
def as_in_the_foreground():
    """Let commands begin with what a terminal gives them, although a shell in the background ignores these signals."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def run(environment):
    """Run a command that is interrupted at an event, or one that is not; return how it ended."""

    def run(*words, at=None, number=signal.SIGTERM, **changes):
        environ = {**os.environ, **environment, **{f"OTAGW_{name.upper()}": str(v) for name, v in changes.items()}}
        program = ["-c", INTERRUPTED, str(int(number)), *at] if at else ["-m", "otagw"]
        command = [sys.executable, *program, *map(str, words)]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)

    return run


@pytest.fixture
def filled(make_app):
    client = Client(make_app(), KEY)
    link_of(client, b"x" * 100_000)
    database.disconnect()
    return client


@pytest.mark.parametrize(
    ("number", "at"),
    [
        (signal.SIGINT, ("open", "/backup.tar")),
        (signal.SIGTERM, ("open", "/nonces.db")),
        (signal.SIGTERM, ("os.link", ".tar")),
        (signal.SIGTERM, ("shutil.rmtree", "")),  # it is written, and its work is being removed
        (signal.SIGHUP, ("open", "/backup.tar")),
    ],
)
def test_a_backup_that_is_ended_leaves_nothing(run, filled, tmp_path, number, at):
    (tmp_path / "out").mkdir()
    done = run("backup", tmp_path / "out/b.tar", "--with-master-key", at=at, number=number)
    assert (done.returncode, done.stderr) == (1, "\nAborted!\n")
    assert [path for path in (tmp_path / "out").iterdir() if path.name != "b.tar"] == []


@pytest.mark.parametrize(
    ("number", "at"),
    [
        (signal.SIGINT, ("os.rename", "/nonces.db")),
        (signal.SIGTERM, ("open", "/nonces.db")),
        (signal.SIGTERM, ("os.rename", "/otagw.db")),
        (signal.SIGHUP, ("os.rename", "/nonces.db")),
    ],
)
def test_a_restore_that_is_ended_leaves_nothing(run, filled, tmp_path, number, at):
    assert run("backup", tmp_path / "b.tar", "--with-master-key").returncode == 0
    new = tmp_path / "new"
    done = run("restore", tmp_path / "b.tar", at=at, number=number, data_dir=new)
    assert (done.returncode, done.stderr) == (1, "\nAborted!\n")
    assert [path for path in new.rglob("*") if path.is_file()] == []
    assert {path.name for path in new.iterdir()} <= {"files"}
    assert run("restore", tmp_path / "b.tar", data_dir=tmp_path / "again").returncode == 0


def test_a_restore_that_is_ended_while_it_cleans_up_leaves_nothing(run, filled, tmp_path):
    assert run("backup", tmp_path / "b.tar").returncode == 0
    whole = (tmp_path / "b.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) // 2])
    done = run("restore", tmp_path / "cut.tar", at=("shutil.rmtree", ""), data_dir=tmp_path / "new")
    assert (done.returncode, done.stderr) == (1, "\nAborted!\n")
    assert {path.name for path in (tmp_path / "new").iterdir()} <= {"files"}


def test_a_signal_that_the_shell_ignores_does_not_end_a_backup(run, filled, tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a child keeps that, as of nohup
    try:
        done = run("backup", tmp_path / "b.tar", at=("open", "/backup.tar"), number=signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (done.returncode, Path(tmp_path / "b.tar").exists()) == (0, True)
