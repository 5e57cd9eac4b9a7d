"""Projects, where packages and modules come from, ids of modules, and counters of packages by kind."""

from itertools import combinations
from typing import Any

import peewee
from peewee import BigIntegerField, CharField, IntegerField, TextField

FILTERS = ("product_key", "version", "kind")


class Project(peewee.Model):
    id = CharField(64, primary_key=True)
    account_id = IntegerField()
    created = BigIntegerField()

    class Meta:
        legacy_table_names = False
        indexes = ((("account_id", "created", "id"), False),)


def up(migrator: Any, db: peewee.Database) -> None:
    """Add them; a package for a module becomes one of that kind."""
    with db.bind_ctx([Project]):
        db.create_tables([Project])
    migrator.migrate(
        migrator.add_column("package", "origin", TextField(null=True)),
        migrator.add_column("module", "number", BigIntegerField(null=True)),
        migrator.add_column("module", "origin", TextField(null=True)),
    )
    db.execute_sql("UPDATE package SET kind = 'module' WHERE module <> 'default'")
    migrator.migrate(migrator.add_index("package", ("account_id", "kind", "id"), False))
    _number(db)
    migrator.migrate(migrator.add_index("module", ("number",), True))
    _count(db)


def down(migrator: Any, db: peewee.Database) -> None:
    """Drop them."""
    migrator.migrate(
        migrator.drop_index("package", "package_account_id_kind_id"),
        migrator.drop_index("module", "module_number"),
    )
    migrator.migrate(
        *(
            migrator.drop_column(*column)
            for column in (("package", "origin"), ("module", "number"), ("module", "origin"))
        )
    )
    db.execute_sql("DELETE FROM counter WHERE scope LIKE 'package/%%kind=%%'" if _mark(db) == "%s" else
                   "DELETE FROM counter WHERE scope LIKE 'package/%kind=%'")  # fmt: skip
    with db.bind_ctx([Project]):
        db.drop_tables([Project])


def _mark(db: peewee.Database) -> str:
    return "?" if isinstance(getattr(db, "obj", db), peewee.SqliteDatabase) else "%s"


def _number(db: peewee.Database) -> None:
    """Give modules ids that sort by their age, as those of everything else do."""
    mark = _mark(db)
    rows = db.execute_sql("SELECT product_id, folded, created FROM module ORDER BY created, product_id, folded")
    last = 0
    for product_id, folded, created in rows.fetchall():
        last = max(last + 1, max(created - 1_577_836_800_000, 0) << 22)
        db.execute_sql(
            f"UPDATE module SET number = {mark} WHERE product_id = {mark} AND folded = {mark}",
            (last, product_id, folded),
        )


def _count(db: peewee.Database) -> None:
    """Count what is there by kind, beside the counters that are kept already."""
    mark = _mark(db)
    rows = db.execute_sql(
        "SELECT account_id, product_key, version, kind, count(*) FROM package "
        "GROUP BY account_id, product_key, version, kind"
    )
    totals: dict[tuple[int, str], int] = {}
    for account_id, *values, count in rows.fetchall():
        given = [(name, value) for name, value in zip(FILTERS, values, strict=True) if value]
        for length in range(1, len(given) + 1):
            for chosen in combinations(given, length):
                if ("kind", values[-1]) in chosen:
                    scope = "/".join(["package", *(f"{name}={len(value)}:{value}" for name, value in chosen)])
                    totals[account_id, scope] = totals.get((account_id, scope), 0) + count
    for (account_id, scope), total in totals.items():
        db.execute_sql(
            f"INSERT INTO counter (account_id, scope, total) VALUES ({mark}, {mark}, {mark})",
            (account_id, scope, total),
        )
