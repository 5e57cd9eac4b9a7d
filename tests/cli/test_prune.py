"""`otagw prune`."""

import pytest

from otagw import clock
from otagw.db import database
from otagw.ops import prune
from otagw.ota import audit
from otagw.ota.audit import Actor

DAY = 24 * 3600 * 1000


@pytest.fixture
def old(otagw):
    """Rows of the audit, some of them two years old."""
    now = clock.now()
    for age, number in ((730, 3), (100, 2), (0, 1)):
        clock.hold(lambda age=age: now - age * DAY)
        with audit.acting(Actor("k", "Op", "", "")), database.write():
            audit.note(1, "thing", *range(number))
    clock.hold(None)
    database.disconnect()
    return otagw


def kept():
    return database.execute("SELECT COUNT(*) FROM audit_event").fetchone()[0]


def test_a_dry_run_counts_and_changes_nothing(old):
    assert old("prune", "--dry-run").splitlines() == [
        "events      0 would go",
        "deliveries  0 would go",
        "audit       3 would go",
        "batches     0 would go",
        "jobs        kept for ever",
    ]
    assert "audit       5 would go" in old("prune", "--dry-run", "--older-than", "30d")
    assert kept() == 6


def test_what_the_settings_do_not_keep_goes_and_that_is_in_the_audit(old, monkeypatch):
    monkeypatch.setattr(prune, "AT_ONCE", 1)
    assert "audit       3 gone" in old("prune")
    assert "audit       0 gone" in old("prune")
    said = old("audit", "--operation", "prune")
    assert "3 rows of all accounts, older than" in said
    assert said.count("audit 3 rows") == 2  # one for each account


def test_only_what_is_named_goes(old):
    assert old("prune", "--only", "events", "--older-than", "30d") == "events      0 gone\n"
    assert old("prune", "--only", "jobs", "--older-than", "30d") == "jobs        0 gone\n"
    assert old("prune", "--only", "jobs") == "jobs        kept for ever\n"
    assert kept() == 6


@pytest.mark.parametrize("age", ["0d", "23h", "-1d", "1y", "", "all"])
def test_an_age_that_is_too_small_or_unreadable_is_refused(old, age):
    assert "expected" in old("prune", "--older-than", age, status=2 if age not in ("0d", "23h") else 1)
    assert kept() == 6


def test_a_table_that_is_not_there_is_refused(old):
    assert "is not one of" in old("prune", "--only", "package", status=2)
