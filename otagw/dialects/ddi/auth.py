"""Who speaks: a token of the device's own, or one that all devices of its product have."""

import hmac
import re
from typing import Final

from werkzeug.wrappers import Request

from otagw import errors
from otagw.ota import credentials, devices, products
from otagw.ota.devices import Device

TARGET, GATEWAY = "targettoken", "gatewaytoken"
_GIVEN: Final = re.compile(rf"({TARGET}|{GATEWAY}) +(.{{1,512}})", re.IGNORECASE | re.ASCII)
# Whose secret tokens are compared with where there is no other; ids begin above it.
NOBODY: Final = "device/0"


def admit(request: Request, product_key: str, name: str) -> Device:
    """Return the device that a request is from, or raise the fault that says why it is not believed.

    A missing token, a wrong one and a device that is not there are one refusal after the same work; that a device is
    disabled is told only to who has its token.
    """
    is_name = products.KEY.fullmatch(product_key) and devices.NAME.fullmatch(name)
    device = devices.find(product_key, name) if is_name else None
    given = _GIVEN.fullmatch(request.headers.get("Authorization", "").strip())
    scheme, token = given.groups() if given else ("", "")
    matches = [hmac.compare_digest(known.encode(), token.encode()) for known in _known(device, scheme.lower())]
    if device is None or not any(matches):
        raise errors.WrongSignature("")
    if not device.enabled:
        raise errors.DisabledKey
    return device


def _known(device: Device | None, scheme: str) -> tuple[str, str]:
    """Return the tokens that are good for a device; there are always two to compare with."""
    nobody = credentials.secret(NOBODY)
    if device and scheme == TARGET:
        return device.secret, device.token or nobody
    if device and scheme == GATEWAY:
        return device.gateway_token or nobody, nobody
    return nobody, nobody
