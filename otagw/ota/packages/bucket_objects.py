"""Objects in the operator's buckets: copied into our own store once, so that devices are given what was checked.

Why they are copied: docs/decisions/0018-iotda.md.
"""

from typing import BinaryIO, Final

from otagw import errors, hosts, runtime
from otagw.files.storage import Storage
from otagw.ota.accounts import Account
from otagw.ota.packages import stored_files

LONGEST: Final = 1 << 30
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

    Raises `errors.NotFound` for an object that is not there, `errors.LimitReached` for one of more than `LONGEST`
    bytes. It takes as long as reading does, and is no part of any transaction; a copy that no package comes to use is
    purged like any other file.
    """
    with _open(account.rules.buckets[bucket], key) as source:
        copied = stored_files.announce(account, PREFIX, suffix)
        path = stored_files.new_path(copied)
        writer = runtime.current().storage.create(path)
        measure = stored_files.Measure()
        try:
            while data := _read(source):
                measure.update(data)
                if measure.size > LONGEST:
                    raise errors.LimitReached(kind="object", limit=LONGEST)
                writer.write(data)
            writer.commit()
        except BaseException:
            writer.discard()
            raise
    stored_files.uploaded(copied, path, measure.facts())
    return copied


def _open(url: str, key: str) -> BinaryIO:
    if any(part in ("", ".", "..") for part in key.split("/")):  # in a folder it would lead elsewhere
        raise errors.NotFound(kind="object", key=key)
    try:
        return hosts.apart(lambda: Storage(url), hosts.STORE).open(key)
    except FileNotFoundError:
        raise errors.NotFound(kind="object", key=key) from None


def _read(source: BinaryIO) -> bytes:
    try:
        return source.read(CHUNK)
    except OSError as error:
        raise errors.Unavailable(_AWAY) from error
