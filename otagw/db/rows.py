"""Records as they are read from tables: what a query selects for one, by the models, and what makes one of a row."""

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast, get_type_hints

import peewee

from otagw.db import database
from otagw.db.models.base import JsonField, Model, WordsField

Record = TypeVar("Record", bound=tuple[Any, ...])
Read: TypeAlias = Callable[[Any], Any]
# The field of a model, or an SQL text.
Column: TypeAlias = "peewee.Field[Any] | str"
_PLAIN: Final[Mapping[str, Read]] = MappingProxyType({})


class Rows(Generic[Record]):
    """How records of one type, a NamedTuple, are read from a table.

    A field of the record is the column of its name, or what ``others`` has for it: the field of a model that the query
    joins, or an SQL text. Values become what the model's field reads them as, and then what ``read`` makes of them.
    """

    def __init__(
        self,
        record: type[Record],
        model: type[Model],
        read: Mapping[str, Read] = _PLAIN,
        **others: Column,
    ) -> None:
        self.type, self.model = record, model
        hints = get_type_hints(record)
        self.fields = {name: others[name] if name in others else model._meta.combined[name] for name in hints}
        columns = list(enumerate(self.fields.items()))
        # The conversions of a row, in this order; a page of a listing has many of them, and most JSON is empty.
        self._json = [(place, field.empty) for place, (_, field) in columns if isinstance(field, JsonField)]
        self._words = [place for place, (_, field) in columns if isinstance(field, WordsField)]
        self._truths = [place for place, (name, _) in columns if hints[name] is bool]  # SQLite has no truth values
        self._reads = [(place, read[name]) for place, (name, _) in columns if name in read]
        self._make: Callable[[Sequence[Any]], Record] = cast("Any", record)._make
        self._nodes = [peewee.SQL(field) if isinstance(field, str) else field for field in self.fields.values()]
        # The list of a SELECT over tables by their own names.
        self.selected: Final = ", ".join(map(_text, self.fields.values()))

    def record(self, row: Sequence[Any]) -> Record:
        """Return the record of a row of what is selected."""
        values = list(row)
        for place, empty in self._json:
            text = values[place]
            values[place] = json.loads(text) if text and text != "[]" else empty()
        for place in self._words:
            values[place] = tuple(values[place].split())
        for place in self._truths:
            values[place] = bool(values[place])
        for place, convert in self._reads:
            values[place] = convert(values[place])
        return self._make(values)

    def select(self) -> Any:
        """Return peewee's query for the records; `run` runs it."""
        return self.model.select(*self._nodes)

    def run(self, query: Any) -> list[Record]:
        """Return the records of a query that `select` began."""
        return [self.record(row) for row in database.db.execute(query).fetchall()]

    def all(self, *conditions: Any, order: Sequence[Any]) -> list[Record]:
        """Return the records for which conditions hold."""
        query = self.select().where(*conditions) if conditions else self.select()
        return self.run(query.order_by(*order))

    def find(self, *conditions: Any, lock: str = "") -> Record | None:
        """Return the record for which conditions hold, if there is one; with a lock, it stays until we are done."""
        found = self.run(locked(self.select().where(*conditions), lock))
        return found[0] if found else None


def values(query: Any) -> list[Any]:
    """Return what a peewee query of one column finds."""
    return [value for (value,) in database.db.execute(query).fetchall()]


def locked(query: Any, clause: str) -> Any:
    """Return a query that locks its rows, on an engine that has several writers at once."""
    clause = database.lock(clause).strip()
    return query.for_update(clause) if clause else query


def noted(query: Any, field: Any, wanted: Mapping[str, str]) -> Any:
    """Return a query that is also for rows whose JSON object has these texts by their names, or none by a name."""
    for name, text in wanted.items():
        found = _json_text(field, name)
        query = query.where(found.is_null() | (found == text))
    return query


def _json_text(field: Any, name: str) -> Any:
    if database.is_sqlite():
        return peewee.fn.json_extract(field, f"$.{name}")
    return peewee.Expression(field.cast("json"), "->>", name)


def _text(field: Column) -> str:
    return field if isinstance(field, str) else f"{field.model._meta.table_name}.{field.column_name}"
