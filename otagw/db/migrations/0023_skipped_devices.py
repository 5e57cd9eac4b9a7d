"""Which devices a job has passed over, and why."""

from typing import Any

import peewee
from peewee import TextField


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the column; of jobs that are there nobody knows."""
    migrator.migrate(migrator.add_column("job", "skipped", TextField(null=True)))


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop it."""
    migrator.migrate(migrator.drop_column("job", "skipped"))
