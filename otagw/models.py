"""The tables. They hold the widest limits of all vendors; each dialect narrows on input."""

import peewee
from peewee import BigIntegerField, BooleanField, CharField, IntegerField, SmallIntegerField, TextField

from otagw import database


class Model(peewee.Model):
    """Bind every table to the one database."""

    class Meta:
        database = database.db
        legacy_table_names = False


class Account(Model):
    """What everything belongs to."""

    id = peewee.AutoField()
    name = CharField(64, unique=True)
    created = BigIntegerField()


class AccessKey(Model):
    """A key pair; the secret is encrypted, since HMAC needs it back."""

    id = CharField(128, primary_key=True)
    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT")
    secret = TextField()
    grants = TextField()
    enabled = BooleanField(default=True)
    created = BigIntegerField()


class Product(Model):
    """A kind of device; its key is unique in the whole gateway."""

    key = CharField(256, primary_key=True)
    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT")
    name = CharField(256)
    created = BigIntegerField()


class Module(Model):
    """A part of a product that is updated on its own; names are compared without regard to case."""

    product = peewee.ForeignKeyField(Product, on_delete="CASCADE")
    folded = CharField(64)
    name = CharField(64)
    created = BigIntegerField()
    title = CharField(64, null=True)  # `alias` is a method of peewee's models
    description = CharField(1024, null=True)
    modified = BigIntegerField()

    class Meta:
        primary_key = peewee.CompositeKey("product", "folded")


class Package(Model):
    """Something a device can be updated to."""

    id = BigIntegerField(primary_key=True)
    account_id = IntegerField()
    name = CharField(256, null=True)
    kind = CharField(16)
    product_key = CharField(256, null=True)
    module = CharField(64)
    version = CharField(256)
    source_versions = TextField()
    differential = BooleanField()
    description = CharField(1024, null=True)
    custom_info = CharField(4096, null=True)
    status = SmallIntegerField()
    url = CharField(2048, null=True)
    size = BigIntegerField(null=True)
    sign_method = CharField(16, null=True)
    sign = CharField(128, null=True)
    files = TextField(null=True)
    verified = BooleanField()
    created = BigIntegerField()
    modified = BigIntegerField()
    object_key = CharField(128, null=True)

    class Meta:
        indexes = (
            (("account_id", "name"), True),
            (("account_id", "id"), False),
            (("account_id", "product_key", "id"), False),
            (("account_id", "version", "id"), False),
            (("account_id", "product_key", "version", "id"), False),
        )


class StoredFile(Model):
    """A file of our own store: announced by its key, there once it has a path, idle while no package uses it."""

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
        indexes = ((("uses", "idle_since"), False),)


class Counter(Model):
    """How many rows a listing has: kept with each write, so that no listing counts."""

    account_id = IntegerField()
    scope = CharField(600)
    total = BigIntegerField()

    class Meta:
        primary_key = peewee.CompositeKey("account_id", "scope")


class Answer(Model):
    """The first answer to an idempotency token."""

    account_id = IntegerField()
    action = CharField(64)
    token = CharField(64)
    digest = CharField(64)
    answer = TextField()
    created = BigIntegerField(index=True)

    class Meta:
        primary_key = peewee.CompositeKey("account_id", "action", "token")


TABLES = (Account, AccessKey, Product, Module, Package, StoredFile, Counter, Answer)
