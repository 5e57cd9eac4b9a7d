"""The server's hub: many requests in one thread, each in a greenlet of its own, written as if it were alone.

It runs in gevent's loop, and nothing of Python is patched: a request waits where it says so, and nowhere else. Requests
that reach a question or a write while others wait for the same are served with them. docs/decisions/0007-server.md.
"""

import contextlib
import copy
import fcntl
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from typing import Any, Final, TypeVar, cast

import gevent
import peewee
from gevent import lock, threadpool
from greenlet import getcurrent, greenlet

from otagw.db.connections import Connections
from otagw.hosts import COMPUTING, KINDS, ROWS, Lock, Question, Thread, Transactions, settled

T = TypeVar("T")
V = TypeVar("V")
# How often a lock that another process holds is tried again, and for how long.
LOOK_SECONDS: Final = 0.0005
PATIENCE_SECONDS: Final = 10.0
# How long reading may hold up everybody else before it is begun anew in a thread.
BRIEF_SECONDS: Final = 0.02
# How long SQLite itself waits for a foreign program's lock while all others wait too (milliseconds).
BUSY_MS: Final = 20
# Steps of SQLite's machine between two looks at the clock: about a quarter of a millisecond.
STEPS: Final = 5_000
# How long a lock is looked at in place, and how often, before the others have a turn.
QUEUE_SECONDS: Final = 0.02
QUEUE_LOOK_SECONDS: Final = 0.0002
# What a statement of a thread waits for: a row that another holds, and its end.
LIMITS: Final = "SET lock_timeout = '2s'; SET statement_timeout = '60s'"
_until: ContextVar[float] = ContextVar("until", default=math.inf)


class _Undone(Exception):
    """Say that nobody's part of a transaction has succeeded."""


class _Aside(Thread):
    """A thread of the server, which does something for a request and so does not wait for ever either."""

    def opened(self, connection: Any, engine: Any) -> None:
        """Limit what a statement waits for."""
        if not isinstance(engine, peewee.SqliteDatabase):
            connection.execute(LIMITS)


_aside: Final = _Aside()


