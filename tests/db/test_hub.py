"""Requests answered together: each as if it were alone, and what they share opened once."""

import contextlib
import threading
from functools import partial

import gevent
import peewee
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otagw import hosts, runtime
from otagw.db import database
from otagw.db.connections import CONNECTIONS
from tests import door
from tests.conftest import KEY, OTHER, Client
from tests.signer import query, v1


class Wrong(Exception):
    pass


class Ledger:
    """Transactions whose parts count only once they are closed, as of one SQLite file."""

    engine = None

    def __init__(self, fails=None):
        self.fails, self.kept, self.draft, self.opened = fails, [], None, 0
        self.lock = contextlib.nullcontext()

    def write(self):
        return hosts.here().write(self)

    @contextlib.contextmanager
    def begin(self):
        assert self.draft is None, "it is open already"
        if self.fails == "open":
            raise Wrong(self.fails)
        self.draft, self.opened = [], self.opened + 1
        try:
            yield
            if self.fails == "close":
                raise Wrong(self.fails)
            self.kept += self.draft
        finally:
            self.draft = None

    @contextlib.contextmanager
    def part(self):
        before = len(self.draft)
        try:
            yield
        except Wrong:
            del self.draft[before:]
            raise


def walk(ledgers, name, steps):
    """Go through sections; note what was said of each step."""
    said = []
    for number, (which, fails) in enumerate(steps):
        ledger = ledgers[which]
        try:
            with ledger.write():
                ledger.draft.append((name, number))
                if fails:
                    raise Wrong("mine")
            assert (name, number) in ledger.kept
            said.append("done")
        except Wrong as error:
            assert (name, number) not in ledger.kept
            said.append(str(error))
    return said


STEPS = st.lists(st.tuples(st.integers(0, 1), st.booleans()), max_size=4)


@given(st.lists(STEPS, max_size=6))
def test_each_goes_its_way_as_if_it_were_alone(plans):
    together, alone = (Ledger(), Ledger()), (Ledger(), Ledger())
    said = door.together([partial(walk, together, name, steps) for name, steps in enumerate(plans)])
    assert said == [walk(alone, name, steps) for name, steps in enumerate(plans)]
    for one, other in zip(together, alone, strict=True):
        assert sorted(one.kept) == sorted(other.kept)
        assert one.opened <= other.opened


def test_what_all_want_is_opened_once():
    ledger = Ledger()
    door.together([partial(walk, [ledger], name, [(0, False)] * 3) for name in range(5)])
    assert ledger.opened == 3
    assert len(ledger.kept) == 15


@pytest.mark.parametrize("fails", ["open", "close"])
def test_trouble_with_a_section_is_that_of_all_who_were_in_it(fails):
    broken, sound = Ledger(fails), Ledger()
    said = door.together([partial(walk, [broken, sound], name, [(name % 2, False), (1, False)]) for name in range(4)])
    assert said == [[fails, "done"], ["done", "done"]] * 2
    assert broken.kept == []
    assert sorted(sound.kept) == [(0, 1), (1, 0), (1, 1), (2, 1), (3, 0), (3, 1)]


def test_who_was_refused_hears_the_own_reason_although_the_section_failed_too():
    broken = Ledger("close")
    plans = [[(0, True)], [(0, False)]]
    assert door.together([partial(walk, [broken], name, steps) for name, steps in enumerate(plans)]) == [
        ["mine"],
        ["close"],
    ]


def test_a_question_is_asked_once_for_all_and_answered_to_each():
    asked = []

    def double(values):
        asked.append(list(values))
        return [2 * value for value in values]

    question = hosts.Question(double)
    assert door.together([partial(hosts.ask, question, value) for value in (3, 1, 3)]) == [6, 2, 6]
    assert hosts.ask(question, 4) == 8
    assert asked == [[3, 1, 3], [4]]


@pytest.mark.parametrize("answer", [lambda values: 1 / 0, lambda values: values[1:]])
def test_a_question_that_fails_fails_for_all(answer):
    question = hosts.Question(answer)

    def ask(value):
        try:
            return hosts.ask(question, value)
        except (ArithmeticError, ValueError):
            return "failed"

    assert door.together([partial(ask, 1), lambda: "apart", partial(ask, 2)]) == ["failed", "apart", "failed"]


