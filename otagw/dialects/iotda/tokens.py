"""Tokens for clients that do not sign: issued for a key pair, they stand for its key until they expire.

A token says which key it is for and how long, and is authenticated by a secret of the gateway's own together with the
key's: nothing is stored, every process knows it, and with the key it ends at once.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

from otagw import clock, errors, runtime
from otagw.access import Caller
from otagw.dialects.hints import times

KIND: Final = "token"
LIFE_MS: Final = 24 * 60 * 60 * 1000
_FORM: Final = re.compile(r"([A-Za-z0-9_=-]+)\.([0-9]{1,15})\.([0-9a-f]{64})")
_WRONG: Final = "decrypt token fail"
_PAIR: Final = "there is no such key pair"
METHOD: Final = "hw_ak_sk"
# A key pair as user name and password.
PASSWORD: Final = "password"  # noqa: S105 - the name of a method
# Where the halves of a key pair stand, by the method.
_HALVES: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    METHOD: (("access", "key"), ("secret", "key")),
    PASSWORD: (("user", "name"), ("user", "password")),
}


def method(given: Mapping[str, Any]) -> str:
    """Return the method by which a body asks for a token; raise `errors.UnsupportedSignatureMethod`."""
    methods = _member(given, "auth", "identity", "methods")
    if methods is None:
        raise errors.IncompleteSignature("auth.identity.methods is missing")
    if methods not in ([METHOD], [PASSWORD]):
        raise errors.UnsupportedSignatureMethod(f'["{METHOD}"] or ["{PASSWORD}"] in auth.identity.methods')
    return str(methods[0])


def key_pair(given: Mapping[str, Any]) -> tuple[str, str]:
    """Return the key pair with which a body asks for a token; raise what any other method is refused with."""
    name = method(given)
    pair = [_member(given, "auth", "identity", name, *half) for half in _HALVES[name]]
    if not all(isinstance(half, str) and half for half in pair):
        missing = " and ".join(".".join(("auth.identity", name, *half)) for half in _HALVES[name])
        raise errors.IncompleteSignature(f"expected a key pair: texts in {missing}")
    return str(pair[0]), str(pair[1])


def _member(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def issue(key_id: str, secret: str) -> str:
    """Return a token for a key, good for `LIFE_MS`."""
    return _write(key_id, secret, clock.now() + LIFE_MS)


def login(key_id: str, secret: str) -> Caller:
    """Return whose key pair this is; which half of a wrong one is wrong is not said."""
    try:
        caller, right = runtime.current().keys.find(key_id)
    except errors.UnknownKey:
        raise errors.IncompleteSignature(_PAIR) from None
    if not hmac.compare_digest(secret.encode("utf-8", "replace"), right.encode()):
        raise errors.IncompleteSignature(_PAIR)
    return caller


def caller(token: str) -> Caller:
    """Return whom a token stands for; raise what a wrong, expired or revoked one is refused with."""
    found = _FORM.fullmatch(token)
    if found is None:
        raise errors.IncompleteSignature(_WRONG)
    try:
        key_id = base64.urlsafe_b64decode(found[1]).decode()
        caller, secret = runtime.current().keys.find(key_id)
    except (errors.UnknownKey, binascii.Error, ValueError):
        raise errors.IncompleteSignature(_WRONG) from None
    if not hmac.compare_digest(_write(key_id, secret, int(found[2])).encode(), token.encode()):
        raise errors.IncompleteSignature(_WRONG)
    over = clock.now() - int(found[2])
    if over >= 0:
        raise errors.IncompleteSignature(f"token has expired {times.span(over)} ago")
    return caller


def _write(key_id: str, secret: str, until: int) -> str:
    text = f"{base64.urlsafe_b64encode(key_id.encode()).decode()}.{until}"
    key = hmac.digest(runtime.current().vault.derive("tokens"), secret.encode(), "sha256")
    return f"{text}.{hmac.digest(key, text.encode(), 'sha256').hex()}"
