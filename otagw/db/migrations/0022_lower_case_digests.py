"""Digests of packages in lower case: devices compare them letter by letter with what they compute."""

import json
from collections.abc import Callable
from typing import Any

import peewee

IN_FILES = ("file_md5", "sign_value")


def up(migrator: Any, db: peewee.Database) -> None:
    """Rewrite those that have a capital: of a package, of its files, and as Huawei's front shows it again."""
    db.execute_sql("UPDATE package SET sign = LOWER(sign) WHERE sign <> LOWER(sign)")
    _rewrite(db, "files", "sign_value", lambda files: [_lower(file, IN_FILES) for file in files])
    _rewrite(
        db, "origin", '"sign"', lambda noted: {**noted, "location": _lower(noted.get("location") or {}, ("sign",))}
    )


def _rewrite(db: peewee.Database, column: str, word: str, mend: Callable[[Any], Any]) -> None:
    mark = "?" if isinstance(getattr(db, "obj", db), peewee.SqliteDatabase) else "%s"
    rows = db.execute_sql(f"SELECT id, {column} FROM package WHERE {column} LIKE {mark}", (f"%{word}%",)).fetchall()
    for identity, text in rows:
        found = json.loads(text)
        mended = mend(found)
        if mended != found:
            new = json.dumps(mended, ensure_ascii=False)
            db.execute_sql(f"UPDATE package SET {column} = {mark} WHERE id = {mark}", (new, identity))


def _lower(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value.lower() if name in names and value else value for name, value in values.items()}


def down(migrator: Any, db: peewee.Database) -> None:
    """Leave what is mended."""
