"""Nonces that several nodes see: the same promises on PostgreSQL and on Redis, whoever of the nodes is asked."""

import contextlib
import logging
import tempfile
import time
import uuid
from collections import Counter
from functools import partial

import psycopg
import pytest
from hypothesis import settings as property_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from otagw import clock, errors, parts, settings
from otagw.db import database, schema
from otagw.security import nonce_stores, nonces
from otagw.security.nonce_stores import APART_MS, Redis, Tables
from otagw.security.nonces import WINDOW_MS
from otagw.security.redis_client import Server
from tests import door
from tests.conftest import free_port
from tests.engines import postgres, redis
from tests.races import race

SKEW = 900_000
START = (
    int(time.time() // 1800 * 1800) - 10 * 1800
)  # the servers' own clocks have a say: nothing here is in their future


on_postgresql = pytest.param("tables", marks=pytest.mark.postgres, id="postgresql")
on_redis = pytest.param("keys", marks=pytest.mark.live, id="redis")


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """One migrated PostgreSQL for these tests."""
    with postgres() as url:
        folder = str(tmp_path_factory.mktemp("data"))
        chosen = settings.load({"OTAGW_CONFIG": "/dev/null", "OTAGW_DATA_DIR": folder, "OTAGW_DATABASE_URL": url})
        with parts.opened(chosen):
            schema.migrate(chosen)
        yield url


@pytest.fixture
def tables(environment, url):
    """Make stores on one PostgreSQL, as each node has one; the clock is held."""
    door.enter(settings.load({**environment, "OTAGW_DATABASE_URL": url}))
    for name in names():
        database.execute(f"DROP TABLE {name}")
    database.execute("DELETE FROM fact")
    with held() as now:
        yield lambda: Tables(SKEW), now
    database.disconnect()


@contextlib.contextmanager
def held(start=START):
    """A clock that stands still; ``now[0]`` are its seconds."""
    now = [start]
    clock.hold(lambda: int(now[0] * 1000))
    yield now
    clock.hold(None)


@pytest.fixture
def keys():
    """Make stores on one Redis, as each node has one; the clock is held."""
    url, secret, made = redis(), uuid.uuid4().bytes, []
    # Redis may have been started a moment ago: what was signed before is refused.
    with held(int(time.time()) + 60) as now:

        def make():
            made.append(Redis(Server(url, secret), SKEW))
            return made[-1]

        yield make, now
    for store in made:
        store.close()


@pytest.fixture(params=[on_postgresql, on_redis])
def stores(request):
    return request.getfixturevalue(request.param)


def test_a_nonce_is_accepted_once_whichever_node_is_asked(stores):
    make, now = stores
    make().claim("key", "nonce", now[0] * 1000)
    for _ in range(2):
        with pytest.raises(errors.ReplayedNonce):
            make().claim("key", "nonce", now[0] * 1000)


def test_a_nonce_belongs_to_its_key(stores):
    make, now = stores
    make().claim("key", "nonce", now[0] * 1000)
    make().claim("other", "nonce", now[0] * 1000)


@pytest.mark.parametrize("first", [0, SKEW])
@pytest.mark.parametrize("second", [0, SKEW])
def test_a_nonce_is_spent_under_any_timestamp(stores, first, second):
    make, now = stores
    make().claim("key", "nonce", now[0] * 1000 + first)
    with pytest.raises(errors.ReplayedNonce):
        make().claim("key", "nonce", now[0] * 1000 + second)


def test_a_nonce_is_remembered_as_long_as_its_timestamp_is_accepted(stores):
    make, now = stores
    make().claim("key", "nonce", now[0] * 1000 + SKEW)
    now[0] += 240  # further from the clock of Redis than that, all is refused
    with pytest.raises(errors.ReplayedNonce):
        make().claim("key", "nonce", now[0] * 1000)


@pytest.fixture
def file(tmp_path):
    """Make stores on one SQLite file, as each process has one; the clock is held."""
    made = []

    def make():
        made.append(nonce_stores.File(tmp_path / "nonces.db", SKEW))
        return made[-1]

    with held() as now:
        yield make, now
    for store in made:
        store.close()


@pytest.mark.parametrize("store", ["file", on_postgresql, on_redis])
def test_claims_of_one_round_are_decided_as_if_one_came_after_another(store, request):
    make, now = request.getfixturevalue(store)
    one, at = make(), now[0] * 1000
    one.claim("key", "spent", at)

    def claim(*values):
        try:
            one.claim(*values)
        except errors.Fault as fault:
            return type(fault)
        return None

    claims = {
        ("key", "a", at): [None, errors.ReplayedNonce, errors.ReplayedNonce],
        ("key", "b", at): [None],
        ("key", "b", at + SKEW): [errors.ReplayedNonce],
        ("other", "a", at): [None],
        ("key", "spent", at): [errors.ReplayedNonce],
    }
    said = door.together([partial(claim, *values) for values, wanted in claims.items() for _ in wanted])
    assert said == [each for wanted in claims.values() for each in wanted]
    with pytest.raises(errors.ReplayedNonce):
        make().claim("other", "a", at)


def test_threads_that_race_have_one_winner(stores):
    make, now = stores
    claims = [partial(make().claim, "key", "nonce", now[0] * 1000) for _ in range(8)]
    assert Counter(race(*claims)) == {None: 1, errors.ReplayedNonce: 7}


def names():
    return sorted(name for name in database.db.obj.get_tables() if name.startswith("nonce_"))


@pytest.mark.postgres
def test_windows_that_are_over_are_dropped_whole(tables):
    make, now = tables
    store = make()
    for _ in range(8):
        store.claim("key", str(now[0]), now[0] * 1000)
        now[0] += WINDOW_MS // 1000
    assert len(names()) <= 2 + nonces.KEPT


@pytest.mark.postgres
def test_a_window_swept_by_another_node_is_refused_and_no_error(tables):
    make, now = tables
    one, two = make(), make()
    one.claim("key", "nonce", START * 1000)
    now[0] += 8 * 1800
    two.claim("key", "later", now[0] * 1000)
    now[0] = START
    with pytest.raises(errors.ExpiredTimestamp):
        one.claim("key", "nonce", START * 1000)


@pytest.mark.postgres
def test_a_clock_set_back_behind_a_sweep_refuses_rather_than_forgets(tables, caplog):
    make, now = tables
    make().claim("key", "nonce", START * 1000)
    now[0] += 8 * 1800
    make().claim("key", "later", now[0] * 1000)
    now[0] = START
    with caplog.at_level(logging.ERROR), pytest.raises(errors.ExpiredTimestamp):
        make().claim("key", "nonce", START * 1000)


@pytest.mark.postgres
def test_one_node_whose_clock_is_ahead_sweeps_nothing_that_others_need(tables):
    make, now = tables
    now[0] = int(time.time())
    honest, hasty = make(), make()
    honest.claim("key", "nonce", now[0] * 1000)
    now[0] += 30 * 86400
    hasty.claim("key", "ahead", now[0] * 1000)
    now[0] -= 30 * 86400
    with pytest.raises(errors.ReplayedNonce):
        make().claim("key", "nonce", now[0] * 1000)


@pytest.mark.postgres
def test_a_backup_that_holds_an_old_window_does_not_hold_up_requests(tables, url):
    make, now = tables
    store = make()
    store.claim("key", "nonce", now[0] * 1000)
    (old,) = [name for name in names() if name == f"nonce_{now[0] * 1000 // WINDOW_MS}"]
    with psycopg.connect(url) as backup:
        backup.execute(f"LOCK TABLE {old} IN ACCESS SHARE MODE")
        now[0] += 8 * 1800
        store.claim("key", "nonce", now[0] * 1000)
    assert old in names()
    now[0] += 1800
    store.claim("key", "later", now[0] * 1000)
    assert old not in names()


@pytest.mark.postgres
def test_the_claim_does_not_wait_for_the_disk_and_what_follows_does(tables):
    make, now = tables
    make().claim("key", "nonce", now[0] * 1000)
    window = now[0] * 1000 // WINDOW_MS
    statement = nonce_stores._claim(window, (window,), 1, False)
    with database.write():
        database.execute(statement, b"0" * 16)
        assert database.execute("SHOW synchronous_commit").fetchone()[0] == "off"
    assert database.execute("SHOW synchronous_commit").fetchone()[0] == "on"


class Replays(RuleBasedStateMachine):
    """Claim at any of two nodes, wait, and set the clock back: no nonce is accepted twice while it could be."""

    def __init__(self):
        super().__init__()
        self.stack, self.folder = contextlib.ExitStack(), tempfile.TemporaryDirectory()
        self.stack.enter_context(self.folder)
        url = self.stack.enter_context(postgres())
        chosen = settings.load(
            {"OTAGW_CONFIG": "/dev/null", "OTAGW_DATABASE_URL": url, "OTAGW_DATA_DIR": self.folder.name}
        )
        self.stack.enter_context(parts.opened(chosen))
        with database.write():
            database.execute("CREATE TABLE fact (name VARCHAR(64) PRIMARY KEY, value VARCHAR(256))")
        self.now = START * 1000
        self.used = set()
        clock.hold(lambda: self.now)
        self.stack.callback(clock.hold, None)
        self.nodes = [Tables(SKEW), Tables(SKEW)]

    @rule(node=st.integers(0, 1), nonce=st.integers(0, 3), away=st.integers(-SKEW, SKEW))
    def claim(self, node, nonce, away):
        try:
            self.nodes[node].claim("key", str(nonce), self.now + away)
        except (errors.ReplayedNonce, errors.ExpiredTimestamp):
            return
        replayable = {(n, at) for n, at in self.used if n == nonce and abs(self.now - at) <= SKEW}
        assert not replayable, "accepted although an earlier request with this nonce could be replayed"
        self.used.add((nonce, self.now + away))

    @rule(milliseconds=st.integers(-3 * WINDOW_MS, 3 * WINDOW_MS))
    def wait(self, milliseconds):
        self.now += milliseconds

    @rule(node=st.integers(0, 1))
    def restart(self, node):
        self.nodes[node] = Tables(SKEW)

    def teardown(self):
        self.stack.close()


Replays.TestCase.settings = property_settings(max_examples=10, stateful_step_count=30, deadline=None)
TestReplays = pytest.mark.postgres(Replays.TestCase)


@pytest.mark.live
def test_a_nonce_in_redis_expires_when_its_timestamp_is_over(keys):
    make, now = keys
    store = make()
    store.claim("key", "nonce", now[0] * 1000)
    left = store._redis.client.pttl(store._prefix + nonces.digest("key", "nonce"))
    assert SKEW < left <= SKEW + 2 * APART_MS


@pytest.mark.parametrize("minutes", [-6, 6])
@pytest.mark.live
def test_a_clock_apart_from_that_of_redis_refuses_rather_than_forgets(keys, minutes):
    make, now = keys
    now[0] = int(time.time()) + 60 * minutes
    with pytest.raises(errors.Unavailable, match=r"clocks|signed before"):
        make().claim("key", "nonce", now[0] * 1000)


@pytest.mark.live
def test_what_was_signed_before_redis_was_started_is_refused(keys):
    make, now = keys
    store = make()
    store.claim("key", "one", now[0] * 1000)
    store._redis.since = now[0] * 1000 + 1
    with pytest.raises(errors.Unavailable, match="signed before"):
        store.claim("key", "two", now[0] * 1000)


def test_a_redis_that_is_not_there_is_unavailable():
    store = Redis(Server(f"redis://127.0.0.1:{free_port()}/0", b"secret"), SKEW)
    with pytest.raises(errors.Unavailable):
        store.claim("key", "nonce", clock.now())
    with pytest.raises(errors.Unavailable):
        store.ping()
    store.close()
