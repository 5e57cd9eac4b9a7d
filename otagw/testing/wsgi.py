"""Requests without a socket: an application is called as a server would call it."""

import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from otagw.testing.server import Hangup

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

ADDRESS: Final = "127.0.0.1"


class Response(NamedTuple):
    """An answer of an application; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    # Its connection has broken off in the middle of the body.
    is_cut: bool = False


def send(
    app: "WSGIApplication",
    method: str,
    url: str,
    given: Mapping[str, str],
    body: bytes = b"",
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """Call an application; ``extra`` goes into the environment of its request. Raises what the application raises.

    Raises `Hangup` where the application hangs up before its answer.
    """
    answered: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, found: list[tuple[str, str]], exc_info: object = None) -> Any:
        answered.append((status, found))
        return None

    pieces: Iterable[bytes] = app({**_environ(method, url, given, body), **(extra or {})}, start)
    whole, is_cut = bytearray(), False
    try:
        for piece in pieces:
            whole += piece
    except Hangup:
        is_cut = True
    finally:
        if hasattr(pieces, "close"):
            pieces.close()
    status, found = answered[-1]
    headers = {name.lower(): value for name, value in found}
    return Response(int(status.partition(" ")[0]), headers, bytes(whole), is_cut)


def _environ(method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    parts = urlsplit(url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "RAW_URI": (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        "SERVER_NAME": parts.hostname or ADDRESS,
        "SERVER_PORT": str(parts.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": ADDRESS,
        "HTTP_HOST": parts.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ
