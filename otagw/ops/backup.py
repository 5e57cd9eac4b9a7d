"""Backups: one tar of the database, the nonces and the files, taken while the gateway runs.

The database comes first and as of one instant. Files never change once they are there, so that what it names can be
copied after it; what is added meanwhile is not in it. Nonces come after it, so that no request that it knows of can be
sent again. docs/operations.md shows the members; the last one
vouches for the manifest, and that for all others: it is a digest with a key, so that nobody without the master key can
write a backup that passes for ours. `otagw.ops.restore` is the way back.
"""

import contextlib
import hashlib
import io
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import unquote, urlsplit

from otagw import __version__, clock, private_files
from otagw.db import database, engines, schema
from otagw.files.storage import Storage
from otagw.security import data_keys, vault
from otagw.security.vault import Master, VaultError
from otagw.settings import Settings

# Those of the first format are sealed without a key.
FORMATS: Final = (1, 2)
FORMAT: Final = FORMATS[-1]
MANIFEST, PLAIN_SEAL, SEAL = "manifest.json", "manifest.sha256", "manifest.hmac"
SQLITE, DUMP, NONCES, MASTER_KEY = "otagw.db", "otagw.pgdump", "nonces.db", vault.FILE
FILES: Final = "files/"
COPY, LIST = "copy", "list"


class BackupError(Exception):
    """Say why there is no backup, or why one is not restored."""


@dataclass(frozen=True)
class Fact:
    """What a member, or a file that was left where it is, must come to."""

    size: int
    sha256: str


@dataclass
class Manifest:
    """What a backup holds; ``left`` are files that it only lists, by their path in the storage."""

    format: int
    otagw: str
    created: str
    engine: str
    schema: list[str]
    members: dict[str, Fact] = field(default_factory=dict)
    left: dict[str, Fact] = field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        """Return the paths of the files that are in it."""
        return [name.removeprefix(FILES) for name in self.members if name.startswith(FILES)]


def create(chosen: Settings, target: Path, *, files: str = COPY, with_master_key: bool = False) -> Manifest:
    """Write a backup of a running gateway to a new file that only its owner may read; raise `BackupError`."""
    if target.exists():
        raise BackupError(f"{target} is there already")
    manifest = Manifest(FORMAT, __version__, _now(), engine(chosen), _schema())
    with _folder(target.absolute().parent) as work:
        stored, master = _dump_with_key(chosen, work)
        if (chosen.data_path / NONCES).exists():
            _copy_sqlite(chosen.data_path / NONCES, work / NONCES)
        if with_master_key:
            _copy_key(chosen, work)
        manifest.members = {path.name: fact_of(path) for path in sorted(work.iterdir())}
        own = list(manifest.members)
        storage = Storage(chosen.storage)
        there = {path: Fact(size, sha256) for path, size, sha256, uses in stored if uses or exists(storage, path)}
        if files == COPY:
            manifest.members |= {FILES + path: fact for path, fact in there.items()}
        else:
            manifest.left = there
        _write(work, target, manifest, own, storage, master)
    return manifest


@contextlib.contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    """Make a folder for the block, and delete it behind it, even where a signal interrupts the deletion once."""
    folder = parent / f".otagw-backup-{secrets.token_hex(8)}"
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        yield folder


def engine(chosen: Settings) -> str:
    """Return which engine the database of these settings has."""
    return "sqlite" if urlsplit(chosen.database).scheme == "sqlite" else "postgresql"


def _write(work: Path, target: Path, manifest: Manifest, own: list[str], storage: Storage, master: Master) -> None:
    part = work / "backup.tar"
    text = json.dumps(asdict(manifest), indent=1).encode()
    with open(part, "xb", opener=private_files.opener) as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            _add(tar, MANIFEST, len(text), io.BytesIO(text))
            for name in own:
                with open(work / name, "rb") as source:
                    _add(tar, name, manifest.members[name].size, source)
            for path in manifest.files:
                _add_file(tar, path, manifest.members[FILES + path], storage)
            made = master.seal(text).encode()
            _add(tar, SEAL, len(made), io.BytesIO(made))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, target)  # unlike a rename, it replaces nothing
    except FileExistsError:
        raise BackupError(f"{target} is there already") from None


