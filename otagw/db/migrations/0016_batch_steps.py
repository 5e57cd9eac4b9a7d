"""How far the registration of a batch of devices has come."""

from typing import Any

import peewee
from peewee import BigIntegerField, IntegerField


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the columns, and the index of the few batches that are being registered."""
    migrator.migrate(
        migrator.add_column("device_batch", "due", BigIntegerField(null=True)),
        migrator.add_column("device_batch", "reached", IntegerField(default=0)),
    )
    db.execute_sql("CREATE INDEX device_batch_due ON device_batch (due) WHERE due IS NOT NULL")


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop them."""
    db.execute_sql("DROP INDEX device_batch_due")
    migrator.migrate(
        migrator.drop_column("device_batch", "reached"),
        migrator.drop_column("device_batch", "due"),
    )
