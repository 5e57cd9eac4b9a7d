"""Take out of a request or an answer what no recording may hold: secrets, signatures, nonces and queries of links.

A value is hidden for the name of its member, or because it holds a secret that is known from elsewhere: the key's, or
the signature of the request. The marker has the type of what it stands for.
"""

import json
import re
from collections.abc import Collection
from typing import Any, Final

from otagw.testing.recording import values

# A member is secret if one of these stands in its name, in lower case and without "_" and "-".
_SECRET: Final = (
    *("secret", "token", "password", "passwd", "signature", "credential", "accesskey", "privatekey", "authorization"),
    *("nonce", "psk"),
)
_WHOLE: Final = ("policy", "access", "ak", "sk", "auth")
# Names that look secret, of values that are none: a recording needs them to know requests again.
_OPEN: Final = ("clienttoken", "nexttoken", "authtype", "authinfo", "secureaccess")
_LINK: Final = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)(?:[^\s/?#\"'<>@]*@)?([^\s?#\"'<>]*)(?:[?#][^\s\"'<>]*)?")
# A shorter secret could stand in a text by chance; it is hidden where it is the whole value.
_LONG: Final = 6


def clean(value: Any, secrets: Collection[str] = ()) -> Any:
    """Return plain data without what is secret in it; ``secrets`` are hidden wherever they stand."""
    found = sorted({*secrets, *_hidden(value)} - {""}, key=len, reverse=True)
    return _clean(value, found, hide=False)


def is_secret(name: str) -> bool:
    """Tell whether a member of this name, in a request or an answer, is kept from recordings."""
    last = re.sub(r"(\.\d+)+$", "", name).rpartition(".")[2]  # of DeviceList.1.DeviceSecret, say
    plain = re.sub(r"[_-]", "", last).lower()
    return plain not in _OPEN and (plain in _WHOLE or any(word in plain for word in _SECRET))


def _hidden(value: Any) -> set[str]:
    """Return the texts that are hidden for their names: one may stand a second time under another name."""
    if isinstance(value, dict):
        return {
            text
            for name, item in value.items()
            for text in (_texts(item) if is_secret(name) else _hidden(item))
            if len(text) >= _LONG
        }
    if isinstance(value, list):
        return {text for item in value for text in _hidden(item)}
    document = _document(value)
    return set() if document is None else _hidden(document)


def _texts(value: Any) -> set[str]:
    return {item for _, item in values.leaves(value) if isinstance(item, str)}


def _clean(value: Any, secrets: Collection[str], hide: bool) -> Any:
    if isinstance(value, dict):
        return {name: _clean(item, secrets, hide or is_secret(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, secrets, hide) for item in value]
    if hide:
        return _marker(value)
    document = _document(value)
    if document is not None:
        return json.dumps(_clean(document, secrets, hide), ensure_ascii=False, separators=(",", ":"))
    return _text(value, secrets) if isinstance(value, str) else value


def _marker(value: Any) -> Any:
    """Return what stands for a hidden value, of its type."""
    if isinstance(value, str):
        return values.HIDDEN
    return value if isinstance(value, bool) or value is None else 0


def _text(text: str, secrets: Collection[str]) -> str:
    for secret in secrets:
        if text == secret or (len(secret) >= _LONG and secret in text):
            text = text.replace(secret, values.HIDDEN)
    return _LINK.sub(r"\1\2", text)


def _document(value: Any) -> dict[str, Any] | list[Any] | None:
    """Return the object or list that a text is in JSON, as some parameters are, or None."""
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None
