"""Connections to a database server, of which the requests of a hub have one each for as long as they need it."""

import contextlib
import select
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

import peewee
from greenlet import getcurrent

from otagw.hosts import DATABASE

# Of one process, and how long a request waits for one.
CONNECTIONS: Final = 10
CONNECTION_SECONDS: Final = 5.0
# How long an answer is waited for in place: a short one comes sooner than others have had a turn.
IN_PLACE_SECONDS: Final = 0.001
# How long a request waits for a row that another holds, and for any statement: others may need the connection.
LIMITS: Final = "SET lock_timeout = '2s'; SET statement_timeout = '15s'"
IDLE: Final = 0
READ, WRITE = 1, 2  # events, as psycopg and gevent have them


class Waiting(Protocol):
    """What a hub does for requests that wait."""

    def turn(self, name: str, at_once: int, seconds: float, late: Exception) -> AbstractContextManager[None]:
        """See `hosts.Host`."""

    def apart(self, task: Callable[[], Any], kind: str) -> Any:
        """See `hosts.Host`."""

    def until_ready(self, socket: int, events: int) -> None:
        """Let others go on until one of the events has come."""


class Connections:
    """The connections of one process to one server."""

    def __init__(self, hub: Waiting) -> None:
        self._hub = hub
        self._free: list[Any] = []

    def state(self) -> Any:
        """Return what peewee knows of the connection that this greenlet has."""
        me = getcurrent()
        try:
            return me.connection  # type: ignore[attr-defined]  # a greenlet takes any attribute, like a thread
        except AttributeError:
            found = me.connection = peewee._ConnectionState()  # type: ignore[attr-defined]
            return found

    @contextlib.contextmanager
    def lend(self, engine: Any) -> Iterator[None]:
        """Have a connection for a statement or for a transaction; inside, it stays the same."""
        state = self.state()
        if not state.closed:
            yield
            return
        late = peewee.OperationalError("all connections to the database are in use")
        with self._hub.turn("connection", CONNECTIONS, CONNECTION_SECONDS, late):
            connection = self._free.pop() if self._free else self._connect(engine)
            state.set_connection(connection)
            try:
                yield
            finally:
                state.reset()
                if not connection.closed and connection.pgconn.transaction_status == IDLE:
                    self._free.append(connection)
                else:
                    connection.close()
                    self.drop()  # what broke one may have broken all

    def drop(self) -> None:
        """Close the connections that nobody has."""
        while self._free:
            self._free.pop().close()

    def _connect(self, engine: Any) -> Any:
        """Return a new connection, which waits as the hub does, and not for ever."""

        def connect() -> Any:
            engine.connect(reuse_if_open=True)
            made = engine.connection()
            engine.dispose()  # it is not this thread's
            made.execute(LIMITS)
            return made

        connection = self._hub.apart(connect, DATABASE)
        connection.wait = lambda generator, *_, **__: self._wait(generator, connection.pgconn.socket)
        return connection

    def _wait(self, generator: Any, socket: int) -> Any:
        """Wait for a server as psycopg says it has to: in the place of its ``Connection.wait``."""
        try:
            wanted = next(generator)
            while True:
                wanted = generator.send(self._ready(socket, wanted))
        except StopIteration as done:
            return done.value

    def _ready(self, socket: int, wanted: int) -> int:
        """Return which of reading and writing is possible."""
        poll = select.poll()
        poll.register(socket, (select.POLLIN if wanted & READ else 0) | (select.POLLOUT if wanted & WRITE else 0))
        found = poll.poll(IN_PLACE_SECONDS * 1000)
        if not found:
            self._hub.until_ready(socket, wanted)
            found = poll.poll(0)
        event = found[0][1] if found else 0
        broken = event & (select.POLLERR | select.POLLHUP)
        return (READ if event & select.POLLIN or broken else 0) | (WRITE if event & select.POLLOUT or broken else 0)
