"""The gateway of the double: parts that forget, on a database and a folder that are brought back to nothing."""

import dataclasses
import random
import shutil
import sqlite3
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from otagw import errors, runtime, settings
from otagw.db import schema
from otagw.ota import accounts, projects
from otagw.ota.devices.presence import Presence
from otagw.parts import Runtime
from otagw.security.nonces import Nonces, digest
from otagw.security.vault import Vault
from otagw.settings import Settings
from otagw.testing.clients import PROJECT
from otagw.testing.times import VirtualClock, milliseconds

ACCOUNT: Final = "main"
KEY_ID: Final = "testid"
SECRET: Final = "testsecret"  # noqa: S105 - of a gateway that only a test reaches
# Known to everybody: what is derived from it, as secrets of devices and signatures of links, is the same in each run.
MASTER: Final = bytes(range(32))
# When the account and the key of an empty gateway were made.
BEGAN: Final = milliseconds("2026-01-01T00:00Z")


class MemoryNonces(Nonces):
    """Nonces in memory, each good once until they are all forgotten."""

    def __init__(self) -> None:
        self._used: set[bytes] = set()
        self._guard = threading.Lock()

    def claim(self, key_id: str, nonce: str, at: int) -> None:
        """Use up a nonce; see `Nonces`."""
        one = digest(key_id, nonce)
        with self._guard:
            if one in self._used:
                raise errors.ReplayedNonce
            self._used.add(one)

    def ping(self) -> None:
        """Answer always."""

    def close(self) -> None:
        """Close nothing."""

    def copy(self) -> set[bytes]:
        """Return what is used."""
        with self._guard:
            return set(self._used)

    def replace(self, used: set[bytes]) -> None:
        """Let other nonces be the used ones."""
        with self._guard:
            self._used = set(used)


class _PresenceAtOnce(Presence):
    """Writes what is heard of devices when it is heard: a test looks at once, and no thread is to be waited for."""

    def add(self, device_id: int, now: int, address: str | None) -> None:
        """Write that a device was heard of."""
        with self._guard:
            self._heard[device_id] = now, address
        self.flush()


@dataclasses.dataclass(frozen=True, eq=False)
class Double(Runtime):
    """The parts of a gateway under a test's control."""

    clock: VirtualClock = dataclasses.field(default_factory=VirtualClock)
    chance: random.Random = dataclasses.field(default_factory=lambda: random.Random(1))  # noqa: S311 - repeatable
    presence: Presence = dataclasses.field(default_factory=_PresenceAtOnce)

    @cached_property
    def vault(self) -> Vault:
        """Return the vault of a master key that everybody knows."""
        return Vault(MASTER)

    @cached_property
    def nonces(self) -> MemoryNonces:
        """Return a store of nonces that can forget."""
        return MemoryNonces()


@dataclasses.dataclass
class State:
    """All that a gateway has at one time, but for what is under way; ``folder`` has its files."""

    database: sqlite3.Connection
    folder: Path | None
    nonces: set[bytes]
    chance: object
    clock: Mapping[str, Any]

    def close(self) -> None:
        """Drop it."""
        self.database.close()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


class Store:
    """The database and the files of one double, in a folder of its own that goes at the end."""

    def __init__(self, given: Mapping[str, Any], seed: int) -> None:
        """Make an empty gateway; raises `settings.SettingsError`, ValueError for a setting that a test cannot have."""
        self.folder = Path(tempfile.mkdtemp(prefix="otagw-"))
        # At the end of the process at the latest: a notebook may never close its gateway.
        self._remove = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        try:
            self.seed = seed
            self.runtime = Double(_settings(given, self.folder))
            self._empty = sqlite3.connect(":memory:", check_same_thread=False)
            self._fill()
        except BaseException:
            self._remove()
            raise

    def _fill(self) -> None:
        self._empty.executescript(schema.SNAPSHOT.read_text(encoding="utf-8"))
        self._restore(self._empty)
        clock = self.runtime.clock
        clock.set(BEGAN, still=True)
        with runtime.entered(self.runtime) as gateway:
            gateway.keys.create(key_id=KEY_ID, secret=SECRET, account=ACCOUNT)
            projects.create(accounts.get(ACCOUNT), PROJECT)
            gateway.keys.check()
            self._connection().backup(self._empty)
        clock.forget()
        self.runtime.chance.seed(self.seed)

    def reset(self) -> None:
        """Be as new; nothing may be under way."""
        self._restore(self._empty)
        self._empty_files()
        self.runtime.clock.forget()
        self.runtime.chance.seed(self.seed)
        self.runtime.nonces.replace(set())
        self._forget()

    def save(self) -> State:
        """Return a copy of all that there is."""
        saved = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection().backup(saved)
        folder = None
        if self._files.exists():
            folder = Path(tempfile.mkdtemp(prefix="otagw-saved-"))
            shutil.copytree(self._files, folder, dirs_exist_ok=True)
        gateway = self.runtime
        return State(saved, folder, gateway.nonces.copy(), gateway.chance.getstate(), dict(_plain(gateway.clock)))

    def restore(self, state: State) -> None:
        """Be as a copy says; nothing may be under way."""
        self._restore(state.database)
        self._empty_files()
        if state.folder:
            shutil.copytree(state.folder, self._files, dirs_exist_ok=True)
        gateway = self.runtime
        gateway.nonces.replace(state.nonces)
        gateway.chance.setstate(state.chance)  # type: ignore[arg-type]  # as it was returned
        vars(gateway.clock).update(state.clock)
        self._forget()

    def close(self) -> None:
        """Leave nothing behind."""
        self.runtime.close()
        self._empty.close()
        self._remove()

    @property
    def _files(self) -> Path:
        return self.folder / "files"

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = self.runtime.database.engine.connection()
        return connection

    def _restore(self, source: sqlite3.Connection) -> None:
        with runtime.entered(self.runtime) as gateway:
            assert gateway.database.lock  # noqa: S101 - SQLite has one
            with gateway.database.lock:
                source.backup(self._connection())

    def _empty_files(self) -> None:
        if self._files.exists():
            for path in self._files.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _forget(self) -> None:
        """Drop the parts that remember requests, and the storage: what is read of its files is remembered by it."""
        for name in ("limits", "storage"):
            vars(self.runtime).pop(name, None)


def _plain(clock: VirtualClock) -> Iterator[tuple[str, Any]]:
    """Yield what a clock knows, without its lock."""
    return ((name, value) for name, value in vars(clock).items() if name != "_guard")


# Settings that the double chooses itself: a test that changed them would lose isolation or speed.
_OWN: Final = (
    *("data_dir", "database_url", "redis_url", "sqlite_synchronous", "storage_url", "bind", "workers", "threads"),
    *("tls_cert", "tls_key", "metrics_bind", "log_format", "log_level"),
)


def _settings(given: Mapping[str, Any], folder: Path) -> Settings:
    taken = [name for name in _OWN if name in given]
    if taken:
        raise ValueError(f"{taken[0]}: expected a setting that changes answers; the double has its own {taken[0]}")
    chosen = settings.of({"throttle": "off", **given, "data_dir": str(folder)})
    # The database is deleted at the end, so it need not survive a power cut.
    return dataclasses.replace(chosen, sqlite_synchronous="OFF")
