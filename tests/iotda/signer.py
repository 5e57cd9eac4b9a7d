"""An independent signer of IoTDA's two schemes, from the vendor's documents, with the standard library alone."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

from tests.signer import percent

PROJECT = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
HOST = "gateway.test:8686"
UNSIGNED = "UNSIGNED-PAYLOAD"
SCHEMES = ("SDK-HMAC-SHA256", "V11-HMAC-SHA256")


def stamp(seconds=None):
    moment = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y%m%dT%H%M%SZ")


def query(params):
    return "&".join(f"{percent(name)}={percent(str(value))}" for name, value in params.items())


def derived_key(key, scope):
    prk = hmac.new(key[0].encode(), key[1].encode(), hashlib.sha256).digest()
    return hmac.new(prk, scope.encode() + b"\x01", hashlib.sha256).hexdigest()


def canonical(method, path, params, headers, body):
    """Return the canonical request and its names; ``path`` is decoded, ``headers`` are those to sign."""
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    names = sorted(lower)
    segments = "/".join(percent(segment) for segment in path.split("/"))
    pairs = sorted((str(name), str(value)) for name, value in params.items())
    return "\n".join(
        (
            method,
            segments if segments.endswith("/") else segments + "/",
            "&".join(f"{percent(name)}={percent(value)}" for name, value in pairs),
            "".join(f"{name}:{lower[name]}\n" for name in names),
            ";".join(names),
            UNSIGNED if lower.get("x-sdk-content-sha256") == UNSIGNED else hashlib.sha256(body).hexdigest(),
        )
    ), ";".join(names)


def authorization(key, scheme, date, text, names, scope=None):
    digest = hashlib.sha256(text.encode()).hexdigest()
    if scheme == SCHEMES[0]:
        mac = hmac.new(key[1].encode(), f"{scheme}\n{date}\n{digest}".encode(), hashlib.sha256).hexdigest()
        return f"{scheme} Access={key[0]}, SignedHeaders={names}, Signature={mac}"
    scope = scope or f"{date[:8]}/local-1/iotdm"
    signing = derived_key(key, scope).encode()
    mac = hmac.new(signing, f"{scheme}\n{date}\n{scope}\n{digest}".encode(), hashlib.sha256).hexdigest()
    return f"{scheme} Credential={key[0]}/{scope}, SignedHeaders={names}, Signature={mac}"


def headers(
    key, method, path, params=None, body=b"", *, scheme=SCHEMES[0], seconds=None, project=PROJECT, only=None, **extra
):
    """Return the headers of a signed call, `Host` among them; all are signed, further ones too, or ``only`` some."""
    date = stamp(seconds)
    found = {"Host": HOST, "X-Sdk-Date": date, "Content-Type": "application/json"}
    if project:
        found["X-Project-Id"] = project
    found |= {name.replace("_", "-"): value for name, value in extra.items()}
    signed = found if only is None else {name: found[name] for name in only}
    text, names = canonical(method, path, params or {}, signed, body)
    return {**found, "Authorization": authorization(key, scheme, date, text, names)}


def form(files, boundary="----x1"):
    """Return a form and its Content-Type; a file is its text, or its name and bytes, and None is left out."""
    parts = []
    for field, file in files.items():
        if file is not None:
            name, data = (f"{field}.csv", file.encode()) if isinstance(file, str) else file
            head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: text/csv'
            parts.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + data + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def dump(body):
    """Return JSON as the vendor's Python SDK writes it."""
    return b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
