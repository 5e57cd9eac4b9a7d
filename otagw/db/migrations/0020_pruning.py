"""What finds buckets of tokens that are full; counters of what is gone go."""

from typing import Any

import peewee


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the index, and delete the counters at 0."""
    migrator.migrate(migrator.add_index("bucket", ("full_at",), False))
    db.execute_sql("DELETE FROM counter WHERE total = 0")


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop the index; a counter that is not there is 0."""
    migrator.migrate(migrator.drop_index("bucket", "bucket_full_at"))
