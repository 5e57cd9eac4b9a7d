"""Whether the gateway at hand can do its work: what `/readyz` says to load balancers, which ask often."""

import copy
import threading
from collections.abc import Sequence
from typing import Final

from otagw import clock, errors, hosts, runtime
from otagw.db import database

# How long an answer is good for: strangers may ask as often as they like, and a balancer asks every few seconds.
GOOD_MS: Final = 1000


class Readiness:
    """The answer of one gateway in one process, looked up once a second at most, for all requests that wait."""

    def __init__(self) -> None:
        self._question = hosts.Question(self._answer)
        # Threads wait for each other here. In the server's hub nobody does: it asks the question once at a time.
        self._guard = threading.Lock()
        self._at: int | None = None
        self._fault: errors.Unavailable | None = None

    def check(self) -> None:
        """Raise `errors.Unavailable` unless database, nonces and storage could be used within the last second."""
        fault = hosts.ask(self._question, None)
        if fault:
            raise copy.copy(fault)

    def _answer(self, asked: Sequence[None]) -> list[errors.Unavailable | None]:
        with self._guard:
            if self._at is None or clock.apart(self._at) >= GOOD_MS:
                self._fault = _look()
                self._at = clock.now()
            return [self._fault] * len(asked)


def _look() -> errors.Unavailable | None:
    gateway = runtime.current()
    try:
        database.ping()
        gateway.nonces.ping()
        gateway.storage.check()
    except errors.Unavailable as fault:
        return fault
    return None
