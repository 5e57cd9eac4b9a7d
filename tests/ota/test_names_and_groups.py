"""One who wants a name, or a thing, behind another who has just taken or deleted it: refused as documented."""

import functools

import pytest

from otagw import errors
from otagw.db import database
from otagw.ota import accounts, listing, projects, spaces
from otagw.ota.devices import devices, groups
from otagw.ota.packages import insertion, packages
from otagw.ota.packages.records import PackageDraft
from otagw.ota.products import products
from tests.races import behind


@pytest.fixture
def account(account, store):
    return account


def package(account, name):
    return str(insertion.create(account, PackageDraft(name=name, version="1"))[0])


def product(account, name):
    return products.create(account, products.ProductDraft(name=name)).key


def group(account, name, parent=None):
    return str(groups.create(account, groups.GroupDraft(name=name, parent=parent)).id)


def names(table):
    return sorted(row[0] for row in database.execute(f"SELECT name FROM {table}").fetchall())


RENAMES = {"product": (product, products.modify), "package": (package, packages.modify)}


@pytest.mark.parametrize("kind", RENAMES)
def test_of_two_who_are_renamed_alike_the_second_keeps_its_name(account, kind):
    make, modify = RENAMES[kind]
    keys = [make(account, name) for name in ("a", "b", "c")]
    works = [functools.partial(modify, account, key, name="same") for key in keys]
    assert behind(*works) == [None, errors.AlreadyExists, errors.AlreadyExists]
    assert names(kind) == ["b", "c", "same"]


@pytest.mark.parametrize("kind", RENAMES)
def test_a_rename_to_a_name_that_is_just_given_is_refused(account, kind):
    make, modify = RENAMES[kind]
    key = make(account, "old")
    assert behind(lambda: make(account, "new") and None, lambda: modify(account, key, name="new")) == [
        None,
        errors.AlreadyExists,
    ]
    assert names(kind) == ["new", "old"]


@pytest.mark.parametrize("kind", RENAMES)
def test_a_create_by_a_name_that_another_just_takes_is_refused(account, kind):
    make, modify = RENAMES[kind]
    key = make(account, "old")
    assert behind(lambda: modify(account, key, name="new"), lambda: make(account, "new")) == [
        None,
        errors.AlreadyExists,
    ]
    assert names(kind) == ["new"]


def test_an_account_that_is_made_twice_at_once_has_one_project_and_one_space(account):
    first, *others = behind(*[lambda: accounts.ensure("new")] * 3)
    assert others == [first] * 2
    assert (len(projects.every(first)), len(spaces.every(first))) == (1, 1)


def test_an_account_has_no_more_projects_than_it_may_at_once(account, monkeypatch):
    monkeypatch.setattr(projects, "LIMIT", 2)
    found = behind(*[functools.partial(projects.require, account, name) for name in ("a", "b", "b", "a")])
    assert found == [None, errors.LimitReached, errors.LimitReached, None]
    assert "a" in projects.every(account)
    assert len(projects.every(account)) == 2


def test_a_group_within_one_that_is_just_deleted_is_not_made(account):
    parent = group(account, "parent")
    found = behind(lambda: groups.delete(account, parent), lambda: group(account, "child", parent))
    assert found == [None, errors.NotFound]
    assert names("device_group") == []


def test_a_group_that_another_is_just_made_within_is_not_deleted(account):
    parent = group(account, "parent")
    found = behind(lambda: group(account, "child", parent) and None, lambda: groups.delete(account, parent))
    assert found == [None, errors.InUse]
    assert names("device_group") == ["child", "parent"]


def test_devices_are_not_put_into_a_group_that_is_just_deleted(account):
    key = group(account, "g")
    devices.register(account, "p", "d")
    found = behind(lambda: groups.delete(account, key), lambda: groups.add(account, key, [("p", "d")]))
    assert found == [None, errors.NotFound]
    assert listing.total(account.id, devices.member_scope(int(key))) == 0


def test_a_device_that_is_just_deleted_is_not_put_into_a_group(account):
    key, device = group(account, "g"), devices.register(account, "p", "d")
    found = behind(lambda: devices.delete(account, device), lambda: groups.add(account, key, [("p", "d")]).valid)
    assert found == [None, 0]
    assert groups.members(account, key, 1, 10).total == 0


def test_a_device_is_counted_out_of_a_group_that_it_was_just_put_into(account):
    key, device = group(account, "g"), devices.register(account, "p", "d")
    found = behind(lambda: groups.add(account, key, [("p", "d")]).changed, lambda: devices.delete(account, device))
    assert found == [1, None]
    assert groups.members(account, key, 1, 10).total == 0


def test_a_device_is_put_into_a_group_and_taken_out_once(account):
    key = group(account, "g")
    devices.register(account, "p", "d")
    works = {
        change: lambda change=change: change(account, key, [("p", "d")]).changed
        for change in (groups.add, groups.remove)
    }
    assert behind(*[works[groups.add]] * 3) == [1, 0, 0]
    assert groups.members(account, key, 1, 10).total == 1
    assert behind(*[works[groups.remove]] * 3) == [1, 0, 0]
    assert groups.members(account, key, 1, 10).total == 0


def test_a_device_is_in_no_more_groups_than_it_may_be(account):
    keys = [group(account, f"g{number}") for number in range(groups.PER_DEVICE + 1)]
    devices.register(account, "p", "d")
    for key in keys[2:]:
        groups.add(account, key, [("p", "d")])
    works = [lambda key=key: groups.add(account, key, [("p", "d")]) for key in keys[:2]]
    first, second = behind(*works)
    assert (first.changed, second.changed, second.over_limit) == (1, 0, 1)
