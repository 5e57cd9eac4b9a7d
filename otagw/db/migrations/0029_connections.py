"""Connections of devices: which node has each of them; indexes of devices by name, and of tasks that follow others."""

from typing import Any

import peewee
from peewee import BigIntegerField, BooleanField, CharField, CompositeKey, SmallIntegerField


class Model(peewee.Model):
    class Meta:
        legacy_table_names = False


class MqttNode(Model):
    id = CharField(32, primary_key=True)
    seen = BigIntegerField(index=True)


class MqttSession(Model):
    device_id = BigIntegerField(primary_key=True)
    node = CharField(32)
    number = BigIntegerField()
    front = CharField(16)
    address = CharField(64, null=True)
    since = BigIntegerField()
    pushed = BigIntegerField(null=True)
    attempts = SmallIntegerField(null=True)
    pushed_at = BigIntegerField(null=True)
    acknowledged = BooleanField(null=True)

    class Meta:
        indexes = ((("node", "device_id"), False),)


class MqttTakeover(Model):
    node = CharField(32)
    device_id = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("node", "device_id")


TABLES = [MqttNode, MqttSession, MqttTakeover]


def up(migrator: Any, db: peewee.Database) -> None:
    """Add them."""
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.create_tables(TABLES)
    db.execute_sql("CREATE INDEX device_name ON device (name)")
    where = "state = 'queued' AND follows IS NOT NULL"
    db.execute_sql(f"CREATE INDEX task_following ON task (device_id) WHERE {where}")


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop them."""
    db.execute_sql("DROP INDEX task_following")
    db.execute_sql("DROP INDEX device_name")
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.drop_tables(TABLES)
