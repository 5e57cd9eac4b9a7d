"""The audit in the core, on every engine."""

import pytest

from otagw import clock, errors
from otagw.db import database
from otagw.ota import accounts, audit
from otagw.ota.audit import Actor, Filter
from otagw.ota.packages import insertion, packages
from otagw.ota.packages.records import PackageDraft
from otagw.ota.products import modules, products
from tests.conftest import NOW
from tests.races import race

ANN = Actor("ann", "Do", "192.0.2.1", "r1")


def page(account=None, number=1, size=50, **among):
    return audit.page(account, number, size, Filter(**among))[0]


def modify_two(account, first, second):
    with database.write():
        packages.modify(account, first, name="b")
        packages.modify(account, second, name="c")


def test_a_change_and_its_trace_are_one(account):
    draft = PackageDraft(name="a", version="1", product_key="p")
    with audit.acting(ANN):
        made, _ = insertion.create(account, draft)
        with pytest.raises(errors.AlreadyExists):
            insertion.create(account, draft)
        with pytest.raises(errors.NotFound):
            modify_two(account, str(made), "1")
    (event,) = page(account).items
    assert event._replace(id=0) == (0, "main", NOW * 1000, "ann", "Do", "package", str(made), "", "192.0.2.1", "r1", 1)


def test_what_nobody_does_leaves_none(account):
    insertion.create(account, PackageDraft(name="a", version="1"))
    with audit.acting(ANN):
        pass
    with audit.acting(ANN), audit.acting(None):
        insertion.create(account, PackageDraft(name="b", version="1"))
    assert page(account).total == 0


def test_an_answer_given_again_leaves_no_second_trace(account):
    with audit.acting(ANN):
        for _ in range(2):
            insertion.create(account, PackageDraft(name="a", version="1"), token="once")
    assert page(account).total == 1


def test_pages_and_filters(account):
    other = accounts.ensure("other")
    for number in range(5):
        clock.hold(lambda at=number: NOW * 1000 + at)
        with audit.acting(Actor(f"key{number % 2}", f"Op{number}", "", "")), database.write():
            audit.note(account.id, "thing", number)
            audit.note(other.id, "thing", "theirs")
    shown = lambda *words, **among: [event.object for event in page(*words, **among).items]  # noqa: E731
    assert shown(account, 1, 2) == ["4", "3"]
    assert shown(account, 3, 2) == ["0"]
    assert shown(account, 4, 2) == []
    assert shown(account, since=NOW * 1000 + 3) == ["4", "3"]
    assert shown(account, until=NOW * 1000 + 1) == ["0"]
    assert shown(account, key_id="key1") == ["3", "1"]
    assert shown(account, operation="Op2") == ["2"]
    assert (page(account).total, page(other).total, page().total) == (5, 5, 10)
    assert {event.account for event in page().items} == {"main", "other"}


def test_a_listing_looks_at_so_many_and_says_where_to_go_on(account, monkeypatch):
    monkeypatch.setattr(audit, "LOOKED_AT", 3)
    for number in range(7):
        with audit.acting(Actor(f"key{number % 2}", "Op", "", "")), database.write():
            audit.note(account.id, "thing", number)
        clock.hold(lambda at=number // 2: NOW * 1000 + at)

    def chain(**among):
        before = None
        while True:
            found, before = audit.page(account, 1, 50, Filter(before=before, **among))
            yield [event.object for event in found.items], found.total
            if before is None:
                return

    every = [thing for things, _ in chain() for thing in things]
    assert sorted(every) == list("0123456")
    assert [total for _, total in chain()] == [3, 3, 1]
    assert [thing for things, _ in chain(oldest_first=True) for thing in things] == every[::-1]
    assert sorted(thing for things, _ in chain(key_id="key1") for thing in things) == list("135")
    assert [total for _, total in chain(operation="None")] == [0, 0, 0]
    assert page(account, 2, 2).total == 3
    assert len(page(account, 2, 2).items) == 1
    assert page(account, 3, 2).items == []
    (gone,) = audit.page(account, 1, 3, Filter())[1:]
    database.execute("DELETE FROM audit_event WHERE id = ?", gone)
    left = {event.object for event in page(account, before=gone).items}
    assert left <= set(every[3:])


def test_long_texts_are_cut_and_break_nothing(account):
    with audit.acting(Actor("k" * 999, "o" * 999, "a" * 999, "r" * 999)), database.write():
        audit.note(account.id, "thing", "x" * 999)
    (event,) = page(account).items
    assert [len(text) for text in event[3:5] + event[6:10]] == [128, 64, 256, 0, 64, 64]


def test_an_id_that_is_taken_is_drawn_again(account, monkeypatch):
    ids = iter([7, 7, 7, 8])
    monkeypatch.setattr(clock, "new_id", lambda at=None: next(ids))
    with audit.acting(ANN), database.write():
        audit.note(account.id, "thing", "a", "b")
    assert sorted(event.id for event in page(account).items) == [7, 8]


def test_a_refused_change_names_no_thing(account):
    audit.refused(account.id, ANN, "NoPermission")
    (event,) = page(account).items
    assert (event.kind, event.object, event.code) == ("", "", "NoPermission")


def test_refusals_of_one_kind_are_one_event_in_an_hour(account):
    for number in range(50):
        clock.hold(lambda at=number: NOW * 1000 + at)
        audit.refused(account.id, ANN._replace(request_id=f"r{number}", address=f"192.0.2.{number}"), "NoPermission")
    (event,) = page(account).items
    assert (event.times, event.at, event.request_id, event.address) == (50, NOW * 1000, "r49", "192.0.2.49")
    audit.refused(account.id, ANN._replace(operation="Other"), "NoPermission")
    audit.refused(account.id, ANN._replace(key_id="bob"), "NoPermission")
    audit.refused(account.id, ANN, "Other")
    audit.refused(accounts.ensure("other").id, ANN, "NoPermission")
    clock.hold(lambda: (NOW + 3600) * 1000)
    audit.refused(account.id, ANN, "NoPermission")
    assert sorted(event.times for event in page(account).items) == [1, 1, 1, 1, 50]
    assert [event.times for event in page(accounts.ensure("other")).items] == [1]


def test_refusals_whose_ids_are_taken_are_noted_all_the_same(account, monkeypatch):
    monkeypatch.setattr(clock, "RANDOM_BITS", 1)
    for number in range(40):
        audit.refused(account.id, ANN._replace(operation=f"Op{number % 20}"), "NoPermission")
    counted = {}
    for event in page(account).items:
        counted[event.operation] = counted.get(event.operation, 0) + event.times
    assert counted == {f"Op{number}": 2 for number in range(20)}


def test_refusals_at_once_are_all_counted(account):
    race(*[lambda: audit.refused(account.id, ANN, "NoPermission")] * 6)
    (event,) = page(account).items
    assert event.times == 6


def test_what_is_registered_on_the_way_belongs_to_the_change_that_named_it(account):
    with audit.acting(ANN):
        insertion.create(account, PackageDraft(name="a", version="1", product_key="new", module="radio"))
        modules.update(account, "new", "Radio", title="t", description=None)
        products.modify(account, "new", name="named")
    found = {(event.kind, event.object) for event in page(account).items if event.kind != "package"}
    assert found == {("module", "new/radio"), ("product", "new")}
    assert page(account).total == 3
