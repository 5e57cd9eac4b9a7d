"""New packages, the long way and the short: what is there afterwards is the same, and refusals are."""

import functools
import logging

import peewee
import pytest

from otagw import clock, errors
from otagw.db import database
from otagw.ota import accounts, audit
from otagw.ota.accounts import Rules
from otagw.ota.audit import Actor
from otagw.ota.packages import insertion, packages, signing_keys
from otagw.ota.packages.records import PackageDraft
from otagw.ota.products import products
from tests import door
from tests.races import race

URL = "https://files.test/x"
PLAIN = {"version": "1", "url": URL}
DRAFTS = {
    "plain": PLAIN,
    "of a product": {**PLAIN, "product_key": "p"},
    "full": {
        **{
            **PLAIN,
            "product_key": "p",
            "version": "字%s?",
            "kind": "software",
            "size": 2**53 - 1,
            "differential": True,
        },
        **{
            "source_versions": ("1", "2"),
            "description": "d",
            "custom_info": "{}",
            "sign_method": "MD5",
            "sign": "a" * 32,
        },
        **{"front_data": {"app": "a"}, "needs_verification": True},
    },
    "of files": {**PLAIN, "url": None, "files": ({"name": "a", "url": URL, "size": 7},)},
    "of a module": {**PLAIN, "product_key": "p", "module": "mcu"},
}


@pytest.fixture(autouse=True)
def acting(account):
    with audit.acting(Actor("key", "CreateOTAFirmware", "192.0.2.1", "request")):
        yield


def make(account, name, token=None, **draft):
    return insertion.create(account, PackageDraft(name=name, **draft), token)[0]


def rows(table, *apart):
    """Return the rows of a table without what differs between any two."""
    cursor = database.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
    titles = [column[0] for column in cursor.description]
    return [{t: v for t, v in zip(titles, row, strict=True) if t not in apart} for row in cursor.fetchall()]


def everything():
    return {
        "package": {row.pop("name"): row for row in rows("package", "id")},
        "counter": rows("counter"),
        "audit_event": rows("audit_event", "id", "object"),
        "product": rows("product", "id"),
    }


@pytest.mark.parametrize("draft", DRAFTS.values(), ids=DRAFTS)
def test_both_ways_leave_the_same(account, draft):
    make(account, "before", version="0", product_key="p")
    before = everything()
    make(account, "short", **draft)
    short = everything()
    make(account, "long", "token", **draft)
    long = everything()
    assert short["package"]["short"] == long["package"]["long"]
    assert long["package"]["short"] == short["package"]["short"]
    assert [len(state["audit_event"]) for state in (before, short, long)] == [1, 2, 3]
    assert len({str(event) for event in long["audit_event"]}) == 1
    assert long["product"] == before["product"]
    counts = [{row["scope"]: row["total"] for row in state["counter"]} for state in (before, short, long)]
    scopes = {name for name in counts[1] if counts[1][name] != counts[0].get(name, 0)}
    assert scopes == {name for name in counts[2] if counts[2][name] != counts[1][name]}
    assert "package" in scopes
    if "product_key" in draft:
        assert any("product_key" in name for name in scopes)


def test_what_happened_is_noted_of_the_package_itself(account):
    identity = make(account, "n", **PLAIN)
    (event,) = audit.page(account, 1, 10, audit.Filter())[0].items
    assert (event.kind, event.object, event.key_id, event.operation) == (
        *("package", str(identity)),
        *("key", "CreateOTAFirmware"),
    )
    assert (event.address, event.request_id, event.code) == ("192.0.2.1", "request", "")


def refused(fault, account, name="n", **draft):
    before = everything()
    with pytest.raises(fault):
        make(account, name, **{**PLAIN, **draft})
    assert everything() == before


def test_a_name_that_is_taken(account):
    make(account, "n", **PLAIN)
    refused(errors.AlreadyExists, account)


def test_a_product_of_somebody_else(account):
    with database.write():
        products.require(accounts.ensure("other"), "p")
    refused(errors.NotFound, account, product_key="p")


def test_a_product_that_nobody_knows(account):
    strict = accounts.Account(account.id, account.name, Rules(register_unknown=False))
    refused(errors.NotFound, strict, product_key="p")
    make(account, "n", **PLAIN, product_key="p")
    make(strict, "m", **PLAIN, product_key="p")


def test_a_quota(account):
    poor = accounts.Account(account.id, account.name, Rules(package_quota=1))
    make(poor, "n", **PLAIN)
    refused(errors.LimitReached, poor, "m")


@pytest.mark.parametrize("auto", [True, False])
def test_keys_that_sign_by_themselves_do(account, store, auto):

    signing_keys.create(account, "k", auto=auto)
    make(account, "first", **PLAIN, product_key="p")
    make(account, "n", **PLAIN, product_key="p", size=7, sign_method="SHA256", sign="a" * 64)
    assert database.execute("SELECT count(*) FROM package_signature").fetchone() == (int(auto),)


