"""Which mistake explains what Tuya's clients say to be let in; docs/wire/mqtt-mistakes.md lists them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from otagw import errors
from otagw.dialects.hints import passwords
from otagw.dialects.hints.mistake import Case, Keys, Mistake, Scheme, Texts
from otagw.dialects.hints.passwords import LONGEST, Reading
from otagw.dialects.messages import Credentials
from otagw.dialects.tylink import credentials
from otagw.dialects.tylink.credentials import KEY_BYTES, PREFIX, Claim

VENDOR: Final = "Tuya"
FORM: Final = (
    "client id tuyalink_DEVICE_ID, user name DEVICE_ID|signMethod=hmacSha256,timestamp=…,secureMode=1,accessType=1"
)
_MILLISECONDS: Final = 13


@dataclass(frozen=True)
class Password(Case):
    """A password taken apart: what it claims, and all that was said for it."""

    claim: Claim
    said: Credentials


def _pairs(claim: Claim, **other: str | None) -> list[str]:
    """Return what is signed, with other values for some; None leaves one out."""
    names = ("timestamp", "secureMode", "accessType")
    values = {"deviceId": claim.device, **{name: claim.parameters[name] for name in names}, **other}
    return [f"{name}={value}" for name, value in values.items() if value is not None]


def _text(claim: Claim, **other: str | None) -> bytes:
    return ",".join(_pairs(claim, **other)).encode()


def _times(case: Password) -> Iterator[bytes]:
    time = case.claim.parameters["timestamp"]
    if time.isdecimal():
        yield _text(case.claim, timestamp=time[:-3] if len(time) >= _MILLISECONDS else f"{time}000")


def _joined(case: Password) -> list[bytes]:
    pairs = _pairs(case.claim)
    found = [between.join(pairs) for between in ("&", ", ", "", "|")]
    found += [between.join(pairs).replace("=", "") for between in ("", ",")]
    return [text.encode() for text in found]


def _left_out(case: Password) -> list[bytes]:
    return [_text(case.claim, **{name: None}) for name in ("deviceId", "timestamp", "secureMode", "accessType")]


def _others(case: Password) -> list[bytes]:
    """Return the text with what else may be taken for it."""
    method = case.claim.parameters.get("signMethod", "hmacSha256")
    return [
        _text(case.claim, deviceId=case.said.client_id),
        case.said.user_name.encode(),
        case.said.user_name.replace("|", ",").encode(),
        f"deviceId={case.said.user_name.replace('|', ',')}".encode(),
        f"deviceId={case.claim.device},signMethod={method},".encode() + _text(case.claim, deviceId=None),
    ]


KEYS: Final[tuple[Mistake[Keys[Password]], ...]] = (
    Mistake(
        "whole-secret",
        f"The whole secret was the key: take its first {KEY_BYTES} bytes.",
        lambda case: [case.secret.encode()],
    ),
    Mistake(
        "last-bytes",
        f"Another part of the secret was the key: take its first {KEY_BYTES} bytes.",
        lambda case: [case.secret.encode()[-KEY_BYTES:], case.secret.encode()[: KEY_BYTES // 2]],
    ),
)
TEXTS: Final[tuple[Mistake[Texts[Password]], ...]] = (
    Mistake("other-time", "Another time was signed than the user name has: sign its very text.", _times),
    Mistake(
        "order",
        "The content is in the wrong order: sign deviceId, timestamp, secureMode, accessType.",
        lambda case: passwords.orders(_pairs(case.claim), ","),
    ),
    Mistake("separators", "The content was joined otherwise: sign NAME=VALUE with commas between.", _joined),
    Mistake("part-left-out", "A part was not signed: sign deviceId, timestamp, secureMode and accessType.", _left_out),
    Mistake("other-text", "The client id or the user name was signed, or signMethod along with the rest.", _others),
    Mistake(
        "text-case",
        "The content was signed in upper or lower case: sign names and values as they are.",
        lambda case: [case.text.lower(), case.text.upper()],
    ),
)
SCHEME: Final[Scheme[Password]] = passwords.scheme(
    "sha256",
    "HMAC-SHA256",
    make=lambda _, secret: secret.encode()[:KEY_BYTES],
    own=KEYS,
    texts=TEXTS,
    signings=(
        Mistake(
            "swapped",
            f"Key and message were swapped: the first {KEY_BYTES} bytes of the secret are the key.",
            lambda case: [(case.text, case.key), (case.text, case.secret.encode())],
        ),
    ),
)


def reading(given: Credentials) -> Reading:
    """Return what a client says of itself; raise `errors.Fault` where that cannot be read."""
    claim = credentials.read(given)
    return Reading(
        device=f"device with the name or id {claim.device[:LONGEST]}",
        find=partial(credentials.find, claim),
        name=claim.device,
        password=given.password,
        shown=_text(claim).decode(),
        sign=partial(credentials.sign, claim),
        explain=partial(_explain, given, claim),
    )


def _explain(given: Credentials, claim: Claim, secret: str) -> str:
    key, password = secret.encode()[:KEY_BYTES], given.password.lower().encode()
    return passwords.explain(SCHEME, Password("", secret, key, password, _text(claim), (), claim, given))


def misread(given: Credentials) -> str:
    """Return what is wrong with names that name no device, where they are this vendor's; else an empty text."""
    has_prefix, has_parts = given.client_id.startswith(PREFIX), "secureMode=" in given.user_name
    try:
        credentials.read(given)
    except errors.UnsupportedSignatureMethod:
        return "signMethod is unknown here: expected hmacSha256." if has_prefix else ""
    except errors.Fault:
        if has_prefix and not has_parts:
            return "The user name lacks what is signed: append |signMethod=…,timestamp=…,secureMode=1,accessType=1."
        return "The user name lacks timestamp, secureMode or accessType, or the |." if has_prefix else ""
    return "" if has_prefix else f"The client id does not begin with {PREFIX}."
