"""How many bytes of files each account has stored."""

from typing import Any

import peewee


def up(migrator: Any, db: peewee.Database) -> None:
    """Add up the files that are there, in a counter for each account."""
    db.execute_sql(
        "INSERT INTO counter (account_id, scope, total) SELECT account_id, 'file/bytes', SUM(size) FROM stored_file "
        "WHERE size > 0 GROUP BY account_id"
    )


def down(migrator: Any, db: peewee.Database) -> None:
    """Delete the counters."""
    db.execute_sql("DELETE FROM counter WHERE scope = 'file/bytes'")
