"""How often a change was refused, since refusals of one kind within an hour share a row."""

from typing import Any

import peewee


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the column; the rows that are there are of one refusal each."""
    db.execute_sql("ALTER TABLE audit_event ADD COLUMN times INTEGER NOT NULL DEFAULT 1")


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop it."""
    migrator.migrate(migrator.drop_column("audit_event", "times"))
