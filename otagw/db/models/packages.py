"""Packages and their files."""

from peewee import BigIntegerField, BooleanField, CharField, IntegerField, SmallIntegerField

from otagw.db.models.base import JsonField, Model


class Package(Model):
    """Something a device can be updated to."""

    id = BigIntegerField(primary_key=True)
    account_id = IntegerField()
    name = CharField(256, null=True)
    kind = CharField(16)
    product_key = CharField(256, null=True)
    module = CharField(64)
    version = CharField(256)
    source_versions = JsonField(list)
    differential = BooleanField()
    description = CharField(1024, null=True)
    custom_info = CharField(4096, null=True)
    status = SmallIntegerField()
    url = CharField(2048, null=True)
    size = BigIntegerField(null=True)
    sign_method = CharField(16, null=True)
    sign = CharField(128, null=True)
    files = JsonField(list, null=True)
    verified = BooleanField()
    created = BigIntegerField()
    modified = BigIntegerField()
    object_key = CharField(128, null=True)
    facts = JsonField(list, null=True)
    front_data = JsonField(dict, null=True, column_name="origin")

    class Meta:
        indexes = (
            (("account_id", "name"), True),
            (("account_id", "id"), False),
            (("account_id", "product_key", "id"), False),
            (("account_id", "version", "id"), False),
            (("account_id", "kind", "id"), False),
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
    format = CharField(16, null=True)

    class Meta:
        indexes = ((("uses", "idle_since"), False),)
