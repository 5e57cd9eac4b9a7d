"""An index by which the key of a product is found without regard to case."""

from typing import Any

import peewee


def up(migrator: Any, db: peewee.Database) -> None:
    """Add it."""
    db.execute_sql("CREATE INDEX product_folded ON product (LOWER(key))")


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop it."""
    db.execute_sql("DROP INDEX product_folded")
