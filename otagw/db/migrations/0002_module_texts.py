"""What a module is called, what it is for, and when that changed."""

from typing import Any

import peewee


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the columns; a module that is there was last changed when it was made."""
    migrator.migrate(
        migrator.add_column("module", "title", peewee.CharField(64, null=True)),
        migrator.add_column("module", "description", peewee.CharField(1024, null=True)),
        migrator.add_column("module", "modified", peewee.BigIntegerField(default=0)),
    )
    db.execute_sql("UPDATE module SET modified = created")


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop them."""
    migrator.migrate(*(migrator.drop_column("module", name) for name in ("title", "description", "modified")))
