"""Pages of other origins: what their browsers may ask of the gateway, for the addresses that scripts in pages use.

Off unless `cors_origins` names them. Nothing is allowed beyond what anybody may ask for anyway: no cookie and no other
credential of the browser's goes along.
"""

import re
from collections.abc import Collection
from typing import Final

from flask import Flask, Response, request

from otagw.files import links
from otagw.net import allowed_origins

EXPOSED: Final = (
    *("X-Request-Id", "x-acs-request-id", "x-oss-request-id", "x-acs-retry-after", "Retry-After", "ETag"),
    *("Accept-Ranges", "Content-Disposition", "Content-Range"),
)
# How long a browser may remember what it was allowed.
_SECONDS: Final = 600
_NAMES: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+( *, *[A-Za-z0-9!#$%&'*+.^_`|~-]+){0,63}")


def install(app: Flask, origins: Collection[str]) -> None:
    """Have an application answer what browsers ask on behalf of pages of some origins."""
    if not origins:
        return

    @app.before_request
    def preflight() -> Response | None:
        """Answer the question of a browser before the request itself."""
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        methods = _methods(request.path)
        if not methods or not allowed_origins.allow(origins, request.headers.get("Origin", "")):
            return None
        found = {"Access-Control-Allow-Methods": ", ".join(methods), "Access-Control-Max-Age": str(_SECONDS)}
        names = request.headers.get("Access-Control-Request-Headers", "")
        if _NAMES.fullmatch(names):
            found["Access-Control-Allow-Headers"] = names
        return Response(status=204, headers=found)

    @app.after_request
    def mark(response: Response) -> Response:
        """Let the page read an answer."""
        if _methods(request.path):
            if allowed_origins.ANY not in origins:
                response.vary.add("Origin")
            if allowed_origins.allow(origins, request.headers.get("Origin", "")):
                own = allowed_origins.ANY if allowed_origins.ANY in origins else request.headers["Origin"]
                response.headers["Access-Control-Allow-Origin"] = own
                response.headers["Access-Control-Expose-Headers"] = ", ".join(EXPOSED)
        return response


def _methods(path: str) -> tuple[str, ...]:
    """Return the methods that pages may use on a path; none where they have no business."""
    if path in ("/", "//"):
        return ("GET", "POST")
    if path.rstrip("/") == links.PATH:
        return ("POST",)
    return ("GET", "HEAD") if path.startswith(f"{links.PATH}/") else ()
