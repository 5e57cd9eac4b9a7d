"""Seeds: accounts, products, devices, packages, jobs and webhooks from a TOML file or a mapping."""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from otagw.testing.api import Account
from otagw.testing.fleet import Device, Devices
from otagw.testing.releases import Job, Package, Packages, Rollouts
from otagw.testing.webhooks import Webhooks

# The required and the optional fields of each kind.
FIELDS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "accounts": (("name",), ("grants", "key_id", "secret")),
    "products": (("key",), ("name", "account")),
    "devices": (("product",), ("count", "names", "name", "version", "protocol", "account")),
    "packages": (("name", "version"), ("data", "file", "product", "module", "verified", "suffix")),
    "jobs": (
        ("package",),
        ("product", "devices", "percent", "schedule", "finish", "timeout_minutes", "dynamic"),
    ),
    "webhooks": (("url",), ("events", "secret", "account")),
}


@dataclass
class Seeded:
    """The objects of a seed: accounts and packages by name, devices by product and name, jobs in order."""

    accounts: dict[str, Account] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    packages: dict[str, Package] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    webhooks: list[str] = field(default_factory=list)


class Accounts(Protocol):
    """Makes accounts."""

    def add(
        self, name: str, grants: Sequence[str] = ..., *, key_id: str | None = ..., secret: str | None = ...
    ) -> Account:
        """Make an account with a key."""


class Ground(Protocol):
    """A gateway that can be sown: the double, or a live one."""

    @property
    def accounts(self) -> Accounts:
        """Return what makes accounts."""

    @property
    def devices(self) -> Devices:
        """Return what makes devices."""

    @property
    def packages(self) -> Packages:
        """Return what makes packages."""

    @property
    def rollouts(self) -> Rollouts:
        """Return what makes rollouts."""

    @property
    def webhooks(self) -> Webhooks:
        """Return what makes webhooks."""

    def product(self, key: str, name: str | None = ..., account: str = ...) -> None:
        """Make a product."""


def read(what: Mapping[str, Any] | str | Path) -> dict[str, list[dict[str, Any]]]:
    """Return checked tables of a TOML file (files beside it by their relative names), or of a mapping.

    Raises ValueError that names the table, the field, and what was expected.
    """
    folder = Path()
    if not isinstance(what, Mapping):
        path = Path(what)
        folder = path.parent
        try:
            what = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ValueError(f"{path}: expected a readable TOML file ({error})") from None
    found: dict[str, list[dict[str, Any]]] = {}
    for kind, rows in what.items():
        _known(kind, FIELDS, "seed")
        if not isinstance(rows, Sequence) or isinstance(rows, str) or not all(isinstance(r, Mapping) for r in rows):
            raise ValueError(f"{kind}: expected a list of tables, [[{kind}]] in TOML")
        found[kind] = [_row(kind, number, row, folder) for number, row in enumerate(rows, 1)]
    return found


def sow(gateway: Ground, tables: Mapping[str, list[dict[str, Any]]]) -> Seeded:
    """Make what tables say, in an order in which each finds what it names; raise ValueError or `api.Refused`."""
    made = Seeded()
    for row in tables.get("accounts", ()):
        made.accounts[row["name"]] = gateway.accounts.add(**row)
    for row in tables.get("products", ()):
        gateway.product(**row)
    for row in tables.get("devices", ()):
        made.devices |= {device.id: device for device in gateway.devices.add(**row)}
    for row in tables.get("packages", ()):
        made.packages[row["name"]] = gateway.packages.add(**row)
    for row in tables.get("jobs", ()):
        name = row.pop("package")
        if name not in made.packages:
            raise ValueError(f"jobs: package: expected the name of a package of the seed, got {name!r}")
        made.jobs.append(gateway.rollouts.add(made.packages[name], **row))
    for row in tables.get("webhooks", ()):
        made.webhooks.append(gateway.webhooks.add(row.pop("url"), *row.pop("events", ()), **row))
    return made


def _row(kind: str, number: int, row: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    where = f"{kind} {number}"
    required, others = FIELDS[kind]
    for name in row:
        _known(name, (*required, *others), where)
    for name in required:
        if name not in row:
            raise ValueError(f"{where}: expected {name}")
    found = {name: _read(name, value, where, folder) for name, value in row.items()}
    if "file" in found and "data" in found:
        raise ValueError(f"{where}: expected file or data, not both")
    if "file" in found:
        found["data"] = found.pop("file")
    return found


def _read(name: str, value: Any, where: str, folder: Path) -> Any:
    wanted, expected = _KINDS.get(name, (str, "a text"))
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise ValueError(f"{where}: {name}: expected {expected}, got {value!r}")
    if wanted is list and not all(isinstance(one, str) for one in value):
        raise ValueError(f"{where}: {name}: expected {expected}, got {value!r}")
    if name == "data" and isinstance(value, str):
        return value.encode()
    if name == "file":
        try:
            return (folder / value).read_bytes()
        except OSError as error:
            raise ValueError(f"{where}: file: expected a readable file, got {value!r} ({error.strerror})") from None
    return value


_LIST: Final = (list, "a list of texts")
_TIME: Final = ((str, datetime, int), "a time like 2026-11-22T00:00Z")
_KINDS: Final[Mapping[str, tuple[Any, str]]] = {
    **dict.fromkeys(("grants", "names", "devices", "events"), _LIST),
    **dict.fromkeys(("schedule", "finish"), _TIME),
    **dict.fromkeys(("count", "timeout_minutes"), (int, "a number")),
    "percent": ((int, float), "a number"),
    **dict.fromkeys(("verified", "dynamic"), (bool, "true or false")),
    "data": ((str, bytes), "a text or bytes"),
}


def _known(name: str, names: Any, where: str) -> None:
    if name not in names:
        near = difflib.get_close_matches(name, list(names), n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
        raise ValueError(f"{where}: there is no {name}; {hint}")
