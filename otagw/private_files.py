"""Files that nobody but the user of the gateway may read, whatever its umask is."""

import contextlib
import os
from pathlib import Path
from typing import Final

MODE: Final = 0o600


def opener(path: str, flags: int) -> int:
    """Open a file for `open`, which is private where this makes it."""
    return os.open(path, flags, MODE)


def keep(path: Path) -> None:
    """Make a file private, and make it, empty, where it is missing; leave trouble to what opens it next.

    A file that is there is not opened: closing it would drop the locks that SQLite has on it in this process.
    """
    with contextlib.suppress(OSError):
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE))
        except FileExistsError:
            tighten(path)


def tighten(path: Path) -> None:
    """Make a file private if it is there and ours."""
    with contextlib.suppress(OSError):
        if path.stat().st_mode & 0o077:
            path.chmod(MODE)


def sync_folder(folder: Path) -> None:
    """Make what was created or renamed in a folder durable: a power cut may forget the new name otherwise."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
