"""Which mistake explains what Alibaba's clients say to be let in; docs/wire/mqtt-mistakes.md lists them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from otagw import errors
from otagw.dialects.alink import credentials
from otagw.dialects.alink.credentials import Claim
from otagw.dialects.hints import passwords
from otagw.dialects.hints.mistake import Case, Keys, Mistake, Scheme, Texts
from otagw.dialects.hints.passwords import Reading
from otagw.dialects.messages import Credentials
from otagw.ota.devices import devices
from otagw.ota.devices.devices import Device

VENDOR: Final = "Alibaba"
FORM: Final = "user name DeviceName&ProductKey, client id CLIENT|securemode=…,signmethod=…,timestamp=…|"
# Times that SDKs sign without a look at the clock.
_CONSTANTS: Final = ("2524608000000", "789", "0")
_MILLISECONDS: Final = 13


@dataclass(frozen=True)
class Password(Case):
    """A password taken apart: what it claims, and all that was said for it."""

    claim: Claim
    said: Credentials


def _parts(claim: Claim, **other: str | None) -> list[str]:
    """Return the parts that are signed, with other values for some; None leaves one out."""
    found = {"clientId": claim.client, "deviceName": claim.name, "productKey": claim.product_key}
    values = {**found, "timestamp": claim.timestamp, **other}
    return [f"{name}{value}" for name, value in values.items() if value is not None]


def _text(claim: Claim, **other: str | None) -> bytes:
    return "".join(_parts(claim, **other)).encode()


def _times(case: Password) -> Iterator[bytes]:
    """Yield the text with the time in another unit."""
    time = case.claim.timestamp or ""
    if time.isdecimal():
        other = time[:-3] if len(time) >= _MILLISECONDS else f"{time}000"
        yield _text(case.claim, timestamp=other)
    yield from (_text(case.claim, timestamp=constant) for constant in _CONSTANTS if time)


def _added(case: Password) -> list[bytes]:
    return [] if case.claim.timestamp else [_text(case.claim, timestamp=text) for text in (*_CONSTANTS, "")]


def _clients(case: Password) -> list[bytes]:
    """Return the text with what else may be taken for the client's id."""
    claim = case.claim
    name, key = claim.name, claim.product_key
    others = (name, key, f"{key}.{name}", f"{key}&{name}", f"{name}&{key}", "", None)
    return [_text(claim, clientId=other) for other in others]


def _joined(case: Password) -> Iterator[bytes]:
    """Yield the text with something between names and values, or between parts."""
    claim = case.claim
    pairs = [("clientId", claim.client), ("deviceName", claim.name), ("productKey", claim.product_key)]
    pairs += [("timestamp", claim.timestamp)] if claim.timestamp is not None else []
    for inner, outer in (("=", "&"), ("=", ","), ("=", ""), ("", "&"), ("", ","), (":", ",")):
        yield outer.join(f"{name}{inner}{value}" for name, value in pairs).encode()
    yield "".join(value for _, value in pairs).encode()


def _more(case: Password) -> list[bytes]:
    """Return the text with the other parameters of the client id in it."""
    claim = case.claim
    names = {"clientId": claim.client, "deviceName": claim.name, "productKey": claim.product_key, **claim.parameters}
    found = [sorted(names.items()), [pair for pair in sorted(names.items()) if pair[0] != "timestamp"], names.items()]
    return ["".join(f"{name}{value}" for name, value in pairs).encode() for pairs in found]


def _left_out(case: Password) -> Iterable[bytes]:
    return [_text(case.claim, **{name: None}) for name in ("deviceName", "productKey")]


