"""Numbers that JSON cannot hold, which clients could put into what fronts note, become null."""

import json
from typing import Any

import peewee

NOTED = (
    ("product", "traits"),
    ("module", "origin"),
    ("device_origin", "facts"),
    ("package", "origin"),
    ("job", "origin"),
)


def up(migrator: Any, db: peewee.Database) -> None:
    """Mend the rows; those that have the words only within a text stay as they are."""
    mark = "?" if isinstance(getattr(db, "obj", db), peewee.SqliteDatabase) else "%s"
    for table, column in NOTED:
        rows = db.execute_sql(
            f"SELECT DISTINCT {column} FROM {table} WHERE {column} LIKE {mark} OR {column} LIKE {mark}",
            ("%Infinity%", "%NaN%"),
        )
        for (text,) in rows.fetchall():
            mended = json.dumps(json.loads(text, parse_constant=lambda _: None), ensure_ascii=False)
            if mended != text:
                db.execute_sql(f"UPDATE {table} SET {column} = {mark} WHERE {column} = {mark}", (mended, text))


def down(migrator: Any, db: peewee.Database) -> None:
    """Leave what is mended."""
