"""What is known of a product, and devices with their versions, batches and groups."""

from typing import Any

import peewee
from peewee import AutoField, BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField, TextField

EPOCH_MS = 1577836800000
RANDOM_BITS = 22


class Model(peewee.Model):
    class Meta:
        legacy_table_names = False


class Product(Model):
    key = CharField(256, primary_key=True)


class DeviceBatch(Model):
    id = AutoField()
    account_id = IntegerField()
    product = ForeignKeyField(Product, on_delete="CASCADE", column_name="product_key")
    state = CharField(16)
    names = TextField()
    refused = TextField()
    created = BigIntegerField(index=True)


class Device(Model):
    id = BigIntegerField(primary_key=True)
    account_id = IntegerField()
    product = ForeignKeyField(Product, on_delete="RESTRICT", column_name="product_key", index=False)
    name = CharField(256)
    nickname = CharField(64, null=True)
    secret = TextField(null=True)
    enabled = BooleanField()
    created = BigIntegerField()
    modified = BigIntegerField()
    activated = BigIntegerField(null=True)
    seen = BigIntegerField(null=True)
    address = CharField(64, null=True)
    batch_id = IntegerField(null=True)

    class Meta:
        indexes = (
            (("product_key", "name"), True),
            (("product_key", "id"), False),
            (("batch_id", "id"), False),
        )


class DeviceVersion(Model):
    device = ForeignKeyField(Device, on_delete="CASCADE", index=False)
    folded = CharField(64)
    module = CharField(64)
    version = CharField(256)
    modified = BigIntegerField()

    class Meta:
        primary_key = peewee.CompositeKey("device", "folded")


class DeviceGroup(Model):
    id = BigIntegerField(primary_key=True)
    account_id = IntegerField()
    name = CharField(256)
    description = CharField(1024, null=True)
    parent = ForeignKeyField("self", on_delete="RESTRICT", null=True)
    created = BigIntegerField()

    class Meta:
        indexes = ((("account_id", "name"), True), (("account_id", "id"), False))


class DeviceGroupMember(Model):
    group = ForeignKeyField(DeviceGroup, on_delete="CASCADE", index=False)
    device = ForeignKeyField(Device, on_delete="CASCADE")

    class Meta:
        primary_key = peewee.CompositeKey("group", "device")


TABLES = [DeviceBatch, Device, DeviceVersion, DeviceGroup, DeviceGroupMember]


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the columns and tables; products that are there get an id by their age, and are counted."""
    migrator.migrate(
        migrator.add_column("product", "id", BigIntegerField(default=0)),
        migrator.add_column("product", "description", CharField(1024, null=True)),
        migrator.add_column("product", "is_gateway", BooleanField(default=False)),
        migrator.add_column("product", "edition", CharField(16, default="basic")),
        migrator.add_column("product", "traits", TextField(null=True)),
        migrator.add_column("product", "modified", BigIntegerField(default=0)),
    )
    db.execute_sql("UPDATE product SET modified = created")
    rows = db.execute_sql("SELECT key, created FROM product ORDER BY created, key").fetchall()
    mark = "?" if isinstance(db, peewee.SqliteDatabase) else "%s"
    for number, (key, created) in enumerate(rows):
        identity = ((created - EPOCH_MS) << RANDOM_BITS) + number
        db.execute_sql(f"UPDATE product SET id = {mark} WHERE key = {mark}", (identity, key))
    migrator.migrate(
        migrator.add_index("product", ("account_id", "name"), True),
        migrator.add_index("product", ("account_id", "id"), True),
        migrator.add_index("product", ("account_id", "edition", "id")),
    )
    for scope in ("product", "product/edition=5:basic"):
        db.execute_sql(
            f"INSERT INTO counter (account_id, scope, total) SELECT account_id, '{scope}', COUNT(*) FROM product "
            "GROUP BY account_id"
        )
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.create_tables(TABLES)


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop them."""
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.drop_tables(TABLES)
    db.execute_sql("DELETE FROM counter WHERE scope = 'product' OR scope LIKE 'product/%%' OR scope LIKE 'device%%'")
    for name in ("product_account_id_name", "product_account_id_id", "product_account_id_edition_id"):
        migrator.migrate(migrator.drop_index("product", name))
    columns = ("id", "description", "is_gateway", "edition", "traits", "modified")
    migrator.migrate(*(migrator.drop_column("product", name) for name in columns))
