"""Packages and their listing, against a plain model of what they should be."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otagw import clock, errors
from otagw.db import database
from otagw.ota import accounts, listing
from otagw.ota.packages import insertion, packages
from otagw.ota.packages.records import PackageDraft
from tests.races import race

fresh = itertools.count()


def make(account, name=None, version="1", **more):
    return insertion.create(account, PackageDraft(name=name or f"n{next(fresh)}", version=version, **more))[0]


def names(account, number, size, product_key=None, version=None):
    page = packages.page(account, number, size, product_key=product_key, version=version)
    return [package.name for package in page.items], page.total


def test_a_package_comes_back_as_it_was_made(account):
    draft = PackageDraft(
        name="固件",
        version="v" * 256,
        kind="module",
        product_key="p",
        module="m",
        source_versions=("1", "2"),
        differential=True,
        description="d" * 1024,
        custom_info="i" * 4096,
        needs_verification=False,
        url="https://h/x",
        size=2**53 - 1,
        sign_method="MD5",
        sign="a" * 32,
        files=({"name": "a", "url": "https://h/a", "size": None},),
    )
    identity, created = insertion.create(account, draft)
    package = packages.get(account, str(identity))
    for field in ("name", "version", "kind", "product_key", "module", "differential", "description", "custom_info"):
        assert getattr(package, field) == getattr(draft, field)
    assert package.source_versions == ["1", "2"]
    assert package.files == [dict(file) for file in draft.files]
    assert (package.size, package.status, package.created, package.product_name) == (2**53 - 1, -1, created, "p")


def test_packages_without_a_name_do_not_collide(account):
    for _ in range(2):
        insertion.create(account, PackageDraft(name=None, version="1", kind="software"))
    assert names(account, 1, 10)[1] == 2


def test_an_id_that_is_taken_is_drawn_again(account, monkeypatch):
    drawn = iter([5, 5, 5, 6])
    monkeypatch.setattr(clock, "new_id", lambda at=None: next(drawn))
    assert [make(account), make(account)] == [5, 6]


def test_ids_sort_by_time(store):
    ids = [clock.new_id(at) for at in (1_600_000_000_000, 1_795_000_000_000, 1_795_000_000_001, 3_700_000_000_000)]
    assert ids == sorted(ids)
    assert all(0 < number < 1 << 63 for number in ids)


steps = st.lists(
    st.tuples(st.sampled_from("cccdm"), st.sampled_from([None, "p", "q"]), st.sampled_from(["1", "2"])), max_size=25
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(steps, st.integers(1, 7))
def test_pages_and_totals_agree_with_a_plain_list(store, steps, size):
    account = accounts.ensure(f"a{next(fresh)}")
    model = {}
    p, q = f"{account.name}-p", f"{account.name}-q"  # a product belongs to one account
    for action, letter, version in steps:
        product = {"p": p, "q": q}.get(letter)
        if action == "c":
            identity = make(account, product_key=product, version=version)
            model[identity] = (product, version)
        elif model and action == "d":
            packages.delete(account, str(model.popitem()[0]))
        elif model:
            packages.modify(account, str(next(iter(model))), description="d")
    for product, version in itertools.product([None, p, q], [None, "1", "2"]):
        wanted = sorted(
            (i for i, (key, v) in model.items() if product in (None, key) and version in (None, v)), reverse=True
        )
        for number in range(1, len(wanted) // size + 3):
            page = packages.page(account, number, size, product_key=product, version=version)
            assert [package.id for package in page.items] == wanted[(number - 1) * size : number * size]
            assert page.total == len(wanted)
            assert page.count == -(-len(wanted) // size)


def test_scopes_cannot_run_together():
    assert listing.scope("t", a="1/b=1:2") != listing.scope("t", a="1", b="2")


def test_counters_are_right_after_a_refused_create(account):
    make(account, "same", product_key="p")
    with pytest.raises(errors.AlreadyExists):
        make(account, "same", product_key="p")
    assert names(account, 1, 10, "p") == (["same"], 1)


def test_a_race_of_creates_with_one_name_has_one_winner(account):
    outcomes = race(*[lambda: make(account, "same")] * 8)
    assert outcomes.count(errors.AlreadyExists) == 7
    assert names(account, 1, 10)[1] == 1


@pytest.fixture
def asked(account, monkeypatch):
    """The statements of listings among 30 packages, of which the first 5 are near."""
    for _ in range(30):
        make(account)
    found = []
    execute = database.execute
    monkeypatch.setattr(database, "execute", lambda sql, *values: found.append(sql) or execute(sql, *values))
    monkeypatch.setattr(listing, "NEAR", 5)
    return found


@pytest.mark.parametrize(("number", "statements"), [(1, 1), (2, 1), (5, 2), (10, 2)])
def test_a_page_costs_one_statement_if_it_is_near_and_two_if_not(account, asked, number, statements):
    page, total = names(account, number, 3)
    assert (len(page), total) == (3, 30)
    assert len(asked) == statements  # the total and the page: no count, no row at a time


@pytest.mark.parametrize("number", [1, 2, 3, 4, 10, 11, 12])
def test_a_page_is_the_same_however_it_is_read(account, asked, monkeypatch, number):
    far = names(account, number, 3)
    monkeypatch.setattr(listing, "NEAR", 1000)
    assert names(account, number, 3) == far


def test_the_last_page_reads_no_more_of_the_index_than_the_first(account, asked):
    names(account, 10, 3)
    assert "OFFSET 0)" in asked[-1]
