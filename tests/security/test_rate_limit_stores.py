"""Buckets that several processes see: the same promises in the database of either engine, in Redis, in one process."""

import uuid
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otagw import errors
from otagw.security.rate_limit_stores import Redis, Tables
from otagw.security.rate_limits import Local, Rate
from otagw.security.redis_client import Server
from tests.conftest import free_port
from tests.engines import migrated, redis
from tests.races import race


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def tables(request, environment):
    with migrated(environment, request.param):
        yield Tables


@pytest.fixture
def keys():
    url, secret, made = redis(), uuid.uuid4().bytes, []

    def make():
        made.append(Server(url, secret))
        return Redis(made[-1])

    yield make
    for server in made:
        server.close()


@pytest.fixture(
    params=[
        "own",
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgres),
        pytest.param("redis", marks=pytest.mark.live),
    ]
)
def make(request, environment):
    """Make buckets that know of each other, as processes would; those of a process know of none."""
    if request.param in ("sqlite", "postgresql"):
        with migrated(environment, request.param):
            yield Tables
    elif request.param == "redis":
        yield request.getfixturevalue("keys")
    else:
        local = Local()
        yield lambda: local


def test_as_many_as_may_come_at_once_are_let_through_whoever_is_asked(make, held_clock):
    stores = [make(), make()]
    waits = [stores[number % 2].take("k", Rate(10, 10)) for number in range(12)]
    assert waits[:10] == [0] * 10
    assert waits[10:] == [100, 100]


def test_tokens_come_back_one_by_one(make, held_clock):
    store = make()
    for _ in range(10):
        store.take("k", Rate(10, 10))
    held_clock.seconds += 0.25
    assert [store.take("k", Rate(10, 10)) > 0 for _ in range(3)] == [False, False, True]
    held_clock.seconds += 3600
    assert [store.take("k", Rate(10, 10)) > 0 for _ in range(11)] == [False] * 10 + [True]


def test_who_waits_as_long_as_told_is_let_through(make, held_clock):
    store = make()
    for _ in range(3):
        store.take("k", Rate(3, 3))
    wait = store.take("k", Rate(3, 3))
    held_clock.seconds += wait / 1000
    assert store.take("k", Rate(3, 3)) == 0


def test_each_name_has_its_own(make, held_clock):
    store = make()
    assert [store.take(name, Rate(1, 1)) > 0 for name in ("a", "b", "a", "b")] == [False, False, True, True]


def test_a_clock_that_is_set_back_shuts_nobody_out(make, held_clock):
    store = make()
    assert [store.take("k", Rate(1, 2)) > 0 for _ in range(3)] == [False, False, True]
    held_clock.seconds -= 3600
    assert store.take("k", Rate(1, 2)) == 0


@pytest.mark.parametrize("behind", [0.001, 0.5, 9])
def test_who_has_read_the_clock_before_the_others_gets_no_more(make, held_clock, behind):
    store = make()
    assert [store.take("k", Rate(2, 2)) > 0 for _ in range(3)] == [False, False, True]
    held_clock.seconds -= behind
    assert store.take("k", Rate(2, 2)) == 500 + behind * 1000
    held_clock.seconds += behind
    assert store.take("k", Rate(2, 2)) == 500


@pytest.mark.parametrize("name", ["k" * 128 + " " + "O" * 64, "a'b", "%s ?", "schlüssel"])
def test_any_name_has_a_bucket(make, held_clock, name):
    assert [make().take(name, Rate(1, 1)) > 0 for _ in range(2)] == [False, True]


def test_threads_that_race_get_no_more_than_there_is(make, held_clock):

    def ask(store):
        return sum(store.take("k", Rate(20, 20)) == 0 for _ in range(10))

    assert sum(race(*(partial(ask, make()) for _ in range(8)))) == 20


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(-100, 400), min_size=1, max_size=30), st.integers(1, 50), st.integers(1, 20))
def test_all_stores_say_what_the_own_one_says_and_let_no_more_through(tables, held_clock, steps, a_second, at_once):
    shared, own, name, rate = Tables(), Local(), uuid.uuid4().hex, Rate(a_second, at_once)
    let_through, clocks = 0, []
    for milliseconds in steps:
        held_clock.seconds += milliseconds / 1000
        clocks.append(held_clock.seconds)
        wait = own.take(name, rate)
        assert shared.take(name, rate) == wait
        let_through += wait == 0
    assert let_through <= at_once + a_second * (max(clocks) - min(clocks)) + 1


def test_a_redis_that_is_not_there_is_unavailable():
    server = Server(f"redis://127.0.0.1:{free_port()}/0", b"secret")
    with pytest.raises(errors.Unavailable):
        Redis(server).take("k", Rate(1, 1))
    server.close()


@pytest.mark.live
def test_a_bucket_in_redis_is_not_kept_for_ever(keys, held_clock):
    store = keys()
    store.take("k", Rate(1, 5))
    assert 0 < store._script.registered_client.pttl(store._prefix + "k") <= 6000
