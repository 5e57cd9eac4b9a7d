"""Ids as they are shown, and as they are read back from those who were given them."""

import hashlib
import re
import uuid
from typing import Final

from otagw import clock, errors
from otagw.db import database

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def read(kind: str, key: str) -> int:
    """Read an id as we write it, in decimal digits; any other text is not found."""
    number = int(key) if key.isascii() and key.isdecimal() and len(key) <= 19 else 0
    if str(number) != key or number >= 1 << 63:
        raise errors.NotFound(kind=kind, key=key)
    return number


def as_uuid(number: int) -> str:
    """Return the UUID (version 8) that stands for an id: its 63 bits, and as much of its digest as fits."""
    digest = int.from_bytes(hashlib.sha256(number.to_bytes(8)).digest()) & (1 << 59) - 1
    high, middle, low = number >> 15, number >> 3 & 0xFFF, number & 0x7
    return str(uuid.UUID(int=high << 80 | 0x8 << 76 | middle << 64 | 0b10 << 62 | low << 59 | digest))


def from_uuid(kind: str, text: str) -> int:
    """Return the id that a UUID of ours stands for; any other text is not found."""
    if _UUID.fullmatch(text):
        value = uuid.UUID(text).int
        number = value >> 80 << 15 | (value >> 64 & 0xFFF) << 3 | value >> 59 & 0x7
        if number < 1 << 63 and as_uuid(number) == text.lower():
            return number
    raise errors.NotFound(kind=kind, key=text)


def free(table: str, count: int, column: str = "id") -> int:
    """Return the first of so many ids that follow each other and are nobody's; inside the write that uses them."""
    while True:
        first = clock.new_id()
        query = f"SELECT 1 FROM {table} WHERE {column} BETWEEN ? AND ? LIMIT 1"
        if database.execute(query, first, first + count).fetchone() is None:
            return first
