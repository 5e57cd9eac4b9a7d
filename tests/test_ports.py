"""Ports of tests belong to one process."""

import os
import subprocess
import sys

import pytest

from tests.ports import free_port

pytestmark = pytest.mark.live


def test_no_other_process_gets_a_port_that_nobody_listens_on_yet():
    mine = {free_port() for _ in range(50)}
    assert len(mine) == 50
    # It begins where this process did.
    code = f"import os; os.getpid = lambda: {os.getpid()}\nfrom tests.ports import free_port\n"
    code += "print(*(free_port() for _ in range(50)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    theirs = set(map(int, done.stdout.split()))
    assert len(theirs) == 50
    assert not mine & theirs
