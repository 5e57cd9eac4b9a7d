"""The file of a recording: one JSON object a line, a header first, then the exchanges as they were completed.

It can be read in a diff. Of a request it holds front, operation and decoded parameters; of an answer status, code,
content type and decoded body. docs/testing/recording.md describes the members.
"""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

FORMAT: Final = "otagw-recording"
VERSION: Final = 1


class BadCassette(ValueError):
    """The file is no recording that this version reads; the text says where and why."""


@dataclass(frozen=True)
class Asked:
    """A request, decoded: ``parameters`` are groups by where they stood (path, query, form, body), without signature.

    ``path`` is the path of a REST operation, with its variable segments named in braces.
    """

    front: str
    operation: str
    method: str
    path: str
    scheme: str
    parameters: Mapping[str, Mapping[str, Any]]

    def with_parameters(self, parameters: Mapping[str, Mapping[str, Any]]) -> "Asked":
        """Return the same request with other parameters."""
        return replace(self, parameters=parameters)


@dataclass(frozen=True)
class Answered:
    """An answer: ``type`` is its content type, ``body`` plain data, None where it was empty or could not be read."""

    status: int
    code: str
    type: str
    body: Any


@dataclass(frozen=True)
class Exchange:
    """A request with its answer; ``line`` is where in the file it stands."""

    asked: Asked
    answered: Answered
    line: int = 0


class Writer:
    """Append exchanges to a new file, each durable before `add` returns; several threads may add.

    Raises OSError where the file is there already or cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._guard = threading.Lock()
        self.count = 0
        self._write({"format": FORMAT, "version": VERSION})

    def add(self, asked: Asked, answered: Answered) -> None:
        """Append an exchange; it must be clean."""
        with self._guard:
            self._write({**asdict(asked), **asdict(answered)})
            self.count += 1

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, entry: Mapping[str, Any]) -> None:
        # A lone surrogate, which JSON can write and UTF-8 cannot, becomes the escape that it was.
        line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace")
        self._file.write(line + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


_MEMBERS: Final[Mapping[str, type]] = {
    **dict.fromkeys(("front", "operation", "method", "path", "scheme", "code", "type"), str),
    "parameters": dict,
    "status": int,
}


def read(path: Path) -> list[Exchange]:
    """Return the exchanges of a file; raise `BadCassette`, or OSError where it cannot be read.

    A last line without its end is the exchange that a killed recorder was writing; it is left out.
    """
    lines = path.read_bytes().split(b"\n")[:-1]
    header = _object(path, 1, lines[0] if lines else b"")
    if (header.get("format"), header.get("version")) != (FORMAT, VERSION):
        raise BadCassette(f"{path}: line 1: expected the header of a recording, format {FORMAT} and version {VERSION}")
    return [_exchange(path, number, line) for number, line in enumerate(lines[1:], start=2)]


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadCassette(f"{path}: line {number}: expected one JSON object")
    return found


def _exchange(file: Path, number: int, line: bytes) -> Exchange:
    entry = _object(file, number, line)
    for name, kind in _MEMBERS.items():
        value = entry.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BadCassette(f"{file}: line {number}: {name}: expected a JSON {_KINDS[kind]}")
    if not entry["path"].startswith("/"):  # or it could continue the host of the server that is asked
        raise BadCassette(f"{file}: line {number}: path: expected a text that begins with /")
    if not 100 <= entry["status"] <= 599:
        raise BadCassette(f"{file}: line {number}: status: expected 100 to 599, got {entry['status']}")
    groups = entry["parameters"]
    for group, members in groups.items():
        if not isinstance(members, dict):
            raise BadCassette(f"{file}: line {number}: parameters.{group}: expected a JSON object")
    front, operation, method, path, scheme = (
        entry[name] for name in ("front", "operation", "method", "path", "scheme")
    )
    asked = Asked(front, operation, method, path, scheme, groups)
    return Exchange(asked, Answered(entry["status"], entry["code"], entry["type"], entry.get("body")), number)


_KINDS: Final[Mapping[type, str]] = {str: "string", dict: "object", int: "number"}
