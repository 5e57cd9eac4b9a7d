"""Imports go one way: fronts over the gateway over the core over the tables."""

import ast
import re
from pathlib import Path

import pytest

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
        "otagw.models",
        "otagw.app",
    ),
    "otagw.models": ("flask", "otagw.ota", "otagw.dialects", "otagw.access", "otagw.gateway"),
    "otagw.database": ("flask", "otagw.ota", "otagw.dialects", "otagw.access", "otagw.gateway", "otagw.models"),
    "otagw.errors": ("flask", "werkzeug", "otagw"),
    "otagw.access": ("flask", "werkzeug", "otagw.dialects", "otagw.gateway", "otagw.app"),
    "otagw.operation": ("flask", "werkzeug", "otagw.dialects", "otagw.ota", "otagw.models"),
    "otagw.gateway": ("flask", "otagw.dialects", "otagw.app", "otagw.models"),
    # A client of its own, which also judges the server: nothing of it may come from the server's side.
    "otagw.simulator": (
        *("flask", "werkzeug", "otagw.ota", "otagw.dialects", "otagw.gateway", "otagw.access", "otagw.models"),
        *("otagw.database", "otagw.settings", "otagw.app", "otagw.cli"),
    ),
    "otagw.dialects": ("flask", "otagw.models", "otagw.database", "otagw.app", "otagw.cli", "peewee"),
}


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_module_imports_only_what_is_below_it(path):
    for prefix, forbidden in FORBIDDEN.items():
        if name(path) == prefix or name(path).startswith(prefix + "."):
            wrong = [i for i in imports(path) for f in forbidden if i == f or i.startswith(f + ".")]
            assert not wrong


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_dialect_knows_no_other(path):
    parts = name(path).split(".")
    if parts[:2] == ["otagw", "dialects"] and len(parts) > 2:
        others = [i for i in imports(path) if i.startswith("otagw.dialects.") and i.split(".")[2] != parts[2]]
        assert not others


@pytest.mark.parametrize("path", FILES, ids=name)
def test_settings_are_passed_and_not_read(path):
    allowed = (
        "otagw.settings",
        "otagw.cli",
        "otagw.vault",
        "otagw.wsgi",
        "otagw.edge",
        "otagw.gunicorn_config",
        "otagw.server",
    )
    if not name(path).startswith(allowed):
        text = path.read_text(encoding="utf-8")
        assert "environ[" not in text.replace("request.environ[", "")
        assert "getenv" not in text
        assert "settings.load(" not in text


@pytest.mark.parametrize("path", FILES, ids=name)
def test_the_core_uses_no_vendors_word(path):
    if name(path).startswith(("otagw.ota", "otagw.models", "otagw.access", "otagw.gateway", "otagw.errors")):
        text = path.read_text(encoding="utf-8").lower()
        for word in ("aliyun", "alibaba", "tuya", "huawei", "udi", "oss"):
            assert f" {word}" not in text.replace("docs/wire/aliyun.md", "")


SQLITE_ALONE = re.compile(
    r"\b(INSERT OR|REPLACE INTO|PRAGMA|sqlite_\w+|rowid|AUTOINCREMENT|GLOB|IFNULL|WITHOUT ROWID|json_each"
    r"|json_extract|group_concat|last_insert_rowid)\b(?=[ (\"])"
)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_sql_is_of_no_one_engine(path):
    """The nonces of one machine, and the queue of one, are SQLite's own files."""
    if name(path) not in ("otagw.database", "otagw.nonces", "otagw.taskqueue"):
        assert not SQLITE_ALONE.search(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_nothing_is_left_for_later(path):
    text = path.read_text(encoding="utf-8")
    assert text.strip()
    for mark in ("TODO", "FIXME", "XXX", "NotImplementedError"):
        assert mark not in text
