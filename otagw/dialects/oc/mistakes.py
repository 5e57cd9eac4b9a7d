"""Which mistake explains what Huawei's clients say to be let in; docs/wire/mqtt-mistakes.md lists them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from otagw import errors
from otagw.dialects import candidates
from otagw.dialects.hints import passwords
from otagw.dialects.hints.mistake import Case, Keys, Mistake, Scheme
from otagw.dialects.hints.passwords import LONGEST, Reading
from otagw.dialects.messages import Credentials
from otagw.dialects.oc import credentials
from otagw.dialects.oc.credentials import Claim
from otagw.ota.devices import external_ids

VENDOR: Final = "Huawei"
FORM: Final = "user name DEVICE_ID, client id DEVICE_ID_0_0_YYYYMMDDHH with the hour in UTC"
_HOUR: Final = "%Y%m%d%H"
# As far as zones are from UTC, and an hour that passed meanwhile.
_ZONES: Final = range(-13, 16)


@dataclass(frozen=True)
class Password(Case):
    """A password taken apart."""

    claim: Claim


def _hours(case: Password) -> Iterator[bytes]:
    """Yield other hours: of other zones, and spelled otherwise."""
    try:
        at = datetime.strptime(case.claim.hour, _HOUR).replace(tzinfo=UTC)
    except ValueError:
        return
    yield from ((at + timedelta(hours=hours)).strftime(_HOUR).encode() for hours in _ZONES if hours)
    for form in ("%Y%m%d", "%Y-%m-%d-%H", "%Y%m%d%H%M", "%Y%m%d%H0000", "%y%m%d%H"):
        yield at.strftime(form).encode()
    yield str(int(at.timestamp())).encode()
    yield str(int(at.timestamp()) * 1000).encode()


KEYS: Final[tuple[Mistake[Keys[Password]], ...]] = (
    Mistake("other-hour", "Another hour was signed than the one at the end of the client id: it is UTC.", _hours),
    Mistake(
        "client-id-for-hour",
        "The client id, or the device id, was the key: it is the hour at the end of the client id.",
        lambda case: [case.claim.device.encode(), case.key_id.encode()],
    ),
)
SCHEME: Final[Scheme[Password]] = passwords.scheme(
    "sha256",
    "HMAC-SHA256",
    make=lambda _, secret: secret.encode(),
    own=KEYS,
    signings=(
        Mistake(
            "swapped",
            "Key and message were swapped: the hour is the key, and the secret is the message.",
            lambda case: [(case.text, case.key)],
        ),
    ),
    is_key=False,
)


def reading(given: Credentials) -> Reading:
    """Return what a client says of itself; raise `errors.Fault` where that cannot be read."""
    claim = credentials.read(given)
    return Reading(
        device=f"device with the id {claim.device[:LONGEST]}",
        find=partial(external_ids.of_any_account, claim.device, candidates.MOST),
        name=claim.device,
        password=given.password,
        shown=f"the secret, with {claim.hour} as the key",
        sign=partial(credentials.sign, claim),
        explain=partial(_explain, given, claim),
        product_keys=[claim.device.partition("_")[0]],
    )


def _explain(given: Credentials, claim: Claim, secret: str) -> str:
    key, text = claim.hour.encode(), secret.encode()
    return passwords.explain(
        SCHEME, Password(given.client_id, secret, key, given.password.lower().encode(), text, (), claim)
    )


def misread(given: Credentials) -> str:
    """Return what is wrong with names that name no device, where they are this vendor's; else an empty text."""
    try:
        credentials.read(given)
    except errors.Fault:
        return _almost(given)
    return ""


def _almost(given: Credentials) -> str:
    if credentials.is_ours(given):
        return "The user name is not the device id with which the client id begins."
    device, *rest = given.client_id.rsplit("_", 3)
    if device and device == given.user_name and len(rest) == 3:
        return "The client id does not end as DEVICE_ID_0_0_YYYYMMDDHH, with an hour of ten digits."
    if given.user_name and given.client_id == given.user_name and not set("&|") & set(given.user_name):
        return "The client id is the device id alone: append _0_0_ and the hour, YYYYMMDDHH in UTC."
    return ""
