"""How often each key has asked, where all processes see it."""

from typing import Any

import peewee
from peewee import BigIntegerField, CharField


class Bucket(peewee.Model):
    name = CharField(256, primary_key=True)
    full_at = BigIntegerField()

    class Meta:
        legacy_table_names = False


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the table."""
    with db.bind_ctx([Bucket]):
        db.create_tables([Bucket])


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop it."""
    with db.bind_ctx([Bucket]):
        db.drop_tables([Bucket])
