"""Intervals of groups, devices that register themselves, and tasks that follow another of their device."""

from typing import Any

import peewee
from peewee import BooleanField, IntegerField

OPEN = "('confirm', 'queued', 'notified', 'in_progress')"


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the columns. A module of a device has one open task, and others that follow it."""
    migrator.migrate(
        migrator.add_column("device_group", "poll_seconds", IntegerField(null=True)),
        migrator.add_column("product", "self_registration", IntegerField(null=True)),
        migrator.add_column("task", "follows", BooleanField(null=True)),
    )
    db.execute_sql("DROP INDEX task_open")
    where = f"state IN {OPEN} AND follows IS NULL"
    db.execute_sql(f"CREATE UNIQUE INDEX task_open ON task (device_id, module) WHERE {where}")


def down(migrator: Any, db: peewee.Database) -> None:
    """Cancel open tasks that follow another, and drop the columns."""
    db.execute_sql(f"UPDATE task SET state = 'canceled' WHERE state IN {OPEN} AND follows IS NOT NULL")
    db.execute_sql("DROP INDEX task_open")
    db.execute_sql(f"CREATE UNIQUE INDEX task_open ON task (device_id, module) WHERE state IN {OPEN}")
    migrator.migrate(
        migrator.drop_column("task", "follows"),
        migrator.drop_column("product", "self_registration"),
        migrator.drop_column("device_group", "poll_seconds"),
    )
