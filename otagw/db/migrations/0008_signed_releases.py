"""Signing keys, the signatures of packages, and minimum versions."""

from typing import Any

import peewee
from peewee import (
    AutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    CompositeKey,
    ForeignKeyField,
    TextField,
)


class Model(peewee.Model):
    class Meta:
        legacy_table_names = False


class Account(Model):
    id = AutoField()


class Product(Model):
    key = CharField(256, primary_key=True)


class Package(Model):
    id = BigIntegerField(primary_key=True)


class SigningKey(Model):
    id = BigIntegerField(primary_key=True)
    account = ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    name = CharField(64)
    public = CharField(64)
    private = TextField(null=True)
    products = TextField()
    auto = BooleanField()
    enabled = BooleanField()
    created = BigIntegerField()

    class Meta:
        indexes = ((("account_id", "name"), True),)


class PackageSignature(Model):
    package = ForeignKeyField(Package, on_delete="CASCADE", index=False)
    key = ForeignKeyField(SigningKey, on_delete="RESTRICT")
    statement = TextField()
    signature = CharField(128)
    created = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("package", "key")


class MinimumVersion(Model):
    product = ForeignKeyField(Product, on_delete="CASCADE", column_name="product_key", index=False)
    folded = CharField(64)
    module = CharField(64)
    version = CharField(256)
    modified = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("product", "folded")


TABLES = [SigningKey, PackageSignature, MinimumVersion]


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the tables."""
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.create_tables(TABLES)


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop them."""
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.drop_tables(TABLES)
