"""Huawei's IoTDA in a recording: both signature schemes, and tokens in place of a signature."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes, urlsplit

from werkzeug.wrappers import Request

from otagw import clock, errors
from otagw.call import Answer
from otagw.dialects.iotda import render, signature, tokens, wire
from otagw.dialects.iotda import route as routing
from otagw.dialects.iotda.route import Route
from otagw.dialects.iotda.wire import RestCall
from otagw.testing.recording import values
from otagw.testing.recording.cassette import Asked
from otagw.testing.recording.front import PASSED, Beside, Key, Outgoing, Received

# The scheme of a request that has a token in place of a signature; it is signed for the cloud by the plain scheme.
TOKEN: Final = "token"  # noqa: S105 - the name of a scheme
_BY_BODY: Final = ("POST", "PUT")
_PASSED: Final = (*PASSED, "x-project-id", "x-domain-id", "instance-id")
_UNSIGNED: Final = ("accept", "user-agent")
_LIKE_AUTHORIZATION: Final = ("x-auth-token", "x-security-token")


class Iotda:
    """The REST API of IoTDA, and as much of IAM as its SDKs ask for."""

    name = "iotda"
    variables = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK")

    def read(self, request: Request) -> Received:
        """Decode a request; an operation that the gateway does not have is called by its method and path."""
        call = RestCall(request, "")
        try:
            routing.Iotda().parse(call)
        except (errors.RouteNotFound, errors.MethodNotAllowed):
            call.operation = f"{request.method} {call.path}"
            wire.take(call, wire.MAX_BODY)
        if not call.path.startswith("/"):  # it could continue the host of the server
            raise errors.RouteNotFound
        route = routing.routes.find(call.operation)
        path = route.path if isinstance(route, Route) else call.path
        groups: dict[str, Mapping[str, Any]] = {"path": call.names, "query": dict(call.pairs)}
        is_whole = True
        try:
            groups["body"] = wire.document(call)
        except errors.Fault:
            is_whole = False
        if call.operation == routing.CREATE_TOKEN:
            tokens.key_pair(call.given)
            if tokens.method(call.given) != tokens.METHOD:  # it needs a password that the recorder does not have
                raise errors.UnsupportedSignatureMethod(f'["{tokens.METHOD}"] in auth.identity.methods')
        kept = {group: found for group, found in groups.items() if found}
        scheme, region, secrets = _authorization(call)
        asked = Asked(self.name, call.operation, request.method, path, scheme, kept)
        headers = {name: call.header(name) for name in _PASSED if call.header(name)}
        return Received(asked, Beside(headers, region, call.body), secrets, is_whole)

    def sign(self, asked: Asked, key: Key, to: str, beside: Beside) -> Outgoing:
        """Sign a request; one for a token has the key pair in its body instead."""
        groups = asked.parameters
        path = _path(asked.path, groups.get("path", {}))
        query = signature.canonical_query((name, str(value)) for name, value in groups.get("query", {}).items())
        url = f"{to}{path}?{query}" if query else f"{to}{path}"
        body = beside.body or (json.dumps(groups["body"]).encode() if "body" in groups else b"")
        headers = {**beside.headers, "Host": urlsplit(to).netloc}
        if body:
            headers.setdefault("content-type", wire.JSON)
        if asked.operation == routing.CREATE_TOKEN:
            return Outgoing(asked.method, url, headers, _login(key))
        date = datetime.fromtimestamp(clock.now() / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{date[:8]}/{beside.region}/{signature.SERVICE}" if asked.scheme == signature.DERIVED else ""
        signed = {**headers, "x-sdk-date": date}
        lines = sorted((name.lower(), value) for name, value in signed.items() if name not in _UNSIGNED)
        names = ";".join(name for name, _ in lines)
        digest = hashlib.sha256(body).hexdigest()
        way = signature.canonical_paths(path)[0]
        canonical = signature.canonical_request(asked.method, way, query, lines, names, digest)
        made, _ = signature.sign(key.id, key.secret, date, scope, canonical)
        credential = (
            f"{signature.DERIVED} Credential={key.id}/{scope}" if scope else f"{signature.PLAIN} Access={key.id}"
        )
        headers |= {"x-sdk-date": date, "Authorization": f"{credential}, SignedHeaders={names}, Signature={made}"}
        return Outgoing(asked.method, url, headers, body, (made,))

    def refuse(self, request: Request, fault: errors.Fault) -> Answer:
        """Spell a refusal."""
        return render.refusal(RestCall(request, str(uuid.uuid4())), fault)

    def code(self, status: int, body: Any) -> str:
        """Return the code of a refusal."""
        return str(body.get("error_code") or "") if isinstance(body, dict) and status >= 400 else ""

    def headers(self, asked: Asked, status: int) -> Mapping[str, str]:
        """Return a stand-in for the token that a login is answered with: a client of a recording needs no real one."""
        is_login = asked.operation == routing.CREATE_TOKEN and status < 400
        return {render.SUBJECT_TOKEN: values.HIDDEN} if is_login else {}


def _authorization(call: RestCall) -> tuple[str, str, tuple[str, ...]]:
    """Return the scheme of a request, the region of its scope, and the secrets in its headers."""
    secrets = [call.header(name) for name in _LIKE_AUTHORIZATION if call.header(name)]
    text = call.header("authorization")
    if not text:
        return TOKEN, "", tuple(secrets)
    scheme = text.partition(" ")[0]
    if scheme not in (signature.PLAIN, signature.DERIVED):
        raise errors.UnsupportedSignatureMethod(f"{signature.PLAIN} or {signature.DERIVED}")
    parts = dict(part.strip().partition("=")[::2] for part in text.partition(" ")[2].split(","))
    key_id, *scope = parts.get("Access", parts.get("Credential", "")).split("/")
    secrets += [text for text in (key_id, parts.get("Signature", "")) if text]
    return scheme, scope[1] if len(scope) > 1 else "", tuple(secrets)


def _path(template: str, names: Mapping[str, Any]) -> str:
    """Return the path of a request: segments of the template, its variables filled in and encoded."""
    segments = []
    for segment in template.split("/"):
        is_variable = segment.startswith("{") and segment.endswith("}") and segment[1:-1] in names
        raw = str(names[segment[1:-1]]).encode() if is_variable else unquote_to_bytes(segment.encode("latin-1"))
        segments.append(quote(raw, safe="-_.~"))
    return "/".join(segments)


def _login(key: Key) -> bytes:
    pair = {"access": {"key": key.id}, "secret": {"key": key.secret}}
    return json.dumps({"auth": {"identity": {"methods": [tokens.METHOD], tokens.METHOD: pair}}}).encode()
