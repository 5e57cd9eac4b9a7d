"""The mistakes in the key that signs: the other scheme's, one derived otherwise, or for another scope."""

import base64
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from otagw.dialects.hints.mistake import Keys, Mistake, Signings
from otagw.dialects.iotda import mistakes_text, signature
from otagw.dialects.iotda.mistakes_text import REGIONS, RestCase

_SERVICES: Final = ("iotda", "iot", "iam", "IoTDA", "IOTDM", "apig")


def right(key_id: str, secret: str, scope: str) -> bytes:
    """Return the key that a secret should have become; without a scope, by the plain scheme."""
    return (signature.derive(key_id, secret, scope) if scope else secret).encode()


def of_secret(case: RestCase, secret: str) -> bytes:
    """Return the key that another secret would have become."""
    return right(case.key_id, secret, case.scope)


def _forms(case: RestCase) -> list[bytes]:
    """Return other writings of the derived key."""
    text = case.key.decode()
    return [bytes.fromhex(text), text.upper().encode(), base64.b64encode(bytes.fromhex(text))]


def _derivations(case: RestCase) -> Iterator[bytes]:
    """Yield keys that other uses of HKDF give, each as bytes and as hex."""
    key_id, secret, scope = case.key_id.encode(), case.secret.encode(), case.scope.encode()
    extracted = hmac.digest(key_id, secret, "sha256")
    swapped = hmac.digest(secret, key_id, "sha256")
    for key in (
        extracted,
        swapped,
        hmac.digest(swapped, scope + b"\x01", "sha256"),
        hmac.digest(extracted, scope, "sha256"),
        hmac.digest(extracted, scope + b"\x00", "sha256"),
        hmac.digest(extracted, b"\x01", "sha256"),
        hmac.digest(secret, scope, "sha256"),
        hmac.digest(secret, scope + b"\x01", "sha256"),
    ):
        yield key.hex().encode()
        yield key


def _derived(case: RestCase) -> list[bytes]:
    day = case.date[:8]
    return [right(case.key_id, case.secret, f"{day}/{region}/{signature.SERVICE}") for region in REGIONS]


def _other_scopes(case: RestCase) -> Iterator[str]:
    """Yield scopes that differ from the one in Credential in one of its parts."""
    day, region, service = case.scope.split("/")
    noon = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
    days = [f"{noon + timedelta(days=by):%Y%m%d}" for by in (-1, 1)]
    for other in (*days, f"{noon:%Y-%m-%d}", case.date):
        yield f"{other}/{region}/{service}"
    for other in REGIONS:
        yield f"{day}/{other}/{service}"
    for other in _SERVICES:
        yield f"{day}/{region}/{other}"
    yield f"{case.scope}/sdk_request"
    yield f"{case.key_id}/{case.scope}"
    yield f"{day}/{service}/{region}"


def _scopes(case: RestCase) -> Iterator[tuple[bytes, bytes]]:
    for scope in _other_scopes(case):
        key, text = right(case.key_id, case.secret, scope), mistakes_text.string(case.date, scope, case.parts)
        yield key, text
        yield key, case.text
        yield case.key, text


DERIVED_FOR_PLAIN: Final[Mistake[Keys[RestCase]]] = Mistake(
    "derived-key",
    "A derived key was used, as in V11-HMAC-SHA256: SDK-HMAC-SHA256 takes the secret itself.",
    _derived,
)
OF_DERIVED: Final[tuple[Mistake[Keys[RestCase]], ...]] = (
    Mistake(
        "derived-key-form",
        "The derived key was used as bytes, in capitals or as Base64: its lower-case hex text is the key.",
        _forms,
    ),
    Mistake(
        "derivation",
        "The key was derived otherwise: HKDF-SHA256 has the key id as its salt, the secret as its input and the scope "
        "as its info.",
        _derivations,
    ),
)
SCOPE: Final[Mistake[Signings[RestCase]]] = Mistake(
    "scope",
    "The key or the text has another scope than Credential: date/region/iotdm, the same in all three.",
    _scopes,
)
