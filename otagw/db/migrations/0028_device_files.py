"""Files of device ids, uploaded for batch tasks."""

from typing import Any

import peewee
from peewee import BigIntegerField, CharField, IntegerField, TextField


class DeviceFile(peewee.Model):
    id = CharField(36, primary_key=True)
    account_id = IntegerField()
    name = CharField(64)
    device_ids = TextField()
    created = BigIntegerField(index=True)

    class Meta:
        indexes = ((("account_id", "created"), False),)
        legacy_table_names = False


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the table."""
    with db.bind_ctx([DeviceFile]):
        db.create_tables([DeviceFile])


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop it."""
    with db.bind_ctx([DeviceFile]):
        db.drop_tables([DeviceFile])
