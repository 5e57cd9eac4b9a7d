"""Who changed what."""

from peewee import SQL, BigIntegerField, CharField, IntegerField

from otagw.db.models.base import Model


class AuditEvent(Model):
    """A change, and who made it; ``object`` names a thing of a ``kind``, ``code`` is empty unless it was refused.

    ``times`` is how often it was refused within an hour.
    """

    id = BigIntegerField(primary_key=True)
    account_id = IntegerField()
    at = BigIntegerField(index=True)
    key_id = CharField(128)
    operation = CharField(64)
    kind = CharField(32)
    object = CharField(256)
    code = CharField(128)
    address = CharField(64)
    request_id = CharField(64)
    times = IntegerField(default=1, constraints=[SQL("DEFAULT 1")])

    class Meta:
        indexes = ((("account_id", "at", "id"), False),)