KEYS: Final[tuple[Mistake[Keys[Password]], ...]] = (
    Mistake(
        "secret-with-ampersand",
        "The secret was used with & behind it, as for requests to the API: take it as it is.",
        lambda case: [f"{case.secret}&".encode()],
    ),
)
TEXTS: Final[tuple[Mistake[Texts[Password]], ...]] = (
    Mistake(
        "time-left-out",
        "The time was not signed: what the client id has as timestamp belongs at the end of what is signed.",
        lambda case: [_text(case.claim, timestamp=None)],
    ),
    Mistake(
        "time-added",
        "A time was signed that the client id does not have: add timestamp= to it.",
        _added,
    ),
    Mistake("other-time", "Another time was signed than the client id has: sign its very text.", _times),
    Mistake(
        "whole-client-id",
        "The whole client id was signed: sign what stands before its first |.",
        lambda case: [_text(case.claim, clientId=case.said.client_id)],
    ),
    Mistake("other-client-id", "Another client id was signed than the one that stands before |.", _clients),
    Mistake(
        "order",
        "The content is in the wrong order: sign clientId, deviceName, productKey, timestamp.",
        lambda case: passwords.orders(_parts(case.claim)),
    ),
    Mistake(
        "names-swapped",
        "ProductKey and DeviceName were swapped in what is signed.",
        lambda case: [_text(case.claim, deviceName=case.claim.product_key, productKey=case.claim.name)],
    ),
    Mistake("separators", "The content was signed with signs between its parts, or without names.", _joined),
    Mistake("more-signed", "Other parameters of the client id were signed: only timestamp is.", _more),
    Mistake("part-left-out", "deviceName or productKey was not signed.", _left_out),
    Mistake(
        "text-case",
        "The content was signed in upper or lower case: sign names and values as they are.",
        lambda case: [case.text.lower(), case.text.upper(), case.text.replace(b"Id", b"ID", 1)],
    ),
)


def scheme(claim: Claim) -> Scheme[Password]:
    """Return the mistakes of clients that sign by the method of a claim."""
    return passwords.scheme(
        credentials.METHODS[claim.method],
        f"{claim.method}, by the signmethod of the client id, or since it has none",
        make=lambda _, secret: secret.encode(),
        own=KEYS,
        texts=TEXTS,
        signings=(
            Mistake(
                "swapped",
                "Key and message were swapped: the secret is the key.",
                lambda case: [(case.text, case.key)],
            ),
        ),
    )


def reading(given: Credentials) -> Reading:
    """Return what a client says of itself; raise `errors.Fault` where that cannot be read."""
    claim = credentials.read(given)
    if claim.method not in credentials.METHODS:
        raise errors.UnsupportedSignatureMethod(claim.method[:32])
    return Reading(
        device=f"device {claim.name} of product {claim.product_key}",
        find=partial(_find, claim.product_key, claim.name),
        name=claim.name,
        password=given.password,
        shown=_text(claim).decode(),
        sign=partial(credentials.sign, claim),
        explain=partial(_explain, given, claim),
        product_keys=[claim.product_key],
        unknown=partial(_turned_round, claim),
    )


def _find(product_key: str, name: str) -> list[Device]:
    found = devices.find(product_key, name)
    return [found] if found else []


def _turned_round(claim: Claim) -> str:
    is_there = _find(claim.name, claim.product_key)
    return "The user name is the wrong way round: send DeviceName&ProductKey." if is_there else ""


def _explain(given: Credentials, claim: Claim, secret: str) -> str:
    case = Password("", secret, secret.encode(), given.password.lower().encode(), _text(claim), (), claim, given)
    return passwords.explain(scheme(claim), case)


def misread(given: Credentials) -> str:
    """Return what is wrong with names that name no device, where they are this vendor's; else an empty text."""
    is_ours = "securemode=" in given.client_id or "signmethod=" in given.client_id
    try:
        method = credentials.read(given).method
    except errors.Fault:
        return f"The user name is not DeviceName&ProductKey: the client id is one of {VENDOR}'s." if is_ours else ""
    known = ", ".join(credentials.METHODS)
    return "" if method in credentials.METHODS else f"signmethod is unknown here: expected one of {known}."
