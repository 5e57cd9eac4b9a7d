"""Files of our own store, and which package is made of which."""

from typing import Any

import peewee
from peewee import BigIntegerField, CharField, IntegerField


class StoredFile(peewee.Model):
    key = CharField(128, primary_key=True)
    account_id = IntegerField()
    path = CharField(160, null=True)
    size = BigIntegerField(null=True)
    md5 = CharField(32, null=True)
    sha1 = CharField(40, null=True)
    sha256 = CharField(64, null=True)
    uses = IntegerField()
    idle_since = BigIntegerField()

    class Meta:
        legacy_table_names = False
        indexes = ((("uses", "idle_since"), False),)


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the table, and the column that refers to it."""
    with db.bind_ctx([StoredFile]):
        db.create_tables([StoredFile])
    migrator.migrate(migrator.add_column("package", "object_key", CharField(128, null=True)))


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop them."""
    migrator.migrate(migrator.drop_column("package", "object_key"))
    with db.bind_ctx([StoredFile]):
        db.drop_tables([StoredFile])
