"""The gateway in process that most tests use: made once, and brought back to how it was before each of them.

A test begins with two accounts and a key of each, and with nothing else: no row, no file, no nonce, no audit event.
"""

import os
import shutil
import sqlite3
import sys
from pathlib import Path

from otagw import runtime, settings
from otagw.app import create_app
from otagw.ops import log
from otagw.ota.devices import presence
from tests import door

# What a data folder keeps between two tests; SQLite's own files beside its database are among them.
DATABASE, NONCES, MASTER_KEY = "otagw.db", "nonces.db", "master.key"
OPEN = {name + kind for name in (DATABASE, NONCES) for kind in ("", "-wal", "-shm")}


class Kept:
    """One application on one data folder; ``prepared`` is the folder that it begins with.

    ``restore`` brings a database back that is not in the folder; SQLite's is copied from ``prepared``.
    """

    def __init__(self, prepared, folder, environ, restore=None):
        self.prepared, self.folder, self.environ, self.restore = prepared, folder, environ, restore
        self.template = None if restore else sqlite3.connect(prepared / DATABASE)
        self.app = self.gateway = self.seen = self.spent = None
        sys.addaudithook(self._look)

    def _look(self, event, arguments):
        """Refuse to open a file that SQLite has open in this process, but for its making.

        To close it again would drop the locks that SQLite has on it, as POSIX has it. The next process that uses the
        database then takes itself for the only one, and deletes the log beneath this one: "disk I/O error".
        """
        if event == "open" and self.app and isinstance(arguments[0], str | os.PathLike):
            path, flags = Path(arguments[0]), arguments[2]
            if path.name in OPEN and path.parent == self.folder and not flags & os.O_EXCL:
                raise AssertionError(f"{path.name} is opened beside SQLite: let another process read it")

    def reset(self):
        """Bring everything back, except where the application has to be made anew: `application` does that."""
        if self.app and self._is_whole():
            self._forget()
            self._empty_database()
            self._empty_folder()
        else:
            self.close()
            if self.restore:
                self.restore()
            shutil.rmtree(self.folder, ignore_errors=True)
            shutil.copytree(self.prepared, self.folder)

    def application(self):
        """Return the application, with nothing in it."""
        if self.app is None:
            self.app = create_app(settings.load(self.environ), clock=door.CLOCK)
            self.gateway = self.app.extensions["otagw"]["runtime"]
            if not self.restore:
                self.seen = self._changes()
                self.spent = sqlite3.connect(self.folder / NONCES, isolation_level=None)
                self.spent.execute("PRAGMA synchronous = OFF")
        return self.app

    def close(self):
        """Let go of the database and of everything else that is open."""
        if self.app:
            self.gateway.close()
            if self.spent:
                self.spent.close()
            self.app = None

    def _is_whole(self):
        """Tell whether no test has taken away what cannot be brought back row by row."""
        mine, theirs = self.folder / MASTER_KEY, self.prepared / MASTER_KEY
        kept = [mine] if self.restore else [mine, self.folder / DATABASE]
        return all(path.exists() for path in kept) and mine.read_bytes() == theirs.read_bytes()

    def _connection(self):
        return self.gateway.database.engine.connection()

    def _changes(self):
        """Return what moves whenever a row does, by this connection or by any other."""
        connection = self._connection()
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        return connection, connection.total_changes, version

    def _empty_database(self):
        if self.restore:
            self.gateway.close()
            self.restore()
        elif self._changes() != self.seen:
            self.template.backup(self._connection())
            self.seen = self._changes()

    def _empty_folder(self):
        for path in self.folder.iterdir():
            if path.name == "files":
                for inner in path.iterdir():
                    shutil.rmtree(inner) if inner.is_dir() else inner.unlink()
            elif not path.name.startswith((DATABASE, NONCES, MASTER_KEY)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _forget(self):
        """Empty the store of nonces, the buckets, and what was heard of devices."""
        with runtime.entered(self.gateway):
            presence.stop()
        if self.spent:
            for (name,) in self.spent.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                self.spent.execute(f"DROP TABLE {name}")
        self.gateway.nonces._live = range(0)  # it makes its tables anew, by the clock of the next test
        vars(self.gateway).pop("limits", None)
        log.configure(self.gateway.settings)