def test_an_event_whose_id_is_taken_is_noted_under_another(account, monkeypatch):
    drawn = iter([1, 2, 3, 2, 4, 2, 5])
    monkeypatch.setattr(clock, "new_id", lambda at=None: next(drawn))
    make(account, "n", **PLAIN)
    make(account, "m", **PLAIN)
    monkeypatch.undo()
    listed = {event.object for event in audit.page(account, 1, 10, audit.Filter())[0].items}
    assert listed == {str(package.id) for package in packages.page(account, 1, 9, product_key=None, version=None).items}
    assert len(listed) == 2


def test_those_who_race_for_names_have_one_winner_each(account):
    won, lost = [], []

    def hurry():
        with audit.acting(Actor("key", "CreateOTAFirmware", "", "")):
            for number in range(5):
                try:
                    won.append(make(account, f"n{number}", **PLAIN, product_key="p"))
                except errors.AlreadyExists:
                    lost.append(number)

    race(*[hurry] * 8)
    assert (len(won), len(lost)) == (5, 35)
    page = packages.page(account, 1, 10, product_key="p", version=None)
    assert (page.total, {package.id for package in page.items}) == (5, set(won))
    assert audit.page(account, 1, 10, audit.Filter())[0].total == 5


def together(account, *drafts):
    """Make packages in one round; return for each what went wrong, if anything did."""

    def task(number, draft):
        with audit.acting(Actor("key", "CreateOTAFirmware", "", "")):
            try:
                make(account, **{"name": f"n{number}", **PLAIN, **draft})
            except Exception as error:
                return type(error)
        return None

    return door.together([functools.partial(task, number, draft) for number, draft in enumerate(drafts)])


def counted(account):
    """Return how many packages there are: by the rows, by their counter, by what was noted."""
    page = packages.page(account, 1, 100, product_key=None, version=None)
    return len(rows("package")), page.total, audit.page(account, 1, 1, audit.Filter())[0].total


def test_those_of_a_round_are_each_made_or_refused(account):
    with database.write():
        products.require(accounts.ensure("other"), "theirs")
        products.require(account, "p")
    name = {"name": "same"}
    drafts = [{}, name, {**name, "version": "2"}, {"product_key": "theirs"}, {"product_key": "p"}, DRAFTS["full"]]
    assert together(account, *drafts) == [None, None, errors.AlreadyExists, errors.NotFound, None, None]
    assert counted(account) == (4, 4, 4)
    assert packages.page(account, 1, 9, product_key="p", version=None).total == 2


@pytest.mark.postgres
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_one_that_the_database_does_not_take_is_refused_alone(account):
    assert together(account, {}, {"version": "v" * 300}, {}) == [None, peewee.DataError, None]
    assert counted(account) == (2, 2, 2)


def test_one_that_cannot_be_written_is_refused_alone(account):
    assert together(account, {}, {"description": "half \ud800 a character"}, {}) == [None, UnicodeEncodeError, None]
    assert counted(account) == (2, 2, 2)


def test_two_of_a_round_that_draw_one_id_are_two(account, monkeypatch):
    drawn = iter([1, 10, 1, 11, *range(2, 9)])
    monkeypatch.setattr(clock, "new_id", lambda at=None: next(drawn))
    assert together(account, {}, {}) == [None, None]
    monkeypatch.undo()
    assert counted(account) == (2, 2, 2)


def test_a_round_is_few_statements(account, caplog):
    """One where each is a round trip; else one for each package, and two for what they are counted and noted in."""
    with caplog.at_level(logging.DEBUG, "peewee"):
        assert together(account, {}, {}, {}, {}) == [None] * 4
    several = 1 if database.is_postgres() else 4 + 2
    assert len([record for record in caplog.records if record.name == "peewee"]) == several


def test_both_ways_move_the_counters_in_one_order(account):
    """Otherwise two writers would wait for each other, and one of them would be refused."""

    def hurry(thread):
        with audit.acting(Actor("key", "CreateOTAFirmware", "", "")):
            for number in range(20):
                token = f"{thread} {number}" if (thread + number) % 2 else None
                make(account, f"{thread} {number}", token, version="aB-_/="[number % 6], product_key="p")

    assert race(*(functools.partial(hurry, thread) for thread in range(6))) == [None] * 6
    assert counted(account) == (120, 120, 120)


@pytest.mark.postgres
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_plain_package_is_one_statement_where_each_is_a_round_trip(account, caplog):
    make(account, "first", **PLAIN, product_key="p")
    with caplog.at_level(logging.DEBUG, "peewee"):
        make(account, "n", **PLAIN, product_key="p")
    assert len([record for record in caplog.records if record.name == "peewee"]) == 1
