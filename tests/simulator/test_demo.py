"""``make demo`` interrupted at every point of its story: no folder and no process is left."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.live
COMMAND = [sys.executable, "-m", "otagw.simulator.demo"]
# The lines of the story, by how they begin.
SERVES = "A gateway serves"
MADE = "CreateOTAFirmware"
IMPORTED = "otagw devices import"
ROLLED_OUT = "CreateOTAStaticUpgradeJob"
INTERRUPT, TERMINATE, HANG_UP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def processes_of(folder):
    """Return the processes whose environment names a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.fsencode(folder) in (entry / "environ").read_bytes():
                found.append((entry.name, (entry / "cmdline").read_bytes()))
    return found


class Demo:
    """A demo with a folder for temporary files of its own, in a process group as a terminal makes it."""

    def __init__(self, folder, command):
        self.folder = folder
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,
        )

    def read_to(self, beginning):
        """Wait for a line of the story."""
        for line in self.process.stdout:
            if line.startswith(beginning):
                return
        raise AssertionError(self.process.stderr.read())

    def wait_for_folder(self):
        """Wait until the demo has made its folder."""
        deadline = time.monotonic() + 60
        while not list(self.folder.iterdir()):
            assert self.process.poll() is None, self.process.stderr.read()
            assert time.monotonic() < deadline

    def wait_for_command(self, name):
        """Wait until the demo runs a command; return its process."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for number, words in processes_of(self.folder):
                if f"otagw\0{name}".encode() in words:
                    return int(number)
            assert self.process.poll() is None, self.process.stderr.read()
        raise AssertionError(f"the demo does not run {name}")

    def assert_stopped(self):
        """Assert that it ends as it should after a signal."""
        _, said = self.process.communicate(timeout=120)
        assert said == "\nStopped; nothing is left of it.\n"
        assert self.process.returncode == 1
        assert list(self.folder.iterdir()) == []
        assert processes_of(self.folder) == []

    def end(self):
        """End whatever a failed test leaves."""
        for number, _ in processes_of(self.folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGKILL)
        with self.process:
            pass


@pytest.fixture
def start(tmp_path):
    """Start demos that end with the test."""
    with contextlib.ExitStack() as stack:

        def begin(command=COMMAND):
            demo = Demo(tmp_path, command)
            stack.callback(demo.end)
            return demo

        yield begin


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (SERVES, INTERRUPT),
        (MADE, HANG_UP),
        (IMPORTED, INTERRUPT),
        (ROLLED_OUT, TERMINATE),
    ],
)
def test_a_signal_ends_the_demo_and_leaves_nothing(start, line, number):
    demo = start()
    demo.read_to(line)
    demo.process.send_signal(number)
    demo.assert_stopped()


def test_a_signal_while_the_gateway_is_being_prepared_leaves_nothing(start):
    demo = start()
    demo.wait_for_folder()
    demo.process.send_signal(INTERRUPT)
    demo.assert_stopped()


def test_more_signals_do_not_disturb_the_end(start):
    demo = start()
    demo.read_to(SERVES)
    for number in (INTERRUPT, INTERRUPT, TERMINATE):
        demo.process.send_signal(number)
    demo.assert_stopped()


def test_ctrl_c_of_a_terminal_which_signals_the_whole_group_leaves_nothing(start):
    demo = start()
    demo.read_to(ROLLED_OUT)
    for _ in range(2):
        os.killpg(demo.process.pid, INTERRUPT)
    demo.assert_stopped()


def test_a_command_that_the_signal_ends_as_well_is_no_error_of_the_demo(start):
    demo = start()
    demo.read_to(ROLLED_OUT)
    simulate = demo.wait_for_command("simulate")
    demo.process.send_signal(signal.SIGSTOP)
    os.kill(simulate, signal.SIGKILL)
    demo.process.send_signal(INTERRUPT)
    demo.process.send_signal(signal.SIGCONT)
    demo.assert_stopped()


def test_ctrl_c_ends_a_demo_whose_shell_ignores_it(start):
    # As a shell without job control starts whatever it runs in the background.
    demo = start(["sh", "-c", 'trap "" INT; exec "$@"', "sh", *COMMAND])
    demo.read_to(SERVES)
    demo.process.send_signal(INTERRUPT)
    demo.assert_stopped()
