"""Ports for servers of tests: two processes of tests on one machine, of one clone or of several, never share one."""

import contextlib
import fcntl
import os
import socket
import tempfile
from pathlib import Path

FIRST, COUNT = 10_000, 20_000  # below what Linux gives to programs that ask for any port
# A byte of this file stands for each port; the system unlocks what a process has locked when the process ends.
_file = os.open(Path(tempfile.gettempdir()) / f"otagw-test-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600)
_taken = set()


def free_port():
    """Return a port that no program listens on, and that no other test gets: a server may need it later, and again."""
    start = os.getpid() * 7919 + len(_taken)
    for number in range(COUNT):
        port = FIRST + (start + number) % COUNT
        with contextlib.suppress(OSError), socket.socket() as probe:
            if port not in _taken:
                fcntl.lockf(_file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                _taken.add(port)
                probe.bind(("127.0.0.1", port))
                return port
    raise AssertionError("every port is taken")
