"""The huey queue, by which a request wakes the worker. It carries no data: what is due stands in the database.

So the queue may be lost, late or out of order, and nothing is lost with it: the worker looks every second anyway.
"""

import contextlib
import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import huey
from huey import consumer, serializer, storage

from otagw.db import database

log = logging.getLogger("otagw.taskqueue")
# The shortest and the longest time between two looks into a queue that cannot call by itself, which is SQLite's.
DELAY_SECONDS: Final = 0.05
MAX_DELAY_SECONDS: Final = 0.5
# How long a queue in trouble is left alone: a request must not wait for it again and again.
PAUSE_SECONDS: Final = 10.0
TIMEOUT_SECONDS: Final = 3
_SCHEMA_LOCK: Final = 8687
_queue: "Queue | None" = None


class _Sqlite(storage.SqliteStorage):  # type: ignore[misc]  # a base without types, here and below
    def _create_connection(self) -> Any:
        """Spare a wake the wait for the disk; unlike huey's ``fsync=False``, a power cut cannot break the file."""
        connection = super()._create_connection()
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection


class _Postgres(storage.PostgresStorage):  # type: ignore[misc]
    def initialize_schema(self) -> None:
        """Make the tables in turn: IF NOT EXISTS fails in one of two processes that begin at once."""
        with self.db(commit=True) as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
            for sql in self.ddl:
                cursor.execute(sql)


class _Consumer(consumer.Consumer):  # type: ignore[misc]
    def _set_signal_handlers(self) -> None:
        """Leave the signals to the worker."""


class _Seldom(logging.Filter):
    """Let a message through once a minute: huey tries a queue that is gone twice a second, and says so each time."""

    until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the minute is over."""
        if time.monotonic() < self.until:
            return False
        self.until = time.monotonic() + 60
        return True


_seldom: Final = _Seldom()


class Queue:
    """One huey queue with one task, ``sweep``; it is opened when it is first used.

    ``secret`` names and signs what is in it: gateways may share a server, and nobody else can make huey unpickle
    anything.
    """

    def __init__(self, url: str, secret: bytes, work: Callable[[], None] = lambda: None) -> None:
        self._url, self._secret, self._work = url, secret, work
        self._lock = threading.Lock()
        self._huey: huey.Huey | None = None
        self._consumer: consumer.Consumer | None = None
        self._enqueue: Callable[[], object] = lambda: None
        self._failed, self._not_before = False, 0.0

    def wake(self) -> None:
        """Put a wake into the queue unless one waits there, which will see what this one should show."""
        with self._trouble() as usable:
            if usable and not self._open().pending_count():
                self._enqueue()

    def listen(self) -> None:
        """Call ``work`` for each wake, in a thread; while the queue does not answer, only the next call tries again."""
        if self._consumer is None:
            with self._trouble() as usable:
                if usable:
                    made = _Consumer(
                        self._open(),
                        periodic=False,
                        scheduler_interval=60,  # nothing is ever scheduled
                        initial_delay=DELAY_SECONDS,
                        max_delay=MAX_DELAY_SECONDS,
                        shutdown_timeout=TIMEOUT_SECONDS,
                    )
                    made.start()
                    self._consumer = made

    def close(self) -> None:
        """Stop listening, after the work at hand, and leave the queue."""
        with contextlib.suppress(Exception):
            if self._consumer is not None:
                self._consumer.stop(graceful=True)
                self._consumer = None
            if self._huey is not None:
                self._huey.storage.close()
                pool = getattr(self._huey.storage, "pool", None)
                if pool is not None:  # that of Redis: huey leaves its connections open
                    pool.disconnect()
                self._huey = None

    def _open(self) -> huey.Huey:
        with self._lock:
            if self._huey is None:
                name = f"otagw_{hashlib.sha256(self._secret).hexdigest()[:12]}"
                options = {"results": False, "serializer": serializer.SignedSerializer(self._secret)}
                opened = _engine(self._url, name, options)
                # PostgreSQL's listening connection is the thread's own, and only that thread can close it.
                opened.on_shutdown("close")(opened.storage.close)
                self._enqueue = opened.task(name="sweep")(self._rest_and_work)
                self._huey = opened
            return self._huey

    def _rest_and_work(self) -> None:
        """Wait for more wakes, which come to one, so that a storm of requests is not a storm of sweeps."""
        self._work()
        time.sleep(DELAY_SECONDS)

    @contextlib.contextmanager
    def _trouble(self) -> Iterator[bool]:
        """Give whether the queue may be used now; say once when it cannot, and never raise."""
        if time.monotonic() < self._not_before:
            yield False
            return
        try:
            yield True
            self._failed = False
        except Exception:  # each engine has its own, and none of them is a reason to fail
            self._not_before = time.monotonic() + PAUSE_SECONDS
            if not self._failed:
                log.warning("the queue does not answer; due work is found within a second", exc_info=True)
            self._failed = True


def _engine(url: str, name: str, options: dict[str, Any]) -> huey.Huey:
    """Return the huey of a URL."""
    match urlsplit(url).scheme:
        case "sqlite":
            file = url.removeprefix("sqlite:///")
            return huey.SqliteHuey(
                name, storage_class=_Sqlite, filename=file, timeout=TIMEOUT_SECONDS, cache_mb=1, **options
            )
        case "redis" | "rediss":
            import redis  # noqa: PLC0415 - an extra, redis
            from redis.backoff import NoBackoff  # noqa: PLC0415
            from redis.retry import Retry  # noqa: PLC0415

            pool = redis.ConnectionPool.from_url(
                url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS, retry=Retry(NoBackoff(), 0)
            )
            return huey.RedisHuey(name, connection_pool=pool, **options)
        case _:
            return huey.PostgresHuey(name, storage_class=_Postgres, dsn=url, connect_timeout=TIMEOUT_SECONDS, **options)


def use(queue: Queue | None) -> None:
    """Give the process its queue, or take it away; without one nobody is woken."""
    global _queue  # noqa: PLW0603 - goes with the process
    if _queue is not None:
        _queue.close()
    _queue = queue


def wake() -> None:
    """Have the worker look for due work, at once or as soon as the transaction at hand is committed; never raise."""
    if _queue is not None:
        database.after_commit(_queue.wake)


def follow_log() -> None:
    """Send what huey has to warn of where our own log goes."""
    logger = logging.getLogger("huey")
    logger.handlers, logger.propagate = logging.getLogger("otagw").handlers, False
    logger.setLevel(logging.WARNING)
    logging.getLogger("huey.consumer.Worker").addFilter(_seldom)
