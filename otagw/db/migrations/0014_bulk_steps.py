"""What is being done to all tasks of a job, in steps of the worker; jobs that were deleted before their tasks."""

from typing import Any

import peewee
from peewee import BigIntegerField, CharField


class DeletedJob(peewee.Model):
    id = BigIntegerField(primary_key=True)
    due = BigIntegerField(index=True)

    class Meta:
        legacy_table_names = False


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the columns, the index of the few jobs that something is done to, and the table."""
    migrator.migrate(
        migrator.add_column("job", "bulk", CharField(16, default="")),
        migrator.add_column("job", "bulk_at", BigIntegerField(default=0)),
        migrator.add_column("job", "bulk_reached", BigIntegerField(default=0)),
    )
    db.execute_sql("CREATE INDEX job_bulk ON job (id) WHERE bulk <> ''")
    with db.bind_ctx([DeletedJob]):
        db.create_tables([DeletedJob])


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop them; what is under way ends where it is."""
    with db.bind_ctx([DeletedJob]):
        db.drop_tables([DeletedJob])
    db.execute_sql("DROP INDEX job_bulk")
    migrator.migrate(
        migrator.drop_column("job", "bulk_reached"),
        migrator.drop_column("job", "bulk_at"),
        migrator.drop_column("job", "bulk"),
    )
