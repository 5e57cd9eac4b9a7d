"""The file of nonces against a plain set: under any clock, each is accepted once while its timestamp is."""

import contextlib
import logging
import multiprocessing
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from otagw import clock, errors
from otagw.security import nonces
from otagw.security.nonce_stores import File
from otagw.security.nonces import WINDOW_MS
from tests.conftest import NOW
from tests.races import race

SKEW = 900_000


@pytest.fixture
def make(tmp_path):
    made = []

    def one(skew=SKEW):
        made.append(File(tmp_path / "nonces.db", skew))
        return made[-1]

    yield one
    for store in made:
        store.close()


def test_a_nonce_is_accepted_once(make, held_clock):
    store = make()
    store.claim("key", "nonce", NOW * 1000)
    with pytest.raises(errors.ReplayedNonce):
        store.claim("key", "nonce", NOW * 1000)


def test_a_nonce_belongs_to_its_key(make, held_clock):
    store = make()
    store.claim("key", "nonce", NOW * 1000)
    store.claim("other", "nonce", NOW * 1000)


def test_key_and_nonce_cannot_run_together():
    assert nonces.digest("a", "bc") != nonces.digest("ab", "c")


def test_a_nonce_is_remembered_by_another_process_after_a_restart(make, held_clock):
    make().claim("key", "nonce", NOW * 1000)
    with pytest.raises(errors.ReplayedNonce):
        make().claim("key", "nonce", NOW * 1000)


@pytest.mark.parametrize("first", [-SKEW, 0, SKEW])
@pytest.mark.parametrize("second", [-SKEW, 0, SKEW])
def test_a_nonce_is_spent_under_any_timestamp(make, held_clock, first, second):
    store = make()
    store.claim("key", "nonce", NOW * 1000 + first)
    with pytest.raises(errors.ReplayedNonce):
        store.claim("key", "nonce", NOW * 1000 + second)


def test_a_wider_window_after_a_restart_still_knows_what_was_used(make, held_clock):
    make().claim("key", "nonce", NOW * 1000)
    held_clock.seconds += 3000
    with pytest.raises(errors.ReplayedNonce):
        make(skew=3_600_000).claim("key", "nonce", NOW * 1000)


def tables(store):
    return [name for name in store._db.get_tables() if name.startswith("nonce_")]


def test_windows_that_are_over_are_dropped_whole(make, held_clock):
    store = make()
    for _ in range(20):
        store.claim("key", f"{held_clock.seconds}", int(held_clock.seconds * 1000))
        held_clock.seconds += WINDOW_MS // 1000
    assert len(tables(store)) <= 2 + nonces.KEPT


def test_a_clock_set_back_behind_a_sweep_refuses_rather_than_forgets(make, held_clock, caplog):
    store = make()
    store.claim("key", "nonce", NOW * 1000)
    held_clock.seconds += 24 * 3600
    store.claim("key", "later", int(held_clock.seconds * 1000))
    held_clock.seconds = NOW
    with caplog.at_level(logging.ERROR), pytest.raises(errors.ExpiredTimestamp):
        store.claim("key", "nonce", NOW * 1000)


def test_a_window_swept_by_another_process_is_not_an_error(make, held_clock):
    one, two = make(), make()
    one.claim("key", "nonce", NOW * 1000)
    held_clock.seconds += 24 * 3600
    two.claim("key", "later", int(held_clock.seconds * 1000))
    held_clock.seconds = NOW
    with pytest.raises(errors.ExpiredTimestamp):
        one.claim("key", "nonce", NOW * 1000)


def test_threads_that_race_have_one_winner(make, held_clock):
    store = make()

    def claim():
        with contextlib.closing(store):
            store.claim("key", "nonce", NOW * 1000)

    assert Counter(race(*[claim] * 16)) == {None: 1, errors.ReplayedNonce: 15}


def _claim_many(path, start, queue):
    start.wait()
    store, won = File(path, SKEW), 0
    for number in range(200):
        try:
            store.claim("key", str(number), clock.now())
            won += 1
        except errors.ReplayedNonce:
            pass
    queue.put(won)


def test_processes_that_race_have_one_winner_a_nonce(tmp_path):
    context = multiprocessing.get_context("spawn")
    start, queue = context.Event(), context.Queue()
    workers = [context.Process(target=_claim_many, args=(tmp_path / "n.db", start, queue)) for _ in range(4)]
    for worker in workers:
        worker.start()
    start.set()
    assert sum(queue.get(timeout=60) for _ in workers) == 200
    for worker in workers:
        worker.join(30)


class Replays(RuleBasedStateMachine):
    """Claim, wait, restart and set the clock back: no nonce is ever accepted twice while it could be."""

    def __init__(self):
        super().__init__()
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "nonces.db"
        self.now = NOW * 1000
        self.used = set()
        clock.hold(lambda: self.now)
        self.store = File(self.path, SKEW)

    @rule(nonce=st.integers(0, 3), away=st.integers(-SKEW, SKEW))
    def claim(self, nonce, away):
        try:
            self.store.claim("key", str(nonce), self.now + away)
        except (errors.ReplayedNonce, errors.ExpiredTimestamp):
            return
        replayable = {(n, at) for n, at in self.used if n == nonce and abs(self.now - at) <= SKEW}
        assert not replayable, "accepted although an earlier request with this nonce could be replayed"
        self.used.add((nonce, self.now + away))

    @rule(milliseconds=st.integers(-3 * WINDOW_MS, 3 * WINDOW_MS))
    def wait(self, milliseconds):
        self.now += milliseconds

    @rule()
    def restart(self):
        self.store.close()
        self.store = File(self.path, SKEW)

    @invariant()
    def old_windows_do_not_pile_up(self):
        assert len(tables(self.store)) < 20

    def teardown(self):
        self.store.close()
        clock.hold(None)
        self.folder.cleanup()


Replays.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
TestReplays = Replays.TestCase
