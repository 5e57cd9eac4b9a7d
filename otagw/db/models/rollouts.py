"""Jobs and their tasks."""

from peewee import BigIntegerField, BooleanField, CharField, IntegerField, SmallIntegerField

from otagw.db.models.base import JsonField, Model


class Job(Model):
    """A rollout of a package: whom it is for, by which rules, and how far it has come."""

    id = BigIntegerField(primary_key=True)
    account_id = IntegerField()
    package_id = BigIntegerField()
    product_key = CharField(256)
    module = CharField(64)
    version = CharField(256)
    kind = CharField(16)
    selection = CharField(16)
    target = CharField(16)
    state = CharField(16)
    rules = JsonField(dict)
    created = BigIntegerField()
    modified = BigIntegerField()
    schedule_at = BigIntegerField(null=True)
    finish_at = BigIntegerField(null=True)
    started = BigIntegerField(null=True)
    ended = BigIntegerField(null=True, index=True)
    due = BigIntegerField(null=True)
    paused = CharField(256, null=True)
    stopped = BooleanField()
    filling = BooleanField()
    cursor = BigIntegerField()
    position = BigIntegerField()
    population = BigIntegerField(null=True)
    upto = BigIntegerField()
    cancel = CharField(64)
    rate_minute = BigIntegerField()
    rate_used = IntegerField()
    package_kind = CharField(16, default="firmware")
    front_data = JsonField(dict, null=True, column_name="origin")
    bulk = CharField(16, default="")
    bulk_at = BigIntegerField(default=0)
    bulk_reached = BigIntegerField(default=0)
    skipped = JsonField(list, null=True)

    class Meta:
        indexes = (
            (("account_id", "id"), False),
            (("package_id", "id"), False),
            (("product_key", "module", "selection", "state"), False),
        )


class DeletedJob(Model):
    """A job that was deleted, while tasks of it are still to follow."""

    id = BigIntegerField(primary_key=True)
    due = BigIntegerField(index=True)


class Task(Model):
    """One device in one job."""

    id = BigIntegerField(primary_key=True)
    account_id = IntegerField()
    job_id = BigIntegerField()
    package_id = BigIntegerField()
    device_id = BigIntegerField()
    product_key = CharField(256)
    device_name = CharField(256)
    module = CharField(64)
    state = CharField(16)
    source_version = CharField(256, null=True)
    version = CharField(256)
    progress = SmallIntegerField()
    note = CharField(1024, null=True)
    attempts = SmallIntegerField()
    created = BigIntegerField()
    modified = BigIntegerField()
    started = BigIntegerField(null=True)
    retry_at = BigIntegerField(null=True)
    due = BigIntegerField(null=True)
    action = IntegerField(null=True)
    recall = CharField(16, null=True)
    deferred = BooleanField(null=True)
    follows = BooleanField(null=True)

    class Meta:
        indexes = (
            (("job_id", "id"), False),
            (("job_id", "state", "id"), False),
            (("job_id", "device_name"), False),
            (("device_id", "id"), False),
        )
