"""Fleets that come as a file: CSV with a header, a device a row, registered in batches.

Each batch is one transaction, and devices that are there are passed over: whatever ended an import, the same file again
goes on where it stopped.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Final, NamedTuple

from otagw import errors
from otagw.db import database
from otagw.ota import audit, versions
from otagw.ota.accounts import Account
from otagw.ota.devices import devices
from otagw.ota.devices.devices import DeviceDraft
from otagw.ota.products import modules, products

AT_ONCE: Final = 1000
THERE: Final = "the product has a device of this name"
# The names of a column, in small letters and without blanks, underscores and hyphens.
COLUMNS: Final[Mapping[str, str]] = {
    "devicename": "name",
    "name": "name",
    "productkey": "product",
    "product": "product",
    "devicesecret": "secret",
    "secret": "secret",
    "nickname": "nickname",
    "firmwareversion": "version",
    "version": "version",
}
_RULES: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "product": (products.KEY, "the product is no key: 1 to 256 of A-Z a-z 0-9 _ -, no reserved word"),
    "name": (devices.NAME, "the name is not made of 1 to 256 of A-Z a-z 0-9 . : @ _ -"),
    "nickname": (re.compile(r"[^\x00-\x1f]{0,64}"), "the nickname has over 64 characters, or a control character"),
    "secret": (re.compile(r"[!-~]{0,128}"), "the secret is not made of up to 128 printable ASCII characters"),
    "version": (re.compile(rf"(?:{versions.TEXT.pattern})?"), f"the version is not of {versions.EXPECTED}"),
}


class Unreadable(Exception):
    """Say what is wrong with a file as a whole, or where it can no longer be read."""


class Row(NamedTuple):
    """A row of the file: the number of its last line, its product and the device, or why it cannot be one."""

    line: int
    product_key: str
    draft: DeviceDraft
    problem: str = ""


class Skipped(NamedTuple):
    """A row that was not registered."""

    line: int
    name: str
    why: str


@dataclass
class Batch:
    """What came of some rows: how many were registered, and which were not."""

    line: int
    registered: int = 0
    skipped: list[Skipped] = field(default_factory=list)


def delimiter(head: str) -> str:
    """Return what separates the values of a file, by its first line."""
    return max(",;\t", key=head.count)


def columns(header: Iterable[str]) -> list[str | None]:
    """Return what each column of a header is, None where it means nothing here."""
    return [COLUMNS.get(re.sub(r"[\s_-]", "", title).lower()) for title in header]


class File:
    """A fleet's file; `ignored` are the columns that mean nothing here, `position` the bytes read so far."""

    def __init__(self, source: IO[bytes], product_key: str | None = None) -> None:
        self.position = 0
        self._product = product_key
        lines = self._lines(source)
        head = next(lines, "")
        separator = delimiter(head)
        self._reader = csv.reader(lines, delimiter=separator, strict=True)
        header = next(csv.reader([head], delimiter=separator), [])
        self._columns = columns(header)
        self.ignored = [title for title, known in zip(header, self._columns, strict=True) if not known]
        known = [column for column in self._columns if column]
        if "name" not in known or len(set(known)) != len(known):
            raise Unreadable("the first line is no header with one column DeviceName")
        if product_key is None and "product" not in known:
            raise Unreadable("there is no column ProductKey, and no product is given")

    def rows(self) -> Iterator[Row]:
        """Yield every row that is not empty; raise `Unreadable` where the file breaks off or is no CSV."""
        try:
            for values in self._reader:
                if values:
                    yield self._row(self._reader.line_num + 1, values)
        except csv.Error as error:
            raise Unreadable(f"line {self._reader.line_num + 1}: {error}") from None

    def _row(self, line: int, values: Sequence[str]) -> Row:
        found = {c: v.strip() for c, v in zip(self._columns, values, strict=False) if c}
        product = found.get("product") or self._product or ""
        name = found.get("name", "")
        running = {modules.DEFAULT: found["version"]} if found.get("version") else {}
        draft = DeviceDraft(name, found.get("nickname") or None, found.get("secret") or None, running)
        if len(values) != len(self._columns):
            return Row(line, product, draft, f"the row has {len(values)} values, the header {len(self._columns)}")
        checked = {**found, "name": name, "product": product}
        problems = (text for column, (rule, text) in _RULES.items() if not rule.fullmatch(checked.get(column, "")))
        return Row(line, product, draft, next(problems, ""))

    def _lines(self, source: IO[bytes]) -> Iterator[str]:
        for number, line in enumerate(source, 1):
            self.position += len(line)
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise Unreadable(f"line {number}: it is not UTF-8") from None


def register(account: Account, rows: Iterable[Row]) -> Iterator[Batch]:
    """Register devices batch by batch; each that is yielded is there to stay."""
    remaining = iter(rows)
    while chunk := list(islice(remaining, AT_ONCE)):
        batch = Batch(chunk[-1].line)
        by_product: dict[str, list[Row]] = {}
        for row in chunk:
            if row.problem:
                batch.skipped.append(Skipped(row.line, row.draft.name, row.problem))
            else:
                by_product.setdefault(row.product_key, []).append(row)
        for product_key, several in by_product.items():
            _register(account, product_key, several, batch)
        batch.skipped.sort()
        yield batch


def _register(account: Account, product_key: str, rows: list[Row], batch: Batch) -> None:
    try:
        with database.write():
            products.require(account, product_key)
            free = devices.add(account, product_key, [row.draft for row in rows])
            if free:
                audit.note(account.id, devices.KIND, f"{product_key}/{min(free)} and {len(free) - 1} more")
    except errors.NotFound:
        batch.skipped += [Skipped(row.line, row.draft.name, f"there is no product {product_key}") for row in rows]
        return
    batch.registered += len(free)
    for row in rows:
        if row.draft.name in free:
            free.remove(row.draft.name)  # the next of this name in the file is not the one that was registered
        else:
            batch.skipped.append(Skipped(row.line, row.draft.name, THERE))
