"""Who a client is: its id as user name, and a password that the device's secret and an hour make.

docs/wire/oc.md has the rules and vectors.
"""

import hashlib
import hmac
import re
from typing import Final, NamedTuple

from otagw import errors
from otagw.dialects import candidates
from otagw.dialects.messages import Credentials
from otagw.ota.devices import external_ids
from otagw.ota.devices.devices import Device

# Behind the device's id, which may have _ in it: whether the hour is to be checked, and the hour, UTC.
_LAST: Final = re.compile(r"0_[01]_[0-9]{10}")


class Claim(NamedTuple):
    """What a client says of itself: its device's id, and the hour that it signed."""

    device: str
    hour: str


def is_ours(given: Credentials) -> bool:
    """Tell whether a client id is one of Huawei's."""
    return _split(given.client_id) is not None


def read(given: Credentials) -> Claim:
    """Return what a client says of itself; raise `errors.InvalidParameter` where its two names differ."""
    found = _split(given.client_id)
    if found is None or found.device != given.user_name:
        raise errors.InvalidParameter("user name", "the device id, with which the client id begins")
    return found


def _split(client_id: str) -> Claim | None:
    """Return what a client id says, read from its end."""
    device, *last = client_id.rsplit("_", 3)
    return Claim(device, last[-1]) if device and _LAST.fullmatch("_".join(last)) else None


def admit(given: Credentials) -> Device:
    """Return the device whose password it is, or raise `errors.WrongSignature`.

    The hour is not checked, even where the client id asks for it: SDKs come back after days with that of their start.
    """
    claim = read(given)
    found = external_ids.of_any_account(claim.device, candidates.MOST)
    return candidates.signer(found, given.password, lambda secret: sign(claim, secret))


def sign(claim: Claim, secret: str) -> str:
    """Return the password of a claim: the hour is the key, and the secret the message."""
    return hmac.new(claim.hour.encode(), secret.encode(), hashlib.sha256).hexdigest()
