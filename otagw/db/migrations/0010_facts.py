"""What all nodes of a gateway have to agree on."""

from typing import Any

import peewee
from peewee import CharField


class Fact(peewee.Model):
    name = CharField(64, primary_key=True)
    value = CharField(256)

    class Meta:
        legacy_table_names = False


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the table."""
    with db.bind_ctx([Fact]):
        db.create_tables([Fact])


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop it."""
    with db.bind_ctx([Fact]):
        db.drop_tables([Fact])