def _add(tar: tarfile.TarFile, name: str, size: int, source: IO[bytes]) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, clock.now() // 1000
    tar.addfile(info, source)


def _add_file(tar: tarfile.TarFile, path: str, fact: Fact, storage: Storage) -> None:
    """Add a stored file, whose bytes must be what they were when it was uploaded."""
    try:
        with storage.open(path) as opened:
            source = Hashed(opened)
            _add(tar, FILES + path, fact.size, source)  # type: ignore[arg-type]  # all that tarfile does is read
            is_same = source.digest() == fact.sha256 and not opened.read(1)
    except OSError as error:
        raise BackupError(f"the file {path} cannot be read from the storage: {error}") from None
    if not is_same:
        raise BackupError(f"the file {path} in the storage is not what was uploaded")


class Hashed:
    """A reader that knows the digest of what it has read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self._hash = source, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        data = self._source.read(size)
        self._hash.update(data)
        return data

    def digest(self) -> str:
        """Return the SHA-256 of what was read."""
        return self._hash.hexdigest()


def _dump_with_key(chosen: Settings, work: Path) -> tuple[list[Any], Master]:
    """Copy the database, and return the master key that opens the copy beside what `_dump` returns.

    A key that opens the database before and afterwards has done so all the while.
    """
    master = vault.unlock(chosen.data_path)
    stored = _dump(chosen, work)
    try:
        if vault.unlock(chosen.data_path).key == master.key and data_keys.opens(master):
            return stored, master
    except VaultError as error:
        raise BackupError(str(error)) from None
    raise BackupError("the master key was rotated meanwhile: take the backup again")


def _dump(chosen: Settings, work: Path) -> list[Any]:
    """Copy the database as of one instant; return the files that it names then."""
    query = "SELECT path, size, sha256, uses FROM stored_file WHERE path IS NOT NULL ORDER BY path"
    if database.is_sqlite():
        _copy_sqlite(Path(chosen.database.removeprefix("sqlite:///")), work / SQLITE)
        with contextlib.closing(sqlite3.connect(work / SQLITE)) as copy:
            return copy.execute(query).fetchall()
    import psycopg  # noqa: PLC0415 - an extra, postgres

    with psycopg.connect(chosen.database) as server:
        server.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        (snapshot,) = server.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        run_postgres("pg_dump", chosen, "--format=custom", f"--snapshot={snapshot}", f"--file={work / DUMP}")
        return server.execute(query).fetchall()


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database that is in use; its writers go on."""
    with contextlib.closing(sqlite3.connect(source, timeout=engines.BUSY_MS / 1000)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))


def run_postgres(program: str, chosen: Settings, *options: str) -> None:
    """Run a program of PostgreSQL on the database; the password is not on its command line, where all may read it."""
    found = shutil.which(program)
    if found is None:
        raise BackupError(f"{program} is not installed: it comes with the PostgreSQL client, e.g. postgresql-client")
    url = urlsplit(chosen.database)
    user, _, host = url.netloc.rpartition("@")
    name, _, password = user.partition(":")
    address = url._replace(netloc=f"{name}@{host}" if name else host).geturl()
    environ = {**os.environ, **({"PGPASSWORD": unquote(password)} if password else {})}
    done = subprocess.run(  # noqa: S603 - a program by its full path, and options of our own
        [found, f"--dbname={address}", *options], env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BackupError(f"{program} failed: {' '.join(done.stderr.split())}")


def _copy_key(chosen: Settings, work: Path) -> None:
    path = chosen.data_path / MASTER_KEY
    if not path.exists():
        raise BackupError("the master key is in OTAGW_MASTER_KEY, not in a file: keep it yourself")
    with open(work / MASTER_KEY, "xb", opener=private_files.opener) as file:
        file.write(path.read_bytes())


def exists(storage: Storage, path: str) -> bool:
    """Tell whether the storage has a file."""
    try:
        storage.open(path).close()
    except FileNotFoundError:
        return False
    return True


def fact_of(path: Path) -> Fact:
    """Return what a file comes to."""
    with open(path, "rb") as file:
        return Fact(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _schema() -> list[str]:
    return [migration.name for migration in schema.migrator().status() if migration.applied]


def _now() -> str:
    return datetime.fromtimestamp(clock.now() / 1000, UTC).isoformat(timespec="seconds")
