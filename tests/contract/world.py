"""Two accounts with one real object of every kind each.

The asker's account is built first and remembered (`Worlds.alone`), the owner's after it (`Worlds.both`). An id of the
owner does not exist in the first state and exists in the second: where isolation holds, no answer tells them apart.
"""

import contextlib
import re
from functools import cached_property

from otagw import clock, parts, runtime, settings
from otagw.app import create_app
from otagw.db import schema
from tests import door
from tests.conftest import KEY, NOW, OTHER
from tests.contract import states
from tests.contract.side import Side, build

BUCKET_FILE = "a/upgrade.bin"
PEM = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEASAdaWX5yGhVuLgeZ3lzAxTJNxufq8c3UYlCGjsUyFd0=
-----END PUBLIC KEY-----
"""


class Worlds:
    """The gateway with the asker alone, and with the owner beside; every case begins in one of the two."""

    def __init__(self, app, environ, folder, chosen):
        self.app, self.environ, self.folder, self.chosen = app, environ, folder, chosen
        self.asker = Side(app, environ, "asker", OTHER, "other")
        self.owner = Side(app, environ, "owner", KEY, "main")
        build(self.asker)
        self.alone = states.take("alone")
        self.before = states.rows()
        build(self.owner, self.asker.has)
        self.both = states.take("both")
        self.after = states.rows()
        self.now = clock.now()

    def attach(self):
        """Let the test at hand run for this gateway, and hold its clock."""
        door.enter(self.app.extensions["otagw"]["runtime"])
        clock.hold(lambda: self.now)

    @cached_property
    def owned(self):
        """Every row that is there because of the owner."""
        return self.after - self.before

    @cached_property
    def marks(self):
        """Texts by which an answer or a row is known to tell of the owner: the label, long ids, keys and secrets."""
        kept = {str(value) for _, row in self.owned for value in row if isinstance(value, int) and value > 1 << 40}
        kept -= {str(value) for _, row in self.before for value in row if isinstance(value, int)}
        kept |= {value for value in self.owner.has.values() if isinstance(value, str) and len(value) > 8}
        return {mark for mark in kept if not re.fullmatch(r"1[0-9]{12}", mark)} | {self.owner.label, self.owner.key[0]}

    @cached_property
    def _mark(self):
        return re.compile("|".join(map(re.escape, sorted(self.marks, key=len, reverse=True))))

    def marked(self, text):
        """Return which marks of the owner are in a text."""
        return set(self._mark.findall(text))


@contextlib.contextmanager
def open_worlds(folder, url=""):
    """Give a gateway in process whose database holds the two accounts; the clock stands still in it."""
    (folder / "bucket/a").mkdir(parents=True)
    (folder / "bucket" / BUCKET_FILE).write_bytes(b"firmware" * 100)
    (folder / "file").write_text("DeviceName\nfreshimport\n", encoding="ascii")
    (folder / "public").write_text(PEM, encoding="ascii")
    environ = {
        "OTAGW_CONFIG": "/dev/null",
        "OTAGW_DATA_DIR": str(folder / "data"),
        "OTAGW_DATABASE_URL": url,
        "OTAGW_LOG_LEVEL": "ERROR",
        "OTAGW_UNKNOWN_PRODUCTS": "refuse",
        "OTAGW_THROTTLE": "off",  # the clock stands still
        "OTAGW_OBS_BUCKETS": f'{{"mapped": "{folder}/bucket"}}',
    }
    ticks = iter(range(NOW * 1000, NOW * 1000 + 50_000))
    with contextlib.ExitStack() as stack:
        chosen = settings.load({name: value for name, value in environ.items() if value})
        first = stack.enter_context(parts.opened(chosen))
        clock.hold(lambda: next(ticks))
        states.hurry()
        schema.migrate(chosen)
        keys = first.keys
        # The last is there for who it is not: a key that is taken for anybody's is taken for its account's.
        for (key_id, secret), account in ((KEY, "main"), (OTHER, "other"), (("lastid", "lastsecret"), "last")):
            keys.create(key_id=key_id, secret=secret, account=account)
        app = create_app(chosen)
        gateway = app.extensions["otagw"]["runtime"]
        stack.enter_context(runtime.entered(gateway))
        stack.enter_context(contextlib.closing(gateway))
        states.hurry()
        yield Worlds(app, environ, folder, chosen)
