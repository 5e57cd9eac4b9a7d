"""Which device a client is, where its name may be that of several: the one whose secret made its password."""

import hmac
from collections.abc import Callable, Iterable
from typing import Final

from otagw import errors
from otagw.ota.devices.devices import Device
from otagw.security import derived_secrets

# How many devices a name may mean.
MOST: Final = 128
# Whose secret passwords are compared with where there is no device; ids begin above it.
NOBODY: Final = "device/0"


def signer(found: Iterable[Device], password: str, sign: Callable[[str], str]) -> Device:
    """Return the device with whose secret ``sign`` makes a password, hex in either case.

    Raises `errors.WrongSignature` where there is none: after as much work for a name that nobody has as for a wrong
    password.
    """
    given, signed = password.lower().encode(), None
    secrets: list[tuple[Device | None, str]] = [(device, device.secret) for device in found]
    for device, secret in secrets or [(None, derived_secrets.secret(NOBODY))]:
        if hmac.compare_digest(sign(secret).encode(), given):
            signed = device
    if signed is None:
        raise errors.WrongSignature("")
    return signed
