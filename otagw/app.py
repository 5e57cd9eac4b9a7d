"""Where the parts meet: settings in, a WSGI application out. Nothing happens at import."""

from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Request

import otagw.dialects.aliyun.actions  # noqa: F401 - fills the table of Actions
from otagw import database, errors, gateway, links, log, vault
from otagw.access import Keys
from otagw.dialects.aliyun.action import Actions
from otagw.dialects.oss import route
from otagw.gateway import Answer
from otagw.nonces import Nonces
from otagw.ota import files
from otagw.ota.accounts import Rules
from otagw.settings import Settings
from otagw.storage import Storage


class _Flask(Flask):
    """Routes as they are asked for: no redirect to a tidier path, no answer to OPTIONS but ours."""

    def __init__(self) -> None:
        super().__init__("otagw", static_folder=None)
        self.url_map.merge_slashes = False
        self.url_map.strict_slashes = False
        self.config["PROVIDE_AUTOMATIC_OPTIONS"] = False


def create_app(settings: Settings) -> Flask:
    """Return the gateway as a WSGI application; the database must be migrated.

    Raises `database.WrongVersion` if it is not, `vault.VaultError` if the master key does not fit.
    """
    log.configure(settings)
    database.connect(settings)
    database.check_version()
    skew_ms = settings.clock_skew_seconds * 1000
    files.use(Storage(settings.storage))
    box = vault.unlock(settings.data_path)
    links.use(links.Links(box.derive("links"), settings.link_life_seconds))
    keys, nonces = open_keys(settings), Nonces(settings.data_path / "nonces.db", skew_ms)
    dialect = Actions(
        keys,
        nonces,
        spelling=settings.spelling,
        skew_ms=skew_ms,
        public_url=settings.public_url,
        fallback=settings.endpoint,
    )
    app = _Flask()
    _route_actions(app, dialect)
    _route_files(app)
    _route_health(app, dialect, nonces)
    _route_errors(app, dialect)
    app.extensions["otagw"] = {"actions": dialect, "keys": keys, "nonces": nonces}
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # as Flask's documentation wraps it
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies
        )
    return app


def open_keys(settings: Settings) -> Keys:
    """Return the access keys, after checking that the master key opens them."""
    rules = Rules(settings.unknown_products == "register", settings.package_quota)
    keys = Keys(vault.unlock(settings.data_path), rules)
    keys.check()
    return keys


def _route_actions(app: Flask, dialect: Actions) -> None:
    def act() -> Response:
        if request.method == "HEAD":  # Werkzeug lets it in wherever GET is
            raise MethodNotAllowed(["GET", "POST"])
        return _response(gateway.serve(dialect, _current()))

    for number, path in enumerate(("/", "//")):
        app.add_url_rule(path, f"actions{number}", act, methods=["GET", "POST"])


def _route_files(app: Flask) -> None:
    def upload() -> Response:
        return _response(route.post_object(_current()))

    def download(key: str) -> Response:
        return _response(route.get_object(_current(), key))

    app.add_url_rule(links.PATH, "upload", upload, methods=["POST"])
    app.add_url_rule(f"{links.PATH}/<path:key>", "download", download, methods=["GET"])


def _route_health(app: Flask, dialect: Actions, nonces: Nonces) -> None:
    def healthz() -> Response:
        return _response(gateway.report(dialect, _current(), {"status": "ok"}))

    def readyz() -> Response:
        try:
            database.ping()
            nonces.ping()
            files.storage().check()
        except errors.Unavailable as fault:
            return _response(gateway.refuse(dialect, _current(), fault))
        return _response(gateway.report(dialect, _current(), {"status": "ok"}))

    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)


def _route_errors(app: Flask, dialect: Actions) -> None:
    def refuse(error: Exception) -> Response:
        return _response(gateway.refuse(dialect, _current(), _fault(error)))

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
    body = answer.body if answer.stream is None else answer.stream
    return Response(body, answer.status, headers, content_type=answer.content_type)
