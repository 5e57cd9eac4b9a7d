"""The mistakes of V1: what goes wrong between the parameters and their HMAC-SHA1."""

import base64
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from otagw.dialects.aliyun import signature
from otagw.dialects.aliyun.wire import ActionCall
from otagw.dialects.hints import keys, queries
from otagw.dialects.hints.mistake import Case, Mistake, Scheme, Seals, Texts, join
from otagw.dialects.hints.queries import Queries, Spelling

COMMON: Final = (
    "Action",
    "Version",
    "Format",
    "AccessKeyId",
    "SignatureMethod",
    "SignatureVersion",
    "SignatureNonce",
    "SignatureType",
    "Timestamp",
    "RegionId",
    "SecurityToken",
)
_OTHER_METHOD: Final = {"GET": "POST", "POST": "GET"}
_ESCAPES: Final = {
    character: quote(character, safe="")
    for character in map(chr, range(128))
    if quote(character, safe="%") != character
}


@dataclass(frozen=True)
class V1Case(Case):
    """A request that is signed by its parameters."""

    call: ActionCall


def case(call: ActionCall, secret: str) -> V1Case:
    """Return a V1 request taken apart."""
    params = [(name, value) for name, value in call.params.items() if name != "Signature"]
    text = signature.string_to_sign(call.request.method, call.params).encode()
    given = call.params.get("Signature", "").encode()
    return V1Case(call.key_id, secret, _key(secret), given, text, queries.pairs(params), call)


def _key(secret: str) -> bytes:
    return f"{secret}&".encode()


def _text(case: V1Case, canonical: str, path: str = "%2F") -> bytes:
    return f"{case.call.request.method}&{path}&{_again(canonical)}".encode()


def _again(text: str) -> str:
    """Percent-encode a text of few different characters, ten times as fast as quote()."""
    if not text.isascii():
        return signature.encode(text)
    text = text.replace("%", "%25")
    for character in _ESCAPES.keys() & set(text):
        text = text.replace(character, _ESCAPES[character])
    return text


def _spelled(mistake: Mistake[Spelling]) -> Mistake[Texts[V1Case]]:
    """Return texts with a misspelled canonical query, encoded again as it should be and by the same wrong encoder."""
    spell = mistake.how

    def texts(case: V1Case) -> Iterator[bytes]:
        method, inner = case.call.request.method, spell(case.canonical)
        again = _again(inner)
        for path, outer in (("%2F", again), ("%2F", spell(again)), (spell("%2F"), spell(again))):
            yield f"{method}&{path}&{outer}".encode()

    return Mistake(mistake.name, mistake.sentence, texts)


def _queried(mistake: Mistake[Queries]) -> Mistake[Texts[V1Case]]:
    return Mistake(mistake.name, mistake.sentence, lambda case: [_text(case, query) for query in mistake.how(case)])


def _replaced(case: V1Case, *heads: str) -> list[bytes]:
    """Return the text with other words before the query."""
    _, _, query = case.text.decode().split("&", 2)
    return [f"{head}{query}".encode() for head in heads]


def _without(case: V1Case, *names: str) -> bytes:
    return _text(case, join(pair for pair in case.ordered if pair[0] not in names))


def _common_left_out(case: V1Case) -> Iterator[bytes]:
    for name in COMMON:
        if name in case.call.params:
            yield _without(case, name)
    yield _without(case, *COMMON)
    yield _without(case, *COMMON[1:])


def _half(case: V1Case, of_query: bool) -> list[bytes]:
    """Return the text over the parameters of the query alone, or over those of the form alone."""
    if not case.call.body:
        return []
    return [_without(case, *(name for name, _ in case.pairs if (name in case.call.query) is not of_query))]


def _methods(case: V1Case) -> list[bytes]:
    method = case.call.request.method
    other = _OTHER_METHOD.get(method, method)
    return _replaced(case, f"{other}&%2F&", f"{method.lower()}&%2F&", f"{other.lower()}&%2F&", "%2F&")


def _signature_signed(case: V1Case) -> list[bytes]:
    return [_text(case, join(sorted([*case.pairs, ("Signature", "Signature=")])))]


