"""A gateway that an older version wrote, brought to this version."""

import contextlib
import gzip
import json
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from otagw import settings
from otagw.db import database
from tests import door, engines
from tests.conftest import Client
from tests.iotda.conftest import Iotda

FIXTURES = Path(__file__).parent / "709e9f6"
KEYS = {"main": ("testid", "testsecret"), "other": ("otherid", "othersecret")}
OBJECT = b"firmware" * 100
# Where the older version's webhook led.
HOOK = "127.0.0.1:48686"


class Old:
    """The files and the database of an older version, before anything is done to them."""

    def __init__(self, folder, engine, url, environment):
        self.kept = FIXTURES / engine
        self.noted = json.loads(gzip.decompress((self.kept / "answers.json.gz").read_bytes()))
        self.engine, self.url = engine, url
        bucket = folder / "bucket"
        (bucket / "a").mkdir(parents=True)
        (bucket / "a/upgrade.bin").write_bytes(OBJECT)
        self.environ = {
            **environment,
            "OTAGW_DATABASE_URL": url,
            "OTAGW_OBS_BUCKETS": json.dumps({"firmware": str(bucket)}),
        }
        self.data = Path(environment["OTAGW_DATA_DIR"])

    def restore(self, hook=HOOK):
        """Write it where this version finds it; its webhook leads to another address."""
        self.data.mkdir(mode=0o700)
        shutil.copytree(self.kept / "files", self.data / "files")
        shutil.copy(self.kept / "master.key", self.data)
        (self.data / "master.key").chmod(0o600)
        for file in self.kept.glob("*.sql"):
            text = file.read_text(encoding="utf-8").replace(HOOK, hook)
            if self.url:
                import psycopg

                with psycopg.connect(self.url, autocommit=True) as server:
                    server.execute(text)
            else:
                with contextlib.closing(sqlite3.connect(self.data / f"{file.stem}.db")) as opened:
                    opened.executescript(text)
        return door.enter(settings.load(self.environ)).settings


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request):
    """Each engine."""
    return request.param


@pytest.fixture
def make_url(engine):
    """Make empty databases of the engine; give their URLs, which are empty for SQLite."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(engines.postgres()) if engine == "postgresql" else ""
        database.disconnect()


@pytest.fixture
def old(tmp_path, engine, make_url, environment, held_clock):
    """What an older version wrote; the clock stands where that left it."""
    found = Old(tmp_path, engine, make_url(), environment)
    held_clock.seconds = found.noted["now"] / 1000
    return found


class Upgraded:
    """A gateway of this version on what an older one wrote."""

    def __init__(self, old, app, run):
        self.old, self.noted, self.app, self.cli = old, old.noted, app, run
        self.main, self.other = (Client(app, KEYS[account]) for account in KEYS)
        self.iotda = Iotda(app, KEYS["main"])

    def ask(self, request):
        """Repeat a request that was noted; return its answer."""
        if request["front"] == "cli":
            return self.cli(*request["call"])
        if request["front"] == "actions":
            return self.main.by(KEYS[request["account"]])(request["call"], **request["params"]).json
        return self.iotda("GET", request["call"], params=request["params"] or None).json

    def answer_of(self, call, **params):
        """Return what was answered."""
        (found,) = (
            noted["answer"]
            for noted in self.noted["answers"]
            if noted["call"] == call and params.items() <= noted["params"].items()
        )
        return found


def _words(text):
    """Return the words of a command's output that are facts: its prose may change, but not ids, versions and times."""
    return sorted(word for word in re.split(r"[\s,]+", text) if re.search(r"\d", word))


def assert_shows(now, then, where=""):
    """Assert that an answer shows all that one of an older version did; it may show more."""
    if isinstance(then, dict):
        for name, value in then.items():
            if name not in ("RequestID", "Reason"):  # sentences, which are made anew each time
                assert name in now, f"{where}.{name} is not shown any more"
                assert_shows(now[name], value, f"{where}.{name}")
    elif isinstance(then, list):
        assert len(now) == len(then), where
        for number, (one, other) in enumerate(zip(now, then, strict=True)):
            assert_shows(one, other, f"{where}[{number}]")
    elif "cli" in where:
        assert _words(now) == _words(then), where
    else:
        assert now == then, where
