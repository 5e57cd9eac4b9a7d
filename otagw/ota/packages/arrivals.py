"""Files on their way into our own store: written as their bytes come, and kept whole or not at all."""

import contextlib
from collections.abc import Iterable

from otagw import errors, runtime
from otagw.ota.accounts import Account
from otagw.ota.packages import stored_files
from otagw.ota.packages.records import Facts


class Arrival:
    """A file that is being written for an announced key; it is there once kept, and leaves nothing if discarded.

    Raises what `stored_files.place` does, and `errors.LimitReached` where the account has no room for ``size`` bytes.
    """

    def __init__(self, key: str, size: int = 0) -> None:
        self._key = key
        self._path, self._room = stored_files.place(key)
        self._room.check(size)
        self._measure = stored_files.Measure()
        self._storage = runtime.current().storage
        self._writer = self._storage.create(self._path)

    def write(self, data: bytes) -> None:
        """Add bytes; raise `errors.LimitReached` where the account had no room for them as the file began."""
        self._room.check(self._measure.size + len(data))
        self._writer.write(data, also=self._measure.update)

    def facts(self) -> Facts:
        """Return what is known of what was written."""
        return self._measure.facts()

    def keep(self) -> Facts:
        """Make it the file of its key, and return what it comes to; nothing is left of it where that fails.

        Raises `errors.EmptyFile` for one without a byte, which is no package.
        """
        facts = self.facts()
        try:
            if not facts.size:
                raise errors.EmptyFile(self._key)
            self._writer.commit()
            stored_files.uploaded(self._key, self._path, facts)
        except BaseException:
            self.discard()
            with contextlib.suppress(errors.Unavailable):  # then it goes with the rest of its key
                self._storage.delete(self._path)
            raise
        return facts

    def discard(self) -> None:
        """Leave nothing of what was written."""
        self._writer.discard()


def store(account: Account, prefix: str, suffix: str, size: int, chunks: Iterable[bytes]) -> str:
    """Store a file of the account's of about so many bytes; return its key.

    Raises `errors.LimitReached` where the account has no room for it.
    """
    key = stored_files.announce(account, prefix, suffix, size)
    arrival = Arrival(key)
    try:
        for data in chunks:
            arrival.write(data)
    except BaseException:
        arrival.discard()
        raise
    arrival.keep()
    return key
