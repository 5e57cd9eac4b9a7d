"""Objects in the operator's buckets: copied into our own store once, so that devices are given what was checked.

Why they are copied: docs/decisions/0018-iotda.md.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import BinaryIO, Final

from otagw import errors, hosts
from otagw.files.storage import Storage
from otagw.ota.accounts import Account
from otagw.ota.packages import arrivals

CHUNK: Final = 1 << 20
PREFIX: Final = "ota/objects/"
_AWAY: Final = "the object storage does not answer"


def check(account: Account, bucket: str) -> bool:
    """Tell whether a bucket is mapped; raise `errors.NotFound` for one that is not, where it has to be."""
    mapped = bucket in account.rules.buckets
    if not mapped and not account.rules.accept_unmapped:
        raise errors.NotFound(kind="bucket", key=bucket)
    return mapped


def copy(account: Account, bucket: str, key: str, suffix: str) -> str:
    """Copy an object of a mapped bucket into our own store; return the key of the file there.

    Raises `errors.NotFound` for an object that is not there, `errors.LimitReached` for one of more bytes than a package
    may have, or than the account has room for, and `errors.EmptyFile` for one without any. It takes as long as reading
    does, and is no part of any transaction; a copy that no package comes to use is purged like any other file.
    """
    longest = account.rules.max_bytes
    with _open(account.rules.buckets[bucket], key) as source:
        try:
            return arrivals.store(account, PREFIX, suffix, _size(source), _chunks(source, longest))
        except errors.EmptyFile:
            raise errors.EmptyFile(key) from None


def _open(url: str, key: str) -> BinaryIO:
    if any(part in ("", ".", "..") for part in key.split("/")):  # in a folder it would lead elsewhere
        raise errors.NotFound(kind="object", key=key)
    try:
        return hosts.apart(lambda: Storage(url), hosts.STORE).open(key, confined=True)
    except FileNotFoundError:
        raise errors.NotFound(kind="object", key=key) from None


def _size(source: BinaryIO) -> int:
    """Return how many bytes an object has, and go back to its first."""
    with _trouble():
        size = source.seek(0, os.SEEK_END)
        source.seek(0)
        return size


def _chunks(source: BinaryIO, longest: int) -> Iterator[bytes]:
    """Yield an object as far as it may be copied."""
    size = 0
    while data := _read(source):
        size += len(data)
        if size > longest:
            raise errors.LimitReached(kind="object", limit=longest)
        yield data


def _read(source: BinaryIO) -> bytes:
    with _trouble():
        return source.read(CHUNK)


@contextlib.contextmanager
def _trouble() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise errors.Unavailable(_AWAY) from error
