"""Connections that devices keep open, and the nodes that have them."""

from peewee import BigIntegerField, BooleanField, CharField, CompositeKey, SmallIntegerField

from otagw.db.models.base import Model


class MqttNode(Model):
    """A process that devices connect to; it says time and again that it is there."""

    id = CharField(32, primary_key=True)
    seen = BigIntegerField(index=True)


class MqttSession(Model):
    """The connection of a device: on which node, the task that it was told of last, and how often that was retried."""

    device_id = BigIntegerField(primary_key=True)
    node = CharField(32)
    number = BigIntegerField()
    front = CharField(16)
    address = CharField(64, null=True)
    since = BigIntegerField()
    pushed = BigIntegerField(null=True)
    attempts = SmallIntegerField(null=True)
    pushed_at = BigIntegerField(null=True)
    acknowledged = BooleanField(null=True)

    class Meta:
        indexes = ((("node", "device_id"), False),)


class MqttTakeover(Model):
    """A device that has connected to another node: the one that had it is to end its own connection."""

    node = CharField(32)
    device_id = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("node", "device_id")
