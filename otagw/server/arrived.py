"""Whether a request is there as a whole, and its client ready for the answer, so that nobody has to be waited for.

The edge answers such a request in its loop, without the detour over a thread; docs/decisions/0007-http-edge.md says
what that gains. A wrong "no" costs the detour; a wrong "yes" would let one client hold up a process. So every doubt is
a no.
"""

import fcntl
import re
import socket
import termios
from typing import Final

from otagw.files import links

# As much as a head and a small body take; what is longer goes the other way.
PEEK_BYTES: Final = 64 * 1024
# Plain methods, and plain paths but those of files, which are long or slow to come and go.
_FIRST: Final = re.compile(
    rb"(?:GET|POST|PUT|DELETE) /(?!%s)[^? %%]*(?:\?[^ ]*)? HTTP/1\.[01]\r\n" % links.PATH[1:].encode()
)
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,5})[ \t]*(?=\r\n)")
_NOTHING: Final = b"\0" * 4


def is_whole(sock: socket.socket) -> bool:
    """Return whether exactly one request, plain and complete, waits to be read from a socket; reads nothing."""
    try:
        there = sock.recv(PEEK_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return False
    head, end, body = there.partition(b"\r\n\r\n")
    if not end or len(there) == PEEK_BYTES or not _FIRST.match(there):
        return False
    words = (head + b"\r\n").lower()
    if b"transfer-encoding" in words or b"expect" in words:
        return False
    lengths = _LENGTH.findall(words)
    if len(lengths) != words.count(b"content-length"):
        return False
    return len(body) == (int(lengths[0]) if len(lengths) == 1 else 0) and len(lengths) < 2


def has_read(sock: socket.socket) -> bool:
    """Return whether a client has taken all that it was sent, so that the next answer finds room."""
    try:
        waiting = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, _NOTHING)
    except (OSError, ValueError):  # it is closed
        return False
    return waiting == _NOTHING
