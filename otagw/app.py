"""Where the parts meet: settings in, a WSGI application out. Nothing happens at import."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from flask import Flask, Response, request
from flask import Request as FlaskRequest
from flask.sessions import SessionInterface
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import MapAdapter
from werkzeug.wrappers import Request
from werkzeug.wsgi import get_host

import otagw.dialects.aliyun.actions
import otagw.dialects.iotda.routes  # noqa: F401 - fills the table of IoTDA
from otagw import cors, errors, gateway, runtime
from otagw.call import Answer
from otagw.db import schema
from otagw.dialects.addressed import DeviceFront, DeviceOperation, Giver
from otagw.dialects.aliyun.action import Actions
from otagw.dialects.ddi import route as ddi
from otagw.dialects.device import route as device
from otagw.dialects.iotda import wire as iotda_wire
from otagw.dialects.iotda.route import Iotda
from otagw.dialects.oss import route as oss
from otagw.dialects.oss.handover import Handover
from otagw.files import links
from otagw.parts import Runtime
from otagw.settings import Settings

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# What answers a request, below a path, with a fault.
Refusals: TypeAlias = Callable[[Request, str, errors.Fault], Answer]
# A path that nothing is served under, and that no front owns.
_NOWHERE: Final = "/nowhere"
DEVICE_FRONTS: Final[tuple[DeviceFront, ...]] = (device.Front(), ddi.Front())


class _Response(Response):
    """An answer as it is made: one with a body needs none of the headers that others have to lose or to mend."""

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        """Return the headers to send."""
        return self.headers if self.status_code == 200 else super().get_wsgi_headers(environ)


class _NoSessions(SessionInterface):
    """No session is kept for anybody, and none is looked for."""

    def open_session(self, app: Flask, request: FlaskRequest) -> None:
        """Return nothing, which Flask takes for a session that cannot be kept."""


class _Flask(Flask):
    """Routes as they are asked for: no redirect to a tidier path, no answer to OPTIONS but ours."""

    response_class = _Response
    session_interface = _NoSessions()

    def __init__(self) -> None:
        super().__init__("otagw", static_folder=None)
        self.url_map.merge_slashes = False
        self.url_map.strict_slashes = False
        self.config["PROVIDE_AUTOMATIC_OPTIONS"] = False

    def create_url_adapter(self, request: FlaskRequest | None) -> MapAdapter | None:
        """Return what finds the route of a request.

        Flask's own way reads the host twice, and what only redirects need; it tells WebSockets apart, which so go it.
        """
        if request is None:
            return None
        if "HTTP_UPGRADE" in request.environ:
            return super().create_url_adapter(request)
        path = request.environ.get("PATH_INFO", "/").encode("latin-1").decode(errors="replace")
        host = get_host(request.environ)
        return self.url_map.bind(host, subdomain="", default_method=request.method, path_info=path)

    def preprocess_request(self) -> Any:
        """Call what is to come before a request, if there is anything."""
        return super().preprocess_request() if self.before_request_funcs else None

    def process_response(self, response: Response) -> Response:
        """Call what is to come after a request, if there is anything; there are no sessions to save."""
        return super().process_response(response) if self.after_request_funcs else response

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function as it is: none of ours is a coroutine."""
        return func


def create_app(settings: Settings, **parts: Any) -> Flask:
    """Return the gateway as a WSGI application; the database must be migrated.

    ``parts`` are fields of `parts.Runtime` that take the place of its own. Raises `schema.WrongVersion` if the
    database is not migrated, `vault.VaultError` if the master key does not fit.
    """
    return application(Runtime(settings, operations=operations(), **parts))


def application(gateway: Runtime) -> Flask:
    """Return the application of a gateway, which is closed where that raises what `create_app` does."""
    with runtime.entered(gateway):
        try:
            schema.check_version()
            gateway.keys.check()
            gateway.prepare()
        except BaseException:
            gateway.close()
            raise
        return _application(gateway)


def _application(gateway: Runtime) -> Flask:
    settings = gateway.settings
    actions, iotda = Actions(), Iotda()
    app = _Flask()
    _route_actions(app, actions)
    files = oss.Front(Handover(settings.x_accel, settings.redirect_downloads))
    _route_files(app, files)
    for front in DEVICE_FRONTS:
        _route_devices(app, front, files.give)
    _route_iotda(app, iotda)
    _route_health(app, actions)
    cors.install(app, settings.cors_origins)
    refusal = _refusals(actions, iotda, files)
    _route_errors(app, refusal)
    app.extensions["otagw"] = {"runtime": gateway, "refusal": refusal}
    inner: WSGIApplication = app.wsgi_app
    if settings.trusted_proxies:
        inner = ProxyFix(inner, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies)
    app.wsgi_app = _within(gateway, inner)  # type: ignore[method-assign,assignment]  # as Flask's documentation wraps it
    return app


