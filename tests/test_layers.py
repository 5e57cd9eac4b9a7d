"""Imports go one way: fronts over the gateway over the core over the tables."""

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "otagw"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)


def imports(path):
    """Return every module that a file imports, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def name(path):
    return ".".join(("otagw", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


# What the modules under a prefix must not import.
FORBIDDEN = {
    "otagw.ota": (
        *("flask", "werkzeug", "otagw.dialects", "otagw.app", "otagw.gateway", "otagw.access", "otagw.cli"),
        "otagw.worker",
    ),
    "otagw.taskqueue": (
        "flask",
        "otagw.ota",
        "otagw.dialects",
        "otagw.access",
        "otagw.gateway",
        "otagw.db.models",
        "otagw.app",
    ),
    "otagw.db.models": ("flask", "otagw.ota", "otagw.dialects", "otagw.access", "otagw.gateway"),
    "otagw.db.database": ("flask", "otagw.ota", "otagw.dialects", "otagw.access", "otagw.gateway", "otagw.db.models"),
    "otagw.errors": ("flask", "werkzeug", "otagw"),
    "otagw.access": ("flask", "werkzeug", "otagw.dialects", "otagw.gateway", "otagw.app"),
    "otagw.operation": ("flask", "werkzeug", "otagw.dialects", "otagw.ota", "otagw.db.models"),
    "otagw.gateway": ("flask", "otagw.dialects", "otagw.app", "otagw.db.models"),
    # A client of its own, which also judges the server: nothing of it may come from the server's side.
    "otagw.simulator": (
        *("flask", "werkzeug", "otagw.ota", "otagw.dialects", "otagw.gateway", "otagw.access", "otagw.db.models"),
        *("otagw.db.database", "otagw.settings", "otagw.app", "otagw.cli"),
    ),
    "otagw.dialects": ("flask", "otagw.db.models", "otagw.db.database", "otagw.app", "otagw.cli", "peewee"),
}


def broken(rule):
    """Return the modules that break a rule, each with how it does."""
    return {name(path): found for path in FILES if (found := rule(path))}


def test_a_module_imports_only_what_is_below_it():
    def above(path):
        known = [under for prefix, under in FORBIDDEN.items() if f"{name(path)}.".startswith(prefix + ".")]
        return [i for i in imports(path) for under in known for f in under if f"{i}.".startswith(f + ".")]

    assert broken(above) == {}


# What all fronts need of a request.
SHARED = ("otagw.dialects.http",)


def test_a_dialect_knows_no_other():
    def others(path):
        parts = name(path).split(".")
        if parts[:2] == ["otagw", "dialects"] and len(parts) > 2:
            own = ("otagw.dialects", f"otagw.dialects.{parts[2]}", *SHARED)
            ours = (i for i in imports(path) if i.startswith("otagw.dialects"))
            return [i for i in ours if not i.startswith(own[1:]) and i != own[0]]
        return []

    assert broken(others) == {}


# Those that load the settings for a process, or hand its environment on to another.
DOORS = ("settings", "cli", "security.vault", "wsgi", "server")


def test_settings_are_passed_and_not_read():
    def reads(path):
        if name(path).startswith(tuple(f"otagw.{door}" for door in DOORS)):
            return []
        text = path.read_text(encoding="utf-8").replace("request.environ[", "")
        return [mark for mark in ("environ[", "getenv", "settings.load(") if mark in text]

    assert broken(reads) == {}


def test_the_core_uses_no_vendors_word():
    core = ("otagw.ota", "otagw.db.models", "otagw.access", "otagw.gateway", "otagw.errors")

    def words(path):
        text = path.read_text(encoding="utf-8").lower().replace("docs/wire/aliyun.md", "")
        vendors = ("aliyun", "alibaba", "tuya", "huawei", "udi", "oss")
        return [word for word in vendors if name(path).startswith(core) and f" {word}" in text]

    assert broken(words) == {}


SQLITE_ALONE = re.compile(
    r"\b(INSERT OR|REPLACE INTO|PRAGMA|sqlite_\w+|rowid|AUTOINCREMENT|GLOB|IFNULL|WITHOUT ROWID|json_each"
    r"|json_extract|group_concat|last_insert_rowid)\b(?=[ (\"])"
)


def test_sql_is_of_no_one_engine():
    """The nonces of one machine, and the queue of one, are SQLite's own files."""
    own = ("otagw.db.database", "otagw.security.nonces", "otagw.db.other_sessions", "otagw.taskqueue")
    assert broken(lambda p: name(p) not in own and SQLITE_ALONE.findall(p.read_text(encoding="utf-8"))) == {}


def test_nothing_is_left_for_later():
    def left(path):
        text = path.read_text(encoding="utf-8")
        return [mark for mark in ("TODO", "FIXME", "XXX", "NotImplementedError") if mark in text] or not text.strip()

    assert broken(left) == {}
