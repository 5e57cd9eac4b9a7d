"""Lists of device ids in a spreadsheet: the first sheet of an .xlsx file, or CSV.

Files come from clients: unpacked bytes, parts, elements and rows are bounded. XML with a document type is refused: no
entity expands, and none is fetched. The first row that is not empty is the header.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import IO, Final
from xml.parsers import expat

from otagw.ota.devices import csv_import

COLUMN: Final = "device_id"
KIND: Final = "list of devices"
# As many devices as a job takes by name, and as long as ids of devices are.
MOST: Final = 30_000
LONGEST_ID: Final = 600
# Bytes of a part of an .xlsx file once it is unpacked: ten columns of `MOST` rows have 15 MB.
_LONGEST_PART: Final = 16 * 1024 * 1024
# Elements of such a part, or cells of CSV: up to 0.7 s on one core.
_MOST_ELEMENTS: Final = 600_000
_MOST_PARTS: Final = 200
_CHUNK: Final = 64 * 1024
_ZIP, _OLE, _ENTRY = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PK\x01\x02"
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, OSError, ValueError, RuntimeError)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")
_LETTERS: Final = re.compile("[A-Z]{1,3}")
# The texts of a row, by the number of their column.
Row = dict[int, str]


class Unreadable(Exception):
    """Say what is wrong with a file."""


class TooMany(Exception):
    """Say that a file names more devices than `MOST`."""


def device_ids(data: bytes) -> list[str]:
    """Return the ids in the column `COLUMN` of a file, each once; the other columns are not looked at.

    Raises `Unreadable` and `TooMany`.
    """
    rows = (row for row in _rows(data) if any(cell.strip() for cell in row.values()))
    header = next(rows, {})
    at = [number for number, title in header.items() if _folded(title) == _folded(COLUMN)]
    if len(at) != 1:
        seen = ", ".join(ascii(title.strip()[:32]).strip("'") for title in islice(header.values(), 8)) or "nothing"
        raise Unreadable(f"its first line has {seen}, not one column {COLUMN}")
    found: dict[str, None] = {}
    for number, row in enumerate(rows, 2):
        text = row.get(at[0], "").strip()
        if len(text) > LONGEST_ID or _CONTROL.search(text):
            raise Unreadable(f"row {number} has no id of a device: at most {LONGEST_ID} characters, none of control")
        if text:
            found[text] = None
        if len(found) > MOST:
            raise TooMany
    if not found:
        raise Unreadable(f"its column {COLUMN} is empty")
    return list(found)


def _folded(title: str) -> str:
    return re.sub(r"[\s_-]", "", title).lower()


def _rows(data: bytes) -> Iterator[Row]:
    if data.startswith(_OLE):
        raise Unreadable("it is an .xls file of Excel 97, or encrypted: save it as .xlsx or .csv")
    if not data.startswith(_ZIP):
        return _csv_rows(data)
    if data.count(_ENTRY) > _MOST_PARTS:
        raise Unreadable(f"it has over {_MOST_PARTS} parts: save it as .csv")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            return _sheet(book)
    except KeyError:
        raise Unreadable("it is a zip file, and not an .xlsx file with a sheet") from None
    except _BROKEN:
        raise Unreadable("it is a broken .xlsx file: save it anew, or as .csv") from None


def _csv_rows(data: bytes) -> Iterator[Row]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("it is neither an .xlsx file nor CSV in UTF-8") from None
    separator = csv_import.delimiter(text.lstrip("\r\n").partition("\n")[0])
    if sum(map(text.count, (separator, "\n", "\r"))) > _MOST_ELEMENTS:
        raise Unreadable(f"it has over {_MOST_ELEMENTS:,} cells: save the column {COLUMN} alone")
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        yield from (dict(enumerate(row)) for row in rows)
    except csv.Error as error:
        raise Unreadable(f"it is no CSV: {error}") from None


def _sheet(book: zipfile.ZipFile) -> Iterator[Row]:
    """Return the rows of the first sheet of a workbook."""
    sheets: list[str] = []
    targets: dict[str, str] = {}

    def sheet(name: str, given: dict[str, str]) -> None:
        if name == "sheet":  # its other id has no namespace
            sheets.extend(value for key, value in given.items() if key.endswith(" id"))

    def relation(name: str, given: dict[str, str]) -> None:
        if name == "Relationship":
            targets[given["Id"]] = given["Target"]

    _read(book, "xl/workbook.xml", sheet)
    _read(book, "xl/_rels/workbook.xml.rels", relation)
    target = targets[sheets[0]] if sheets else ""
    strings = _strings(book) if "xl/sharedStrings.xml" in book.namelist() else []
    cells = _Cells(strings)
    _read(book, target.lstrip("/") if target.startswith("/") else f"xl/{target}", cells.begin, cells.end, cells.text)
    return iter(cells.rows)


def _strings(book: zipfile.ZipFile) -> list[str]:
    cells = _Cells([])
    _read(book, "xl/sharedStrings.xml", cells.begin, cells.end, cells.text)
    return cells.items


class _Cells:
    """What takes the XML of a sheet, or of the texts that its cells share."""

    def __init__(self, strings: list[str]) -> None:
        self.strings, self.rows, self.items = strings, list[Row](), list[str]()
        self._parts: list[str] = []
        self._kind, self._column = "", 0
        self._inside, self._phonetic = False, False

    def begin(self, name: str, given: dict[str, str]) -> None:
        """Begin a row, a cell, or a text of either."""
        match name:
            case "row":
                self.rows.append({})
                self._column = -1
            case "c":
                letters = _LETTERS.match(given.get("r", ""))
                self._column = _number(letters.group()) if letters else self._column + 1
                self._kind, self._parts = given.get("t", ""), []
            case "si":
                self._parts = []
            case "rPh":
                self._phonetic = True
            case "t" | "v":
                self._inside = not self._phonetic

    def text(self, text: str) -> None:
        """Take text."""
        if self._inside:
            self._parts.append(text)

    def end(self, name: str) -> None:
        """Keep what has ended."""
        match name:
            case "t" | "v":
                self._inside = False
            case "rPh":
                self._phonetic = False
            case "si":
                self.items.append("".join(self._parts))
            case "c" if self.rows:
                text = "".join(self._parts)
                if self._kind == "s":
                    text = self.strings[int(text)] if int(text) < len(self.strings) else ""
                self.rows[-1][self._column] = text


def _number(letters: str) -> int:
    """Return the number of a column, from 0: of A, Z, AA."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _read(
    book: zipfile.ZipFile,
    part: str,
    begin: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] = lambda _: None,
    text: Callable[[str], None] = lambda _: None,
) -> None:
    """Give the XML of a part of an .xlsx file to handlers, which get names without their namespace."""
    info = book.getinfo(part)
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unreadable("it is encrypted, or packed in a way that .xlsx files are not: save it as .csv")
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    left = _MOST_ELEMENTS

    def started(name: str, given: dict[str, str]) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Unreadable(f"a part of it has over {_MOST_ELEMENTS:,} elements: save the column {COLUMN} alone")
        begin(name.rpartition(" ")[2], given)

    def refuse(*_: object) -> None:
        raise Unreadable("its XML declares a document type, which no .xlsx file has")

    parser.StartElementHandler = started
    parser.EndElementHandler = lambda name: end(name.rpartition(" ")[2])
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    with book.open(info) as packed:
        for chunk in _chunks(packed):
            parser.Parse(chunk, False)
    parser.Parse(b"", True)


def _chunks(packed: IO[bytes]) -> Iterable[bytes]:
    left = _LONGEST_PART
    while chunk := packed.read(_CHUNK):
        left -= len(chunk)
        if left < 0:
            raise Unreadable(f"a part of it has over {_LONGEST_PART} bytes: save the column {COLUMN} alone")
        yield chunk