def _within(gateway: Runtime, application: "WSGIApplication") -> "WSGIApplication":
    """Return an application whose requests run for a gateway."""

    def enter(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith("//") and path != "//":
            # Werkzeug takes two slashes for one: by themselves they are another spelling of it, below them is nothing.
            environ.update(PATH_INFO=_NOWHERE)
        with runtime.entered(gateway):
            return application(environ, start)

    return enter


def operations() -> tuple[str, ...]:
    """Return the name of every operation of every front, by which requests are counted."""
    tables: list[Iterable[Any]] = [Actions.table, Iotda.table, *(front.operations for front in DEVICE_FRONTS)]
    return (*(operation.name for table in tables for operation in table), *oss.OPERATIONS)


def needs() -> frozenset[str]:
    """Return what access keys can be granted, for every operation that is signed with one."""
    tables: list[Iterable[Any]] = [Actions.table, Iotda.table]
    return frozenset(operation.needs for table in tables for operation in table)


def _route_actions(app: Flask, actions: Actions) -> None:
    def act() -> Response:
        asked = _current()
        if asked.method == "HEAD":  # Werkzeug lets it in wherever GET is
            raise MethodNotAllowed(["GET", "POST"])
        return _response(gateway.serve(actions, asked))

    for number, path in enumerate(("/", "//")):
        app.add_url_rule(path, f"actions{number}", act, methods=["GET", "POST"])


def _route_files(app: Flask, front: oss.Front) -> None:
    def upload() -> Response:
        return _response(front.post(_current()))

    def download(key: str) -> Response:
        return _response(front.get(_current(), key))

    app.add_url_rule(links.PATH, "upload", upload, methods=["POST"])
    app.add_url_rule(f"{links.PATH}/<path:key>", "download", download, methods=["GET"])


def _route_devices(app: Flask, front: DeviceFront, give: Giver) -> None:
    def view(operation: DeviceOperation) -> Callable[..., Response]:
        return lambda **names: _response(front.serve(operation, _current(), give, **names))

    for operation in front.operations:
        path, name = front.path + operation.path, operation.name.replace(".", " ")
        app.add_url_rule(path, name, view(operation), methods=operation.methods)


def _route_iotda(app: Flask, iotda: Iotda) -> None:
    def call(**_: str) -> Response:
        return _response(gateway.serve(iotda, _current()))

    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]
    for prefix in iotda_wire.PREFIXES:  # the front reads the path by itself, since it is signed as it came
        app.add_url_rule(prefix, f"iotda {prefix}", call, methods=methods)
        app.add_url_rule(f"{prefix}/<path:rest>", f"iotda below {prefix}", call, methods=methods)


def _route_health(app: Flask, actions: Actions) -> None:
    def healthz() -> Response:
        return _response(gateway.report(actions, _current(), {"status": "ok"}))

    def readyz() -> Response:
        try:
            runtime.current().readiness.check()
        except errors.Unavailable as fault:
            return _response(gateway.refuse(actions, _current(), fault))
        return _response(gateway.report(actions, _current(), {"status": "ok"}))

    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)


def _refusals(actions: Actions, iotda: Iotda, files: oss.Front) -> Refusals:
    """Return what refuses a request that reaches no operation, in the words of the front that its path belongs to."""

    def refusal(request: Request, path: str, fault: errors.Fault) -> Answer:
        front = next((front for front in (files, *DEVICE_FRONTS) if front.owns(path)), None)
        if front:
            return front.refuse(request, fault)
        if iotda_wire.is_ours(path):
            return gateway.refuse(iotda, request, fault)
        return gateway.refuse(actions, request, fault)

    return refusal


def _route_errors(app: Flask, refusal: Refusals) -> None:
    def refuse(error: Exception) -> Response:
        return _response(refusal(_current(), request.path, _fault(error)))

    app.register_error_handler(HTTPException, refuse)
    app.register_error_handler(Exception, refuse)


def _fault(error: Exception) -> errors.Fault:
    """Return what an error outside every operation means."""
    match error:
        case NotFound():
            return errors.RouteNotFound()
        case MethodNotAllowed():
            return errors.MethodNotAllowed(tuple(error.valid_methods or ()))
        case RequestEntityTooLarge():
            return errors.RequestTooLarge("the limit")
        case HTTPException() if error.code and error.code < 500:
            return errors.Unreadable(error.name)
        case _:
            return errors.Internal()


def _current() -> Request:
    return request._get_current_object()  # type: ignore[attr-defined,no-any-return]  # Flask's own way past its proxy


def _response(answer: Answer) -> Response:
    headers: Mapping[str, Any] = {**answer.headers, "X-Request-Id": answer.request_id}
    is_whole = answer.stream is None  # and so has nothing to encode piece by piece, nor to close
    body = answer.body if answer.stream is None else answer.stream
    return _Response(body, answer.status, headers, content_type=answer.content_type, direct_passthrough=is_whole)
