"""Products, devices and groups on both engines, where several write at once and where rows are many."""

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otagw import clock, errors
from otagw.db import database, models
from otagw.ota import ids, listing
from otagw.ota.devices import batch_registration, devices, groups
from otagw.ota.devices.devices import DeviceDraft
from otagw.ota.packages import insertion, packages
from otagw.ota.packages.records import PackageDraft
from otagw.ota.products import modules, products
from tests.conftest import NOW
from tests.races import race


@pytest.fixture
def account(account, store):
    return account


def add(account, *names, product="p", **draft):
    with database.write():
        products.require(account, product)
        return devices.add(account, product, [DeviceDraft(name, **draft) for name in names])


def test_the_migrations_make_the_tables_of_the_models(store):
    for model in models.TABLES:
        meta = model._meta
        columns = {column.name: column for column in database.db.get_columns(meta.table_name)}
        assert columns.keys() == {field.column_name for field in meta.sorted_fields}, meta.table_name
        for field in meta.sorted_fields:
            assert columns[field.column_name].null is field.null or field.primary_key, (meta.table_name, field)
        indexes = {(tuple(i.columns), i.unique) for i in database.db.get_indexes(meta.table_name)}
        for fields, unique in meta.indexes:
            names = tuple(meta.combined[name].column_name for name in fields)
            assert (names, unique) in indexes, (meta.table_name, names)


def test_a_race_for_the_tenth_module_has_one_winner(account):
    for number in range(9):
        modules.create(account, "p", f"m{number}", title=None, description=None)

    def create(number):
        return lambda: modules.create(account, "p", f"new{number}", title=None, description=None)

    outcomes = race(*(create(number) for number in range(6)))
    assert sum(isinstance(outcome, modules.Module) for outcome in outcomes) == 1
    assert outcomes.count(errors.LimitReached) == 5
    assert len(modules.every(account, "p")) == 11


def test_a_product_is_deleted_or_gets_a_device_but_not_both(account):
    for attempt in range(10):
        key = products.create(account, products.ProductDraft(name=f"product{attempt}")).key

        def register(key=key):
            return devices.register(account, key, "dev1").name

        def delete(key=key):
            return products.delete(account, key)

        outcomes = race(register, delete)
        registered, deleted = "dev1" in outcomes, None in outcomes
        # Deleted first, the product is registered anew by the device that names it.
        assert registered
        assert deleted or errors.InUse in outcomes
        assert products.get(account, key).devices == 1


def test_a_race_of_registrations_has_one_winner(account):
    outcomes = race(*[lambda: devices.register(account, "p", "dev1").name] * 8)
    assert outcomes.count("dev1") == 1
    assert outcomes.count(errors.AlreadyExists) == 7
    assert products.get(account, "p").devices == 1


def test_a_race_of_products_with_one_name_has_one_winner(account):
    outcomes = race(*[lambda: products.create(account, products.ProductDraft(name="same")).name] * 6)
    assert (outcomes.count("same"), outcomes.count(errors.AlreadyExists)) == (1, 5)
    assert products.page(account, 1, 10).total == 1


def test_a_batch_is_registered_once_by_two_who_ask(account):
    batch = batch_registration.check(account, "p", [DeviceDraft(f"dev{n}") for n in range(50)])
    states = race(*[lambda: batch_registration.register(account, batch).state] * 4)
    assert set(states) <= {batch_registration.REGISTERING, batch_registration.REGISTERED}
    assert batch_registration.get(account, batch.id, "p").state == batch_registration.REGISTERED
    assert products.get(account, "p").devices == 50


def test_a_batch_is_registered_once_by_workers_who_step_at_once(account, monkeypatch):
    monkeypatch.setattr(batch_registration, "AT_ONCE", 3)
    batch = batch_registration.check(account, "p", [DeviceDraft(f"dev{n}") for n in range(20)])
    assert batch_registration.register(account, batch).state == batch_registration.REGISTERING
    while any(race(*[batch_registration.register_due] * 4)):
        pass
    assert batch_registration.get(account, batch.id, "p").state == batch_registration.REGISTERED
    assert products.get(account, "p").devices == 20
    assert batch_registration.next_due() is None


