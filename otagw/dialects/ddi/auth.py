"""Who speaks: a token of the device's own, or one that all devices of its product have."""

import hmac
from typing import Final

from werkzeug.wrappers import Request

from otagw import errors
from otagw.ota.devices import devices, self_registration
from otagw.ota.devices.devices import Device
from otagw.ota.products import products
from otagw.security import derived_secrets

TARGET, GATEWAY = "targettoken", "gatewaytoken"
LONGEST: Final = 512
# Whose secret tokens are compared with where there is no other; ids begin above it.
NOBODY: Final = "device/0"


def admit(request: Request, product_key: str, name: str, *, may_register: bool) -> Device:
    """Return the device that a request is from, or raise the fault that says why it is not believed.

    A missing token, a wrong one and a device that is not there are one refusal after the same work; that a device is
    disabled is told only to who has its token. Clients may write the key of a product, as the name of a tenant, in any
    case; which tenants there are is said to nobody. With ``may_register`` a device that is not there registers itself
    by the token of its product, where that allows it.
    """
    device = _device(product_key, name)
    scheme, token = _given(request.environ.get("HTTP_AUTHORIZATION", ""))
    matches = [hmac.compare_digest(known.encode(), token.encode()) for known in _known(device, scheme)]
    if device is None and may_register and scheme == GATEWAY and _can_be(product_key, name):
        device = self_registration.register(product_key, name, token)
        matches = [device is not None]
    if device is None or not any(matches):
        raise errors.WrongSignature("")
    if not device.enabled:
        raise errors.DisabledKey
    return device


def _device(product_key: str, name: str) -> Device | None:
    if not _can_be(product_key, name):
        return None
    device = devices.find(product_key, name)
    spelled = products.spelled(product_key) if device is None else product_key
    return devices.find(spelled, name) if spelled and spelled != product_key else device


def _can_be(product_key: str, name: str) -> bool:
    return bool(products.KEY.fullmatch(product_key) and devices.NAME.fullmatch(name))


def _given(header: str) -> tuple[str, str]:
    """Return scheme, in lower case, and token; both empty unless they are one of ours and of a token's length.

    Each step looks at a byte once: a pattern tried every stretch of blanks for every length of token.
    """
    scheme, _, token = header.strip().partition(" ")
    scheme, token = scheme.lower(), token.lstrip(" ")
    return (scheme, token) if scheme in (TARGET, GATEWAY) and 1 <= len(token) <= LONGEST else ("", "")


def _known(device: Device | None, scheme: str) -> tuple[str, str]:
    """Return the tokens that are good for a device; there are always two to compare with."""
    nobody = derived_secrets.secret(NOBODY)
    if device and scheme == TARGET:
        return device.secret, device.token or nobody
    if device and scheme == GATEWAY:
        return device.gateway_token or nobody, nobody
    return nobody, nobody
