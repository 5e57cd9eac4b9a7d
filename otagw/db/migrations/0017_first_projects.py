"""Each account has a project and a space by default from its beginning, and not from the first question about them."""

import secrets
import time
from typing import Any

import peewee


def up(migrator: Any, db: peewee.Database) -> None:
    """Give them to the accounts that have none."""
    mark = "?" if isinstance(getattr(db, "obj", db), peewee.SqliteDatabase) else "%s"
    now = int(time.time() * 1000)
    for (account_id,) in _without(db, "project"):
        db.execute_sql(
            f"INSERT INTO project (id, account_id, created) VALUES ({mark}, {mark}, {mark})",
            (secrets.token_hex(16), account_id, now),
        )
    for (account_id,) in _without(db, "space", "AND is_default"):
        db.execute_sql(
            f"INSERT INTO space (id, account_id, name, is_default, created) VALUES ({', '.join([mark] * 5)})",
            (secrets.token_hex(12), account_id, "DefaultApp", True, now),
        )


def down(migrator: Any, db: peewee.Database) -> None:
    """Leave what is given."""


def _without(db: peewee.Database, table: str, among: str = "") -> list[tuple[int]]:
    query = f"SELECT id FROM account a WHERE NOT EXISTS (SELECT 1 FROM {table} t WHERE t.account_id = a.id {among})"
    found: list[tuple[int]] = db.execute_sql(query).fetchall()
    return found
