"""The two signature schemes of Actions, V1 (parameters, HMAC-SHA1) and V3 (headers, HMAC-SHA256).

Pure functions: they turn a call into a claim that knows how to sign itself; `access.admit` judges it. The rules are
in docs/wire/aliyun.md, the golden vectors in tests/vectors/.
"""

import base64
import functools
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from otagw import errors
from otagw.access import Claim
from otagw.dialects import http
from otagw.dialects.aliyun import wire

ALGORITHM: Final = "ACS3-HMAC-SHA256"
METHOD: Final = "HMAC-SHA1"
MAX_NONCE: Final = 128
MUST_SIGN: Final = (
    "host",
    "x-acs-action",
    "x-acs-version",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-content-sha256",
)
AUTHORIZATION: Final = re.compile(
    r"(ACS3-[A-Z0-9-]+) +Credential=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([^,\s]+)"
)
# Some clients write JavaScript's milliseconds.
_TIMESTAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.([0-9]{1,9}))?Z")
_escape = re.compile(r"[^A-Za-z0-9\-_.~]").sub
_ESCAPED: Final = {chr(code): f"%{code:02X}" for code in range(128)}


def encode(text: str) -> str:
    """Percent-encode as RFC 3986 does: all but ``A-Z a-z 0-9 - _ . ~``, from UTF-8, in upper case."""
    if text.isascii():  # a third of the time that `quote` takes, which looks at every byte
        return _escape(lambda found: _ESCAPED[found[0]], text)
    return quote(text, safe="-_.~")


# The names of parameters are few and short. A stranger's long ones are not kept: 512 of 1 MiB would take gigabytes.
LONGEST_KEPT: Final = 128
_encode_name: Final = functools.lru_cache(512)(encode)


def canonical_query(params: Mapping[str, str]) -> str:
    """Return the sorted, re-encoded parameters; what the client escaped, or how, does not matter."""
    return "&".join(
        [
            f"{_encode_name(name) if len(name) <= LONGEST_KEPT else encode(name)}={encode(value)}"
            for name, value in sorted(params.items())
        ]
    )


def string_to_sign(method: str, params: Mapping[str, str]) -> str:
    """Return what V1 signs: all parameters but Signature, under the path ``/`` whatever it was."""
    query = canonical_query({name: value for name, value in params.items() if name != "Signature"})
    # Encoding the canonical query again can only meet these three characters.
    twice = query.replace("%", "%25").replace("=", "%3D").replace("&", "%26")
    return f"{method}&%2F&{twice}"


def sign_v1(secret: str, text: str) -> str:
    """Return the Base64 signature of a string to sign; the key is the secret with ``&`` behind it."""
    digest = hmac.digest(f"{secret}&".encode(), text.encode(), "sha1")
    return base64.b64encode(digest).decode()


def canonical_request(
    method: str, query: Mapping[str, str], headers: Iterable[tuple[str, str]], names: str, digest: str
) -> bytes:
    """Return the canonical request of V3: ``headers`` in order, values as they came (bytes as Latin-1)."""
    lines = b"".join(f"{name}:".encode() + value.strip().encode("latin-1") + b"\n" for name, value in headers)
    head = f"{method}\n/\n{canonical_query(query)}\n".encode()
    return head + lines + f"\n{names}\n{digest}".encode()


def sign_v3(secret: str, canonical: bytes) -> tuple[str, str]:
    """Return the hex signature of a canonical request, and the string to sign that it goes by."""
    text = f"{ALGORITHM}\n{hashlib.sha256(canonical).hexdigest()}"
    return hmac.new(secret.encode(), text.encode(), "sha256").hexdigest(), text


def timestamp(text: str, name: str) -> int:
    """Read ``YYYY-MM-DDThh:mm:ss[.fraction]Z`` as milliseconds; raise `errors.InvalidTimestamp` that names it."""
    try:
        found = _TIMESTAMP.fullmatch(text)
        if found:
            moment = datetime(
                int(text[:4]), int(text[5:7]), int(text[8:10]), int(text[11:13]), int(text[14:16]), int(text[17:19]),
                tzinfo=UTC,
            )  # fmt: skip
            return int(moment.timestamp()) * 1000 + int((found[1] or "")[:3].ljust(3, "0"))
    except ValueError:
        pass
    raise errors.InvalidTimestamp(name)


