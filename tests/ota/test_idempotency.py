"""A token makes one thing, however many requests with it come at once."""

import functools
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter

import pytest

from otagw import clock, errors
from otagw.db import database
from otagw.ota import accounts, idempotency
from otagw.ota.packages.records import PackageDraft
from otagw.ota.products import products
from otagw.ota.products.products import ProductDraft
from otagw.ota.rollouts.planning import JobDraft
from tests import door
from tests.conftest import NOW
from tests.deploy.servers import eventually
from tests.races import race, waiting

CROWD = 4
REFUSED = errors.LimitReached(kind="thing", limit=0)
KILLED = """
import os, signal
from otagw import parts, settings
from otagw.ota import accounts, idempotency
work = lambda: os.kill(os.getpid(), signal.SIGKILL)
with parts.opened(settings.load()):
    idempotency.run(accounts.ensure("main"), "make", "t", lambda: 1, work)
"""


class Maker:
    """Work that counts how often it is done; the first one goes on when all others wait for it or do it too."""

    def __init__(self, account, others=CROWD - 1, refuses=0):
        self.account, self.others, self.refuses = account, others, refuses
        self.begun, self.made = [], []
        self.lock = threading.Lock()

    def work(self):
        with self.lock:
            self.begun.append(1)
            number = len(self.begun)
        if number == 1 and not database.is_sqlite():  # SQLite's one writer needs no help to be alone
            eventually(lambda: len(self.begun) + waiting() > self.others)
        if number <= self.refuses:
            raise REFUSED
        with self.lock:
            self.made.append(number)
        return {"number": number}

    def __call__(self, asked=1, token="t"):
        return idempotency.run(self.account, "make", token, lambda: asked, self.work)


def kept():
    """Return the answers in the database."""
    return [row[0] for row in database.execute("SELECT answer FROM answer ORDER BY token").fetchall()]


def test_requests_at_once_with_one_token_do_its_work_once(account):
    make = Maker(account)
    assert race(*[make] * CROWD) == [{"number": 1}] * CROWD
    assert make.made == [1]
    assert kept() == ['{"number": 1}']


def test_an_expired_answer_is_replaced_once(account):
    assert idempotency.run(account, "make", "t", lambda: "long ago", lambda: {"number": 0}) == {"number": 0}
    clock.hold(lambda: NOW * 1000 + idempotency.KEPT_MS)
    make = Maker(account)
    assert race(*[make] * CROWD) == [{"number": 1}] * CROWD
    assert make.made == [1]
    assert kept() == ['{"number": 1}']


def test_a_refusal_at_once_with_others_leaves_the_token_to_one_of_them(account):
    make = Maker(account, refuses=1)
    found = race(*[make] * CROWD)
    assert found.count(errors.LimitReached) == 1
    assert found.count({"number": 2}) == CROWD - 1
    assert make.made == [2]


def test_what_is_refused_to_all_keeps_no_token(account):
    make = Maker(account, refuses=CROWD)
    assert race(*[make] * CROWD) == [errors.LimitReached] * CROWD
    assert kept() == []
    assert make("corrected") == {"number": CROWD + 1}


def test_other_parameters_at_once_are_refused(account):
    make = Maker(account)
    found = race(*[functools.partial(make, number) for number in range(CROWD)])
    assert found.count({"number": 1}) == 1
    assert found.count(errors.TokenReused) == CROWD - 1
    assert make.made == [1]


def test_work_without_a_token_is_done_each_time(account):
    make = Maker(account, others=0)
    assert [make(token=None), make(token="")] == [{"number": 1}, {"number": 2}]
    assert kept() == []


def test_a_token_twice_in_one_round_is_answered_twice(account):
    make = Maker(account, others=0)
    assert door.together([make] * CROWD) == [{"number": 1}] * CROWD
    assert make.made == [1]


def test_a_refusal_in_a_round_leaves_the_token_to_the_next_of_it(account):
    make = Maker(account, others=0, refuses=1)

    def ask():
        try:
            return make()
        except errors.LimitReached as fault:
            return type(fault)

    found = door.together([ask] * CROWD)
    assert found.count(errors.LimitReached) == 1
    assert found.count({"number": 2}) == CROWD - 1
    assert make.made == [2]


def test_rounds_with_tokens_in_opposite_order_do_not_wait_for_each_other(account):
    done = Counter()
    both = threading.Barrier(2)

    def ask(token):
        def work():
            done[token] += 1
            if sum(done.values()) <= 2 and not database.is_sqlite():
                both.wait(30)  # each round has the token that the other one wants next
            return {"token": token}

        return lambda: idempotency.run(account, "make", token, lambda: token, work)["token"]

    found = race(lambda: door.together([ask("a"), ask("b")]), lambda: door.together([ask("b"), ask("a")]))
    assert found == [["a", "b"], ["b", "a"]]
    assert done == {"a": 1, "b": 1}


def test_sweeping_leaves_an_expired_answer_to_the_request_that_replaces_it(account):
    idempotency.run(account, "make", "t", lambda: 1, lambda: {"number": 0})
    clock.hold(lambda: NOW * 1000 + idempotency.KEPT_MS)
    claimed, swept = threading.Event(), threading.Event()

    def work():
        claimed.set()
        assert database.is_sqlite() or swept.wait(30), "the sweep waits for the request"
        return {"number": 1}

    def sweep():
        assert claimed.wait(30)
        try:
            return idempotency.sweep()
        finally:
            swept.set()

    found = race(lambda: idempotency.run(account, "make", "t", lambda: 1, work), sweep)
    assert found == [{"number": 1}, 0]
    assert kept() == ['{"number": 1}']


def test_a_process_that_is_killed_at_work_leaves_its_token_free(store, environment):
    environ = {**os.environ, **environment, "OTAGW_DATABASE_URL": store.database}
    accounts.ensure("main")
    database.disconnect()
    done = subprocess.run([sys.executable, "-c", KILLED], env=environ, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    make = Maker(accounts.ensure("main"), others=0)
    assert make() == make() == {"number": 1}


def test_a_kept_answer_is_found_before_the_work(account):
    assert idempotency.find(account, "make", "t", lambda: 1) is None
    made = Maker(account, others=0)()
    assert idempotency.find(account, "make", "t", lambda: 1) == made
    with pytest.raises(errors.TokenReused):
        idempotency.find(account, "make", "t", lambda: 2)


def test_names_of_drafts_are_those_of_the_digests_that_are_kept():
    package, job = PackageDraft(name="n", version="1", front_data={"a": 1}), JobDraft(package="1", product_key="p")
    assert idempotency.fields(package)["origin"] == {"a": 1}
    assert "front_data" not in idempotency.fields(package).keys() | idempotency.fields(job).keys()


def test_a_product_of_an_older_version_has_its_first_answer(account):
    draft = ProductDraft(name="n", front_data={"node": 1})
    asked = {"name": "n", "key": None, "description": None, "is_gateway": False, "edition": "basic"}
    made = products.create(account, draft, "token")
    (digest,) = database.execute("SELECT digest FROM answer WHERE action = 'product.create'").fetchone()
    of_old = json.dumps({**asked, "traits": {"node": 1}}, sort_keys=True)
    assert digest == hashlib.sha256(of_old.encode()).hexdigest()
    assert products.create(account, draft, "token").key == made.key
