"""A device with Huawei's SDK for Python: docs/wire/oc.md."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any, Final

from otagw import clock
from otagw.simulator import connected
from otagw.simulator.mqtt import Credentials, Message
from otagw.simulator.protocol import DOWNLOAD, INSTALL, VERIFY, File, Offer

SOFTWARE: Final = "software"
_CODES: Final = {DOWNLOAD: 6, VERIFY: 7, INSTALL: 10}
_MODULES: Final = {
    "firmware_upgrade": "default",
    "firmware_upgrade_v2": "default",
    "software_upgrade": SOFTWARE,
    "software_upgrade_v2": SOFTWARE,
}


class Device(connected.Device):
    """Speak for one device; its id is its product and its name."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.id = f"{self.product}_{self.name}"
        self._versions: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self._is_asked = False

    def signed(self) -> Credentials:
        """Return what the SDK says in CONNECT."""
        hour = time.strftime("%Y%m%d%H", time.gmtime(clock.now() // 1000))
        password = hmac.new(hour.encode(), self.secret.encode(), hashlib.sha256).hexdigest()
        return Credentials(f"{self.id}_0_1_{hour}", self.id, password)

    def report(self, module: str, version: str) -> None:
        """Say what runs, and keep it: the gateway may ask for it."""
        self._versions[module] = version
        super().report(module, version)

    def spelled_report(self, module: str, version: str, after_update: bool) -> tuple[str, Mapping[str, Any]]:
        """Return a report of versions; after an update, the report that it is there."""
        if after_update:
            self._versions[module] = version
            return self._event("upgrade_progress_report", {"result_code": 0, "progress": 100, "version": version})
        return self._running()

    def spelled_progress(self, offer: Offer, percent: int, message: str) -> tuple[str, Mapping[str, Any]]:
        """Return a report of progress, below 100 percent."""
        paras = {"result_code": 0, "progress": min(percent, 99), "version": offer.version, "description": message}
        return self._event("upgrade_progress_report", paras)

    def spelled_failure(self, offer: Offer, reason: str, message: str) -> tuple[str, Mapping[str, Any]]:
        """Return a report of a failure."""
        paras = {"result_code": _CODES[reason], "version": offer.version, "description": message}
        return self._event("upgrade_progress_report", paras)

    def poll(self) -> Offer | None:
        """Return what the device was told last; what it runs was told by then, if it was asked for that."""
        found = super().poll()
        if found is None and self._is_asked:
            self._is_asked = False
            self._say("report", self._running())
            found = super().poll()
        return found

    def read(self, message: Message) -> Offer | None:
        """Read an event that tells of an update, or asks for the versions."""
        (service,) = message.data["services"]
        kind, paras = service["event_type"], service["paras"]
        if message.data["object_device_id"] != self.id or service["service_id"] != "$ota":
            raise ValueError("an event of another device or service")
        if kind == "version_query":
            self._is_asked = True
            return None
        file = File(paras["url"], int(paras["file_size"]), {"sha256": paras["sign"]})
        self._tokens = {file.url: paras["access_token"]} if not kind.endswith("_v2") else {}
        return Offer(paras["task_id"], paras["version"], (file,), _MODULES[kind])

    def credentials(self, url: str) -> Mapping[str, str]:
        """Return the token that came with a file."""
        return {"Authorization": f"Bearer {self._tokens[url]}"} if url in self._tokens else {}

    def _running(self) -> tuple[str, Mapping[str, Any]]:
        names = {"default": "fw_version", SOFTWARE: "sw_version"}
        return self._event("version_report", {names[module]: version for module, version in self._versions.items()})

    def _event(self, kind: str, paras: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(clock.now() // 1000))
        service = {"service_id": "$ota", "event_type": kind, "event_time": at, "paras": paras}
        return f"$oc/devices/{self.id}/sys/events/up", {"object_device_id": self.id, "services": [service]}
