"""Works that begin together, each in a thread of its own, as those who race do; or one right behind another."""

import threading
from concurrent.futures import ThreadPoolExecutor

from otagw import errors, runtime
from otagw.db import database
from tests.deploy.servers import eventually


def race(*works):
    """Run works that begin together; return in order what each came to: its result, or the class of its fault.

    Whatever else one raises is raised.
    """
    barrier = threading.Barrier(len(works))
    gateway = runtime.current()

    def run(work):
        with runtime.entered(gateway):
            return begin(work)

    def begin(work):
        barrier.wait(30)
        try:
            return work()
        except errors.Fault as fault:
            return type(fault)
        finally:
            database.disconnect()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def behind(first, *others):
    """Run a work and hold its transaction until all others wait for it; return what each came to, as `race` does.

    SQLite lets one writer in, so the others wait there in any case.
    """
    done = threading.Event()

    def hold():
        with database.write():
            result = first()
            done.set()
            if not database.is_sqlite():
                eventually(lambda: waiting() == len(others))
            return result

    def follow(work):
        assert done.wait(30)
        return work()

    return race(hold, *[lambda work=work: follow(work) for work in others])


def waiting():
    """Return how many of PostgreSQL's connections to this database wait for another one."""
    database.execute("SELECT pg_stat_clear_snapshot()")  # a transaction is shown what it was shown first
    query = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return database.execute(query).fetchone()[0]