TEXTS: Final[tuple[Mistake[Texts[V1Case]], ...]] = (
    *(_spelled(mistake) for mistake in queries.SPELLINGS),
    *(_queried(mistake) for mistake in queries.QUERIES),
    Mistake(
        "not-encoded-again",
        "The canonical query was joined to the method as it is: encode it as a whole once more.",
        lambda c: [f"{c.call.request.method}&{path}&{c.canonical}".encode() for path in ("%2F", "/")],
    ),
    Mistake("method", "Another method was signed than the one that was used: sign it as sent.", _methods),
    Mistake(
        "path-not-encoded",
        "The path was signed as /: sign it as %2F.",
        lambda c: _replaced(c, f"{c.call.request.method}&/&"),
    ),
    Mistake(
        "path",
        "The path was signed as // or left out: sign %2F, whatever the URL's path.",
        lambda c: _replaced(c, *(f"{c.call.request.method}{path}&" for path in ("&%2F%2F", "&//", "&", ""))),
    ),
    Mistake(
        "signature-signed",
        "An empty Signature parameter was signed: leave Signature out of what is signed.",
        _signature_signed,
    ),
    Mistake(
        "common-left-out",
        "A common parameter (Action, Version, Format, AccessKeyId, Timestamp …) was sent but not signed: "
        "sign all but Signature.",
        _common_left_out,
    ),
    Mistake(
        "form-left-out",
        "The parameters of the form were not signed: sign those of query and form together.",
        lambda c: _half(c, of_query=True),
    ),
    Mistake(
        "query-left-out",
        "The parameters of the query were not signed: sign those of query and form together.",
        lambda c: _half(c, of_query=False),
    ),
)


def _digest(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha1")


def _seal(key: bytes, text: bytes) -> str:
    return base64.b64encode(_digest(key, text)).decode()


def _hex_in_base64(key: bytes, text: bytes) -> list[str]:
    digest = _digest(key, text).hex()
    return [base64.b64encode(shown.encode()).decode() for shown in (digest, digest.upper())]


def _url_safe(key: bytes, text: bytes) -> list[str]:
    safe = base64.urlsafe_b64encode(_digest(key, text)).decode()
    return [safe, safe.rstrip("=")]


def _sha256(key: bytes, text: bytes) -> list[str]:
    digest = hmac.digest(key, text, "sha256")
    return [base64.b64encode(digest).decode(), digest.hex(), digest.hex().upper()]


SEALS: Final[tuple[Mistake[Seals], ...]] = (
    Mistake(
        "signature-plus-sent-bare",
        "The + in Signature was sent bare and arrived as a space: percent-encode the signature in the URL.",
        lambda key, text: [_seal(key, text).replace("+", " ")],
    ),
    Mistake(
        "signature-encoded-twice",
        "Signature was percent-encoded twice: the HTTP library encodes it, hand it the plain Base64.",
        lambda key, text: [quote(_seal(key, text), safe=safe) for safe in ("", "/")],
    ),
    Mistake(
        "signature-with-line-end",
        "Signature ends in a line end or a blank: strip it.",
        lambda key, text: [_seal(key, text) + end for end in ("\n", "\r\n", " ")],
    ),
    Mistake(
        "no-padding",
        "The = at the end of Signature is missing: send Base64 with its padding.",
        lambda key, text: [_seal(key, text).rstrip("=")],
    ),
    Mistake("url-safe-base64", "Signature is URL-safe Base64 (- and _): use the standard alphabet.", _url_safe),
    Mistake(
        "hex-for-base64",
        "Signature is the hex digest: send Base64 of the digest's bytes.",
        lambda key, text: [_digest(key, text).hex(), _digest(key, text).hex().upper()],
    ),
    Mistake("base64-of-hex", "Signature is Base64 of the hex digest: take the digest's bytes.", _hex_in_base64),
    Mistake("sha256", "Signature is made with HMAC-SHA256: use HMAC-SHA1.", _sha256),
)

SCHEME: Final[Scheme[V1Case]] = Scheme(
    seal=_seal,
    others=(Mistake("no-ampersand", "The secret was used without the & behind it.", lambda c: [c.secret.encode()]),),
    keys=keys.mistakes(lambda _, secret: _key(secret)),
    texts=TEXTS,
    seals=SEALS,
)
