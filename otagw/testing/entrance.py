"""The way of every request through the double: what is due before it is done, then the request, then its fault."""

import contextlib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from otagw.testing import paced
from otagw.testing.faults import MET, Faults
from otagw.testing.gate import Gate
from otagw.testing.paced import Body, Met
from otagw.testing.schedule import Schedule
from otagw.testing.server import Hangup

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# Reason phrases of a fault's status.
_PHRASES: Final = {429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


class Unalterable(ValueError):
    """The answer cannot be altered."""


class Entrance:
    """A WSGI application around the gateway's own; what is due is done around each request.

    Errors inside go to `Schedule.trouble`, and fail the test.
    """

    def __init__(self, app: "WSGIApplication", gate: Gate, faults: Faults, schedule: Schedule) -> None:
        self._app, self._gate, self._faults, self._schedule = app, gate, faults, schedule

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Answer a request, or raise `Hangup`."""
        number = self._gate.enter(f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}")
        try:
            self._schedule.before()
            environ["wsgi.input"] = body = Body(environ["wsgi.input"])
            answer = _Answer()
            pieces = self._app(environ, answer)
            self._schedule.after()
            met: Met | None = environ.get(MET)
            if met and (met.fault.before or met.fault.after or body.is_broken):
                _close(pieces)
                raise Hangup(met.fault.reset)
            sent = self._shaped(met, answer, pieces, environ["REQUEST_METHOD"]) if met else pieces
            start(answer.status, answer.headers)
        except Hangup:
            self._gate.leave(number)
            raise
        except BaseException as error:
            self._gate.leave(number)
            self._schedule.trouble.append(error)
            raise
        return _Leaving(sent, pieces, lambda: self._gate.leave(number))

    def _shaped(self, met: Met, answer: "_Answer", pieces: Iterable[bytes], method: str) -> Iterable[bytes]:
        """Return the body of an answer as a fault leaves it."""
        fault = met.fault
        if fault.status and fault.refuses:
            answer.status = f"{fault.status} {_PHRASES.get(fault.status, 'Refused')}"
        if fault.retry_after is not None:
            answer.set("Retry-After", str(math.ceil(fault.retry_after)))
        if fault.alter:
            pieces = [_altered(met, answer, pieces)]
        is_long = method != "HEAD" and int(answer.get("Content-Length") or 0) > (fault.drop_after or 0)
        if not met.is_done and (met.is_upload or not is_long):
            # Before the client has the answer: a test may look at once.
            met.is_done = True
            self._faults.give_back(fault)
            return pieces
        return paced.pieces(met, pieces) if fault.bandwidth or not met.is_done else pieces


def _altered(met: Met, answer: "_Answer", pieces: Iterable[bytes]) -> bytes:
    """Return the body of an answer as the function of a fault has it."""
    assert met.fault.alter  # noqa: S101 - asked for by the caller
    with contextlib.closing(_Leaving(pieces, pieces, lambda: None)) as whole:
        data = b"".join(whole)
    try:
        before = json.loads(data)
    except ValueError:
        kind = answer.get("Content-Type") if data else "nothing"
        raise Unalterable(f"{met.fault}: expected an answer in JSON, got {answer.status} with {kind}") from None
    after = met.fault.alter(before)
    if after is None:
        raise Unalterable(f"{met.fault}: expected alter to return the answer, got None")
    body = json.dumps(after).encode()
    answer.set("Content-Length", str(len(body)))
    return body


class _Answer:
    """The beginning of an answer, held back."""

    def __init__(self) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        self.status, self.headers = status, headers
        return lambda _: None

    def get(self, name: str) -> str:
        """Return a header, or an empty text."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def set(self, name: str, value: str) -> None:
        """Have one header of a name."""
        self.headers = [pair for pair in self.headers if pair[0].lower() != name.lower()] + [(name, value)]


class _Leaving:
    """The body of an answer; the gate is left when its last piece is taken, which may be long before it is closed."""

    def __init__(self, pieces: Iterable[bytes], inner: Iterable[bytes], leave: Callable[[], None]) -> None:
        self._pieces, self._inner, self._leave = iter(pieces), inner, leave

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except BaseException:
            self._leave()
            raise

    def close(self) -> None:
        """Be done with the answer."""
        try:
            _close(self._inner)
        finally:
            self._leave()


def _close(pieces: Iterable[bytes]) -> None:
    if hasattr(pieces, "close"):
        pieces.close()
