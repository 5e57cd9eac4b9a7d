"""How long a test waits before it calls something a hang: one factor for slow machines, in one place."""

import os
import time

FACTOR = float(os.environ.get("OTAGW_TEST_PATIENCE", "3"))
# No test passes or fails by these: they only end a wait for something that will never come.
HANG_SECONDS = 100 * FACTOR


def seconds(number):
    """Return a number of seconds, as they are on a quiet machine, for this one."""
    return number * FACTOR


def eventually(condition, within=HANG_SECONDS, pause=0.02):
    """Wait until a condition holds; return what it returned."""
    deadline = time.monotonic() + within
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {within:g} s"
        time.sleep(pause)
    return result
