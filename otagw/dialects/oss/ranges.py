"""Parts of a file: what a Range header asks for, as HTTP (RFC 9110, section 14) has it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from werkzeug.datastructures import Range

from otagw import clock

BLOCK: Final = 64 * 1024
# Updaters that fetch differences ask for up to 150.
MOST: Final = 256
KIND: Final = "application/octet-stream"
_PLAIN: Final = re.compile(r"bytes=[0-9]{0,18}-[0-9]{0,18}(, ?[0-9]{0,18}-[0-9]{0,18})*")


@dataclass(frozen=True)
class Part:
    """The bytes from ``start`` up to but not ``stop``."""

    start: int
    stop: int


def wanted(header: Range | None, size: int) -> list[Part] | None:
    """Return the parts that can be given; none at all if none can, None where the whole file is to be sent.

    Parts of which one goes on where the one before it ends are one. More than `MOST` that were asked for, or parts that
    come to more than the file, are answered with the whole file.
    """
    if header is None or header.units != "bytes" or len(header.ranges) > MOST:
        return None
    parts: list[Part] = []
    for start, stop in header.ranges:
        first = max(size + start, 0) if start < 0 else start
        last = size if stop is None else min(stop, size)
        if parts and first == parts[-1].stop and first < last:
            parts[-1] = Part(parts[-1].start, last)
        elif first < last:
            parts.append(Part(first, last))
    return None if sum(part.stop - part.start for part in parts) > size else parts


def is_plain(header: str, parts: list[Part]) -> bool:
    """Tell whether a Range header is one that every server reads as we do: nginx sends adjacent parts one by one."""
    return bool(_PLAIN.fullmatch(header)) and header.count(",") < len(parts)


def content_range(part: Part, size: int) -> str:
    """Return the Content-Range of one part."""
    return f"bytes {part.start}-{part.stop - 1}/{size}"


class Several:
    """The body of several parts, ``multipart/byteranges``."""

    def __init__(self, parts: Iterable[Part], size: int) -> None:
        self.boundary = clock.random_hex(16)
        self._heads = [
            (
                f"\r\n--{self.boundary}\r\nContent-Type: {KIND}\r\n"
                f"Content-Range: {content_range(part, size)}\r\n\r\n".encode(),
                part,
            )
            for part in parts
        ]
        self._end = f"\r\n--{self.boundary}--\r\n".encode()

    @property
    def length(self) -> int:
        """Return how many bytes the body has."""
        return sum(len(head) + part.stop - part.start for head, part in self._heads) + len(self._end)

    def read(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield the body, and close the file."""
        with file:
            for head, part in self._heads:
                yield head
                yield from _read(file, part)
            yield self._end


def read(file: BinaryIO, part: Part) -> Iterator[bytes]:
    """Yield one part, and close the file."""
    with file:
        yield from _read(file, part)


def _read(file: BinaryIO, part: Part) -> Iterator[bytes]:
    file.seek(part.start)
    left = part.stop - part.start
    while left:
        data = file.read(min(BLOCK, left))
        if not data:
            raise OSError("a file of the store is shorter than it was")
        left -= len(data)
        yield data
