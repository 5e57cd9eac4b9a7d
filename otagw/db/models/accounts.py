"""Whose everything is, who may call, and what is kept for each account beside its things."""

from peewee import (
    AutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    TextField,
)

from otagw.db.models.base import Model, WordsField


class Account(Model):
    """What everything belongs to."""

    id = AutoField()
    name = CharField(64, unique=True)
    created = BigIntegerField()


class AccessKey(Model):
    """A key pair; the secret is encrypted, since HMAC needs it back."""

    id = CharField(128, primary_key=True)
    account = ForeignKeyField(Account, on_delete="RESTRICT")
    secret = TextField()
    grants = WordsField()
    enabled = BooleanField(default=True)
    created = BigIntegerField()


class Project(Model):
    """A name under which clients of some fronts address an account."""

    id = CharField(64, primary_key=True)
    account_id = IntegerField()
    created = BigIntegerField()

    class Meta:
        indexes = ((("account_id", "created", "id"), False),)


class Space(Model):
    """A space that an account sorts its things into; it has one by default."""

    id = CharField(64, primary_key=True)
    account_id = IntegerField()
    name = CharField(64)
    is_default = BooleanField()
    created = BigIntegerField()

    class Meta:
        indexes = ((("account_id", "name"), True),)


class Counter(Model):
    """How many rows a listing has: kept with each write, so that no listing counts."""

    account_id = IntegerField()
    scope = CharField(600)
    total = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("account_id", "scope")


class Fact(Model):
    """What all nodes of a gateway have to agree on, by name."""

    name = CharField(64, primary_key=True)
    value = CharField(256)


class Bucket(Model):
    """When a bucket of tokens is full again, in microseconds."""

    name = CharField(256, primary_key=True)
    full_at = BigIntegerField(index=True)


class Answer(Model):
    """The first answer to an idempotency token."""

    account_id = IntegerField()
    action = CharField(64)
    token = CharField(64)
    digest = CharField(64)
    answer = TextField()
    created = BigIntegerField(index=True)

    class Meta:
        primary_key = CompositeKey("account_id", "action", "token")
