"""Bodies that count how many bytes are taken of them, and how much memory that costs."""

import contextlib
import gc
import tracemalloc
from types import SimpleNamespace


class Endless:
    """A body that begins as given and never ends; ``pulled`` is how many bytes of it were read."""

    def __init__(self, start, again):
        self.start, self.again, self.pulled = start, again, 0

    def read(self, size=-1):
        assert size >= 0, "a body without an end is asked for as a whole"
        position, self.pulled = self.pulled, self.pulled + size
        head = self.start[position : position + size]
        behind = max(position - len(self.start), 0) % len(self.again)
        more = size - len(head)
        return head + (self.again * (more // len(self.again) + 2))[behind : behind + more]

    def readinto(self, buffer):
        buffer[:] = self.read(len(buffer))
        return len(buffer)


def send(http, method, path, stream, length=None, **environ):
    """Send a stream, in chunks or with a Content-Length, to a gateway in process."""
    how = {"HTTP_TRANSFER_ENCODING": "chunked"} if length is None else {"CONTENT_LENGTH": str(length)}
    how |= {"wsgi.input": stream, "wsgi.input_terminated": length is None, **environ}
    return http.open(path, method=method, environ_overrides=how)


@contextlib.contextmanager
def memory():
    """Measure ``peak``, the most bytes that Python held of what was allocated meanwhile, and ``kept``, those left."""
    found = SimpleNamespace(peak=None, kept=None)
    tracemalloc.start()
    try:
        yield found
        gc.collect()
        found.kept, found.peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
