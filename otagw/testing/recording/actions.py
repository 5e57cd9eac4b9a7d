"""Actions of Tuya and Alibaba Cloud, in a recording: V1 by parameters, V3 by headers."""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from werkzeug.wrappers import Request

from otagw import clock, errors
from otagw.call import Answer
from otagw.dialects.aliyun import render, signature, wire
from otagw.dialects.aliyun.wire import ActionCall
from otagw.testing.recording.cassette import Asked
from otagw.testing.recording.front import PASSED, Beside, Key, Outgoing, Received

V1: Final = "v1"
V3: Final = "v3"
# What V1 signs by, and what says who signs; neither is kept or passed on.
_SIGNING: Final = (
    *("AccessKeyId", "Signature", "SignatureMethod", "SignatureNonce", "SignatureVersion", "SignatureType"),
    *("Timestamp", "SecurityToken"),
)
_SECRET: Final = ("AccessKeyId", "Signature", "SignatureNonce", "SecurityToken")
_NAMED: Final = ("Action", "Version")
_HEADER: Final = "x-acs-"
# Headers that `sign` makes anew, and credentials of the client.
_MADE: Final = (
    *("x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"),
    *("x-acs-security-token", "x-acs-accesskey-id", "x-acs-credentials-provider"),
    *("x-acs-signature-method", "x-acs-signature-version", "x-acs-signature-type"),
)
_SECRET_HEADERS: Final = ("x-acs-signature-nonce", "x-acs-security-token", "x-acs-accesskey-id")


class Actions:
    """The one endpoint of Actions."""

    name = "aliyun"
    variables = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")

    def read(self, request: Request) -> Received:
        """Decode a request; its version becomes a parameter, in V3 too."""
        call = ActionCall(request, "", "alibaba")
        wire.parse(call, lambda is_alibaba: None)
        query, form = dict(call.query), {name: v for name, v in call.params.items() if name not in call.query}
        if call.v3 and call.header("x-acs-version"):
            query["Version"] = call.header("x-acs-version")
        groups = {
            group: {name: value for name, value in found.items() if name not in (*_SIGNING, "Action")}
            for group, found in (("query", query), ("form", form))
        }
        asked = Asked(
            self.name,
            call.operation,
            request.method,
            "/",
            V3 if call.v3 else V1,
            {group: found for group, found in groups.items() if found},
        )
        return Received(asked, Beside(_passed(call)), _secrets(call))

    def sign(self, asked: Asked, key: Key, to: str, beside: Beside) -> Outgoing:
        """Sign a request; parameters stay where they were, in the query or in the form."""
        query, form = (_texts(asked.parameters.get(group, {})) for group in ("query", "form"))
        return (_v3 if asked.scheme == V3 else _v1)(asked, key, to, beside, query, form)

    def refuse(self, request: Request, fault: errors.Fault) -> Answer:
        """Spell a refusal, in XML where the query asks for it."""
        call = ActionCall(request, str(uuid.uuid4()).upper(), "alibaba")
        call.xml = request.args.get("Format", "").lower() == "xml"
        return render.refusal(call, fault, call.header("host"))

    def code(self, status: int, body: Any) -> str:
        """Return the code of a refusal: a success has none, or says so beside it."""
        members = body if isinstance(body, dict) else {}
        if len(members) == 1:  # the root of XML
            (inner,) = members.values()
            members = inner if isinstance(inner, dict) else members
        found = {name.lower(): value for name, value in members.items()}
        return "" if str(found.get("success")).lower() == "true" else str(found.get("code") or "")

    def headers(self, asked: Asked, status: int) -> Mapping[str, str]:
        """Return nothing: all of an answer is in its body."""
        return {}


def _passed(call: ActionCall) -> dict[str, str]:
    """Return the headers to pass on: few of HTTP's, and those of the vendor that are no credentials."""
    own = [name.lower() for name, _ in call.request.headers if name.lower().startswith(_HEADER)]
    names = [*PASSED, *(name for name in own if name not in _MADE)]
    return {name: call.header(name) for name in names if call.header(name)}


def _secrets(call: ActionCall) -> tuple[str, ...]:
    found = [call.params.get(name, "") for name in _SECRET] + [call.header(name) for name in _SECRET_HEADERS]
    match = signature.AUTHORIZATION.fullmatch(call.header("authorization"))
    if match:
        found += [match[2], match[4]]
    return tuple(text for text in found if text)


def _texts(members: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in members.items()}


def _v1(asked: Asked, key: Key, to: str, beside: Beside, query: Mapping[str, str], form: Mapping[str, str]) -> Outgoing:
    nonce = uuid.uuid4().hex
    made = {
        "Action": asked.operation,
        "AccessKeyId": key.id,
        "SignatureMethod": signature.METHOD,
        "SignatureNonce": nonce,
        "SignatureVersion": "1.0",
        "Timestamp": _now(),
    }
    text = signature.string_to_sign(asked.method, {**query, **form, **made})
    signed = {**made, "Signature": signature.sign_v1(key.secret, text)}
    query, form = (query, {**form, **signed}) if form else ({**query, **signed}, form)
    return _outgoing(asked, to, query, form, beside.headers, (nonce, signed["Signature"]))


def _v3(asked: Asked, key: Key, to: str, beside: Beside, query: Mapping[str, str], form: Mapping[str, str]) -> Outgoing:
    version = {**query, **form}.get("Version", wire.VERSIONS[0])
    query, form = ({n: v for n, v in group.items() if n not in _NAMED} for group in (query, form))
    nonce = uuid.uuid4().hex
    digest = hashlib.sha256(signature.canonical_query(form).encode()).hexdigest()
    headers = {
        **{name: value for name, value in beside.headers.items() if name.startswith(_HEADER)},
        "host": urlsplit(to).netloc,
        "x-acs-action": asked.operation,
        "x-acs-content-sha256": digest,
        "x-acs-date": _now(),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": version,
        **({"content-type": wire.FORM} if form else {}),
    }
    names = ";".join(sorted(headers))
    canonical = signature.canonical_request(asked.method, query, sorted(headers.items()), names, digest)
    given, _ = signature.sign_v3(key.secret, canonical)
    headers["Authorization"] = f"{signature.ALGORITHM} Credential={key.id},SignedHeaders={names},Signature={given}"
    return _outgoing(asked, to, query, form, {**beside.headers, **headers}, (nonce, given))


def _outgoing(
    asked: Asked,
    to: str,
    query: Mapping[str, str],
    form: Mapping[str, str],
    headers: Mapping[str, str],
    secrets: tuple[str, ...],
) -> Outgoing:
    url = f"{to}/?{signature.canonical_query(query)}" if query else f"{to}/"
    kept = {name: value for name, value in headers.items() if name not in ("host", "content-type")}
    kept |= {"Host": urlsplit(to).netloc, **({"content-type": wire.FORM} if form else {})}
    return Outgoing(asked.method, url, kept, signature.canonical_query(form).encode(), secrets)


def _now() -> str:
    return f"{datetime.fromtimestamp(clock.now() / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
