"""The base class of all tables, and columns that encode a value as text."""

import json
from typing import Any, Final

import peewee

from otagw.db import database


class Model(peewee.Model):
    """Bind every table to the one database."""

    class Meta:
        database = database.db
        legacy_table_names = False

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return the names of the columns, in order."""
        return tuple(field.column_name for field in cls._meta.sorted_fields)

    @classmethod
    def insert_if_free(cls, **values: Any) -> bool:
        """Insert a row unless a unique column of it is taken; tell whether it was inserted."""
        return bool(cls.insert(values).on_conflict_ignore().as_rowcount().execute())


class JsonField(peewee.TextField):
    """A list or an object as JSON; what is empty is null where the column may be."""

    def __init__(self, empty: type[list[Any]] | type[dict[str, Any]], **how: Any) -> None:
        super().__init__(**how)
        self.empty: Final = empty

    def db_value(self, value: Any) -> Any:
        """Return the text of a value."""
        return None if self.null and not value else json.dumps(value, ensure_ascii=False, allow_nan=False)

    def python_value(self, value: Any) -> Any:
        """Return the value of a text; most are empty, for which no JSON is read."""
        return self.empty() if value is None or value == "[]" else json.loads(value)


class WordsField(peewee.TextField):
    """Words without blanks in them, with a blank between."""

    def db_value(self, value: Any) -> Any:
        """Return the text of words."""
        return " ".join(value)

    def python_value(self, value: Any) -> Any:
        """Return the words of a text."""
        return tuple(value.split())
