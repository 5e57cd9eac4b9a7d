"""Rollouts: jobs, their tasks, and what happened to each device."""

from typing import Any

import peewee
from peewee import BigIntegerField, BooleanField, CharField, IntegerField, SmallIntegerField, TextField


class Model(peewee.Model):
    class Meta:
        legacy_table_names = False


class Job(Model):
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
    rules = TextField()
    created = BigIntegerField()
    modified = BigIntegerField()
    schedule_at = BigIntegerField(null=True)
    finish_at = BigIntegerField(null=True)
    started = BigIntegerField(null=True)
    ended = BigIntegerField(null=True)
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

    class Meta:
        indexes = (
            (("package_id", "id"), False),
            (("product_key", "module", "selection", "state"), False),
        )


class Task(Model):
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

    class Meta:
        indexes = (
            (("job_id", "id"), False),
            (("job_id", "state", "id"), False),
            (("job_id", "device_name"), False),
            (("device_id", "id"), False),
        )


class DeviceEvent(Model):
    id = peewee.BigAutoField()
    device_id = BigIntegerField()
    at = BigIntegerField()
    kind = CharField(16)
    job_id = BigIntegerField(null=True)
    task_id = BigIntegerField(null=True)
    detail = CharField(1024)

    class Meta:
        indexes = ((("device_id", "id"), False),)


TABLES = [Job, Task, DeviceEvent]
OPEN = "('confirm', 'queued', 'notified', 'in_progress')"


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the tables. A device has one open task of a module at most: an index sees to it."""
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.create_tables(TABLES)
    db.execute_sql(f"CREATE UNIQUE INDEX task_open ON task (device_id, module) WHERE state IN {OPEN}")
    # What is due is found without looking at what is not.
    db.execute_sql("CREATE INDEX task_due ON task (due) WHERE due IS NOT NULL")
    db.execute_sql("CREATE INDEX job_due ON job (due) WHERE due IS NOT NULL")


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop them."""
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.drop_tables(TABLES)
