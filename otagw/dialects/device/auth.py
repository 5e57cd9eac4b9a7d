"""Who speaks: a token that a device's secret makes for one request. docs/decisions/0014-device-api.md says why so."""

import hmac
import re
from typing import Final

from werkzeug.wrappers import Request

from otagw import clock, errors, runtime
from otagw.ota.devices import devices
from otagw.ota.devices.devices import Device
from otagw.ota.products import products
from otagw.security import derived_secrets

# More digits than seconds have for long: a time in milliseconds, or nanoseconds, is a wrong time.
_BEARER: Final = re.compile(r"Bearer +([0-9]{1,20})\.([0-9a-f]{64})", re.IGNORECASE | re.ASCII)
EXPECTED: Final = "Authorization: Bearer <epoch seconds>.<64 hex digits>"
# Whose secret tokens are compared with where there is no device; ids begin above it.
NOBODY: Final = "device/0"


def admit(request: Request, product_key: str, name: str, body: bytes) -> Device:
    """Return the device that a request is from, or raise the fault that says why it is not believed.

    The time comes first, since it says nothing of any device. What follows is the same for a wrong secret and for a
    device that is not there; that a device is disabled is told to the device alone.
    """
    given = _BEARER.fullmatch(request.environ.get("HTTP_AUTHORIZATION", ""))
    if given is None:
        raise errors.IncompleteSignature(EXPECTED)
    seconds, token = given.groups()
    if clock.apart(int(seconds) * 1000) > runtime.current().settings.clock_skew_ms:
        raise errors.ExpiredTimestamp(int(seconds) * 1000 - clock.now())
    is_name = products.KEY.fullmatch(product_key) and devices.NAME.fullmatch(name)
    device = devices.find(product_key, name) if is_name else None
    secret = device.secret if device else derived_secrets.secret(NOBODY)
    matches = hmac.compare_digest(sign(secret, request.method, target(request), seconds, body), token.lower())
    if device is None or not matches:
        raise errors.WrongSignature("")
    if not device.enabled:
        raise errors.DisabledKey
    return device


def target(request: Request) -> str:
    """Return the path, decoded, with the query as it came: how a client escapes its path does not matter."""
    path, query = request.environ.get("PATH_INFO", ""), request.environ.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path


def sign(secret: str, method: str, path: str, seconds: str, body: bytes) -> str:
    """Return the token of a request, without its time; WSGI has bytes of the path as Latin-1."""
    text = f"{method}\n{path}\n{seconds}\n".encode("latin-1") + body
    return hmac.digest(secret.encode(), text, "sha256").hex()