def test_a_name_and_a_batch_that_begins_at_once_are_one_of_them(account, monkeypatch):
    monkeypatch.setattr(batch_registration, "AT_ONCE", 1)
    for attempt in range(6):
        names = [f"dev{attempt}-{n}" for n in range(4)]
        batch = batch_registration.check(account, "p", [DeviceDraft(name) for name in names])
        race(
            lambda batch=batch: batch_registration.register(account, batch).state,
            lambda name=names[-1]: devices.register(account, "p", name).name,
        )
        while batch_registration.register_due():
            pass
        there = [name for name in names if devices.find("p", name)]
        state = batch_registration.get(account, batch.id, "p").state
        assert (state, there) in ((batch_registration.REGISTERED, names), (batch_registration.FAILED, names[-1:]))


def test_devices_that_are_there_are_passed_over(account):
    assert add(account, "dev1", "dev2", "dev2") == {"dev1", "dev2"}
    assert add(account, "dev2", "dev3") == {"dev3"}
    assert products.get(account, "p").devices == 3


def test_many_devices_have_ids_of_their_own(account, monkeypatch):
    first = clock.new_id(NOW * 1000)
    drawn = iter([first, first, first + 5, first + 3000])
    monkeypatch.setattr(clock, "new_id", lambda at=None: next(drawn))
    with database.write():
        database.execute(
            "INSERT INTO product (id, account_id, key, name, is_gateway, edition, created, modified) "
            "VALUES (1, ?, 'p', 'p', ?, 'basic', 0, 0)",
            *(account.id, False),
        )
        assert len(devices.add(account, "p", [DeviceDraft(f"a{n}") for n in range(1200)])) == 1200
        assert len(devices.add(account, "p", [DeviceDraft(f"b{n}") for n in range(1200)])) == 1200
    assert devices.page(account, "p", 1, 1).total == 2400


def test_a_device_keeps_the_secret_and_the_versions_it_brings(account):
    add(account, "dev1", secret="its own", versions={"default": "1.0", "MCU": "2.0", "app": "3"})
    found = devices.named(account, "p", "dev1")
    assert (found.secret, found.version) == ("its own", "1.0")
    assert [tuple(version) for version in devices.versions(found)] == [("default", "1.0"), ("app", "3"), ("MCU", "2.0")]
    assert "its own" not in (found.sealed or "")


@pytest.mark.parametrize(
    ("activated", "seen", "enabled", "state"),
    [
        (None, None, True, devices.UNACTIVATED),
        (1, NOW * 1000, True, devices.ONLINE),
        (1, NOW * 1000 - devices.ONLINE_MS + 1, True, devices.ONLINE),
        (1, NOW * 1000 - devices.ONLINE_MS, True, devices.OFFLINE),
        (1, NOW * 1000, False, devices.DISABLED),
        (None, None, False, devices.DISABLED),
    ],
)
def test_the_state_of_a_device_is_that_of_its_last_message(account, activated, seen, enabled, state):
    add(account, "dev1")
    database.execute("UPDATE device SET activated = ?, seen = ?, enabled = ?", activated, seen, enabled)
    assert devices.named(account, "p", "dev1").state == state
    group = groups.create(account, groups.GroupDraft(name="g"))
    groups.add(account, str(group.id), [("p", "dev1")])
    assert groups.count(account, group) == (1, int(activated is not None), int(state == devices.ONLINE))


def test_counters_return_to_nothing(account):
    add(account, "dev1", "dev2")
    insertion.create(account, PackageDraft(name="n", version="1", product_key="p"))
    group = groups.create(account, groups.GroupDraft(name="g"))
    groups.add(account, str(group.id), [("p", "dev1"), ("p", "dev2")])
    for name in ("dev1", "dev2"):
        devices.delete(account, devices.named(account, "p", name))
    packages.delete(account, str(packages.page(account, 1, 1, product_key="p", version=None).items[0].id))
    products.delete(account, "p")
    left = database.execute("SELECT scope, total FROM counter WHERE total <> 0").fetchall()
    assert left == []
    assert listing.total(account.id, devices.member_scope(group.id)) == 0


@settings(max_examples=200)
@given(st.integers(0, 2**63 - 1))
def test_an_id_comes_back_from_its_uuid(number):
    text = ids.as_uuid(number)
    assert ids.from_uuid("device", text) == ids.from_uuid("device", text.upper()) == number
    assert uuid.UUID(text).variant == uuid.RFC_4122


@settings(max_examples=200)
@given(st.uuids().map(str) | st.text(max_size=40))
def test_a_uuid_that_is_not_ours_is_not_found(text):
    with pytest.raises(errors.NotFound):
        ids.from_uuid("device", text)
