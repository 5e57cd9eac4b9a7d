"""Who is told of events, and what is told them."""

from peewee import BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField, SmallIntegerField, TextField

from otagw.db.models.base import Model, WordsField


class Webhook(Model):
    """Who wants to be told of events; one worker at a time sends to it, until ``busy_until`` at the latest."""

    id = BigIntegerField(primary_key=True)
    account_id = IntegerField()
    url = CharField(2048)
    secret = TextField()
    events = WordsField()
    enabled = BooleanField()
    busy_until = BigIntegerField()
    created = BigIntegerField()

    class Meta:
        indexes = ((("account_id", "id"), False),)


class WebhookDelivery(Model):
    """One event on its way to one webhook, or what came of it; ``next_at`` is null once it is done."""

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
