"""The two signature schemes of IoTDA: SDK-HMAC-SHA256, and V11-HMAC-SHA256 with a derived key.

Pure functions: they turn a call into a claim that knows how to sign itself; `access.admit` judges it. The rules are
in docs/wire/iotda.md, the golden vectors in tests/vectors/huawei/.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from otagw import errors
from otagw.access import Claim
from otagw.dialects import http
from otagw.dialects.iotda.wire import RestCall

PLAIN: Final = "SDK-HMAC-SHA256"
DERIVED: Final = "V11-HMAC-SHA256"
SERVICE: Final = "iotdm"
DATE: Final = "x-sdk-date"
DIGEST: Final = "x-sdk-content-sha256"
# What stands for the digest of a body that is not signed.
UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_FORM: Final = re.compile(
    rf"({PLAIN}) +Access=([^,\s/]+), *SignedHeaders=([^,\s]+), *Signature=([^,\s]+)"
    rf"|({DERIVED}) +Credential=([^,\s/]+)/([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([^,\s]+)"
)
_SCOPE: Final = re.compile(rf"([0-9]{{8}})/[A-Za-z0-9_-]{{1,64}}/{SERVICE}")
_DATE: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")


def canonical_paths(path: str) -> list[str]:
    """Return what a path may have been signed as: decoded and encoded again, or encoded as it stands.

    The Python SDK does the first, the Node SDK the second; they differ where a segment has characters to escape.
    """
    decoded = unquote_to_bytes(path.encode("latin-1"))
    found = [quote(way, safe="/-_.~") for way in (decoded, path.encode("latin-1"))]
    return list(dict.fromkeys(way if way.endswith("/") else f"{way}/" for way in found))


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the parameters sorted by name and value, and encoded anew."""
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(pairs))


def canonical_request(
    method: str, path: str, query: str, headers: Sequence[tuple[str, str]], names: str, digest: str
) -> bytes:
    """Return the canonical request: ``headers`` in order, their values as they came (bytes as Latin-1)."""
    lines = b"".join(f"{name}:".encode() + value.strip().encode("latin-1") + b"\n" for name, value in headers)
    return f"{method}\n{path}\n{query}\n".encode() + lines + f"\n{names}\n{digest}".encode()


def derive(key_id: str, secret: str, scope: str) -> str:
    """Return the key of V11 for a scope: HKDF-SHA256 of one block, written as lower-case hex."""
    extracted = hmac.digest(key_id.encode(), secret.encode(), "sha256")
    return hmac.digest(extracted, scope.encode() + b"\x01", "sha256").hex()


def sign(key_id: str, secret: str, date: str, scope: str, canonical: bytes) -> tuple[str, str]:
    """Return the signature of a canonical request and the string to sign; without a scope, by the plain scheme."""
    digest = hashlib.sha256(canonical).hexdigest()
    if scope:
        text, key = f"{DERIVED}\n{date}\n{scope}\n{digest}", derive(key_id, secret, scope)
    else:
        text, key = f"{PLAIN}\n{date}\n{digest}", secret
    return hmac.digest(key.encode(), text.encode(), "sha256").hex(), text


def claim(call: RestCall, hint: Callable[[str], str]) -> Claim:
    """Return what a call says of itself, after checking that all of it is there and of a known kind."""
    key_id, scope, names, signature = authorization(call)
    call.key_id = key_id
    signed = _signed_headers(call, names)
    date = call.header(DATE)
    at = _timestamp(date)
    found = _SCOPE.fullmatch(scope)
    if scope and not found:
        raise errors.IncompleteSignature(f"the scope in Credential is not of the form yyyyMMdd/REGION/{SERVICE}")
    if found and found[1] != date[:8]:
        raise errors.IncompleteSignature("the scope in Credential has another date than X-Sdk-Date")
    digest = body_digest(call, signed)
    query, method = canonical_query(call.pairs), call.request.method
    ways = [
        canonical_request(method, path, query, headers, names, digest)
        for headers in http.signed_pairs(call, signed)
        for path in canonical_paths(call.path)
    ]

    def ours(secret: str) -> tuple[str, str]:
        return http.right_one((sign(key_id, secret, date, scope, way) for way in ways), signature)

    return Claim(key_id=key_id, at=at, nonce=None, signature=signature, sign=ours, hint=hint)


def authorization(call: RestCall) -> tuple[str, str, str, str]:
    """Return key id, scope (empty for the plain scheme), names of signed headers, and signature."""
    text = call.header("authorization")
    if not text:
        raise errors.IncompleteSignature("neither Authorization nor X-Auth-Token is there")
    if text.partition(" ")[0] not in (PLAIN, DERIVED):
        raise errors.UnsupportedSignatureMethod(f"{PLAIN} or {DERIVED}")
    found = _FORM.fullmatch(text)
    if found is None:
        raise errors.IncompleteSignature(
            f"Authorization is not of the form {PLAIN} Access=…, SignedHeaders=…, Signature=… or "
            f"{DERIVED} Credential=…/yyyyMMdd/REGION/{SERVICE}, SignedHeaders=…, Signature=…"
        )
    if found[1]:
        return found[2], "", found[3], found[4]
    return found[6], found[7], found[8], found[9]


def _signed_headers(call: RestCall, names: str) -> list[str]:
    signed = names.split(";")
    if not call.header(DATE):
        raise errors.IncompleteSignature(f"the header {DATE} is missing")
    if DATE not in signed:
        raise errors.IncompleteSignature(f"SignedHeaders lacks {DATE}")
    if http.signed_headers(names) is None:
        raise errors.IncompleteSignature("SignedHeaders is not a list of different lower-case names")
    return signed


def body_digest(call: RestCall, signed: list[str]) -> str:
    """Return the digest of the body, which one that the client claims has to be; or what says that it is not signed.

    That itself is signed: nobody else may have put it there.
    """
    claimed = call.header(DIGEST)
    if claimed == UNSIGNED and DIGEST in signed:
        return UNSIGNED
    digest = hashlib.sha256(call.body).hexdigest()
    if claimed not in ("", digest):
        raise errors.BodyMismatch
    return digest


def _timestamp(text: str) -> int:
    try:
        if _DATE.fullmatch(text):
            return int(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()) * 1000
    except ValueError:
        pass
    raise errors.InvalidTimestamp("X-Sdk-Date")
