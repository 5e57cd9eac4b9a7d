"""Works that begin together, each in a thread of its own, as those who race do."""

import threading
from concurrent.futures import ThreadPoolExecutor

from otagw import database, errors


def race(*works):
    """Run works that begin together; return in order what each came to: its result, or the class of its fault.

    Whatever else one raises is raised.
    """
    barrier = threading.Barrier(len(works))

    def run(work):
        barrier.wait(30)
        try:
            return work()
        except errors.Fault as fault:
            return type(fault)
        finally:
            database.disconnect()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))
