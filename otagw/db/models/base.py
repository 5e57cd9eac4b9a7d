"""What every table is bound to."""

import peewee

from otagw.db import database


class Model(peewee.Model):
    """Bind every table to the one database."""

    class Meta:
        database = database.db
        legacy_table_names = False
