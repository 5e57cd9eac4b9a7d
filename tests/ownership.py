"""A test owns every process and thread that it starts: one that is left behind is ended, and fails that test.

What a fixture of a wider scope starts belongs to that fixture, and is looked for when the fixture has ended.
"""

import contextlib
import ctypes
import gc
import os
import signal
import sys
import threading
import traceback
from pathlib import Path

import pytest

from tests import patience

PR_SET_CHILD_SUBREAPER = 36
# Threads that fsspec starts once for a whole process, and never ends: its loop, and that loop's pool.
OF_LIBRARIES = ("fsspecIO", "asyncio_")
_kept = {}  # by owner: the processes and threads that may outlive a test


def keep(process):
    """Let a process that a test has started anew belong to all tests, as the one did that it replaces."""
    _kept.setdefault("replaced", set()).add(process.pid)


def children():
    """Return the processes that this one started, and those whose parents have ended."""
    found = set()
    for file in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread has ended
            found.update(map(int, file.read_text(encoding="ascii").split()))
    return found


def started():
    """Return the processes and threads that there are beside the main thread."""
    # A dummy stands for a thread that Python did not start, gevent's for example, and stays when that has ended.
    threads = {
        thread
        for thread in threading.enumerate()
        if not thread.name.startswith(OF_LIBRARIES) and not isinstance(thread, threading._DummyThread)
    }
    tracker = sys.modules.get("multiprocessing.resource_tracker")  # one process of the library's, for all tests
    return (children() | threads) - {threading.main_thread(), tracker and tracker._resource_tracker._pid}


def left():
    """Return those that no fixture keeps."""
    return started().difference(*_kept.values())


@pytest.hookimpl
def pytest_configure():
    """Become the parent of every process whose own parent ends, so that it is found."""
    with contextlib.suppress(OSError, AttributeError):  # not on Linux
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@pytest.hookimpl
def pytest_collection_finish():
    _kept["before"] = started()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef):
    if fixturedef.scope == "function":
        return (yield)
    before = started()
    try:
        return (yield)
    finally:
        _kept[fixturedef] = started() - before


@pytest.hookimpl
def pytest_fixture_post_finalizer(fixturedef):
    _kept.pop(fixturedef, None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item):
    try:
        return (yield)
    finally:
        for name in ("otagw", "otagw_live"):  # they go on for the tests that follow
            _kept.setdefault(name, set()).update(getattr(item.funcargs.get(name), "threads", ()))
        item.funcargs.clear()  # the fixtures have ended; pytest lets go of them a moment later
        # First, since a pool of threads that nobody refers to any more ends its threads.
        faults = _collect() if item.get_closest_marker("live") else []
        faults += [*_end_processes(), *_end_threads()]
        if faults:
            pytest.fail("the test left behind " + "\nand ".join(faults), pytrace=False)


def _end_processes():
    """Wait a little for the processes that are left; kill the rest, and return a line for each."""
    told = []
    with contextlib.suppress(AssertionError):
        patience.eventually(lambda: not _running(), patience.seconds(2))
    while found := _running():
        for pid in found:
            told.append(f"process {pid}: {_command(pid)}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        patience.eventually(lambda found=found: not found & _running())
    return told


def _running():
    """Return the processes that are left and have not ended; take leave of those that have."""
    found = {one for one in left() if isinstance(one, int)}
    for pid in list(found):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                continue
        found.discard(pid)
    return found


def _command(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:500]
    return "?"


def _end_threads():
    """Wait a little for the threads that are left; return a line for each that goes on."""
    threads = {one for one in left() if isinstance(one, threading.Thread)}
    for thread in threads:
        thread.join(patience.seconds(2))
    going_on = {thread for thread in threads if thread.is_alive()}
    _kept.setdefault("given up", set()).update(going_on)  # nothing ends a thread, and one test fails by it
    frames = sys._current_frames()
    return [
        f"thread {thread.name}:\n{''.join(traceback.format_stack(frames[thread.ident])[-3:])}"
        for thread in going_on
        if thread.ident in frames
    ]


def _collect():
    """Destroy what nobody refers to any more; return a line for each that complains, as a file that is still open."""
    told, before = [], sys.unraisablehook
    sys.unraisablehook = lambda about: told.append(f"{about.exc_value!r} from {about.object!r}")
    try:
        gc.collect()
    finally:
        sys.unraisablehook = before
    return told
