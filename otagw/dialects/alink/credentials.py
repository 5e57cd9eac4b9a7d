"""Who a client is: names in its user name, and a password that is signed with the device's secret.

docs/wire/alink.md has the rules and vectors.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final, NamedTuple

from otagw import errors
from otagw.dialects import candidates
from otagw.dialects.messages import Credentials
from otagw.ota.devices import devices
from otagw.ota.devices.devices import Device
from otagw.ota.products import products

METHODS: Final[Mapping[str, str]] = {"hmacmd5": "md5", "hmacsha1": "sha1", "hmacsha256": "sha256"}
DEFAULT: Final = "hmacmd5"


class Claim(NamedTuple):
    """What a client says of itself: its product and device, the id that it signed, and its other parameters."""

    product_key: str
    name: str
    client: str
    parameters: Mapping[str, str]

    @property
    def method(self) -> str:
        """Return how the password is signed."""
        return self.parameters.get("signmethod", DEFAULT).lower()

    @property
    def timestamp(self) -> str | None:
        """Return the time that was signed, as text: SDKs sign seconds, milliseconds and constants."""
        return self.parameters.get("timestamp")


def read(given: Credentials) -> Claim:
    """Return what a client says of itself; raise `errors.InvalidParameter` where it names no device."""
    name, sign, product_key = given.user_name.partition("&")
    if not sign or not devices.NAME.fullmatch(name) or not products.KEY.fullmatch(product_key):
        raise errors.InvalidParameter("user name", "DeviceName&ProductKey")
    client, _, rest = given.client_id.partition("|")
    pairs = (part.partition("=") for part in rest.strip("|").split(",") if part)
    return Claim(product_key, name, client, {key.strip(): value for key, _, value in pairs})


def admit(given: Credentials) -> Device:
    """Return the device whose password it is, or raise `errors.WrongSignature`, the same for every mistake."""
    claim = read(given)
    if claim.method not in METHODS:
        raise errors.UnsupportedSignatureMethod(claim.method[:32])
    device = devices.find(claim.product_key, claim.name)
    return candidates.signer([device] if device else [], given.password, lambda secret: sign(claim, secret))


def sign(claim: Claim, secret: str) -> str:
    """Return the password of a claim: hex, in lower case."""
    text = f"clientId{claim.client}deviceName{claim.name}productKey{claim.product_key}"
    if claim.timestamp is not None:
        text += f"timestamp{claim.timestamp}"
    return hmac.new(secret.encode(), text.encode(), getattr(hashlib, METHODS[claim.method])).hexdigest()
