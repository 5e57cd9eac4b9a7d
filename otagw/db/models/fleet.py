"""Products, their modules, and devices with all that is known of them."""

from peewee import (
    AutoField,
    BigAutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    TextField,
)

from otagw.db.models.accounts import Account
from otagw.db.models.base import JsonField, Model


class Product(Model):
    """A kind of device; its key is unique in the whole gateway."""

    key = CharField(256, primary_key=True)
    account = ForeignKeyField(Account, on_delete="RESTRICT")
    name = CharField(256)
    created = BigIntegerField()
    id = BigIntegerField()
    description = CharField(1024, null=True)
    is_gateway = BooleanField(default=False)
    edition = CharField(16, default="basic")
    front_data = JsonField(dict, null=True, column_name="traits")
    modified = BigIntegerField()
    gateway_token = TextField(null=True)
    poll_seconds = IntegerField(null=True)
    self_registration = IntegerField(null=True)  # how many devices it may have for another to register itself

    class Meta:
        indexes = (
            (("account_id", "name"), True),
            (("account_id", "id"), True),
            (("account_id", "edition", "id"), False),
        )


class Module(Model):
    """A part of a product that is updated on its own; names are compared without regard to case."""

    product = ForeignKeyField(Product, on_delete="CASCADE")
    folded = CharField(64)
    name = CharField(64)
    created = BigIntegerField()
    title = CharField(64, null=True)  # `alias` is a method of peewee's models
    description = CharField(1024, null=True)
    modified = BigIntegerField()
    number = BigIntegerField(null=True, unique=True)
    front_data = JsonField(dict, null=True, column_name="origin")

    class Meta:
        primary_key = CompositeKey("product", "folded")


class DeviceBatch(Model):
    """Devices that are registered together, and the names that cannot be."""

    id = AutoField()
    account_id = IntegerField()
    product = ForeignKeyField(Product, on_delete="CASCADE", column_name="product_key")
    state = CharField(16)
    names = JsonField(list)
    refused = JsonField(list)
    created = BigIntegerField(index=True)
    due = BigIntegerField(null=True)
    reached = IntegerField(default=0)


class Device(Model):
    """A device of a product; without a secret of its own it has the one that follows from its id."""

    id = BigIntegerField(primary_key=True)
    account_id = IntegerField()
    product = ForeignKeyField(Product, on_delete="RESTRICT", column_name="product_key", index=False)
    name = CharField(256)
    nickname = CharField(256, null=True)
    secret = TextField(null=True)
    enabled = BooleanField()
    created = BigIntegerField()
    modified = BigIntegerField()
    activated = BigIntegerField(null=True)
    seen = BigIntegerField(null=True)
    address = CharField(64, null=True)
    batch_id = IntegerField(null=True)
    token = TextField(null=True)
    attributes = TextField(null=True)
    attributes_asked = BooleanField(null=True)

    class Meta:
        indexes = (
            (("product_key", "name"), True),
            (("product_key", "id"), False),
            (("account_id", "id"), False),
            (("batch_id", "id"), False),
        )


class DeviceFile(Model):
    """The ids of devices in a file that was uploaded, one a line."""

    id = CharField(36, primary_key=True)
    account_id = IntegerField()
    name = CharField(64)
    device_ids = TextField()
    created = BigIntegerField(index=True)

    class Meta:
        indexes = ((("account_id", "created"), False),)


class DeviceOrigin(Model):
    """What the front that registered a device has to show again, and the id that was chosen for it there."""

    device = ForeignKeyField(Device, on_delete="CASCADE", primary_key=True)
    account_id = IntegerField()
    external_id = CharField(256, null=True)
    front_data = JsonField(dict, column_name="facts")

    class Meta:
        indexes = ((("account_id", "external_id"), True),)


class DeviceVersion(Model):
    """What a device last said that it runs, for each of its modules."""

    device = ForeignKeyField(Device, on_delete="CASCADE", index=False)
    folded = CharField(64)
    module = CharField(64)
    version = CharField(256)
    modified = BigIntegerField()
    spelled = CharField(256, null=True)  # what an attribute says for it; empty: what the next one says

    class Meta:
        primary_key = CompositeKey("device", "folded")


class DeviceGroup(Model):
    """Devices of any products under one name."""

    id = BigIntegerField(primary_key=True)
    account_id = IntegerField()
    name = CharField(256)
    description = CharField(1024, null=True)
    parent = ForeignKeyField("self", on_delete="RESTRICT", null=True)
    created = BigIntegerField()
    poll_seconds = IntegerField(null=True)

    class Meta:
        indexes = ((("account_id", "name"), True), (("account_id", "id"), False))


class DeviceGroupMember(Model):
    """That a device is in a group."""

    group = ForeignKeyField(DeviceGroup, on_delete="CASCADE", index=False)
    device = ForeignKeyField(Device, on_delete="CASCADE")

    class Meta:
        primary_key = CompositeKey("group", "device")


class DeviceEvent(Model):
    """Something that happened between the gateway and a device."""

    id = BigAutoField()
    device_id = BigIntegerField()
    at = BigIntegerField()
    kind = CharField(16)
    job_id = BigIntegerField(null=True)
    task_id = BigIntegerField(null=True)
    detail = CharField(1024)

    class Meta:
        indexes = ((("device_id", "id"), False),)
