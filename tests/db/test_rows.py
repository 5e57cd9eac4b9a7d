"""Records and the models that they are read by: types that agree, and values that come back as they were written."""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any, NamedTuple, get_type_hints

import peewee
import pytest

import otagw.ota
from otagw.db import database, models, rows
from otagw.db.models.base import JsonField, WordsField
from tests.engines import migrated

# The type that a column is read as; for JSON the record says it.
TYPES = {
    WordsField: tuple[str, ...],
    peewee.BooleanField: bool,
    peewee.IntegerField: int,
    peewee.CharField: str,
    peewee.TextField: str,
}
# Columns that could be null and never are: the migration that made them filled them.
FILLED = (models.Module.number,)


def every():
    """Return what reads the records of the core, by where it is."""
    modules = [m.name for m in pkgutil.walk_packages(otagw.ota.__path__, "otagw.ota.") if not m.ispkg]
    named = {
        f"{module}.{name}": each for module in modules for name, each in vars(importlib.import_module(module)).items()
    }
    return {name: each for name, each in named.items() if isinstance(each, rows.Rows)}


EVERY = every()


@pytest.mark.parametrize("name", EVERY)
def test_a_record_has_the_types_of_its_columns(name):
    reader = EVERY[name]
    for part, hint in get_type_hints(reader.type).items():
        field = reader.fields[part]
        if not isinstance(field, str | JsonField):
            plain = field.rel_field if isinstance(field, peewee.ForeignKeyField) else field
            wanted = next(found for kind, found in TYPES.items() if isinstance(plain, kind))
            joined = field.model is not reader.model and hint == wanted | None  # there may be no row to join
            may_be_none = joined or (field.null and all(field is not each for each in FILLED))
            assert hint == (wanted | None if may_be_none else wanted), part


def test_a_record_with_a_field_that_is_no_column_is_refused():
    class Wrong(NamedTuple):
        id: str
        colour: str

    with pytest.raises(KeyError, match="colour"):
        rows.Rows(Wrong, models.Space)


class Kept(NamedTuple):
    """Of a product what is not as the engines have it."""

    key: str
    is_gateway: bool
    front_data: Mapping[str, Any]


KEPT = rows.Rows(Kept, models.Product, {"key": str.upper})
DATA = ({}, {"a": [1, None], "é": "'\"%?"})


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request, environment):
    with migrated(environment, request.param):
        owner = models.Account.create(name="a", created=0)
        for number, noted in enumerate(DATA):
            models.Product.create(
                key=f"p{number}", account=owner, name=f"{number}", id=number, created=0, modified=0, front_data=noted
            )
        yield


def test_values_come_back_as_they_were_written(engine):
    found = [Kept("P0", False, DATA[0]), Kept("P1", False, DATA[1])]
    assert KEPT.all(order=[models.Product.key]) == found
    said = database.execute(f"SELECT {KEPT.selected} FROM product ORDER BY key").fetchall()
    assert [KEPT.record(row) for row in said] == found
    assert KEPT.find(models.Product.key == "p1", lock=database.HOLD) == found[1]
    assert KEPT.find(models.Product.key == "p2") is None
    assert rows.values(models.Product.select(models.Product.key).order_by(models.Product.key.desc())) == ["p1", "p0"]


def test_an_empty_object_is_null_where_that_may_be(engine):
    assert database.execute("SELECT COUNT(*) FROM product WHERE traits IS NULL").fetchone() == (1,)


def test_rows_are_found_by_what_was_noted_or_was_not(engine):
    noted = models.Product.front_data
    assert [kept.key for kept in KEPT.run(rows.noted(KEPT.select(), noted, {"é": "'\"%?"}))] == ["P0", "P1"]
    assert [kept.key for kept in KEPT.run(rows.noted(KEPT.select(), noted, {"é": "other"}))] == ["P0"]


def test_a_row_is_inserted_where_nothing_is_taken(engine):
    assert [models.Account.insert_if_free(name=name, created=0) for name in ("a", "b")] == [False, True]
