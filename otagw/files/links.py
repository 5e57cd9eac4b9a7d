"""Signed links: forms that may upload one file, and addresses from which one may be downloaded.

Each of the two is signed with a key of the gateway's own, not with anybody's access key, so that the signature of one
is never good for the other. The rules of the wire are in docs/wire/oss.md.
"""

import base64
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlsplit

from otagw import clock

PATH: Final = "/oss"
KEY_ID: Final = "otagw"
UPLOAD_MS: Final = 60 * 1000
# The most bytes that a form may upload, if it is for a list of devices.
LONGEST_LIST: Final = 5 * 1024 * 1024
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Form:
    """What a client posts beside its file."""

    host: str
    key: str
    key_id: str
    policy: str
    signature: str


class Links:
    """Make and check links, forms and bearer tokens, with a secret for each of them."""

    def __init__(self, link_secret: bytes, form_secret: bytes, token_secret: bytes, life_seconds: int) -> None:
        self._link_secret, self._form_secret, self._token_secret = link_secret, form_secret, token_secret
        self._life = life_seconds

    def form(self, endpoint: str, key: str, longest: int, holder: str) -> Form:
        """Return the form that uploads one file of up to ``longest`` bytes to this key within the next minute.

        ``holder`` is the access key that may: its uploads are limited together.
        ``longest`` is at most the larger of the setting `max_package_bytes` and `LONGEST_LIST`: a request that
        announces more is refused before its form is read.
        """
        until = datetime.fromtimestamp((clock.now() + UPLOAD_MS) / 1000, UTC).isoformat(timespec="milliseconds")
        conditions = [["content-length-range", 0, longest], ["eq", "$key", key]]
        text = json.dumps({"expiration": until.replace("+00:00", "Z"), "conditions": conditions, "holder": holder})
        policy = base64.b64encode(text.encode()).decode()
        return Form(endpoint + PATH, key, KEY_ID, policy, self.sign_policy(policy))

    def sign_policy(self, policy: str) -> str:
        """Return the signature that a form with this policy has."""
        return _signature(self._form_secret, policy)

    def made_policy(self, policy: str, signature: str) -> bool:
        """Tell whether a policy is ours, which says nothing of its expiry."""
        return _same(self.sign_policy(policy), signature)

    def download(self, endpoint: str, key: str, seconds: int = 0) -> str:
        """Return an address from which the file can be had for as long as links live, and for ``seconds`` at least."""
        expires = clock.now() // 1000 + max(self._life, seconds)
        signature = quote(_signature(self._link_secret, _link(key, expires)), safe="")
        return f"{endpoint}{PATH}/{quote(key)}?Expires={expires}&OSSAccessKeyId={KEY_ID}&Signature={signature}"

    def bearer(self, endpoint: str, key: str) -> tuple[str, str]:
        """Return an address of a file, and a token with which it can be had from there for as long as links live."""
        expires = clock.now() // 1000 + self._life
        return f"{endpoint}{PATH}/{quote(key)}", f"{expires}.{self._token(key, expires)}"

    def bearer_left(self, key: str, token: str) -> int | None:
        """Return for how many milliseconds a token is good for a file, as `left` does for a link."""
        expires, dot, signature = token.partition(".")
        if not (dot and expires.isascii() and expires.isdecimal() and len(expires) < 15):
            return None
        return int(expires) * 1000 - clock.now() if _same(self._token(key, int(expires)), signature) else None

    def _token(self, key: str, expires: int) -> str:
        return hmac.digest(self._token_secret, _link(key, expires).encode(), "sha256").hex()

    def left(self, key: str, expires: str, key_id: str, signature: str) -> int | None:
        """Return for how many milliseconds a link is good, negative where it is over; None if it is not ours."""
        if not (expires.isascii() and expires.isdecimal() and len(expires) < 15 and key_id == KEY_ID):
            return None
        made = _signature(self._link_secret, _link(key, int(expires)))
        return int(expires) * 1000 - clock.now() if _same(made, signature) else None


def _link(key: str, expires: int) -> str:
    return f"GET\n{expires}\n{key}"


def _signature(secret: bytes, text: str) -> str:
    return base64.b64encode(hmac.digest(secret, text.encode(), "sha1")).decode()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def key_of(url: str, endpoint: str = "") -> str | None:
    """Return the key of a file by its address, if that has the shape of ours below an endpoint or a host."""
    path = urlsplit(url).path.removeprefix(urlsplit(endpoint).path.rstrip("/"))
    return path.removeprefix(PATH + "/") if path.startswith(PATH + "/") else None


def short_name(key: str) -> str:
    """Return the end of a key, at most 19 characters, as a name: some clients have no room for more, and never look."""
    return key.rpartition("-")[2]


def is_at(url: str, endpoint: str) -> bool:
    """Tell whether an address is below an endpoint, however its host and port are written."""
    base = urlsplit(endpoint).path.rstrip("/")
    return _origin(url) == _origin(endpoint) and f"{urlsplit(url).path}/".startswith(f"{base}/")


def _origin(url: str) -> tuple[str, int | None]:
    """Return the host of an address, and its port or the one that its scheme has."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:  # no number: nobody listens there
        port = 0
    return (parts.hostname or "").rstrip("."), _PORTS.get(parts.scheme) if port is None else port
