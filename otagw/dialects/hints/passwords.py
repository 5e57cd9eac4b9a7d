"""The mistake in what a device says to be let in: in its password, its secret, or its names.

Each front whose devices sign a password reads one into a `Reading`; its own mistakes are a `Scheme` of `mistake`.
"""

import base64
import hashlib
import hmac
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from otagw.dialects.hints import keys
from otagw.dialects.hints import mistake as hints
from otagw.dialects.hints.mistake import Case, Keys, Mistake, Scheme, Seals, Signings, Texts
from otagw.ota.devices import devices
from otagw.ota.devices.devices import Device
from otagw.ota.products import products

# How many devices are looked at for the one whose secret it was: a hint takes milliseconds.
NEIGHBOURS: Final = 100
# As much of a device's id as is shown.
LONGEST: Final = 128
DIGESTS: Final = ("md5", "sha1", "sha256", "sha512")
C = TypeVar("C", bound=Case)


@dataclass(frozen=True)
class Reading:
    """What a client says of itself, as a front reads it.

    ``device`` is how it names its device, ``find`` returns the devices that this may mean, ``product_keys`` are those
    that it names. ``shown`` is what is signed, for people, without the secret. ``sign`` makes the right password with a
    secret; ``explain`` names the mistake that makes the one that came, or returns an empty text, as ``unknown`` does
    where there is no device.
    """

    device: str
    find: Callable[[], Sequence[Device]]
    name: str
    password: str
    shown: str
    sign: Callable[[str], str]
    explain: Callable[[str], str]
    product_keys: Sequence[str] = ()
    unknown: Callable[[], str] = lambda: ""

    def is_of(self, secret: str) -> bool:
        """Tell whether the password is made with a secret, as it should be."""
        return hmac.compare_digest(self.sign(secret).encode(), self.password.lower().encode())


def mistake(reading: Reading) -> str:
    """Return what is wrong with a client that is not let in, in one sentence; an empty text if nothing is known."""
    found = reading.find()
    if not found:
        return reading.unknown() or _others(reading, found) or f"There is no {reading.device}."
    right = next((device for device in found if reading.is_of(device.secret)), None)
    if right:
        return "" if right.enabled else "The device is disabled."
    return next(filter(None, (reading.explain(device.secret) for device in found)), "") or _others(reading, found)


def _others(reading: Reading, found: Sequence[Device]) -> str:
    """Return whose secret it was, if that of a product, or of a device of the same name or product."""
    known = {device.id for device in found}
    product_keys = dict.fromkeys([*(device.product_key for device in found), *reading.product_keys])
    if any(secret and reading.is_of(secret) for secret in map(products.secret, product_keys)):
        return "The secret of the product was used: take that of the device."
    near = (devices.newest(key, NEIGHBOURS) for key in product_keys)
    for device in itertools.chain(devices.by_name(reading.name, NEIGHBOURS), *near):
        if device.id not in known and reading.is_of(device.secret):
            owner = f"device {device.name} of product {device.product_key}"
            if found:
                return f"The secret of {owner} was used, which is another device."
            return f"There is no {reading.device}: the secret that was used is that of {owner}."
    return ""


def scheme(
    method: str,
    named: str,
    *,
    make: Callable[[C, str], bytes],
    own: tuple[Mistake[Keys[C]], ...] = (),
    texts: tuple[Mistake[Texts[C]], ...] = (),
    signings: tuple[Mistake[Signings[C]], ...] = (),
    is_key: bool = True,
) -> Scheme[C]:
    """Return a scheme of passwords in hex, of one method, which people know as ``named``.

    ``make`` takes a secret to what it is in the HMAC: the key, or the message where ``is_key`` says so.
    """
    secret = keys.secrets(make)
    encoded = _encoded(make)
    return Scheme(
        seal=lambda key, text: hmac.digest(key, text, method).hex(),
        keys=(*own, *secret, *encoded) if is_key else own,
        texts=texts if is_key else (*texts, *secret, *encoded),
        seals=_seals(method, named),
        signings=signings,
    )


def explain(scheme: Scheme[C], case: C) -> str:
    """Return which mistake makes the password of a case; an empty text if none that is known does."""
    secret = case.secret.encode()
    if not case.given:
        return "There is no password."
    if case.given == secret.lower():
        return "The password is the secret itself: sign with it, and never send it."
    if case.given in {hashlib.new(method, secret).hexdigest().encode() for method in DIGESTS}:
        return "The password is a digest of the secret alone: make an HMAC with it."
    return hints.explain(scheme, case)


def orders(parts: Sequence[str], between: str = "") -> Iterator[bytes]:
    """Yield parts joined in each order."""
    return (between.join(order).encode() for order in itertools.permutations(parts))


def _encoded(make: Callable[[C, str], bytes]) -> tuple[Mistake[Keys[C]], ...]:
    """Return the mistake of a secret that is taken for the text of other bytes."""

    def decoded(case: C) -> Iterator[bytes]:
        for read in (bytes.fromhex, base64.b64decode):
            try:
                found = read(case.secret)
            except ValueError:
                continue
            yield from (found, found[: len(case.key)])

    def upper_or_lower(case: C) -> Iterable[bytes]:
        return [make(case, case.secret.upper()), make(case, case.secret.lower())]

    return (
        Mistake("secret-decoded", "The secret was decoded from hex or Base64: use its very characters.", decoded),
        Mistake("secret-case", "The secret was used in upper or lower case: use it as it is.", upper_or_lower),
    )


def _seals(method: str, named: str) -> tuple[Mistake[Seals], ...]:
    def other(key: bytes, text: bytes) -> list[str]:
        return [hmac.digest(key, text, digest).hex() for digest in DIGESTS if digest != method]

    def plain(key: bytes, text: bytes) -> list[str]:
        made = (key + text, text + key, text)
        return [hashlib.new(digest, each).hexdigest() for digest in DIGESTS for each in made]

    def in_base64(key: bytes, text: bytes) -> list[str]:
        digest = hmac.digest(key, text, method)
        found = (base64.b64encode(digest), base64.b64encode(digest.hex().encode()))
        return [each.decode().lower().rstrip("=") + end for each in found for end in ("", "=", "==")]

    def with_blank(key: bytes, text: bytes) -> list[str]:
        digest = hmac.digest(key, text, method).hex()
        return [digest + end for end in ("\n", "\r\n", " ", "\0")] + [f" {digest}", f'"{digest}"', f"0x{digest}"]

    return (
        Mistake("other-hash", f"The password is made with another hash: expected {named}.", other),
        Mistake("no-hmac", "The password is a plain digest: make an HMAC, which takes the key for itself.", plain),
        Mistake("base64-for-hex", "The password is in Base64: write the digest in hex.", in_base64),
        Mistake("password-with-blank", "There is something around the hex of the password: take it off.", with_blank),
    )
