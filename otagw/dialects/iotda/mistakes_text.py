"""The mistakes in what both schemes sign: the canonical request, and the string to sign that is made of it."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote

from otagw.dialects.hints import canonical
from otagw.dialects.hints.canonical import Parts, RequestCase, Ways
from otagw.dialects.hints.mistake import Mistake, Texts
from otagw.dialects.iotda import signature
from otagw.dialects.iotda.wire import RestCall

REGIONS: Final = (
    *("cn-north-1", "cn-north-4", "cn-north-9", "cn-east-2", "cn-east-3", "cn-south-1", "cn-southwest-2"),
    *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "eu-west-101", "local-1"),
)
_VENDORS: Final = (
    *(f"iotda.{region}.myhuaweicloud.com" for region in REGIONS),
    *(f"iam.{region}.myhuaweicloud.com" for region in REGIONS[:2]),
)
# What encoders of other languages leave as it is in a path.
_LEFT: Final = ("/-_.~:@", "/-_.~!'()*", "/-_.~!$&'()*+,;=:@", "/-_.~;,/?:@&=+$#!'()*")
_MAX_BODY: Final = 8 * 1024


@dataclass(frozen=True)
class RestCase(RequestCase):
    """A call taken apart; ``scope`` is empty in the plain scheme."""

    call: RestCall
    scope: str
    date: str


def string(date: str, scope: str, parts: Parts) -> bytes:
    """Return the string to sign for a canonical request."""
    return _lines(date, scope, hashlib.sha256(parts.join()).hexdigest())


def _lines(date: str, scope: str, digest: str) -> bytes:
    lines = (signature.DERIVED, date, scope, digest) if scope else (signature.PLAIN, date, digest)
    return "\n".join(lines).encode()


def _with_paths(case: RestCase, *paths: str) -> list[Parts]:
    return [replace(case.parts, path=path) for path in paths]


def _without_slash(case: RestCase) -> list[Parts]:
    return _with_paths(case, *(path.rstrip("/") for path in signature.canonical_paths(case.call.path)))


def _encodings(case: RestCase) -> list[Parts]:
    """Return the path in other encodings, with the slash behind it and without."""
    right = case.parts.path
    plain = unquote(right)
    written = [case.call.path, plain, quote(quote(right)), *(quote(plain, safe=left) for left in _LEFT)]
    written += [quote_plus(plain, safe="/"), re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), right)]
    ways = [way.rstrip("/") for way in written]
    return _with_paths(case, *(f"{way}/" for way in ways), *ways)


def _other_paths(case: RestCase) -> list[Parts]:
    path, host = case.parts.path, case.call.header("host")
    target = f"{case.call.path}?{case.call.query}"
    urls = [f"{scheme}://{host}{path}" for scheme in ("http", "https")]
    return [
        *_with_paths(case, "", "/", "//", f"/{path}", f"{path}/", path.lower(), *urls),
        *(replace(case.parts, path=whole, query="") for whole in (target, f"{target}/", f"{path}?{case.canonical}")),
    ]


def _digests(case: RestCase) -> list[Parts]:
    body = hashlib.sha256(case.call.body)
    others = (
        body.hexdigest(),
        canonical.EMPTY,
        "",
        body.hexdigest().upper(),
        base64.b64encode(body.digest()).decode(),
        hashlib.md5(case.call.body, usedforsecurity=False).hexdigest(),
        case.call.body.decode("latin-1") if len(case.call.body) <= _MAX_BODY else "",
    )
    return [replace(case.parts, digest=digest) for digest in others]


def _bodies(case: RestCase) -> Iterator[Parts]:
    """Yield the digests of a JSON body as other writers would have written it."""
    body = case.call.body
    if not body or len(body) > _MAX_BODY:
        return
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return
    for ensure_ascii in (True, False):
        for separators in ((", ", ": "), (",", ":")):
            for is_sorted in (False, True):
                text = json.dumps(value, ensure_ascii=ensure_ascii, separators=separators, sort_keys=is_sorted)
                digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
                yield replace(case.parts, digest=digest)
    yield replace(case.parts, digest=hashlib.sha256(body + b"\n").hexdigest())
    yield replace(case.parts, digest=hashlib.sha256(body.rstrip()).hexdigest())


_OWN: Final[tuple[Mistake[Ways[RestCase]], ...]] = (
    Mistake(
        "path-without-slash",
        "The path was signed without a slash at its end: sign it with one, also where the URL has none.",
        _without_slash,
    ),
    Mistake(
        "path-encoding",
        "The path was signed in another encoding: encode each segment once, all but letters, digits and - _ . ~",
        _encodings,
    ),
    Mistake(
        "path",
        "Another path was signed: sign the path of the URL, without host and query, as it is sent.",
        _other_paths,
    ),
    Mistake(
        "unsigned-payload",
        "UNSIGNED-PAYLOAD was signed for the body's digest, without X-Sdk-Content-Sha256: send and sign that header.",
        lambda case: [replace(case.parts, digest=signature.UNSIGNED)],
    ),
    Mistake(
        "digest",
        "The last line that was signed is not the body's digest: sign the SHA-256 of the body in lower-case hex.",
        _digests,
    ),
    Mistake(
        "body-rewritten",
        "Another JSON text was signed than the one that arrived: sign the very bytes that are sent.",
        _bodies,
    ),
)


def _date_forms(case: RestCase) -> Iterator[bytes]:
    """Yield texts with other forms of the time: in the second line, in the signed header, and in both."""
    moment = datetime.strptime(case.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    iso, seconds = moment.strftime("%Y-%m-%dT%H:%M:%SZ"), int(moment.timestamp())
    others = [iso, iso.replace("Z", ".000Z"), case.date[:8], case.date[:-1], iso[:10], str(seconds), f"{seconds}000"]
    for other in (*others, format_datetime(moment, usegmt=True)):
        parts = case.parts.having(signature.DATE, other)
        yield string(other, case.scope, case.parts)
        yield string(case.date, case.scope, parts)
        yield string(other, case.scope, parts)


def _first_lines(case: RestCase) -> list[bytes]:
    digest = hashlib.sha256(case.parts.join()).hexdigest()
    other = signature.PLAIN if case.scope else signature.DERIVED
    rest = [case.date, case.scope, digest] if case.scope else [case.date, digest]
    ways = [
        rest,
        rest[1:],
        rest[-1:],
        [other, *rest],
        [other, case.date, digest],
        case.text.decode().split("\n")[:1] + rest[1:],
    ]
    return ["\n".join(lines).encode() for lines in ways]


def _not_hashed(case: RestCase) -> list[bytes]:
    plain = case.parts.join()
    return [plain, case.text[: case.text.rindex(b"\n") + 1] + plain]


def _hash_forms(case: RestCase) -> list[bytes]:
    digest = hashlib.sha256(case.parts.join())
    ways = (digest.hexdigest().upper(), base64.b64encode(digest.digest()).decode())
    return [_lines(case.date, case.scope, way) for way in ways]


_STRINGS: Final[tuple[Mistake[Texts[RestCase]], ...]] = (
    Mistake(
        "date-form",
        "The time was signed in another form than X-Sdk-Date is sent in: sign it as it is sent, in header and text.",
        _date_forms,
    ),
    Mistake(
        "first-lines",
        "The string to sign has other first lines: they are the scheme, X-Sdk-Date and, in V11-HMAC-SHA256, the scope.",
        _first_lines,
    ),
    Mistake("not-hashed", "The canonical request was signed itself: sign its SHA-256.", _not_hashed),
    Mistake(
        "hash-form",
        "The canonical request's SHA-256 was signed in capitals or as Base64: sign its lower-case hex.",
        _hash_forms,
    ),
)
TEXTS: Final[tuple[Mistake[Texts[RestCase]], ...]] = (
    *canonical.texts((*canonical.mistakes(_VENDORS), *_OWN), lambda case, parts: string(case.date, case.scope, parts)),
    *_STRINGS,
)
