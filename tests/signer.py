"""An independent signer: written from the vendor's documents with the standard library alone, none of our code.

It quotes byte by byte, so that it shares no helper with the verifier either.
"""

import base64
import hashlib
import hmac
import itertools
import json
import os
from datetime import UTC, datetime
from pathlib import Path

_KEEP = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
_count = itertools.count()
VECTORS = Path(__file__).parent / "vectors"


def percent(text):
    return "".join(chr(b) if b in _KEEP else f"%{b:02X}" for b in text.encode("utf-8"))


def nonce():
    return f"{os.getpid()}-{next(_count)}-{os.urandom(6).hex()}"


def stamp(seconds=None):
    moment = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def query(params):
    return "&".join(f"{percent(k)}={percent(v)}" for k, v in params.items())


def v1_string(method, params):
    ordered = sorted(params.items(), key=lambda pair: pair[0].encode())
    canonical = "&".join(f"{percent(k)}={percent(v)}" for k, v in ordered)
    return f"{method}&%2F&{percent(canonical)}"


def v1_signature(secret, method, params):
    mac = hmac.new((secret + "&").encode(), v1_string(method, params).encode(), hashlib.sha1)
    return base64.b64encode(mac.digest()).decode()


def v1(key, action, method="GET", seconds=None, **params):
    """Return the signed parameters of a call as Tuya's curl sends it; ``key`` is (id, secret).

    Every parameter can be overridden; one that is None is left out.
    """
    key_id, secret = key
    every = {
        "Action": action,
        "AccessKeyId": key_id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": nonce(),
        "Timestamp": stamp(seconds),
        **params,
    }
    every = {name: value for name, value in every.items() if value is not None}
    return {**every, "Signature": v1_signature(secret, method, every)}


def v3(key, action, host, method="POST", seconds=None, body=b"", form=False, extra=None, **params):
    """Return the headers of a V3 call; its query is ``query(params)``."""
    key_id, secret = key
    digest = hashlib.sha256(body).hexdigest()
    headers = {
        "host": host,
        "x-acs-action": action,
        "x-acs-version": "2018-01-20",
        "x-acs-date": stamp(seconds),
        "x-acs-signature-nonce": nonce(),
        "x-acs-content-sha256": digest,
        **(extra or {}),
    }
    if form:
        headers["content-type"] = "application/x-www-form-urlencoded"
    headers["Authorization"] = v3_authorization(key_id, secret, method, params, headers, digest)
    return headers


def v3_authorization(key_id, secret, method, params, headers, digest):
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    canonical_query = query(dict(sorted(params.items(), key=lambda pair: pair[0].encode())))
    canonical = f"{method}\n/\n{canonical_query}\n{lines}\n{names}\n{digest}"
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    mac = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={mac}"


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
