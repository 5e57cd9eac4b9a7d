"""Webhooks, and their deliveries."""

from typing import Any

import peewee
from peewee import BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField, SmallIntegerField, TextField


class Model(peewee.Model):
    class Meta:
        legacy_table_names = False


class Webhook(Model):
    id = BigIntegerField(primary_key=True)
    account_id = IntegerField()
    url = CharField(2048)
    secret = TextField()
    events = TextField()
    enabled = BooleanField()
    busy_until = BigIntegerField()
    created = BigIntegerField()

    class Meta:
        indexes = ((("account_id", "id"), False),)


class WebhookDelivery(Model):
    id = BigIntegerField(primary_key=True)
    webhook = ForeignKeyField(Webhook, on_delete="CASCADE", index=False)
    event = CharField(64)
    body = TextField()
    state = CharField(16)
    attempts = SmallIntegerField()
    next_at = BigIntegerField(null=True)
    last_status = SmallIntegerField(null=True)
    last_error = CharField(256, null=True)
    created = BigIntegerField()
    done_at = BigIntegerField(null=True, index=True)

    class Meta:
        indexes = (
            (("webhook_id", "next_at", "id"), False),
            (("webhook_id", "id"), False),
        )


TABLES = [Webhook, WebhookDelivery]


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the tables."""
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.create_tables(TABLES)


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop them."""
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.drop_tables(TABLES)
