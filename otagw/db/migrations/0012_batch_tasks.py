"""What packages jobs are of and who made them, ids of devices of their makers' choice, and resource spaces."""

from typing import Any

import peewee
from peewee import BigIntegerField, BooleanField, CharField, IntegerField, TextField


class Model(peewee.Model):
    class Meta:
        legacy_table_names = False


class Device(Model):
    id = BigIntegerField(primary_key=True)


class DeviceOrigin(Model):
    device = peewee.ForeignKeyField(Device, on_delete="CASCADE", primary_key=True)
    account_id = IntegerField()
    external_id = CharField(256, null=True)
    facts = TextField()

    class Meta:
        indexes = ((("account_id", "external_id"), True),)


class Space(Model):
    id = CharField(64, primary_key=True)
    account_id = IntegerField()
    name = CharField(64)
    is_default = BooleanField()
    created = BigIntegerField()

    class Meta:
        indexes = ((("account_id", "name"), True),)


TABLES = [DeviceOrigin, Space]


def up(migrator: Any, db: peewee.Database) -> None:
    """Add them; a job whose package is gone is taken for one of the usual kind."""
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.create_tables(TABLES)
    migrator.migrate(
        migrator.add_column("job", "package_kind", CharField(16, default="firmware")),
        migrator.add_column("job", "origin", TextField(null=True)),
        migrator.add_index("job", ("account_id", "id"), False),
        migrator.add_index("device", ("account_id", "id"), False),
    )
    db.execute_sql("UPDATE job SET package_kind = 'module' WHERE module <> 'default'")
    db.execute_sql(
        "UPDATE job SET package_kind = (SELECT kind FROM package WHERE package.id = job.package_id) "
        "WHERE package_id IN (SELECT id FROM package)"
    )
    if not isinstance(getattr(db, "obj", db), peewee.SqliteDatabase):  # that one does not heed lengths
        db.execute_sql("ALTER TABLE device ALTER COLUMN nickname TYPE VARCHAR(256)")
    # Tasks that wait for another try are few, and are counted whenever somebody looks at their job.
    db.execute_sql("CREATE INDEX task_retry ON task (job_id, state) WHERE retry_at IS NOT NULL")


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop them."""
    db.execute_sql("DROP INDEX task_retry")
    migrator.migrate(
        migrator.drop_index("device", "device_account_id_id"),
        migrator.drop_index("job", "job_account_id_id"),
        migrator.drop_column("job", "origin"),
        migrator.drop_column("job", "package_kind"),
    )
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.drop_tables(TABLES)
