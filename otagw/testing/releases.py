"""Packages and rollouts, made by the Actions that a release script would call."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from otagw.testing.api import VERSION, Api, pick
from otagw.testing.fleet import Device
from otagw.testing.times import Time, milliseconds

_PAGE: Final = 100


@dataclass(frozen=True)
class Package:
    """A package that is kept: ``id`` is the vendor's FirmwareId."""

    id: str
    name: str
    version: str
    product: str | None
    data: bytes


class Packages:
    """The packages that a test has made."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def add(
        self,
        name: str,
        version: str,
        *,
        data: bytes | str = b"firmware",
        product: str | None = None,
        module: str | None = None,
        verified: bool = True,
        suffix: str = "bin",
        **params: Any,
    ) -> Package:
        """Upload a file and make a package of it; ``params`` are further ones of CreateOTAFirmware.

        With ``verified=False`` it has to be verified by a job before it can be rolled out. Raises `api.Refused`.
        """
        data = data.encode() if isinstance(data, str) else data
        url = self._api.upload(data, suffix)
        answer = self._api.ok(
            "CreateOTAFirmware",
            **{
                "Version": VERSION,
                "FirmwareName": name,
                "DestVersion": version,
                "FirmwareUrl": url,
                "FirmwareSize": len(data),
                "FirmwareSign": hashlib.sha256(data).hexdigest(),
                "SignMethod": "SHA256",
                "ProductKey": product,
                "ModuleName": module,
                "NeedToVerify": not verified,
                **params,
            },
        )
        return Package(str(pick(pick(answer, "Data"), "FirmwareId")), name, version, product, data)


class Job:
    """A rollout."""

    def __init__(self, api: Api, identity: str) -> None:
        self._api, self.id = api, identity

    def __repr__(self) -> str:
        return f"<job {self.id}>"

    @property
    def data(self) -> Mapping[str, Any]:
        """Return what QueryOTAJob says of it."""
        found: Mapping[str, Any] = pick(self._api.ok("QueryOTAJob", Version=VERSION, JobId=self.id), "Data")
        return found

    @property
    def state(self) -> str:
        """Return its state: PLANNED, IN_PROGRESS, COMPLETED or CANCELED."""
        return str(pick(self.data, "JobStatus"))

    def tasks(self) -> dict[str, str]:
        """Return the state of each device's task, by the device's name."""
        found: dict[str, str] = {}
        number = 1
        while True:
            answer = self._api.ok(
                "ListOTATaskByJob", Version=VERSION, JobId=self.id, CurrentPage=number, PageSize=_PAGE
            )
            rows = _rows(pick(answer, "Data"))
            found |= {str(pick(row, "DeviceName")): str(pick(row, "TaskStatus")) for row in rows}
            if len(rows) < _PAGE:
                return found
            number += 1

    def counts(self) -> dict[str, int]:
        """Return how many tasks are in each state."""
        states = list(self.tasks().values())
        return {state: states.count(state) for state in sorted(set(states))}


class Rollouts:
    """The rollouts that a test has made."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, identity: str) -> Job:
        """Return a job by its id; raise `api.Refused` where there is none."""
        job = Job(self._api, identity)
        _ = job.data
        return job

    def add(
        self,
        package: Package | str,
        *,
        product: str | None = None,
        devices: Iterable[Device | str] | None = None,
        percent: float | None = None,
        schedule: Time | None = None,
        finish: Time | None = None,
        timeout_minutes: int | None = None,
        dynamic: bool = False,
        **params: Any,
    ) -> Job:
        """Roll a package out to all devices of its product, to some, or to a share of them; return the job.

        ``params`` are further ones of CreateOTAStaticUpgradeJob, or of CreateOTADynamicUpgradeJob where it is
        ``dynamic``. Raises `api.Refused`, ValueError where no product is known.
        """
        product = product or (package.product if isinstance(package, Package) else None)
        if product is None:
            raise ValueError("product: expected one, since the package is of none")
        names = None if devices is None else [one.name if isinstance(one, Device) else one for one in devices]
        given: dict[str, Any] = {
            "Version": VERSION,
            "FirmwareId": package.id if isinstance(package, Package) else package,
            "ProductKey": product,
            "TimeoutInMinutes": timeout_minutes,
        }
        if isinstance(devices, str):
            raise ValueError(f"devices: expected a list of devices or names, got {devices!r}")
        if dynamic and any(value is not None for value in (devices, percent, schedule, finish)):
            raise ValueError("dynamic: expected no devices, percent, schedule or finish beside it")
        if dynamic:
            answer = self._api.ok("CreateOTADynamicUpgradeJob", **{**given, "DynamicMode": 1, **params})
        else:
            target = "SPECIFIC" if names is not None else "GRAY" if percent is not None else "ALL"
            given |= {
                "TargetSelection": target,
                "TargetDeviceName": names,
                "GrayPercent": percent,
                "ScheduleTime": None if schedule is None else milliseconds(schedule),
                "ScheduleFinishTime": None if finish is None else milliseconds(finish),
            }
            answer = self._api.ok("CreateOTAStaticUpgradeJob", **{**given, **params})
        return Job(self._api, str(pick(pick(answer, "Data"), "JobId")))


def _rows(data: Any) -> list[Any]:
    """Return the rows of a page, which a list of the vendor's wraps once more."""
    while isinstance(data, Mapping):
        data = next((value for value in data.values() if isinstance(value, (list, Mapping))), [])
    return list(data)
