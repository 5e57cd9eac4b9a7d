"""The fields of a control request: what each has to be, in words."""

import base64
import binascii
import difflib
import tomllib
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from otagw.simulator.devices import Behaviour


class Refusal(Exception):
    """Say with which HTTP status a control request is refused, and why."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Kind(NamedTuple):
    """A rule for a value: the expectation in words, and the test."""

    expected: str
    fits: Callable[[Any], bool]


def _is(*types: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


# Far more than any field takes; what is larger, some arithmetic does not.
LARGEST: Final = 1e15
TEXT: Final = Kind("a text", _is(str))
NUMBER: Final = Kind("a number", lambda value: _is(int, float)(value) and abs(value) < LARGEST)
WHOLE: Final = Kind("a whole number", lambda value: _is(int)(value) and abs(value) < LARGEST)
FLAG: Final = Kind("true or false", _is(bool))
TIME: Final = Kind("a time like 2026-11-22T00:00Z, or milliseconds since 1970", _is(str, int))
TEXTS: Final = Kind("a list of texts", _texts)
STATUSES: Final = Kind(
    "a list of HTTP statuses",
    lambda value: isinstance(value, list) and bool(value) and all(_is(int)(one) and 200 <= one <= 599 for one in value),
)
OBJECT: Final = Kind("an object", _is(dict))
BYTES: Final = Kind("Base64", lambda value: isinstance(value, str) and _bytes(value) is not None)
ANYTHING: Final = Kind("anything", lambda value: True)


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None


def read(given: Mapping[str, Any], fields: Mapping[str, Kind], *required: str) -> dict[str, Any]:
    """Return the fields of an object, without those that are null; raise `Refusal` that names the first wrong one."""
    found = {name: value for name, value in given.items() if value is not None}
    for name, value in found.items():
        if name not in fields:
            near = difflib.get_close_matches(name, list(fields), n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(fields) or 'none'}"
            raise Refusal(400, f"{name}: there is no such field; {hint}")
        if not fields[name].fits(value):
            raise Refusal(400, f"{name}: expected {fields[name].expected}, got {value!r:.100}")
    for name in required:
        if name not in found:
            raise Refusal(400, f"{name}: expected {fields[name].expected}, got nothing")
    return {name: _bytes(value) if fields[name] is BYTES else value for name, value in found.items()}


def toml(data: bytes) -> dict[str, Any]:
    """Return the tables of a TOML text; raise `Refusal`."""
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"expected a body that is TOML in UTF-8 ({error})") from None


def params(asked: dict[str, Any]) -> dict[str, Any]:
    """Take the parameters of an Action out of the fields; none of them is called as a field is."""
    found: dict[str, Any] = asked.pop("params", {})
    for name in found:
        if not name[:1].isupper():
            raise Refusal(400, f"params: expected names like ProductKey, got {name!r}")
    return found


def with_bytes(package: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Return the fields of a package, with ``data`` in place of ``data_base64``; raise `Refusal` for both."""
    found = dict(package)
    if "data_base64" in found:
        if "data" in found:
            raise Refusal(400, f"{where}expected data or data_base64, not both")
        data = found.pop("data_base64")
        if isinstance(data, str):
            data = _bytes(data)
        if not isinstance(data, bytes):
            raise Refusal(400, f"{where}data_base64: expected {BYTES.expected}")
        found["data"] = data
    return found


def seed(tables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the tables of a seed with the bytes of its packages.

    Raises `Refusal` for a file: any program of the machine could read the files of the server's user by it.
    """
    rows = tables.get("packages")
    if not isinstance(rows, list):
        return tables
    for number, row in enumerate(rows, 1):
        if isinstance(row, Mapping) and "file" in row:
            raise Refusal(400, f"packages {number}: file: expected data or data_base64; --seed-file alone reads files")
    return {
        **tables,
        "packages": [
            with_bytes(row, f"packages {number}: ") if isinstance(row, Mapping) else row
            for number, row in enumerate(rows, 1)
        ],
    }


# --- the fields of each act of `otagw.testing.acts`

LENGTH: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("days", "hours", "minutes", "seconds", "milliseconds"), NUMBER), "to": TIME,
}  # fmt: skip
CLOCK: Final[Mapping[str, Kind]] = {
    "freeze": Kind("true, or a time", lambda value: value is True or TIME.fits(value)),
    "unfreeze": FLAG, "advance": OBJECT, "next": FLAG,
    "run_until_idle": Kind("true, or {\"days\": NUMBER}", lambda value: value is True or isinstance(value, dict)),
    "strict": FLAG,
}  # fmt: skip
FAULT: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("operation", "code", "message", "before", "after", "key", "device"), TEXT),
    **dict.fromkeys(("status", "times", "every", "drop_after"), WHOLE),
    **dict.fromkeys(("retry_after", "probability", "delay", "bandwidth"), NUMBER),
    **dict.fromkeys(("reset", "optional"), FLAG), "params": OBJECT,
}  # fmt: skip
DEVICES: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("product", "version", "protocol", "name", "account"), TEXT), "count": WHOLE, "names": TEXTS,
}  # fmt: skip
PACKAGE: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("name", "version", "data", "product", "module", "suffix"), TEXT),
    "data_base64": BYTES, "verified": FLAG, "params": OBJECT,
}  # fmt: skip
ROLLOUT: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("package", "product"), TEXT), **dict.fromkeys(("schedule", "finish"), TIME),
    "devices": TEXTS, "percent": NUMBER, "timeout_minutes": WHOLE, "dynamic": FLAG, "params": OBJECT,
}  # fmt: skip
BEHAVIOUR: Final[Mapping[str, Kind]] = {
    name: FLAG if name in ("fixed", "download") else NUMBER for name in Behaviour.__dataclass_fields__
}
# The fields of each act of one device.
DEEDS: Final[Mapping[str, tuple[Mapping[str, Kind], tuple[str, ...]]]] = {
    "poll": ({}, ()), "take": ({}, ()), "succeed": ({}, ()), "vanish": ({}, ()),
    "progress": ({"percent": WHOLE, "message": TEXT}, ("percent",)),
    "fail": ({"reason": TEXT}, ("reason",)),
    "report": ({"version": TEXT, "module": TEXT}, ("version",)),
}  # fmt: skip
