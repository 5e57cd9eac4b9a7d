"""The wire of Actions, reading side: parameters of query and form, and which scheme signed them.

The facts are in docs/wire/aliyun.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Final

from otagw import errors
from otagw.dialects import http

V3_PREFIX: Final = "ACS3-"
FORM: Final = "application/x-www-form-urlencoded"
MAX_PARAMETERS: Final = 30_000
MAX_BODY: Final = 4 * 1024 * 1024
VERSIONS: Final = ("2018-01-20", "2022-01-01")


@dataclass(slots=True)
class ActionCall(http.Received):
    """One request to the endpoint of Actions.

    ``params`` are all decoded parameters of query and form, ``query`` those of the query alone (V3 signs these), and
    ``body`` the bytes that came.
    """

    front: ClassVar[str] = "aliyun"
    request_id: str
    spelling: str
    xml: bool = False
    operation: str = ""
    key_id: str = ""
    v3: bool = False
    params: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def size(self) -> int:
        """Return how much has to be looked at to sign it."""
        return len(self.request.environ.get("QUERY_STRING", "")) + len(self.body)

    @property
    def parameters(self) -> dict[str, str]:
        """Return all decoded parameters, those of the signature among them."""
        return self.params


def parse(call: ActionCall, spell: Callable[[bool], None]) -> None:
    """Fill a call from its request, up to the name of the operation."""
    call.v3 = _is_v3(call)
    query = call.request.environ.get("QUERY_STRING", "")
    call.query = http.weighed(len(query), partial(_pairs, query))
    call.body = http.body(call.request, MAX_BODY)
    call.params = _with_form(call)
    is_unsigned = _is_v3_unsigned(call)
    spell(call.v3 or is_unsigned or bool(call.params.get("Version")))
    if not call.v3:
        call.xml = _wants_xml(call.params.get("Format", ""))
    _check_conflicts(call)
    name = "x-acs-action" if call.v3 else "Action"
    call.operation = call.header(name) if call.v3 else call.params.get(name, "")
    if not call.operation:
        raise errors.MissingParameter("Authorization" if is_unsigned else name)
    version = call.header("x-acs-version") if call.v3 else call.params.get("Version", "")
    if version and version not in VERSIONS:
        raise errors.InvalidVersion


def _is_v3(call: ActionCall) -> bool:
    authorization = call.header("authorization")
    if authorization and not authorization.startswith(V3_PREFIX):
        raise errors.UnsupportedSignatureMethod("ACS3-HMAC-SHA256 in Authorization, or HMAC-SHA1 in SignatureMethod")
    return bool(authorization)


def _is_v3_unsigned(call: ActionCall) -> bool:
    """Tell whether the headers are those of V3 but for the signature; V1's clients send the first of them, too."""
    is_v1 = any(name in call.params for name in ("Action", "AccessKeyId", "Signature"))
    return not call.v3 and not is_v1 and bool(call.header("x-acs-action"))


def _pairs(text: str) -> dict[str, str]:
    """Decode ``name=value&…``: blank values stay, ``;`` is no separator, ``+`` is a space, nothing comes twice."""
    if not text:
        return {}
    if text.count("&") >= MAX_PARAMETERS:
        raise errors.RequestTooLarge(f"{MAX_PARAMETERS} parameters")
    found: dict[str, str] = {}
    is_ascii = text.isascii()
    for pair in text.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if "%" in pair or "+" in pair or not is_ascii:
            name = http.decode(name, name) if "%" in name or "+" in name or not is_ascii else name
            value = http.decode(value, name)
        if name in found:
            raise errors.InvalidParameter(name, "to be given once")
        found[name] = value
    return found


def _with_form(call: ActionCall) -> dict[str, str]:
    if not call.body:
        return dict(call.query)
    kind = call.header("content-type").partition(";")[0].strip().lower()
    if kind != FORM:
        raise errors.UnsupportedMediaType(FORM)
    form = http.weighed(len(call.body), partial(_pairs, call.body.decode("latin-1")))
    for name in form:
        if name in call.query:
            raise errors.InvalidParameter(name, "to be given once, in the query or in the form")
    return {**call.query, **form}


def _wants_xml(text: str) -> bool:
    wanted = text.lower()
    if wanted not in ("", "none", "json", "xml"):
        raise errors.InvalidFormat
    return wanted == "xml"


def _check_conflicts(call: ActionCall) -> None:
    """Refuse credentials of two schemes, and one credential that comes with two values."""
    params = call.params
    if call.v3 and "Signature" in params:
        raise errors.ConflictingCredentials("a signature in Authorization and another in Signature")
    pairs = [("SecurityToken", "x-acs-security-token"), ("AccessKeyId", "x-acs-accesskey-id")]
    if call.v3:
        pairs += [("Action", "x-acs-action"), ("Version", "x-acs-version")]
    for name, header in pairs:
        given: list[Any] = [params.get(name), call.header(header)]
        if all(given) and given[0] != given[1]:
            raise errors.ConflictingCredentials(f"{name} and {header} differ")
