"""The fronts of a recording: which of them a request is for, and who refuses it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from werkzeug.wrappers import Request, Response

from otagw import errors
from otagw.dialects.iotda import wire
from otagw.testing.recording.actions import Actions
from otagw.testing.recording.front import Front
from otagw.testing.recording.iotda import Iotda

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

ACTIONS: Final = Actions()
IOTDA: Final = Iotda()
FRONTS: Final[Mapping[str, Front]] = {front.name: front for front in (ACTIONS, IOTDA)}
_PATHS: Final = ("", "/", "//")
_METHODS: Final = ("GET", "POST")


def of(request: Request) -> Front:
    """Return the front of a request: Actions get all that is below no other's path, to refuse it."""
    return IOTDA if wire.is_ours(request.path) else ACTIONS


def find(request: Request) -> Front:
    """Return the front of a request, or raise the fault of one that no front takes."""
    front = of(request)
    if front is ACTIONS:
        if request.path not in _PATHS:
            raise errors.RouteNotFound
        if request.method not in _METHODS:
            raise errors.MethodNotAllowed(_METHODS)
    return front


def answer(act: Callable[[Request], Response], environ: "WSGIEnvironment") -> Response:
    """Answer a request by ``act``, and refuse in the words of its front where that raises a Fault.

    A page in a browser is refused: any page of the web can send requests to loopback, though not read the answers.
    """
    request = Request(environ)
    try:
        if request.headers.get("Origin") or request.headers.get("Sec-Fetch-Site"):
            raise errors.Quoted("Recording.Browser", 403, "The request comes from a browser: send it from a program.")
        return act(request)
    except errors.Fault as fault:
        refused = of(request).refuse(request, fault)
        headers = {**refused.headers, "X-Request-Id": refused.request_id}
        return Response(refused.body, refused.status, headers, content_type=refused.content_type)
