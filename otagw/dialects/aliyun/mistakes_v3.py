"""The mistakes of V3: what goes wrong between the headers and their HMAC-SHA256."""

import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import Final

from otagw.dialects.aliyun import signature
from otagw.dialects.aliyun.wire import ActionCall
from otagw.dialects.hints import canonical as requests
from otagw.dialects.hints import keys, queries
from otagw.dialects.hints.canonical import MAX_HEADERS, Parts, RequestCase, Ways
from otagw.dialects.hints.mistake import Mistake, Scheme, Seals

_REGIONS: Final = (
    *("cn-shanghai", "cn-beijing", "cn-shenzhen", "cn-hangzhou", "cn-hongkong"),
    *("ap-southeast-1", "ap-northeast-1", "us-east-1", "us-west-1", "eu-central-1"),
)
_VENDORS: Final = (
    *(f"iot.{region}.aliyuncs.com" for region in _REGIONS),
    *(f"openapi.tuya{place}.com" for place in ("cn", "us", "eu", "in")),
)


@dataclass(frozen=True)
class V3Case(RequestCase):
    """A request that is signed by its headers."""

    call: ActionCall


def case(call: ActionCall, secret: str) -> V3Case | None:
    """Return a V3 request taken apart, or nothing where its Authorization cannot be read or names too much."""
    match = signature.AUTHORIZATION.fullmatch(call.header("authorization"))
    if match is None or not match[3].isascii() or match[3].count(";") >= MAX_HEADERS:
        return None
    names, digest = match[3], call.header("x-acs-content-sha256")
    headers = tuple((name, call.header(name)) for name in names.split(";"))
    text = signature.canonical_request(call.request.method, call.query, headers, names, digest)
    parts = Parts(call.request.method, signature.canonical_query(call.query), headers, names, digest)
    pairs, forwarded = queries.pairs(call.query.items()), call.header("x-forwarded-host")
    return V3Case(call.key_id, secret, secret.encode(), match[4].encode(), text, pairs, parts, forwarded, call)


def canonical(call: ActionCall) -> str:
    """Return the canonical request of a call whose claim was read, for people to see."""
    found = case(call, "")
    return found.text.decode("utf-8", "replace") if found else ""


def _with_form(case: V3Case) -> list[Parts]:
    query = signature.canonical_query(case.call.params)
    return [replace(case.parts, query=query)] if case.call.body else []


def _digests(case: V3Case) -> list[Parts]:
    others = (requests.EMPTY, "", case.parts.digest.upper(), "UNSIGNED-PAYLOAD")
    return [replace(case.parts, digest=digest) for digest in others]


_OWN: Final[tuple[Mistake[Ways[V3Case]], ...]] = (
    Mistake(
        "form-in-query",
        "The form's parameters were signed with those of the query: the form is signed by its digest alone.",
        _with_form,
    ),
    Mistake(
        "path",
        "The path was signed as something else than /: sign /, whatever the URL's path.",
        lambda c: [replace(c.parts, path=path) for path in ("", "//", "%2F", "%2F%2F")],
    ),
    Mistake(
        "digest",
        "The last line that was signed is not the body's digest: sign x-acs-content-sha256 as sent.",
        _digests,
    ),
)


def _hmac(key: bytes, text: bytes) -> str:
    return hmac.digest(key, text, "sha256").hex()


def _mac(key: bytes, text: bytes, algorithm: str) -> bytes:
    signed = f"{signature.ALGORITHM}\n{hashlib.sha256(text).hexdigest()}"
    return hmac.digest(key, signed.encode(), algorithm)


def _not_hashed(key: bytes, text: bytes) -> list[str]:
    return [_hmac(key, text), _hmac(key, f"{signature.ALGORITHM}\n".encode() + text)]


_SEALS: Final[tuple[Mistake[Seals], ...]] = (
    *requests.seals(_mac),
    Mistake("not-hashed", "The canonical request was signed itself: sign its SHA-256.", _not_hashed),
    Mistake(
        "algorithm-left-out",
        "The line ACS3-HMAC-SHA256 before the canonical request's digest was not signed.",
        lambda key, text: [_hmac(key, hashlib.sha256(text).hexdigest().encode())],
    ),
)

SCHEME: Final[Scheme[V3Case]] = Scheme(
    seal=lambda key, text: _mac(key, text, "sha256").hex(),
    others=(
        Mistake(
            "ampersand",
            "The secret was used with an & behind it, as in V1: V3 takes the secret alone.",
            lambda c: [f"{c.secret}&".encode()],
        ),
    ),
    keys=keys.mistakes(lambda _, secret: secret.encode()),
    texts=requests.texts((*requests.mistakes(_VENDORS), *_OWN), lambda _, parts: parts.join()),
    seals=_SEALS,
)
