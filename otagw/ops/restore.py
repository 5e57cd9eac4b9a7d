"""The way back from a backup: every byte is checked, and all of it is restored, or nothing."""

import contextlib
import hashlib
import hmac
import io
import json
import os
import re
import secrets
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

from otagw import private_files
from otagw.db import database, schema
from otagw.files.storage import Storage, Writer
from otagw.ops.backup import (
    DUMP,
    FILES,
    FORMATS,
    MANIFEST,
    MASTER_KEY,
    NONCES,
    PLAIN_SEAL,
    SEAL,
    SQLITE,
    BackupError,
    Fact,
    Hashed,
    Manifest,
    engine,
    exists,
    fact_of,
    run_postgres,
)
from otagw.security import vault
from otagw.security.vault import VaultError
from otagw.settings import Settings

CHUNK: Final = 1024 * 1024
# Some megabytes for each ten thousand files.
LONGEST_MANIFEST: Final = 1024 * 1024 * 1024
SEALS: Final = {1: PLAIN_SEAL, 2: SEAL}
DAMAGED: Final = "it is cut short, or was altered"
_PATH: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")


def restore(chosen: Settings, source: Path) -> tuple[Manifest, str]:
    """Restore a backup into an empty data folder, all of it or nothing; raise `BackupError`.

    Returns what it held, and why it may be somebody else's, or nothing where its seal says that it is not. A master key
    may be in the folder. The database comes last, so that nothing runs on half of it.
    """
    data = chosen.data_path
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if {path.name for path in data.iterdir()} - {MASTER_KEY}:
        raise BackupError(f"{data} is not empty: a backup is restored into an empty data folder only")
    storage = Storage(chosen.storage)
    written: list[str] = []
    work = data / f".restore-{secrets.token_hex(8)}"
    had_key = (data / MASTER_KEY).exists()
    with contextlib.ExitStack() as stack:
        for _ in range(2):  # a signal may interrupt it once
            stack.callback(_undo, data, storage, written, had_key)
        work.mkdir(mode=0o700)
        try:
            manifest, doubt = _read(chosen, source, work, storage, written)
            _put(chosen, work)
        except (VaultError, tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise BackupError(f"{source} cannot be restored: {error}") from None
        stack.pop_all()
    return manifest, doubt


def _undo(data: Path, storage: Storage, written: Iterable[str], had_key: bool) -> None:
    """Delete what a restore has written, from the storage and the data folder."""
    for path in written:
        storage.delete(path)
    for left in data.iterdir():
        if left.name != MASTER_KEY or not had_key:
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def _put(chosen: Settings, work: Path) -> None:
    """Move what was checked to its place, the database last."""
    if (work / DUMP).exists():
        options = ("--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
        run_postgres("pg_restore", chosen, *options, str(work / DUMP))
        (work / DUMP).unlink()
    for path in sorted(work.iterdir(), key=lambda path: path.name == SQLITE):
        target = Path(chosen.database.removeprefix("sqlite:///")) if path.name == SQLITE else None
        os.replace(path, target or chosen.data_path / path.name)
    work.rmdir()


def _read(chosen: Settings, source: Path, work: Path, storage: Storage, written: list[str]) -> tuple[Manifest, str]:
    """Read a backup to its end; what is its own goes into ``work``, and files into the storage. See `restore`."""
    with tarfile.open(source, "r:") as tar:
        members = _members(tar)
        name, size, file = next(members, ("", 0, io.BytesIO()))
        if name != MANIFEST or size > LONGEST_MANIFEST:
            raise BackupError(f"{source} is no backup of otagw")
        text = file.read()
        manifest = _manifest(chosen, text)
        expected = dict(manifest.members)
        for name, _, file in members:
            if name == SEALS[manifest.format]:
                doubt = _doubt(chosen, manifest, text, file.read(), work)
                if expected or doubt is None or next(members, None):
                    break
                return manifest, doubt
            fact = expected.pop(name, None)
            if fact is None or not _take(name, file, fact, work, storage, written):
                break
    raise BackupError(f"{source} is not restored: {DAMAGED}, or was made under another master key")


def _doubt(chosen: Settings, manifest: Manifest, text: bytes, given: bytes, work: Path) -> str | None:
    """Return why a seal that fits proves little, or nothing where it proves enough; None for one that does not fit.

    The master key that is at hand goes before the one in the backup, which whoever writes a backup can choose.
    """
    if manifest.format == 1:
        fits = hmac.compare_digest(given, hashlib.sha256(text).hexdigest().encode())
        return "it is sealed without a key, as earlier versions did" if fits else None
    key = vault.find(chosen.data_path) or vault.find(work, {})
    if key is None:
        return "there is no master key to check its seal with"
    return "" if hmac.compare_digest(given, key.seal(text).encode()) else None


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Yield the regular files of a tar, in order; skip all other entries."""
    for info in tar:
        file = tar.extractfile(info) if info.isreg() else None
        if file is None:
            raise BackupError(f"{info.name!r} is not a regular file: {DAMAGED}")
        yield info.name, info.size, file


def _manifest(chosen: Settings, text: bytes) -> Manifest:
    """Read a manifest, and check that this gateway can take the backup."""
    try:
        raw = json.loads(text)
        members, left = ({name: Fact(**fact) for name, fact in raw.pop(key).items()} for key in ("members", "left"))
        manifest = Manifest(**raw, members=members, left=left)
    except (ValueError, TypeError, AttributeError, KeyError):
        raise BackupError(f"its manifest cannot be read: {DAMAGED}") from None
    if manifest.format not in FORMATS:
        raise BackupError(
            f"it is of format {manifest.format}, and this version reads up to {FORMATS[-1]}: upgrade otagw"
        )
    if MASTER_KEY in manifest.members and (chosen.data_path / MASTER_KEY).exists():
        path = chosen.data_path / MASTER_KEY
        raise BackupError(f"{path} is there, and the backup holds one too: move one of them away")
    # By the files: to ask the database would make one.
    known = {path.stem for path in schema.MIGRATIONS.glob("[0-9]*.py")}
    if unknown := [name for name in manifest.schema if name not in known]:
        raise BackupError(f"its database is of a later version ({', '.join(unknown)}): upgrade otagw")
    if manifest.engine != engine(chosen):
        raise BackupError(f"it is of {manifest.engine}, and database_url is of {engine(chosen)}")
    if manifest.engine != "sqlite" and database.db.get_tables():
        raise BackupError("the database of database_url is not empty")
    if bad := [name for name in (*manifest.files, *manifest.left) if not _PATH.fullmatch(name)]:
        raise BackupError(f"{bad[0]!r} is no path of a file: {DAMAGED}")
    return manifest


def _take(name: str, file: IO[bytes], fact: Fact, work: Path, storage: Storage, written: list[str]) -> bool:
    """Write a member to where it belongs; tell whether it is what the manifest says."""
    if not name.startswith(FILES):
        if name not in (SQLITE, DUMP, NONCES, MASTER_KEY):
            return False
        with open(work / name, "xb", opener=private_files.opener) as target:
            shutil.copyfileobj(file, target, CHUNK)
            target.flush()
            os.fsync(target.fileno())
        return fact_of(work / name) == fact
    path = name.removeprefix(FILES)
    if exists(storage, path):  # of a storage that was not lost
        with storage.open(path) as there:
            return hashlib.file_digest(there, "sha256").hexdigest() == fact.sha256  # type: ignore[arg-type]
    writer = storage.create(path)
    try:
        is_whole = _copied(file, writer, fact)
    except BaseException:
        writer.discard()
        raise
    if not is_whole:
        writer.discard()
        return False
    writer.commit()
    written.append(path)
    return True


def _copied(file: IO[bytes], writer: Writer, fact: Fact) -> bool:
    source, size = Hashed(file), 0
    while data := source.read(CHUNK):
        writer.write(data)
        size += len(data)
    return size == fact.size and source.digest() == fact.sha256


def missing(chosen: Settings, manifest: Manifest) -> list[str]:
    """Return those files that a backup only lists and that the storage does not have."""
    storage = Storage(chosen.storage)
    return [path for path in manifest.left if not exists(storage, path)]
