"""Listings below a marker, what fronts note of their things, and projects; on every engine."""

import importlib
from collections import Counter
from functools import partial

import pytest

from otagw import errors
from otagw.db import database, schema
from otagw.ota import accounts, projects
from otagw.ota.accounts import Account, Rules
from otagw.ota.packages import insertion, packages
from otagw.ota.packages.records import PackageDraft
from otagw.ota.products import modules
from tests.races import race

TOP = (1 << 63) - 1


def make(account, kind="firmware", version="1", product_key="p", **more):
    return insertion.create(
        account, PackageDraft(name=None, version=version, kind=kind, product_key=product_key, **more)
    )[0]


def below(account, ceiling=TOP, skip=0, size=50, kind="firmware", **more):
    found, total = packages.below(account, ceiling, skip, size, kind=kind, **more)
    return [package.id for package in found], total


def test_packages_are_listed_by_kind_below_an_id(account):
    ids = sorted((make(account, version=str(n % 2)) for n in range(6)), reverse=True)
    make(account, "software")
    assert below(account) == (ids, 6)
    assert below(account, ids[1], 1, 2) == (ids[3:5], 6)
    assert below(account, version="1")[1] == 3
    assert below(account, product_key="q") == ([], 0)
    assert below(account, kind="module") == ([], 0)
    packages.delete(account, str(ids[0]))
    assert below(account) == (ids[1:], 5)


def test_what_was_noted_filters_and_nothing_noted_fits(account):
    bare, one = make(account), make(account, front_data={"space": "one", "sent": ["'", "?", "%"]})
    make(account, front_data={"space": "two"})
    assert below(account, front_data={"space": "one"}) == (sorted((bare, one), reverse=True), 2)
    assert below(account, front_data={"space": "%"}) == ([bare], 1)
    assert packages.get(account, str(one)).front_data == {"space": "one", "sent": ["'", "?", "%"]}
    assert packages.get(account, str(bare)).front_data == {}


def test_a_package_for_a_module_is_of_that_kind(account):
    identity = make(account, "firmware", module="mcu")
    assert below(account, kind="module") == ([identity], 1)


def test_modules_are_listed_below_an_id(account):
    made = [
        modules.create(account, "p", f"m{n}", title=None, description=None, front_data={"space": str(n)})
        for n in range(3)
    ]
    bare = modules.create(account, "p", "bare", title=None, description=None)
    ids = sorted((bare.id, made[1].id), reverse=True)
    found, total = modules.below(account, TOP, 0, 50, product_key="p", front_data={"space": "1"})
    assert ([module.id for module in found], total) == (ids, 2)
    assert modules.get(account, str(bare.id)) == bare
    with pytest.raises(errors.NotFound):
        modules.get(accounts.ensure("other"), str(bare.id))


def test_a_project_is_the_first_accounts_that_uses_it(account):
    other = accounts.ensure("other")
    projects.require(account, "p1")
    projects.require(account, "p1")
    with pytest.raises(errors.NotFound):
        projects.require(other, "p1")
    with pytest.raises(errors.AlreadyExists):
        projects.create(other, "p1")
    strict = Account(other.id, other.name, Rules(register_unknown=False))
    with pytest.raises(errors.NotFound):
        projects.require(strict, "p2")
    projects.create(strict, "p2")
    projects.require(strict, "p2")
    assert projects.every(account)[1:] == ["p1"]


def test_of_two_accounts_that_want_a_project_one_has_it(account):
    both = [account, accounts.ensure("other")]
    outcomes = race(*(partial(projects.require, who, "wanted") for who in both))
    assert Counter(outcomes) == {None: 1, errors.NotFound: 1}


def test_what_is_there_is_counted_and_numbered_by_the_migration(account):
    for version in ("1", "1", "2"):
        make(account, version=version)
    make(account, "software", module="mcu")
    modules.create(account, "p", "other", title=None, description=None)
    counted = database.execute("SELECT scope, total FROM counter ORDER BY scope").fetchall()
    step = importlib.import_module("otagw.db.migrations.0009_projects")
    runner = schema.migrator()
    migrator = runner.migrator if hasattr(runner, "migrator") else None
    if migrator is None:
        from playhouse.migrate import SchemaMigrator

        migrator = SchemaMigrator.from_database(database.db.obj)
    step.down(migrator, database.db.obj)
    assert not [row for row in database.execute("SELECT scope FROM counter").fetchall() if "kind=" in row[0]]
    step.up(migrator, database.db.obj)
    again = database.execute("SELECT scope, total FROM counter ORDER BY scope").fetchall()
    assert sorted(again) == sorted(counted)
    numbers = [row[0] for row in database.execute("SELECT number FROM module").fetchall()]
    assert all(numbers)
    assert len(set(numbers)) == 2
