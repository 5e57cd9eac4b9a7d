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

# {device id}_0_{whether the hour is to be checked}_{hour, UTC}; an id may have _ in it.
_CLIENT_ID: Final = re.compile(r"(?P<device>.{1,256})_0_(?P<kind>[01])_(?P<hour>[0-9]{10})", re.DOTALL)


class Claim(NamedTuple):
    """What a client says of itself: its device's id, and the hour that it signed."""

    device: str
    hour: str


def is_ours(given: Credentials) -> bool:
    """Tell whether a client id is one of Huawei's."""
    return _CLIENT_ID.fullmatch(given.client_id) is not None


def read(given: Credentials) -> Claim:
    """Return what a client says of itself; raise `errors.InvalidParameter` where its two names differ."""
    found = _CLIENT_ID.fullmatch(given.client_id)
    if found is None or found["device"] != given.user_name:
        raise errors.InvalidParameter("user name", "the device id, with which the client id begins")
    return Claim(found["device"], found["hour"])


def admit(given: Credentials) -> Device:
    """Return the device whose password it is, or raise `errors.WrongSignature`.

    The hour is not checked, whatever the client id asks for: SDKs come back after days with the one of their start.
    """
    claim = read(given)
    found = external_ids.of_any_account(claim.device, candidates.MOST)
    return candidates.signer(found, given.password, lambda secret: sign(claim, secret))


def sign(claim: Claim, secret: str) -> str:
    """Return the password of a claim: the hour is the key, and the secret the message."""
    return hmac.new(claim.hour.encode(), secret.encode(), hashlib.sha256).hexdigest()
