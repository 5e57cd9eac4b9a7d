"""Answer from a recording, without the cloud that it was made of.

Signatures are not verified: no key is known. Request ids are new in each answer.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from otagw import errors
from otagw.testing.recording import bodies, cleaning, fronts, values
from otagw.testing.recording.cassette import Exchange
from otagw.testing.recording.matching import Matcher

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


class Replay:
    """A WSGI application that answers from a recording."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self._matcher = Matcher(exchanges)

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        return fronts.answer(self._answer, environ)(environ, start)

    def _answer(self, request: Request) -> Response:
        front = fronts.find(request)
        received = front.read(request)
        if not received.is_whole:
            raise errors.UnsupportedMediaType(bodies.JSON)
        # Cleaned as the recorded ones were: without queries of links, and without a secret that a refusal could show.
        asked = received.asked.with_parameters(cleaning.clean(received.asked.parameters, received.secrets))
        found = self._matcher.find(asked).answered
        request_id = str(uuid.uuid4())
        body = bodies.write(found.type, _renewed(self._matcher.now(found.body), request_id))
        headers = {**front.headers(received.asked, found.status), "X-Request-Id": request_id}
        return Response(body, found.status, headers, content_type=found.type or None)


def _renewed(body: Any, request_id: str) -> Any:
    """Return an answer with another request id, in the case that the recorded one has."""
    if not isinstance(body, dict):
        return body
    found = {}
    for name, value in body.items():
        if values.is_request_id(name) and isinstance(value, str):
            found[name] = request_id.upper() if value == value.upper() else request_id
        else:
            found[name] = _renewed(value, request_id) if isinstance(value, dict) else value
    return found
