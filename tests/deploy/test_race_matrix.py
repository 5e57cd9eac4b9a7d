"""Four requests at once, through two processes: one of them wins, the others are refused as documented, none fails.

Every operation that makes or names something, or takes a ClientToken, is tried on both engines.
"""

import collections
import contextlib
import itertools
import subprocess
import sys

import pytest

from tests.deploy.crowd import ALIYUN, CLIENTS, IOTDA, ROUNDS, Api, Ask, Crowd
from tests.deploy.race_cases import MAKERS, MAKES, OTHERS, TABLES, makers, takes_token, verb
from tests.deploy.race_mixes import MIXES, OF_A_STRANGER
from tests.deploy.servers import Gunicorn
from tests.engines import postgres

pytestmark = pytest.mark.live
ENGINES = [
    pytest.param("sqlite", marks=pytest.mark.xdist_group("races-sqlite")),
    pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.xdist_group("races-postgresql")]),
]
MAKE_KEYS = """
import sys
from otagw import parts, settings
from otagw.db import database
with parts.opened(settings.load()) as gateway, database.write():
    for word in sys.argv[1:]:
        gateway.keys.create(key_id=f"key-{word}", secret="secret", account=word)
"""
words = (f"word{number:05}" for number in itertools.count())


@pytest.fixture(scope="module", params=ENGINES)
def gateway(request, tmp_path_factory):
    """A gateway of two processes without a worker; it has accounts that have nothing, each with one key."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(postgres()) if request.param == "postgresql" else None
        # One key asks here as fast as it can, for hundreds of rounds: more than `generous` lets one key have.
        given = {"workers": 2, "throttle": "off", **({"database_url": url} if url else {})}
        made = Gunicorn(tmp_path_factory.mktemp("races"), **given).prepare()
        strangers = [f"stranger{number:05}" for number in range(ROUNDS * len(OF_A_STRANGER))]
        subprocess.run([sys.executable, "-c", MAKE_KEYS, *strangers], env=made.environ, check=True, timeout=120)
        made.strangers = iter(strangers)
        stack.callback(made.stop)
        made.start("tests/deploy/patient.conf.py")  # which closes no connection since it was idle
        yield made


@pytest.fixture(scope="module")
def api(gateway):
    with contextlib.closing(Api(gateway)) as found:
        found.iotda("AddApplication", app_name="first")  # the account has its project from now on
        yield found


def run(gateway, name, prepare, judge):
    """Let four clients ask at one moment, time and again; fail with what was wrong of how many rounds.

    ``prepare`` takes a fresh word and returns four calls and what counts objects. ``judge`` takes the calls, the
    answers and what counts, and returns what is wrong or nothing.
    """
    source = gateway.strangers if name in OF_A_STRANGER else words
    rounds = [prepare(next(source)) for _ in range(ROUNDS)]
    wrong = collections.Counter()
    with contextlib.closing(Crowd(gateway)) as crowd:
        for asks, count in rounds:
            problem = judge(asks, crowd.at_once([ask.signed() for ask in asks]), count)
            if problem:
                wrong[problem] += 1
    assert not wrong, f"{wrong.total()} of {ROUNDS} rounds: {wrong.most_common(5)}"


def four(front, name, asked):
    """Return four calls: of one set of parameters, or of one for each; some are calls already."""
    asked = asked if isinstance(asked, list) else [asked] * CLIENTS
    return [each if isinstance(each, Ask) else Ask(front, name, each) for each in asked]


def outcome(answers):
    """Return how the answers came out, for a message."""
    return sorted("success" if each.is_success else f"{each.status} {each.code}" for each in answers)


def test_every_operation_that_makes_or_names_something_is_in_the_matrix():
    every = [operation for table in TABLES.values() for operation in table if operation.changes]
    assert {verb(operation) for operation in every} <= MAKES | OTHERS
    assert set(MAKERS) == makers()


@pytest.mark.parametrize("maker", MAKERS.values(), ids=lambda maker: f"{maker.front}-{maker.name}")
def test_one_of_several_makes_it(gateway, api, maker):
    own = TABLES[maker.front].find(maker.name).codes

    def prepare(word):
        asked, count = maker.prepare(api, word)
        return four(maker.front, maker.name, asked), count

    def judge(asks, answers, count):
        refused = [each for each in answers if not each.is_success]
        if maker.taken:
            expected = 1
            ill = len(refused) != CLIENTS - 1 or {each.code for each in refused} - {maker.taken}
        else:
            expected = maker.each
            ill = bool(refused)
        there = count()
        return None if not ill and there == expected else (there, *outcome(answers))

    assert maker.taken is None or maker.taken in own
    run(gateway, maker.name, prepare, judge)


@pytest.mark.parametrize("name", [name for front, name in MAKERS if takes_token(TABLES[front].find(name))])
def test_a_token_makes_one_thing(gateway, api, name):
    maker = MAKERS[ALIYUN, name]

    def prepare(word):
        asked, count = maker.prepare(api, word)
        return four(ALIYUN, name, {**asked, "ClientToken": word}), count

    def judge(asks, answers, count):
        there, different = count(), len({str(each.body) for each in answers})
        ill = there != 1 or different != 1 or not all(each.is_success for each in answers)
        return (there, f"{different} answers", *outcome(answers)) if ill else None

    run(gateway, f"{name} with a token", prepare, judge)


@pytest.mark.parametrize("mix", MIXES.values(), ids=lambda mix: mix.name)
def test_operations_at_once_agree(gateway, api, mix):
    def judge(asks, answers, count):
        there = count() if count else None
        successes = sum(each.is_success for each in answers)
        ill = mix.successes not in (None, successes) or mix.left not in (None, there)
        for ask, answer in zip(asks, answers, strict=True):
            ill |= not answer.is_success and answer.code not in TABLES[ask.front].find(ask.operation).codes
        return (there, *outcome(answers)) if ill else None

    run(gateway, mix.name, lambda word: mix.prepare(api, word), judge)


def test_a_crowd_is_shared_out_among_both_processes(gateway):
    with contextlib.closing(Crowd(gateway)) as crowd:
        assert sorted(crowd.owners()) == sorted(crowd.processes * (CLIENTS // len(crowd.processes)))


def test_no_operation_of_iotda_takes_a_token():
    assert not any(takes_token(operation) for operation in TABLES[IOTDA])
