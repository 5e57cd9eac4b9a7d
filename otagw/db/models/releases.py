"""What shows that a package is the firmware team's: signing keys, signatures, and minimum versions."""

from peewee import BigIntegerField, BooleanField, CharField, CompositeKey, ForeignKeyField, IntegerField, TextField

from otagw.db.models.accounts import Account
from otagw.db.models.base import Model, WordsField
from otagw.db.models.fleet import Product
from otagw.db.models.packages import Package


class SigningKey(Model):
    """A key pair that signs packages, or its public part alone; the private part is encrypted."""

    id = BigIntegerField(primary_key=True)
    account = ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    name = CharField(64)
    public = CharField(64)
    private = TextField(null=True)
    products = WordsField()
    auto = BooleanField()
    enabled = BooleanField()
    created = BigIntegerField()
    statement_format = IntegerField()

    class Meta:
        indexes = ((("account_id", "name"), True),)


class PackageSignature(Model):
    """A statement about a package, exactly as it was signed by a key."""

    package = ForeignKeyField(Package, on_delete="CASCADE", index=False)
    key = ForeignKeyField(SigningKey, on_delete="RESTRICT")
    statement = TextField()
    signature = CharField(128)
    created = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("package", "key")


class MinimumVersion(Model):
    """The lowest version that a module of a product may be given."""

    product = ForeignKeyField(Product, on_delete="CASCADE", column_name="product_key", index=False)
    folded = CharField(64)
    module = CharField(64)
    version = CharField(256)
    modified = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("product", "folded")
