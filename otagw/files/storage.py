"""The store of the bytes of packages: a folder, or any file system that fsspec opens. No HTTP, no database.

Whatever it does is waited for apart (`hosts.apart`): a disk or a store that hangs holds up those who need it alone.
"""

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar, cast

import fsspec

from otagw import errors, hosts, private_files

PART: Final = ".part"
# What fsspec may hold in memory for each file being written to an object store; the least that S3 takes as a part.
BLOCK: Final = 5 * 1024 * 1024
READ_AT_ONCE: Final = 8 * 1024
FULL: Final = "the storage cannot take the file"
GONE: Final = "the storage does not answer"
# Of a folder: its group, in which nginx may be (`x_accel`), can read, whatever the umask is.
FILE_MODE: Final = 0o640
FOLDER_MODE: Final = 0o750
# An object store that does not answer is tried twice, while the client still waits; by default it would be a minute.
PATIENCE: Final[dict[str, Any]] = {"config_kwargs": {"retries": {"mode": "standard", "total_max_attempts": 2}}}


T = TypeVar("T")


@contextlib.contextmanager
def _trouble(problem: str) -> Iterator[None]:
    """Raise `errors.Unavailable` for whatever the storage raises, but that a file is not there.

    Object stores raise errors of their own libraries, which have nothing in common.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:
        raise errors.Unavailable(problem) from error


class _Reader(io.RawIOBase):
    """An open file, read apart."""

    def __init__(self, storage: "Storage", file: io.BufferedReader) -> None:
        self._storage, self._file = storage, file

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be read from anywhere."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read on."""
        return self._storage.apart(GONE, partial(self._file.readinto, buffer))

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go on elsewhere."""
        return self._file.seek(offset, whence)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


class Writer:
    """One file being written; nothing is there under its name until `commit`, and nothing is left by `discard`."""

    def __init__(self, storage: "Storage", path: str) -> None:
        self._storage, self._path = storage, path
        self._file = storage.apart(FULL, partial(storage.begin, path))

    def write(self, data: bytes, also: Callable[[bytes], object] | None = None) -> None:
        """Add bytes, and give them to ``also``; raise `errors.Unavailable` when the storage is full or gone."""

        def write() -> None:
            if also:
                also(data)
            self._file.write(data)

        self._storage.apart(FULL, write)

    def commit(self) -> None:
        """Make the file durable under its name."""
        self._storage.apart(FULL, partial(self._storage.finish, self._file, self._path))

    def discard(self) -> None:
        """Leave nothing behind."""
        self._storage.apart(GONE, partial(self._storage.abandon, self._file, self._path))


class Storage:
    """A place for files; paths are of our making, relative, and never reused."""

    def __init__(self, url: str) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url, **(PATIENCE if url.startswith("s3://") else {}))
        self._is_folder = "file" in self._fs.protocol
        self._kind = hosts.FILES if self._is_folder else hosts.STORE

    def apart(self, problem: str, task: Callable[[], T]) -> T:
        """Do something with the storage, without holding up who does not need it; raise what `_trouble` does."""
        with _trouble(problem):
            return hosts.apart(task, self._kind)

    def create(self, path: str) -> Writer:
        """Begin a new file."""
        return Writer(self, path)

    def open(self, path: str, confined: bool = False) -> BinaryIO:
        """Open a file for reading, wherever one seeks to; raise FileNotFoundError, `errors.Unavailable`.

        With ``confined`` what a symbolic link has outside of the folder is not there. That is for folders of others:
        nobody else writes in ours.
        """

        def opened() -> io.BufferedReader:
            try:
                at = self._confined(path) if confined and self._is_folder else self._at(path)
                return cast("io.BufferedReader", self._fs.open(at, "rb", block_size=BLOCK))
            except (IsADirectoryError, NotADirectoryError) as error:
                raise FileNotFoundError(*error.args) from None

        return io.BufferedReader(_Reader(self, self.apart(GONE, opened)), READ_AT_ONCE)

    def sign(self, path: str, seconds: int, disposition: str) -> str | None:
        """Return an address from which anybody can read a file for a while; None where there are no such addresses."""
        extra = {"ResponseContentDisposition": disposition} if "s3" in self._fs.protocol else {}

        def signed() -> str | None:
            try:
                return cast("str", self._fs.sign(self._at(path), expiration=seconds, **extra))
            except RuntimeError:  # fsspec's default of a file system that cannot
                return None

        return None if self._is_folder else self.apart(GONE, signed)

    def delete(self, path: str) -> None:
        """Delete a file, or all files below a path, finished or not."""
        with contextlib.suppress(FileNotFoundError):
            self.apart(GONE, partial(self._fs.rm, self._at(path), recursive=True))

    def check(self) -> None:
        """Raise `errors.Unavailable` unless files can be written."""

        def is_writable() -> bool:
            if self._is_folder:
                _make(self._root)
                return os.access(self._root, os.W_OK | os.X_OK)
            # The bucket; a prefix is there once used.
            return bool(self._fs.exists(self._root.partition("/")[0]))

        if not self.apart(GONE, is_writable):
            raise errors.Unavailable("the storage cannot be written")

    def begin(self, path: str) -> BinaryIO:
        """Open a file that is not there until it is finished.

        fsspec's own context managers publish a partial file when an exception passes through them; none is used here.
        """
        if self._is_folder:
            _make(os.path.dirname(self._at(path)))
            file = open(self._at(path) + PART, "xb")  # noqa: SIM115 - the caller finishes it, or abandons it
            os.fchmod(file.fileno(), FILE_MODE)
            return file
        return cast("BinaryIO", self._fs.open(self._at(path), "wb", block_size=BLOCK, autocommit=False))

    def finish(self, file: BinaryIO, path: str) -> None:
        """Publish what `begin` opened."""
        if not self._is_folder:
            file.close()
            file.commit()  # type: ignore[attr-defined]  # fsspec's, of a file opened without autocommit
            return
        file.flush()
        os.fsync(file.fileno())
        file.close()
        os.replace(self._at(path) + PART, self._at(path))
        private_files.sync_folder(Path(self._at(path)).parent)

    def abandon(self, file: BinaryIO, path: str) -> None:
        """Drop what `begin` opened."""
        with contextlib.suppress(errors.Unavailable, FileNotFoundError), _trouble(GONE):
            if self._is_folder:
                with contextlib.suppress(OSError):
                    file.close()  # flushes, which fails on a full disk
                os.unlink(self._at(path) + PART)
            else:
                file.discard()  # type: ignore[attr-defined]  # as above

    def _confined(self, path: str) -> str:
        """Return where a path leads, if that is a file below the folder."""
        root, found = os.path.realpath(self._root), os.path.realpath(self._at(path))
        if not Path(found).is_relative_to(root) or not os.path.isfile(found):  # a pipe, say, would be waited for
            raise FileNotFoundError(path)
        return found

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"


def _make(folder: str) -> None:
    """Make a folder where it is missing, and those above it."""
    if not os.path.isdir(folder):
        _make(os.path.dirname(folder))
        with contextlib.suppress(FileExistsError):  # another request was first
            os.mkdir(folder)
            os.chmod(folder, FOLDER_MODE)
