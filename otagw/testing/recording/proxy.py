"""The proxy that makes a recording: it signs each request anew with the key of the cloud, and notes the exchange.

It passes the answer on as it came. Forms and links below `/oss`, of a gateway that is recorded, go through it without
being noted: they are signed by themselves.
"""

import threading
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from werkzeug.wrappers import Request, Response

from otagw import errors
from otagw.files import links
from otagw.testing.recording import bodies, cleaning, fronts
from otagw.testing.recording.cassette import Answered, Asked, Writer
from otagw.testing.recording.front import Front, Key, Outgoing, Received
from otagw.testing.recording.upstream import PIECE, Reply, Server, Sized

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

# Requests under way at a time; more are refused.
MOST: Final = 32
# Headers of an answer that clients read.
_PASSED: Final = (
    *("content-type", "allow", "retry-after", "location", "cache-control", "x-request-id"),
    *("x-acs-request-id", "x-acs-retry-after"),
)
_OF_FILES: Final = ("content-type", "range", "if-range", "if-match", "if-none-match", "accept", "user-agent")
# Headers of a connection, not of an answer; and a length, which is that of the decoded bytes here.
_HOP_BY_HOP: Final = ("connection", "keep-alive", "transfer-encoding", "content-encoding", "server", "date")


class Recorder:
    """A WSGI application that records; ``keys`` has the key of each front, None where it is missing."""

    def __init__(self, server: Server, keys: Mapping[str, Key | None], cassette: Writer) -> None:
        self._server, self._keys, self._cassette = server, keys, cassette
        self._free = threading.BoundedSemaphore(MOST)
        self._guard = threading.Lock()
        self.unrecorded = 0

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        return fronts.answer(self._bounded, environ)(environ, start)

    def _bounded(self, request: Request) -> Response:
        if not self._free.acquire(blocking=False):
            raise errors.Unavailable(f"{MOST} requests are under way")
        try:
            response = self._answer(request)
        except BaseException:
            self._free.release()
            raise
        response.call_on_close(self._free.release)
        return response

    def _answer(self, request: Request) -> Response:
        if request.path == links.PATH or request.path.startswith(f"{links.PATH}/"):
            self._note_unrecorded()
            return self._pass(request)
        front = fronts.find(request)
        received = front.read(request)
        key = self._keys[front.name]
        if key is None:
            raise errors.Quoted("Recording.MissingKey", 503, missing(front))
        sent = front.sign(received.asked, key, self._server.url, received.beside)
        reply = self._server.send(sent)
        self._record(front, received, sent, key, reply)
        headers = {name: value for name, value in reply.headers.items() if name.lower() in _PASSED}
        headers |= front.headers(received.asked, reply.status)
        return Response(reply.body, reply.status, headers)

    def _record(self, front: Front, received: Received, sent: Outgoing, key: Key, reply: Reply) -> None:
        """Add a clean exchange to the cassette, unless the request could not be decoded as a whole."""
        if not received.is_whole:
            self._note_unrecorded()
            return
        kind = reply.headers.get("Content-Type", "")
        try:
            body = bodies.read(kind, reply.body)
        except bodies.Unreadable:
            body = None
        code = front.code(reply.status, body)
        answered = Answered(reply.status, code, kind, body)
        try:
            self._cassette.add(*_cleaned(received.asked, answered, (*received.secrets, *sent.secrets, *key)))
        except OSError as error:
            raise errors.Unavailable(f"the request was done, but cannot be recorded: {error.strerror}") from None

    def _pass(self, request: Request) -> Response:
        """Pass a form or a link on as it is, piece by piece."""
        target = str(request.environ.get("RAW_URI", ""))
        # Of another form, it could continue the host of the server.
        url = self._server.url + (target if target.startswith("/") else request.full_path)
        headers = {name: request.headers[name] for name in _OF_FILES if name in request.headers}
        body = Sized(request.stream, request.content_length) if request.content_length else b""
        opened = ExitStack()
        answer = opened.enter_context(self._server.opened(request.method, url, headers, body))
        passed = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
        response = Response(answer.iter_content(PIECE), answer.status_code, passed)
        response.call_on_close(opened.close)
        return response

    def _note_unrecorded(self) -> None:
        with self._guard:
            self.unrecorded += 1


def missing(front: Front) -> str:
    """Return what to do where the key of a front is missing."""
    return f"The recorder has no key for {front.name}: set {' and '.join(front.variables)}, and start it again."


def _cleaned(asked: Asked, answered: Answered, secrets: Collection[str]) -> tuple[Asked, Answered]:
    """Return an exchange without its secrets: those that are hidden in one half are hidden in the other too."""
    whole = cleaning.clean({"parameters": asked.parameters, "body": answered.body}, secrets)
    body = Answered(answered.status, answered.code, answered.type, whole["body"])
    return asked.with_parameters(whole["parameters"]), body
