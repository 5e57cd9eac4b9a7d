"""Content-MD5: the digest that a client sends with its upload, so that bytes that changed on their way are refused.

It may be a field of the form or a header of its file, and then is of the file. As a header of the request it is of the
file, as scripts have it who know OSS, or of the whole body, as RFC 1864 has it.
"""

import base64
import binascii
import hashlib
from typing import IO, Final

from otagw import errors

NAME: Final = "Content-MD5"
_EXPECTED: Final = "the 24 characters of Base64 that an MD5 of 16 bytes has"


class Body:
    """A request's body, read as from its stream, of which the MD5 is known in the end if it is wanted."""

    def __init__(self, stream: IO[bytes], wanted: bool) -> None:
        self._stream = stream
        self._digest = hashlib.md5(usedforsecurity=False) if wanted else None

    def read(self, size: int) -> bytes:
        """Read on."""
        data = self._stream.read(size)
        if self._digest:
            self._digest.update(data)
        return data

    def md5(self) -> str:
        """Return the digest of what was read, in hex; nothing if it was not wanted."""
        return self._digest.hexdigest() if self._digest else ""


def read(text: str) -> str:
    """Return a digest in hex; raise `errors.InvalidParameter`."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raw = b""
    if len(raw) != hashlib.md5(usedforsecurity=False).digest_size:
        raise errors.InvalidParameter(NAME, _EXPECTED)
    return raw.hex()


def check(given: str, *actual: str) -> None:
    """Raise `errors.DigestMismatch` unless a digest is one of those that it may be; the first is named."""
    if given not in actual:
        raise errors.DigestMismatch("MD5", _shown(given), _shown(actual[0]))


def _shown(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()
