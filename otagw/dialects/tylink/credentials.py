"""Who a client is: its id and what it signed in the user name, and a password made with half of the device's secret.

docs/wire/tylink.md has the rules and vectors.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final, NamedTuple

from otagw import errors
from otagw.dialects import candidates
from otagw.dialects.messages import Credentials
from otagw.ota.devices import devices, external_ids
from otagw.ota.devices.devices import Device

PREFIX: Final = "tuyalink_"
METHOD: Final = "hmacsha256"
# How much of the secret is the key.
KEY_BYTES: Final = 16
_SIGNED: Final = ("timestamp", "secureMode", "accessType")


class Claim(NamedTuple):
    """What a client says of itself: its device's id, and the other parameters that it signed."""

    device: str
    parameters: Mapping[str, str]


def read(given: Credentials) -> Claim:
    """Return what a client says of itself; raise `errors.InvalidParameter`, `errors.UnsupportedSignatureMethod`."""
    device, bar, rest = given.user_name.partition("|")
    pairs = {name: value for name, _, value in (part.partition("=") for part in rest.split(","))}
    if not bar or not device or any(name not in pairs for name in _SIGNED):
        raise errors.InvalidParameter("user name", f"a device id, |, and signMethod, {', '.join(_SIGNED)}")
    method = pairs.get("signMethod", METHOD)
    if method.lower() != METHOD:
        raise errors.UnsupportedSignatureMethod(method[:32])
    return Claim(device, pairs)


def admit(given: Credentials) -> Device:
    """Return the device whose password it is, or raise `errors.WrongSignature`."""
    claim = read(given)
    return candidates.signer(find(claim), given.password, lambda secret: sign(claim, secret))


def find(claim: Claim) -> list[Device]:
    """Return the devices that a claim may mean: those of this name in any product, and of this chosen id."""
    most = candidates.MOST
    return devices.by_name(claim.device, most) + external_ids.of_any_account(claim.device, most)


def sign(claim: Claim, secret: str) -> str:
    """Return the password of a claim."""
    signed = ",".join(f"{name}={claim.parameters[name]}" for name in _SIGNED)
    text = f"deviceId={claim.device},{signed}"
    return hmac.new(secret.encode()[:KEY_BYTES], text.encode(), hashlib.sha256).hexdigest()
