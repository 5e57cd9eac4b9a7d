"""The calling side of Actions: signed requests as a vendor's SDK would send them."""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from otagw import clock
from otagw.dialects.aliyun import signature
from otagw.dialects.signed import Signed

API_VERSION = "2018-01-20"
EMPTY = hashlib.sha256(b"").hexdigest()


def v1(endpoint: str, key_id: str, secret: str, params: Mapping[str, str], method: str = "GET") -> Signed:
    """Sign an Action by its parameters; ``params`` holds at least Action."""
    common = {
        "AccessKeyId": key_id,
        "SignatureMethod": signature.METHOD,
        "SignatureNonce": uuid.uuid4().hex,
        "Timestamp": _time(),
    }
    every = {**params, **common}
    given = signature.sign_v1(secret, signature.string_to_sign(method, every))
    query = "&".join(f"{signature.encode(n)}={signature.encode(v)}" for n, v in {**every, "Signature": given}.items())
    return Signed(method, f"{endpoint}/?{query}")


def v3(endpoint: str, key_id: str, secret: str, params: Mapping[str, str], method: str = "POST") -> Signed:
    """Sign an Action by its headers; ``params`` holds at least Action."""
    query = {name: value for name, value in params.items() if name not in ("Action", "Version")}
    headers = {
        "host": urlsplit(endpoint).netloc,
        "x-acs-action": params["Action"],
        "x-acs-content-sha256": EMPTY,
        "x-acs-date": _time(),
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-version": params.get("Version", API_VERSION),
    }
    names = ";".join(headers)
    canonical = signature.canonical_request(method, query, headers.items(), names, EMPTY)
    given, _ = signature.sign_v3(secret, canonical)
    credential = f"{signature.ALGORITHM} Credential={key_id},SignedHeaders={names},Signature={given}"
    return Signed(method, f"{endpoint}/?{signature.canonical_query(query)}", {**headers, "Authorization": credential})


def _time() -> str:
    return f"{datetime.fromtimestamp(clock.now() / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
