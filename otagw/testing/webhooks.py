"""Receivers of webhooks, on a port of their own, that keep what they get and answer as they are told."""

import hmac
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from otagw.testing.server import Server

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

LONGEST: Final = 1024 * 1024


@dataclass(frozen=True)
class Event:
    """One delivery that came: ``answered`` is the status that it got, ``signed`` whether its signature is right."""

    event: str
    data: Mapping[str, Any]
    delivery: str
    created: str
    answered: int
    signed: bool


class Hook:
    """One receiver; ``answers`` are the statuses that it gives in turn, of which the last stays."""

    def __init__(self, secret: str, answers: Sequence[int], patterns: Sequence[str]) -> None:
        self._patterns = " ".join(patterns)
        self._secret, self.answers = secret, list(answers) or [200]
        self._came = threading.Condition()
        self._all: list[Event] = []
        self.server = Server(self._receive, name="otagw-test-hook")
        self.url = f"{self.server.url}/hook"

    @property
    def deliveries(self) -> list[Event]:
        """Return all that came, attempts that it refused among them."""
        with self._came:
            return list(self._all)

    @property
    def events(self) -> list[Event]:
        """Return what came and was accepted."""
        return [one for one in self.deliveries if 200 <= one.answered < 300]

    def of(self, event: str) -> list[Event]:
        """Return the accepted events of a name; ``*`` and ``?`` stand for any."""
        return [one for one in self.deliveries if self._fits(one, event)]

    def expect(self, event: str, times: int | None = None) -> list[Event]:
        """Return the accepted events of a name; raise AssertionError for none, or for other than so many."""
        found = self.of(event)
        if len(found) != times and (times is not None or not found):
            came = ", ".join(f"{one.event} ({one.answered})" for one in self.deliveries) or "nothing"
            wanted = event if times is None else f"{times} {event}"
            raise AssertionError(f"expected {wanted}; of {self._patterns} there came {came}")
        return found

    def wait(self, event: str, seconds: float = 30) -> Event:
        """Wait for an accepted event of a name, for gateways that send when they come to it; return the first.

        Raises AssertionError as `expect` does where none comes in time.
        """
        with self._came:
            self._came.wait_for(lambda: any(self._fits(one, event) for one in self._all), seconds)
        return self.expect(event)[0]

    def close(self) -> None:
        """Receive no more."""
        self.server.close()

    def _fits(self, one: Event, event: str) -> bool:
        return 200 <= one.answered < 300 and fnmatchcase(one.event, event)

    def _receive(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        body = environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), LONGEST))
        timestamp = environ.get("HTTP_X_OTAGW_TIMESTAMP", "")
        expected = hmac.digest(self._secret.encode(), f"{timestamp}.".encode() + body, "sha256").hex()
        found = json.loads(body)
        with self._came:
            status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            self._all.append(
                Event(
                    event=found["event"],
                    data=found["data"],
                    delivery=environ.get("HTTP_X_OTAGW_DELIVERY", ""),
                    created=found["created"],
                    answered=status,
                    signed=hmac.compare_digest(f"sha256={expected}", environ.get("HTTP_X_OTAGW_SIGNATURE", "")),
                )
            )
            self._came.notify_all()
        start(f"{status} As Told", [("Content-Length", "0")])
        return [b""]


class Webhooks:
    """The webhooks that a test has made; ``create`` keeps one for a URL, event patterns, a secret and an account."""

    def __init__(self, create: Callable[[str, Sequence[str], str | None, str], str], secret: Callable[[], str]) -> None:
        self._create, self._secret = create, secret
        self._hooks: list[Hook] = []

    def capture(self, *events: str, answers: Sequence[int] = (200,), account: str = "main") -> Hook:
        """Have the events of an account that match patterns (``*`` where none is given) sent to a new receiver."""
        secret = self._secret()
        hook = Hook(secret, answers, events or ("*",))
        self._hooks.append(hook)
        self._create(hook.url, events or ("*",), secret, account)
        return hook

    def add(self, url: str, *events: str, secret: str | None = None, account: str = "main") -> str:
        """Have events sent to a URL of the test's own; return the id of the webhook."""
        return self._create(url, events or ("*",), secret, account)

    @property
    def threads(self) -> list[threading.Thread]:
        """Return the threads of the receivers."""
        return [thread for hook in self._hooks for thread in hook.server.threads]

    def clear(self) -> None:
        """Close the receivers."""
        for hook in self._hooks:
            hook.close()
        self._hooks.clear()
