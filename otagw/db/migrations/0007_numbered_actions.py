"""Tasks that are shown by a number, tokens and attributes of devices, and what is known of the bytes of packages."""

from typing import Any

import peewee
from peewee import CharField, IntegerField, TextField

COLUMNS = (
    ("task", "action", IntegerField(null=True)),
    ("task", "recall", CharField(16, null=True)),
    ("device", "token", TextField(null=True)),
    ("device", "attributes", TextField(null=True)),
    ("product", "gateway_token", TextField(null=True)),
    ("product", "poll_seconds", IntegerField(null=True)),
    ("package", "facts", TextField(null=True)),
    ("stored_file", "format", CharField(16, null=True)),
)


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the columns. The indexes hold the few tasks that have a number, or a cancellation that is to be told."""
    migrator.migrate(*(migrator.add_column(*column) for column in COLUMNS))
    db.execute_sql("CREATE UNIQUE INDEX task_action ON task (device_id, action) WHERE action IS NOT NULL")
    db.execute_sql("CREATE INDEX task_recall ON task (device_id) WHERE recall = 'pending'")


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop them."""
    for name in ("task_action", "task_recall"):
        db.execute_sql(f"DROP INDEX {name}")
    migrator.migrate(*(migrator.drop_column(table, name) for table, name, _ in COLUMNS))
