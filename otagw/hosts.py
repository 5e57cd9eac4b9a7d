"""What runs the code at hand: a plain thread, or the server's hub, which runs many requests in one thread.

What costs much to open and to close, a durable transaction above all, and what can be asked for several at once, goes
through the host of its thread. A plain thread does it by itself; the hub (`db.hub`) lets requests do it together, and
others go on while one waits. docs/decisions/0007-server.md says what that gains.
"""

import fcntl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

T = TypeVar("T")
V = TypeVar("V")
# What is waited for apart: each has threads of its own, so that one that hangs holds up those alone who need it.
FILES, STORE, FETCH, ROWS, REDIS, DATABASE = "files", "store", "fetch", "rows", "redis", "database"
# What computes for long: it takes the processor from others, but not their turns.
COMPUTING: Final = "computing"
KINDS: Final = (FILES, STORE, FETCH, ROWS, REDIS, DATABASE, COMPUTING)


@dataclass(frozen=True, eq=False)
class Question(Generic[V, T]):
    """What can be answered for several at once: ``answer`` takes what each asks about, and returns as many answers.

    It is answered apart where it waits for one of `KINDS`. Those who come while it is answered wait for that, unless it
    may be answered ``again`` at the same time: where it locks rows that others hold, say.
    """

    answer: Callable[[Sequence[V]], Sequence[T]]
    waits: str = ""
    again: bool = False


class Lock(Protocol):
    """A lock that processes queue for, as `db.write_lock` has it."""

    def take(self, how: int) -> bool:
        """Take it as the flags of ``flock`` say; return False where it is not free and they do not wait."""

    def __enter__(self) -> None: ...

    def __exit__(self, *exc: object) -> None: ...


class Transactions(Protocol):
    """What opens the write transactions of one database, as `db.database` has it."""

    @property
    def engine(self) -> Any:
        """Return peewee's engine."""

    @property
    def lock(self) -> Lock | None:
        """Return what writers queue for, where there is one writer at a time."""

    def begin(self) -> AbstractContextManager[object]:
        """Return a transaction."""

    def part(self) -> AbstractContextManager[None]:
        """Return one part of a transaction that several share, undone by itself where it fails."""


class Host(Protocol):
    """How code waits: alone, or together with others."""

    def write(self, database: Transactions) -> AbstractContextManager[None]:
        """Open a write transaction, of one's own or with others; see `database.write`."""

    def ask(self, question: Question[V, T], value: V) -> T:
        """Answer a question; see `ask`."""

    def apart(self, task: Callable[[], T], kind: str) -> T:
        """Run something slow; see `apart`."""

    def briefly(self, task: Callable[[], T]) -> T:
        """Run something that reads, perhaps many rows; see `briefly`."""

    def turn(self, name: str, at_once: int, seconds: float, late: Exception) -> AbstractContextManager[None]:
        """Wait while as many of a name are inside; raise ``late`` after so many seconds."""

    def pause(self, seconds: float) -> None:
        """Let others go on for a moment."""

    def queue(self, lock: Lock) -> None:
        """Wait for a lock; raise `peewee.OperationalError` where that takes too long."""

    def undisturbed(self) -> AbstractContextManager[None]:
        """Use what the thread has once, a connection say: nothing inside may wait."""

    def connected(self, engine: Any) -> AbstractContextManager[None]:
        """Have a connection to a database server for what is inside."""

    def opened(self, connection: Any, engine: Any) -> None:
        """Prepare a connection that was just opened."""

    def state(self, engine: Any, own: Any) -> Any:
        """Return what peewee knows of the connection at hand; ``own`` is the thread's."""


class Thread:
    """A plain thread: it waits by itself, and has a connection of its own."""

    @contextmanager
    def write(self, database: Transactions) -> Iterator[None]:
        """Open a transaction of one's own."""
        with database.lock or nullcontext(), database.begin():
            yield

    def ask(self, question: Question[V, T], value: V) -> T:
        """Ask alone."""
        return question.answer([value])[0]

    def apart(self, task: Callable[[], T], kind: str) -> T:
        """Run it here."""
        return task()

    def briefly(self, task: Callable[[], T]) -> T:
        """Run it here, for as long as it takes."""
        return task()

    def turn(self, name: str, at_once: int, seconds: float, late: Exception) -> AbstractContextManager[None]:
        """Whoever made the threads has limited them."""
        return nullcontext()

    def pause(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def queue(self, lock: Lock) -> None:
        """Wait for as long as it takes, in the kernel's queue."""
        lock.take(fcntl.LOCK_EX)

    def undisturbed(self) -> AbstractContextManager[None]:
        """Nobody else is here."""
        return nullcontext()

    def connected(self, engine: Any) -> AbstractContextManager[None]:
        """Leave it to peewee, which keeps a connection for each thread."""
        return nullcontext()

    def opened(self, connection: Any, engine: Any) -> None:
        """Leave it as it is."""

    def state(self, engine: Any, own: Any) -> Any:
        """Return the thread's own."""
        return own


class _Here(threading.local):
    host: Host = Thread()


_here = _Here()


def here() -> Host:
    """Return the host of this thread."""
    return _here.host


@contextmanager
def settled(host: Host) -> Iterator[None]:
    """Let a host be that of this thread for what is inside."""
    outer, _here.host = _here.host, host
    try:
        yield
    finally:
        _here.host = outer


def ask(question: Question[V, T], value: V) -> T:
    """Return the answer to a question about a value, asked together with others where some wait.

    Raises what the question raises; it is raised for everybody then.
    """
    return _here.host.ask(question, value)


def apart(task: Callable[[], T], kind: str) -> T:
    """Return what something slow returns, which waits for one of `KINDS` and holds up nobody else meanwhile.

    It runs in the context of its caller, in a plain thread. Raises what it raises.
    """
    return _here.host.apart(task, kind)


def briefly(task: Callable[[], T]) -> T:
    """Return what reading returns, which changes nothing: where it takes long it is begun anew `apart`."""
    return _here.host.briefly(task)
