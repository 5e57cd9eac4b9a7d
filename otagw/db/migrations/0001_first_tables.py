"""The first tables, as they were then; otagw/db/models may have moved on."""

from typing import Any

import peewee
from peewee import BigIntegerField, BooleanField, CharField, IntegerField, SmallIntegerField, TextField


class Model(peewee.Model):
    class Meta:
        legacy_table_names = False


class Account(Model):
    id = peewee.AutoField()
    name = CharField(64, unique=True)
    created = BigIntegerField()


class AccessKey(Model):
    id = CharField(128, primary_key=True)
    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT")
    secret = TextField()
    grants = TextField()
    enabled = BooleanField(default=True)
    created = BigIntegerField()


class Product(Model):
    key = CharField(256, primary_key=True)
    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT")
    name = CharField(256)
    created = BigIntegerField()


class Module(Model):
    product = peewee.ForeignKeyField(Product, on_delete="CASCADE")
    folded = CharField(64)
    name = CharField(64)
    created = BigIntegerField()

    class Meta:
        primary_key = peewee.CompositeKey("product", "folded")


class Package(Model):
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

    class Meta:
        indexes = (
            (("account_id", "name"), True),
            (("account_id", "id"), False),
            (("account_id", "product_key", "id"), False),
            (("account_id", "version", "id"), False),
            (("account_id", "product_key", "version", "id"), False),
        )


class Counter(Model):
    account_id = IntegerField()
    scope = CharField(600)
    total = BigIntegerField()

    class Meta:
        primary_key = peewee.CompositeKey("account_id", "scope")


class Answer(Model):
    account_id = IntegerField()
    action = CharField(64)
    token = CharField(64)
    digest = CharField(64)
    answer = TextField()
    created = BigIntegerField(index=True)

    class Meta:
        primary_key = peewee.CompositeKey("account_id", "action", "token")


TABLES = [Account, AccessKey, Product, Module, Package, Counter, Answer]


def up(migrator: Any, db: peewee.Database) -> None:
    """Create them."""
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.create_tables(TABLES)


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop them."""
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.drop_tables(TABLES)
