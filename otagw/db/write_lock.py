"""The queue of those who write to one SQLite file."""

import fcntl
import os
import threading
from pathlib import Path

import peewee

from otagw import hosts


class FileLock:
    """Queue the writers of one SQLite file across threads and processes.

    SQLite's own waiting sleeps in growing steps and is unfair; the kernel's queue is neither. It only orders writers:
    correctness still rests on SQLite's lock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = threading.local()

    def __enter__(self) -> None:
        hosts.here().queue(self)

    def take(self, how: int) -> bool:
        """Take the lock as the flags of ``flock`` say, or return False where it is not free and they do not wait."""
        handle = getattr(self._held, "handle", None)
        if handle is None or self._held.pid != os.getpid():
            # A handle of each thread's own: flock is held by the open file, and a fork would share it.
            try:
                handle = self._held.handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:  # no descriptor is left, say: trouble like any other of the database
                raise peewee.OperationalError(f"its lock cannot be opened: {error.strerror}") from error
            self._held.pid = os.getpid()
        try:
            fcntl.flock(handle, how)
        except BlockingIOError:
            return False
        return True

    def __exit__(self, *exc: object) -> None:
        fcntl.flock(self._held.handle, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close this thread's handle: a thread that ends would leave it open."""
        handle = vars(self._held).pop("handle", None)
        if handle is not None and self._held.pid == os.getpid():
            os.close(handle)
