"""The control API of `otagw test-server`: what a test in another language does to its gateway, as JSON over HTTP.

docs/testing/other-languages.md is written for its users. It asks for no key: it listens on loopback unless told.
"""

import ipaddress
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from otagw.simulator.protocol import Trouble
from otagw.testing import acts, fields
from otagw.testing.api import Refused
from otagw.testing.fields import Refusal
from otagw.testing.fleet import NothingOffered
from otagw.testing.gate import Busy
from otagw.testing.gateway import Gateway
from otagw.testing.schedule import Interrupted, NeverIdle

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

PREFIX: Final = "/_otagw"
LONGEST: Final = 16 * 1024 * 1024
# A Host without a port means this one.
DEFAULT_PORT: Final = 80
log = logging.getLogger("otagw.control")
# Errors of the gateway's state, answered 409; a wrong request is answered 400.
_CONFLICTS: Final = (AssertionError, NothingOffered, Trouble, Refused, NeverIdle, Busy, Interrupted)
# As much of an error as helps: one may quote what it was given.
_SHOWN: Final = 4000


class Control:
    """The application; `serve_as` says by which values of Host it may be reached.

    One request is done at a time, as a test does one thing after another.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.hosts: set[str] = set()
        self._is_open = False
        self._desk = acts.Desk(gateway)
        self._gateway, self._turn = gateway, threading.Lock()
        rules = [Rule(f"{PREFIX}{act.path}", endpoint=act, methods=[act.method]) for act in acts.TABLE]
        self._map = Map([*rules, Rule(PREFIX, endpoint=None, methods=["GET"])], merge_slashes=False)

    def serve_as(self, netloc: str, port: int, is_open: bool = False) -> None:
        """Say where it is reached; if ``is_open``, from other machines too, by other addresses and ports."""
        self.hosts |= {netloc, f"localhost:{port}", f"127.0.0.1:{port}"}
        self._is_open = is_open
        if port == DEFAULT_PORT:
            self.hosts |= {_name(host) for host in self.hosts}

    def close(self) -> None:
        """Let go of the snapshots; it must not be served any more."""
        self._desk.forget()

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Answer a request; each refusal is JSON with ``error``."""
        request, headers = Request(environ), {}
        try:
            status, answer = 200, self._answer(request)
        except Refusal as refusal:
            status, answer = refusal.status, {"error": str(refusal)}
        except MethodNotAllowed as error:
            allowed = ", ".join(sorted({*(error.valid_methods or ())} - {"HEAD", "OPTIONS"}))
            status, answer, headers = 405, {"error": f"expected one of the methods {allowed}"}, {"Allow": allowed}
        except NotFound:
            status, answer = 404, {"error": f"there is no such path; GET {PREFIX} lists them"}
        except HTTPException as error:
            status, answer = error.code or 400, {"error": error.name}
        except _CONFLICTS as error:
            status, answer = 409, {"error": str(error)[:_SHOWN] or type(error).__name__}
        except ValueError as error:
            status, answer = 400, {"error": str(error)[:_SHOWN]}
        except Exception as error:
            log.exception("a control request crashed")
            status, answer = 500, {"error": f"the test server failed: {type(error).__name__}"}
        body = json.dumps(answer, default=str).encode()
        return Response(body, status, headers, content_type="application/json")(environ, start)

    def _answer(self, request: Request) -> Any:
        """Find what is asked for, and do it."""
        self._check_sender(request)
        act, names = self._map.bind_to_environ(request.environ).match()
        if act is None:
            return {"paths": [f"{one.method} {PREFIX}{one.path}" for one in acts.TABLE]}
        given = _given(request)
        if act.do in (acts.reset, acts.clear_faults):
            fields.read(given, {})
            self._gateway.faults.clear()  # first: what a delay holds may hold the turn
        with self._turn:
            do: Callable[..., Any] = act.do
            return do(self._desk, given, **names)

    def _check_sender(self, request: Request) -> None:
        """Refuse requests that a browser sends for a foreign page."""
        if "Origin" in request.headers or not self._is_own(request.host):
            raise Refusal(
                403, f"expected a client that is no browser, and Host to be {' or '.join(sorted(self.hosts))}"
            )

    def _is_own(self, host: str) -> bool:
        """Tell whether a Host is one of ours; a page that rebinds a name of its own shows that name."""
        if host in self.hosts:
            return True
        name = _name(host)
        return self._is_open and (name in ("localhost", socket.gethostname().lower()) or _is_address(name))


def _name(host: str) -> str:
    """Return a Host without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _given(request: Request) -> dict[str, Any]:
    """Return the fields of a request: of a GET they are in the query, of others in the body."""
    is_get = request.method in ("GET", "HEAD")
    body = {} if is_get and not request.content_length else _body(request)
    for name in body if is_get else request.args:
        where = "query, not in the body" if is_get else "body, not in the query"
        raise Refusal(400, f"{name}: expected fields in the {where}")
    return dict(request.args) if is_get else body


def _body(request: Request) -> dict[str, Any]:
    """Return the object that a body is; TOML says so by its Content-Type."""
    if (request.content_length or 0) > LONGEST:
        raise Refusal(413, f"expected a body of at most {LONGEST} bytes")
    data = request.stream.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise Refusal(413, f"expected a body of at most {LONGEST} bytes")
    if not data:
        return {}
    if request.mimetype.endswith("/toml"):
        return fields.toml(data)
    try:
        found = json.loads(data.decode("utf-8"))
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        before = error.object[max(error.start - 40, 0) : error.start]
        raise Refusal(400, f"expected text in Unicode, got half of a surrogate pair after {before!r}") from None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refusal(400, "expected a body that is one JSON object in UTF-8, without NaN and Infinity")
    return found
