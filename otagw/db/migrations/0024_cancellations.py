"""Cancellations that end where no device answers them, and devices that go on later."""

from typing import Any

import peewee
from peewee import BooleanField

DAY_MS = 24 * 3600 * 1000


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the column. A cancellation that waits for an answer ends a day after it was made."""
    migrator.migrate(migrator.add_column("task", "deferred", BooleanField(null=True)))
    db.execute_sql(f"UPDATE task SET due = modified + {DAY_MS} WHERE recall = 'pending'")


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop the column; cancellations are told until they are answered."""
    db.execute_sql("UPDATE task SET due = NULL WHERE recall = 'pending'")
    migrator.migrate(migrator.drop_column("task", "deferred"))