def _apart(task: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """Return what a task returns, and what it raises, which gevent would print if it left the thread."""
    with settled(_aside):
        try:
            return task(), None
        except Exception as error:
            return None, error


class _Member:
    """A request that waits for something to be done for it."""

    __slots__ = ("alone", "answer", "failed", "greenlet", "left", "trouble", "value")

    def __init__(self, value: Any) -> None:
        self.greenlet: greenlet = getcurrent()
        self.value, self.answer = value, None
        self.trouble: Exception | None = None
        # It has been ended meanwhile; what it did in a write has failed; nobody shares its write.
        self.left = self.failed = self.alone = False


class _Gathering:
    """Those who wait for one thing: a greenlet of its own serves all of them at once, time and again."""

    def __init__(self, hub: "Hub", serve: Callable[[list[_Member]], None], again: bool = False) -> None:
        self._hub, self._serve, self._again = hub, serve, again
        self._waiting: list[_Member] = []
        self._idle = True
        self.greenlet = greenlet(self._run, hub.loop)

    def join(self, value: Any = None) -> _Member:
        """Wait until it is done for this request too; raise what befell all."""
        member = _Member(value)
        self._waiting.append(member)
        if self._idle:
            self._idle = False
            self._hub.loop.loop.run_callback(self.greenlet.switch)
        return self.wait(member)

    def wait(self, member: _Member) -> _Member:
        """Let others go on until a member is waked."""
        try:
            self._hub.give_way()
        except BaseException:  # it is ended, by its own deadline say
            member.left = True
            raise
        if member.trouble:
            raise copy.copy(member.trouble)
        return member

    def _run(self) -> None:
        while True:
            while self._waiting:
                members, self._waiting = self._waiting, []
                if self._again:
                    gevent.spawn(self._help, members)
                else:
                    self._help(members)
            self._idle = True
            self._hub.loop.switch()

    def _help(self, members: list[_Member]) -> None:
        """Serve members, and wake them."""
        try:
            self._serve([member for member in members if not member.left])
        except Exception as error:
            for member in members:
                member.trouble = error
        for member in members:
            self._hub.loop.loop.run_callback(_wake, member)


def _wake(member: _Member) -> None:
    if not member.left:
        member.greenlet.switch()


class _Commits(_Gathering):
    """The writers of one SQLite file: one transaction for all who wait."""

    def __init__(self, hub: "Hub", database: Transactions) -> None:
        super().__init__(hub, self._commit)
        self._database = database

    def end(self, member: _Member) -> None:
        """Give the turn back once a part is done, and return when it is durable; raise what befell all."""
        self._hub.inside = False
        self.greenlet.switch()
        if member.trouble:
            raise copy.copy(member.trouble)

    def _commit(self, members: list[_Member]) -> None:
        with contextlib.suppress(_Undone), contextlib.ExitStack() as stack:
            stack.enter_context(self._database.lock or contextlib.nullcontext())
            self._hub.patiently(lambda: stack.enter_context(self._database.begin()))
            members = [member for member in members if not member.left]
            for member in members:
                member.alone = len(members) == 1
                self._hub.inside = True
                member.greenlet.switch()
            if all(member.failed for member in members):
                raise _Undone


class Hub:
    """The host of a thread that runs gevent's loop; ``threads`` is how many wait for each of `hosts.KINDS` at most."""

    def __init__(self, threads: int = 4) -> None:
        self.loop = gevent.get_hub()
        # A request is in a transaction, or uses what the thread has once: nobody else may run.
        self.inside = False
        self._questions: dict[Question[Any, Any], _Gathering] = {}
        self._commits: dict[int, _Commits] = {}
        self._threads = {kind: threadpool.ThreadPool(1 if kind == COMPUTING else threads, self.loop) for kind in KINDS}
        # The turns of a name, and how many are inside or wait.
        self._turns: dict[str, lock.Semaphore] = {}
        self._turned: Counter[str] = Counter()
        self._connections = Connections(self)

    def close(self) -> None:
        """End the threads, and close the connections that nobody uses."""
        for pool in self._threads.values():
            pool.kill()
        self._connections.drop()

    def give_way(self) -> Any:
        """Let others go on until somebody wakes this greenlet."""
        if self.inside:
            raise AssertionError("a request waits inside a transaction, which everybody else waits for")
        return self.loop.switch()

    @contextlib.contextmanager
    def write(self, database: Transactions) -> Iterator[None]:
        """Take part in the next transaction of all who want one; see `database.write`."""
        if database.lock is None:  # a server of many writers
            with self.connected(database.engine), database.begin():
                yield
            return
        commits = self._commits.get(id(database)) or self._commits.setdefault(id(database), _Commits(self, database))
        member = commits.join()
        try:
            with contextlib.nullcontext() if member.alone else database.part():
                yield
        except BaseException:
            member.failed = True
            with contextlib.suppress(Exception):
                commits.end(member)
            raise
        commits.end(member)

    def ask(self, question: Question[V, T], value: V) -> T:
        """Ask together with all who wait for the same."""
        if self.inside:
            return question.answer([value])[0]
        gathering = self._questions.get(question)
        if gathering is None:
            gathering = self._questions[question] = _Gathering(
                self, lambda members: self._answer(question, members), question.again
            )
        return cast("T", gathering.join(value).answer)

    def _answer(self, question: Question[V, T], members: list[_Member]) -> None:
        if not members:
            return
        values = [member.value for member in members]
        context = (members[0].greenlet.gr_context or copy_context()).copy()  # the gateway that the members run for

        def answer() -> Any:
            return context.run(question.answer, values)

        answers = self.apart(answer, question.waits) if question.waits else answer()
        for member, found in zip(members, answers, strict=True):
            member.answer = found

    def apart(self, task: Callable[[], T], kind: str) -> T:
        """Wait for a thread, and for what it does."""
        if self.inside:
            raise AssertionError(f"a request waits for {kind} inside a transaction, which everybody else waits for")
        done = self._threads[kind].spawn(copy_context().run, _apart, task)
        found, trouble = cast("tuple[T, Exception | None]", done.get())
        if trouble:
            raise trouble
        return found

    def briefly(self, task: Callable[[], T]) -> T:
        """Read here for `BRIEF_SECONDS`, and then in a thread from the start."""
        until = time.perf_counter() + BRIEF_SECONDS
        token = _until.set(until)
        try:
            return task()
        except peewee.OperationalError:
            if self.inside or time.perf_counter() < until:
                raise
        finally:
            _until.reset(token)
        return self.apart(task, ROWS)

    @contextlib.contextmanager
    def turn(self, name: str, at_once: int, seconds: float, late: Exception) -> Iterator[None]:
        """Be one of the first of a name, or wait; it is forgotten when the last of them has gone."""
        turns = self._turns.setdefault(name, lock.Semaphore(at_once))
        self._turned[name] += 1
        try:
            if not turns.acquire(timeout=seconds):
                raise late
            try:
                yield
            finally:
                turns.release()
        finally:
            self._turned[name] -= 1
            if not self._turned[name]:
                del self._turned[name], self._turns[name]

    def pause(self, seconds: float) -> None:
        """Let others go on."""
        if self.inside:
            raise AssertionError("a request pauses inside a transaction, which everybody else waits for")
        gevent.sleep(seconds)

    def queue(self, lock: Lock) -> None:
        """Look time and again whether a lock is free."""
        began = time.monotonic()
        while not lock.take(fcntl.LOCK_EX | fcntl.LOCK_NB):
            waited = time.monotonic() - began
            if waited < QUEUE_SECONDS:
                time.sleep(QUEUE_LOOK_SECONDS)
            elif waited < PATIENCE_SECONDS:
                self.pause(LOOK_SECONDS)
            else:
                raise peewee.OperationalError("another process has held the lock of writers for too long")

    def patiently(self, begin: Callable[[], object]) -> None:
        """Begin a transaction; again for a while where a foreign program holds SQLite's own lock."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                begin()
                return
            except peewee.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
            self.pause(BUSY_MS / 1000)

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """See to it that nothing inside waits."""
        outer, self.inside = self.inside, True
        try:
            yield
        finally:
            self.inside = outer

    def opened(self, connection: Any, engine: Any) -> None:
        """Prepare the connection to SQLite that all requests share."""
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.set_progress_handler(lambda: time.perf_counter() > _until.get(), STEPS)

    def state(self, engine: Any, own: Any) -> Any:
        """Return what peewee knows of the connection that this greenlet has to a server."""
        return self._connections.state()

    def connected(self, engine: Any) -> contextlib.AbstractContextManager[None]:
        """Have one of the connections to a database server; see `connections.Connections`."""
        return self._connections.lend(engine)

    def until_ready(self, socket: int, events: int) -> None:
        """Let others go on until reading (1) or writing (2) is possible."""
        if self.inside:
            raise AssertionError("a request waits for a database server inside a transaction of all")
        watcher = self.loop.loop.io(socket, events)
        try:
            self.loop.wait(watcher)
        finally:
            watcher.close()
