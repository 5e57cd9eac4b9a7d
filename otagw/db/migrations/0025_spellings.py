"""How a device's attribute spells the version that it runs, and devices that are asked for their attributes again."""

from typing import Any

import peewee
from peewee import BooleanField, CharField


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the columns."""
    migrator.migrate(
        migrator.add_column("device_version", "spelled", CharField(256, null=True)),
        migrator.add_column("device", "attributes_asked", BooleanField(null=True)),
    )


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop them."""
    migrator.migrate(
        migrator.drop_column("device", "attributes_asked"),
        migrator.drop_column("device_version", "spelled"),
    )
