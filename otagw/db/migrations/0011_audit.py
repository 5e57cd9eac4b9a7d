"""The audit trail, and a way to the jobs that ended long ago."""

from typing import Any

import peewee
from peewee import BigIntegerField, CharField, IntegerField


class Model(peewee.Model):
    class Meta:
        legacy_table_names = False


class AuditEvent(Model):
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

    class Meta:
        indexes = ((("account_id", "at", "id"), False),)


TABLES = [AuditEvent]


def up(migrator: Any, db: peewee.Database) -> None:
    """Add the table and the index."""
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.create_tables(TABLES)
    db.execute_sql("CREATE INDEX job_ended ON job (ended)")


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop it."""
    with db.bind_ctx(TABLES, bind_refs=False, bind_backrefs=False):
        db.drop_tables(TABLES)
    db.execute_sql("DROP INDEX job_ended")