def test_nothing_waits_inside_a_transaction(app):
    """Everybody else would wait meanwhile: that is an error of ours, and said."""
    ledger, question = Ledger(), hosts.Question(lambda values: values)
    waits = [
        lambda: hosts.here().pause(0),
        lambda: hosts.apart(len, hosts.FILES),
        lambda: Ledger().write().__enter__(),
    ]

    def attempt(wait):
        with ledger.write():
            assert hosts.ask(question, 1) == 1  # it is asked alone
            wait()

    def inside(wait):
        with pytest.raises(AssertionError):
            attempt(wait)

    for wait in waits:
        door.together([partial(inside, wait), lambda: None])
    assert ledger.kept == []


def test_one_who_is_ended_while_it_waits_takes_no_part():
    ledger, done = Ledger(), []

    @contextlib.contextmanager
    def taken():
        hosts.here().pause(0.01)
        yield

    ledger.lock = taken()

    def write(name):
        with ledger.write():
            ledger.draft.append(name)
        done.append(name)

    def ended():
        with pytest.raises(Wrong), gevent.Timeout(0, Wrong):
            write("ended")

    door.together([ended, partial(write, "stays"), ended])
    assert ledger.kept == done == ["stays"]


STATE = "INSERT INTO fact (name, value) VALUES (?, ?)"


def facts():
    return {name for (name,) in database.execute("SELECT name FROM fact WHERE name LIKE 'f%'").fetchall()}


@pytest.fixture
def sqlite(app):
    if not database.is_sqlite():
        pytest.skip("writes share a transaction on SQLite alone")


@pytest.mark.usefixtures("sqlite")
class TestWrites:
    def write(self, name, then=None, calls=None):
        """Write a fact, and something else that may fail; return what went wrong."""
        try:
            with database.write():
                database.execute(STATE, f"f{name}", "x")
                if calls is not None:
                    database.after_commit(lambda: calls.append(name))
                if then:
                    then()
        except (peewee.PeeweeException, Wrong) as error:
            return type(error)
        return None

    def test_one_that_fails_is_undone_alone(self):
        def fail():
            raise Wrong

        def collide():
            database.execute(STATE, "f0", "x")

        calls = []
        thens = [None, fail, collide, None]
        said = door.together([partial(self.write, name, then, calls) for name, then in enumerate(thens)])
        assert said == [None, Wrong, peewee.IntegrityError, None]
        assert facts() == {"f0", "f3"}
        assert calls == [0, 3]

    @pytest.mark.parametrize("when", range(4))
    def test_a_transaction_that_is_gone_is_nobodys_success(self, when):
        """As SQLite does by itself when the disk is full."""
        calls = []
        thens = [None] * 4
        thens[when] = database.db.obj.rollback
        said = door.together([partial(self.write, name, then, calls) for name, then in enumerate(thens)])
        assert said == [peewee.OperationalError] * 4
        assert (facts(), calls) == (set(), [])
        database.recover()
        assert self.write("later") is None
        assert facts() == {"flater"}

    def test_a_commit_that_fails_is_nobodys_success(self):
        """A foreign key that is checked late fails the commit, long after its part was done."""
        database.execute("CREATE TABLE late (name TEXT REFERENCES fact (name) DEFERRABLE INITIALLY DEFERRED)")
        thens = [None, lambda: database.execute("INSERT INTO late VALUES ('nothing')"), None]
        said = door.together([partial(self.write, name, then) for name, then in enumerate(thens)])
        assert said == [peewee.IntegrityError] * 3
        assert facts() == set()


@pytest.mark.parametrize("open_", [database.read, database.write])
def test_what_one_reads_or_writes_at_a_time_is_no_part_of_another(app, open_):
    """Whoever asks something inside a transaction does not wait for others, who would run inside it too."""
    question = hosts.Question(lambda values: values)

    def first():
        with open_():
            return hosts.ask(question, database.db.obj.transaction_depth())

    def second():
        return database.db.obj.transaction_depth()

    assert door.together([first, second, first, second])[1::2] == [0, 0]


