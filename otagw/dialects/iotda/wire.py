"""The wire of IoTDA, reading side: the target as it came, which operation it addresses, and what is given to it.

The facts are in docs/wire/iotda.md.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from urllib.parse import quote, unquote_to_bytes

from otagw import errors
from otagw.access import Caller
from otagw.dialects import http, json_body
from otagw.dialects.iotda import form

JSON: Final = "application/json"
MAX_BODY: Final = 12 * 1024 * 1024
# A body that is read as JSON before its sender is known.
MAX_CREDENTIALS: Final = 16 * 1024
MAX_PARAMETERS: Final = 1000
PREFIXES: Final = ("/v5", "/v3")
PROJECT: Final = "project_id"


@dataclass(slots=True)
class RestCall(http.Received):
    """One request below `PREFIXES`.

    ``path`` and ``query`` are the target's halves as they came (bytes as Latin-1); ``pairs`` are the decoded
    parameters of the query, ``names`` the variable segments of the path.
    """

    front: ClassVar[str] = "iotda"
    request_id: str
    operation: str = ""
    key_id: str = ""
    path: str = ""
    query: str = ""
    pairs: list[tuple[str, str]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    instance_id: str = ""
    caller: Caller | None = None
    is_form: bool = False

    @property
    def given(self) -> dict[str, Any]:
        """Return what the operation is given: of the path, and of the query or the body; the path has its way."""
        if self.request.method not in ("POST", "PUT"):
            return {**{name: value for name, value in self.pairs if value}, **self.names}
        body = form.read(self.request, self.body) if self.is_form else document(self)
        return {**body, **self.names}

    @property
    def parameters(self) -> dict[str, Any]:
        """Return what the operation is given; raise the fault of a body that cannot be read."""
        return {
            name: {"name": value.name, "bytes": len(value.data)} if isinstance(value, form.Upload) else value
            for name, value in self.given.items()
        }


def is_ours(path: str) -> bool:
    """Tell whether a path is below ours."""
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in PREFIXES)


def parse(call: RestCall) -> None:
    """Read the target and the parameters of its query; `take` reads the body, once its route is known."""
    environ = call.request.environ
    target, query = str(environ.get("RAW_URI") or ""), environ.get("QUERY_STRING", "")
    if not target:
        path = quote(str(environ.get("PATH_INFO", "")).encode("latin-1"), safe="/-_.~")
        target = f"{path}?{query}" if query else path
    elif not target.startswith("/"):  # the absolute form
        target = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?]*", "", target)
    call.path, _, call.query = target.partition("#")[0].partition("?")
    call.instance_id = call.header("instance-id")
    call.pairs = http.weighed(len(call.query), lambda: list(_pairs(call.query)))
    twice = http.repeated(name for name, _ in call.pairs)
    if twice is not None:
        raise errors.InvalidParameter(ascii(twice).strip("'")[:64], "to be given once")


def take(call: RestCall, longest: int) -> None:
    """Read the body."""
    call.body = http.body(call.request, longest)


def match(template: str, path: str) -> dict[str, str] | None:
    """Return the variable segments of a path that follows a template; None if it does not, whatever ends in ``/``."""
    path = path.removesuffix("/")
    if path.count("/") != template.count("/"):  # counted, not split: a path may have 200,000 of them, for each template
        return None
    wanted, came = template.split("/"), path.split("/")
    found = {}
    for pattern, segment in zip(wanted, came, strict=True):
        text = unquote_to_bytes(segment.encode("latin-1")).decode("utf-8", "replace")
        if pattern.startswith("{") and text:
            found[pattern[1:-1]] = text
        elif pattern != text:
            return None
    return found


def document(call: RestCall) -> dict[str, Any]:
    """Return the object that a body is, without what is null in it; no body is an empty one."""
    if not call.body:
        return {}
    if http.content_type(call.request)[0] != JSON:
        raise errors.UnsupportedMediaType(JSON)
    found: dict[str, Any] = _without_nulls(json_body.read_object(call.body))
    return found


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return value


def _pairs(query: str) -> Iterable[tuple[str, str]]:
    if query.count("&") >= MAX_PARAMETERS:
        raise errors.RequestTooLarge(f"{MAX_PARAMETERS} parameters")
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            yield http.decode(name, name), http.decode(value, name)
