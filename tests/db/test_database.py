"""Statements that go together, on either engine: one round trip, and the errors of a statement by itself."""

import peewee
import pytest

from otagw.db import database
from tests.engines import migrated

STATE = "INSERT INTO fact (name, value) VALUES (?, ?)"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request, environment):
    with migrated(environment, request.param):
        yield request.param


def facts():
    return dict(database.execute("SELECT name, value FROM fact WHERE name <> 'master key'").fetchall())


def test_each_statement_has_a_cursor_of_its_own(engine):
    with database.write():
        one, none, found = database.together(
            (STATE, "a", "1"),
            (f"{STATE} ON CONFLICT DO NOTHING", "a", "2"),
            ("SELECT value FROM fact WHERE name = ?", "a"),
        )
        assert (one.rowcount, none.rowcount, found.fetchall()) == (1, 0, [("1",)])
    assert facts() == {"a": "1"}


def test_no_statements_are_no_cursors(engine):
    assert database.together() == []


def test_a_value_with_a_percent_sign_and_a_question_mark_passes(engine):
    (found,) = database.together(("SELECT CAST(? AS VARCHAR(9)), '%'", "%s ?"))
    assert found.fetchone() == ("%s ?", "%")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_that_breaks_a_rule_undoes_the_write_and_is_an_error_of_peewee(engine, place):
    statements = [(STATE, "a", "1"), (STATE, "b", "1")]
    statements.insert(place, (STATE, "c", None))
    with pytest.raises(peewee.IntegrityError), database.write():
        database.together(*statements)
    assert facts() == {}
    with database.write():  # the connection is as good as before
        database.together((STATE, "a", "1"))
    assert facts() == {"a": "1"}


@pytest.mark.postgres
def test_a_connection_that_is_gone_is_trouble(environment):
    with migrated(environment, "postgresql"):
        (pid,) = database.execute("SELECT pg_backend_pid()").fetchone()
        with database.db.obj.__class__(database.db.obj.database, **database.db.obj.connect_params) as other:
            other.execute_sql("SELECT pg_terminate_backend(%s)", (pid,))
        with pytest.raises(database.TROUBLE):
            database.together(("SELECT 1",), ("SELECT 2",))
        database.recover()
        assert [found.fetchone() for found in database.together(("SELECT 1",), ("SELECT 2",))] == [(1,), (2,)]