def create(app, name, key=KEY, **changes):
    """Return a call of CreateOTAFirmware, and what came of it."""
    path = "/?" + query(v1(key, "CreateOTAFirmware", FirmwareName=name, DestVersion="1", **changes))

    def call():
        answer = app.test_client().get(path).json
        return answer.get("Code") or answer["Data"]["FirmwareID"]

    return call


def test_requests_that_collide_in_a_round(app):
    said = door.together([create(app, name) for name in ("a", "b", "a", "b", "c")])
    assert [each.isdigit() for each in said] == [True, True, False, False, True]
    assert said[2] == said[3] == "iot.ota.FirmwareNameExists"
    listed = Client(app).ok("ListOTAFirmware", PageSize=10, CurrentPage=1)
    assert listed["Total"] == 3
    assert Client(app).ok("ListAuditEvents", PageSize=10, CurrentPage=1)["Total"] == 3


def test_a_replay_within_a_round_is_refused(app):
    call = create(app, "a")
    said = door.together([call] * 4)
    assert sorted(each.isdigit() for each in said) == [False, False, False, True]
    assert said.count("SignatureNonceUsed") == 3


def test_a_token_within_a_round_makes_one_package(app):
    said = door.together([create(app, "a", ClientToken="t") for _ in range(4)])
    assert len(set(said)) == 1
    assert said[0].isdigit()


def test_requests_that_share_a_commit_are_each_noted_as_who_they_are(app):
    """With a token none is kept by the short way: each runs its own part of the transaction."""
    keys = {"main": KEY, "other": OTHER}
    said = []
    if database.is_sqlite():
        database.db.connection().set_trace_callback(said.append)
    made = dict(
        zip(keys, door.together([create(app, "a", key, ClientToken="t") for key in keys.values()]), strict=True)
    )
    if database.is_sqlite():
        database.db.connection().set_trace_callback(None)
        assert said.count("SAVEPOINT part") == 2
        assert said.count("COMMIT") == 1
    rows = database.execute(
        "SELECT a.name, e.key_id, e.object FROM audit_event e JOIN account a ON a.id = e.account_id "
        "WHERE e.operation = 'CreateOTAFirmware' ORDER BY a.name"
    ).fetchall()
    assert rows == [(account, key[0], made[account]) for account, key in keys.items()]


# A fifth of a second at least; it counts in the machine of the database.
LONG = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT max(i) FROM n"


@pytest.mark.usefixtures("sqlite")
def test_what_reads_for_long_is_begun_anew_in_a_thread_for_the_same_gateway():
    threads = []

    def read(sql):
        threads.append(threading.current_thread())
        assert runtime.current() is door.here()
        return database.execute(sql).fetchone()

    def in_the_hub():
        database.disconnect()  # the hub prepares the connection that it opens
        return [hosts.briefly(partial(read, sql)) for sql in ("SELECT 1", LONG)]

    assert door.together([in_the_hub]) == [[(1,), (3000000,)]]
    here = threading.current_thread()
    assert [thread is here for thread in threads] == [True, True, False]
    database.disconnect()


@pytest.mark.usefixtures("sqlite")
def test_a_read_that_fails_is_not_begun_anew():
    asked = []

    def read():
        asked.append(None)
        return database.execute("SELECT 1 FROM nowhere")

    def in_the_hub():
        with pytest.raises(peewee.OperationalError, match="no such table"):
            hosts.briefly(read)

    door.together([in_the_hub])
    assert len(asked) == 1


def test_more_requests_than_connections_all_have_one_in_the_end(app):
    """On PostgreSQL each has a connection for a statement or a transaction; on SQLite all have the same."""

    def write(name):
        with database.write():
            database.execute(STATE, f"f{name}", "x")
        return database.execute("SELECT 1").fetchone()[0]

    count = 3 * CONNECTIONS
    assert door.together([partial(write, f"{name}") for name in range(count)]) == [1] * count
    assert len(facts()) == count


def test_what_goes_apart_runs_in_a_thread_for_the_same_gateway_and_may_fail():
    def task():
        assert runtime.current() is door.here()
        raise Wrong(str(threading.current_thread() is here))

    def ask():
        with pytest.raises(Wrong, match="False"):
            hosts.apart(task, hosts.FILES)

    here = threading.current_thread()
    door.together([ask] * 20)
