"""Which format of statement a signing key signs: devices that know an older key refuse what they do not know."""

from typing import Any

import peewee
from peewee import IntegerField


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the column; the keys that are there go on with the first format."""
    migrator.migrate(migrator.add_column("signing_key", "statement_format", IntegerField(default=1)))


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop it."""
    migrator.migrate(migrator.drop_column("signing_key", "statement_format"))
