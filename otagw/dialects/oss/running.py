"""The uploads that a process has under way: one for each file, and so many for each access key.

Each has a thread and a file open. Every process counts for itself; `stored_files.uploaded` decides between two of them.
"""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Final

from otagw import errors
from otagw.ota.packages import stored_files

KIND: Final = "upload"
WAIT_MS: Final = 5000


class Running:
    """Uploads under way, by file and by access key."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._keys: set[str] = set()
        self._holders: Counter[str] = Counter()

    @contextlib.contextmanager
    def one(self, key: str, holder: str, most: int) -> Iterator[None]:
        """Be an upload of a file by an access key that may have so many under way, 0 for any number.

        Raises `errors.WrongState` where another uploads the file, and `errors.Throttled` for one too many.
        """
        with self._guard:
            if key in self._keys:
                raise errors.WrongState(kind=stored_files.KIND, key=key, state="being uploaded")
            if most and self._holders[holder] >= most:
                raise errors.Throttled(kind=KIND, wait=WAIT_MS)
            self._keys.add(key)
            self._holders[holder] += 1
        try:
            yield
        finally:
            with self._guard:
                self._keys.discard(key)
                self._holders[holder] -= 1
                if not self._holders[holder]:
                    del self._holders[holder]
