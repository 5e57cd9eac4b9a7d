"""The calling side of IoTDA: signed calls as the vendor's SDK would send them."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from otagw import clock
from otagw.dialects.iotda import signature, wire
from otagw.dialects.signed import Signed

# The gateway takes any.
REGION: Final = "local-1"
# What may stand in a path as it is; a percent sign begins an escape.
_AS_IT_IS: Final = "/%-_.~!$&'()*+,;=:@"


def sign(
    endpoint: str,
    key_id: str,
    secret: str,
    method: str,
    target: str,
    pairs: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    region: str = "",
) -> Signed:
    """Sign a call: by SDK-HMAC-SHA256, or by V11-HMAC-SHA256 for a region.

    ``target`` is the path, as it is or encoded, and may have a query, to which ``pairs`` are added; ``body`` is JSON.
    """
    path, _, asked = target.partition("?")
    path = quote(path, safe=_AS_IT_IS)
    query = signature.canonical_query([*parse_qsl(asked, keep_blank_values=True), *pairs])
    date = f"{datetime.fromtimestamp(clock.now() / 1000, UTC):%Y%m%dT%H%M%SZ}"
    headers = {"Host": urlsplit(endpoint).netloc, "X-Sdk-Date": date}
    if body:
        headers["Content-Type"] = wire.JSON
    lines = sorted((name.lower(), value) for name, value in headers.items())
    names, digest = ";".join(name for name, _ in lines), hashlib.sha256(body).hexdigest()
    way = signature.canonical_paths(path)[0]
    canonical = signature.canonical_request(method, way, query, lines, names, digest)
    scope = f"{date[:8]}/{region}/{signature.SERVICE}" if region else ""
    given, _ = signature.sign(key_id, secret, date, scope, canonical)
    who = f"{signature.DERIVED} Credential={key_id}/{scope}" if scope else f"{signature.PLAIN} Access={key_id}"
    headers["Authorization"] = f"{who}, SignedHeaders={names}, Signature={given}"
    return Signed(method, f"{endpoint}{path}?{query}" if query else f"{endpoint}{path}", headers, body)
