"""What a test leaves behind is ended, and fails that test and no other."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.live
SUITE = """
import socket, subprocess, threading, time
import pytest

@pytest.fixture(scope="module")
def kept():
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()

@pytest.fixture(scope="module")
def forgotten():
    yield subprocess.Popen(["sleep", "600"])

def test_process():
    subprocess.Popen(["sleep", "600"]).returncode = 0

def test_orphan_in_a_session_of_its_own():
    subprocess.run(["bash", "-c", "setsid sleep 600 & exit 0"])

def test_thread():
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()

@pytest.mark.live
def test_socket():
    cycle = [socket.socket()]
    cycle.append(cycle)

def test_of_a_fixture(request):
    request.getfixturevalue("kept")

def test_that_ends_soon():
    threading.Thread(target=time.sleep, args=(0.1,)).start()

def test_fixture(forgotten):
    forgotten.returncode = 0
"""


def test_it_is_the_test_that_fails(tmp_path):
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.ownership"]\n')
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\nmarkers = live: x\n")
    (tmp_path / "test_it.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-rE", "-p", "no:cacheprovider", "-n0", f"--rootdir={tmp_path}"]
    environ = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OTAGW_TEST_PATIENCE": "0.1"}
    done = subprocess.run(
        [*command, str(tmp_path)], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    failed = re.findall(r"^ERROR test_it\.py::(\w+)", done.stdout, re.M)
    assert failed == [
        "test_process",
        "test_orphan_in_a_session_of_its_own",
        "test_thread",
        "test_socket",
        "test_fixture",
    ], done.stdout + done.stderr
    assert "7 passed, 5 errors" in done.stdout
    assert done.stdout.count(": sleep 600") == 3
    assert "unclosed <socket.socket" in done.stdout