def claim(call: wire.ActionCall, hint: Callable[[str], str]) -> Claim:
    """Return what a call says of itself, after checking that all of it is there and of a known kind."""
    return _claim_v3(call, hint) if call.v3 else _claim_v1(call, hint)


def _claim_v1(call: wire.ActionCall, hint: Callable[[str], str]) -> Claim:
    params = call.params
    call.key_id = params.get("AccessKeyId", "")
    for name in ("AccessKeyId", "SignatureMethod", "SignatureNonce", "Timestamp", "Signature"):
        if not params.get(name):
            raise errors.MissingParameter(name)
    if params["SignatureMethod"] != METHOD:
        raise errors.UnsupportedSignatureMethod(METHOD)
    if (params.get("SignatureVersion") or "1.0") != "1.0":
        raise errors.InvalidParameter("SignatureVersion", "1.0")
    if params.get("SignatureType"):
        raise errors.InvalidParameter("SignatureType", "to be empty: only access keys are accepted")
    _check_nonce(params["SignatureNonce"], "SignatureNonce")
    at = timestamp(params["Timestamp"], "Timestamp")

    def sign(secret: str) -> tuple[str, str]:
        # Made once the key is known: of a form of 4 MiB it takes a second.
        text = http.weighed(call.size, functools.partial(string_to_sign, call.request.method, params))
        return sign_v1(secret, text), text

    return Claim(
        key_id=params["AccessKeyId"],
        at=at,
        nonce=params["SignatureNonce"],
        signature=params["Signature"],
        sign=sign,
        hint=hint,
    )


def _claim_v3(call: wire.ActionCall, hint: Callable[[str], str]) -> Claim:
    match = AUTHORIZATION.fullmatch(call.header("authorization"))
    if match is None:
        raise errors.IncompleteSignature(
            f"Authorization is not of the form {ALGORITHM} Credential=…,SignedHeaders=…,Signature=…"
        )
    algorithm, call.key_id, names, signature = match.groups()
    if algorithm != ALGORITHM:
        raise errors.UnsupportedSignatureMethod(ALGORITHM)
    signed = names.split(";")
    for name in MUST_SIGN:
        if not call.header(name):
            raise errors.MissingParameter(name)
        if name not in signed:
            raise errors.IncompleteSignature(f"SignedHeaders lacks {name}")
    if http.signed_headers(names) is None:
        raise errors.IncompleteSignature("SignedHeaders is not a list of different lower-case names")
    if call.params.get("AccessKeyId", call.key_id) != call.key_id:
        raise errors.ConflictingCredentials("AccessKeyId and Credential differ")
    nonce = call.header("x-acs-signature-nonce")
    _check_nonce(nonce, "x-acs-signature-nonce")
    at = timestamp(call.header("x-acs-date"), "x-acs-date")
    digest = hashlib.sha256(call.body).hexdigest()
    if call.header("x-acs-content-sha256") != digest:
        raise errors.BodyMismatch
    made = functools.partial(_ways_v3, call, signed, names, digest)
    ways = http.weighed(call.size, made)
    return Claim(
        key_id=call.key_id,
        at=at,
        nonce=nonce,
        signature=signature,
        sign=lambda secret: http.right_one((sign_v3(secret, way) for way in ways), signature),
        hint=hint,
    )


def _ways_v3(call: wire.ActionCall, signed: list[str], names: str, digest: str) -> list[bytes]:
    """Return what a V3 request may have signed: one canonical request for each host that it may name."""
    return [
        canonical_request(call.request.method, call.query, headers, names, digest)
        for headers in http.signed_pairs(call, signed)
    ]


def _check_nonce(nonce: str, name: str) -> None:
    if len(nonce) > MAX_NONCE:
        raise errors.InvalidParameter(name, f"1 to {MAX_NONCE} characters")
