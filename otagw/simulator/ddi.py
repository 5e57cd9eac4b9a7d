"""A device that speaks hawkBit's DDI, in the way of SWUpdate: what it says, in what order, in which words."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from otagw import clock
from otagw.simulator import protocol
from otagw.simulator.protocol import Canceled, File, Offer
from otagw.simulator.transport import Transport

# The update is not there any more, or has ended.
GONE: Final = (404, 410)
_PROGRESS: Final[Mapping[str, tuple[int, int, list[str]]]] = {
    protocol.DOWNLOADING: (0, 1, ["Installing Update Chunk Artifacts."]),
    protocol.VERIFYING: (0, 0, ["Software Update started !", "Found file", "Checking hardware revision"]),
    protocol.INSTALLING: (1, 1, ["Installed Chunk."]),
    protocol.INSTALLED: (1, 1, ["All Chunks Installed."]),
}
_FAILURES: Final = {
    protocol.DOWNLOAD: "ERROR : Channel operation returned HTTP error code 0.",
    protocol.VERIFY: "ERROR : HASH mismatch",
    protocol.INSTALL: "ERROR : Installation failed",
}
# The part that is the whole device; others are modules.
WHOLE: Final = "os"
_CLOCK: Final = re.compile(r"(\d\d):(\d\d):(\d\d)")
_ISO: Final = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
_HASHES: Final = ("sha1", "md5", "sha256")


class Device(protocol.Asking):
    """Speak for one device."""

    def __init__(self, transport: Transport, endpoint: str, product: str, name: str, secret: str) -> None:
        self.sleep: float | None = None
        self._transport = transport
        # SWUpdate escapes neither name.
        self._base = f"{endpoint}/{product}/controller/v1/{name}"
        self._origins = {_origin(endpoint)}
        self._token = {"Authorization": f"TargetToken {secret}"}
        self._identity: Mapping[str, str] = {}

    def report(self, module: str, version: str) -> None:
        """Keep what runs until the gateway asks for it."""
        self._identity = {**self._identity, "fw.version" if module == "default" else f"{module}.version": version}

    def poll(self) -> Offer | None:
        """Ask what is to be done, and do at once what is not an update."""
        data = self._get("poll", self._base)
        self.sleep = _seconds(data["config"]["polling"]["sleep"])
        links = data.get("_links", {})
        if "cancelAction" in links:
            self._cancel(links["cancelAction"]["href"])
        if "configData" in links and self._identity:
            self._identify(links["configData"]["href"])
        return self._deployment(links["deploymentBase"]["href"]) if "deploymentBase" in links else None

    def progress(self, offer: Offer, step: str) -> None:
        """Say how far an update has come, in SWUpdate's words."""
        done, of, details = _PROGRESS[step]
        self._feedback(offer.id, "proceeding", "none", done, of, details)

    def fail(self, offer: Offer, reason: str) -> bool:
        """Say that an update failed; the gateway does not say whether it is to be tried again."""
        self._feedback(offer.id, "closed", "failure", 0, 0, [_FAILURES[reason]])
        return True

    def at(self, offer: Offer, percent: int, message: str) -> None:
        """Say that an update has come so far."""
        self._feedback(offer.id, "proceeding", "none", percent, 100, [message] if message else [])

    def fail_with(self, offer: Offer, message: str) -> bool:
        """Say that an update failed, and why."""
        self._feedback(offer.id, "closed", "failure", 0, 0, [message])
        return True

    def succeed(self, offer: Offer) -> None:
        """Say, as SWUpdate does after its next start, that an update is installed."""
        self._feedback(offer.id, "closed", "success", 0, 0, ["Update Installed."])
        self.report(offer.module, offer.version)

    def credentials(self, url: str) -> Mapping[str, str]:
        """Return the token, which goes with downloads too, but to no other host than the gateway's own."""
        return self._token if _origin(url) in self._origins else {}

    def identify(self) -> None:
        """Say what runs now, without waiting until the gateway asks for it."""
        self._identify(f"{self._base}/configData")

    def _deployment(self, href: str) -> Offer:
        self._origins.add(_origin(href))
        data = self._get("deployment", href)
        chunks = data["deployment"]["chunks"]
        files = [_file(artifact) for chunk in chunks for artifact in chunk["artifacts"]]
        part = chunks[0]["part"]
        return Offer(str(int(data["id"])), chunks[0]["version"], tuple(files), "default" if part == WHOLE else part)

    def _identify(self, href: str) -> None:
        status = {"result": {"finished": "success"}, "execution": "closed", "details": [""]}
        self._send("identity", "PUT", href, {"id": "", "time": _now(), "status": status, "data": self._identity})
        self._identity = {}

    def _cancel(self, href: str) -> None:
        identity = str(int(self._get("cancel", href)["cancelAction"]["stopId"]))
        status = {"result": {"finished": "success"}, "execution": "closed", "details": ["Cancelled."]}
        url = f"{self._base}/cancelAction/{identity}/feedback"
        self._send("feedback", "POST", url, {"id": int(identity), "time": _now(), "status": status}, *GONE)
        raise Canceled

    def _feedback(self, identity: str, execution: str, finished: str, done: int, of: int, details: list[str]) -> None:
        result = {"progress": {"cnt": done, "of": of}, "finished": finished}
        data = {
            "id": int(identity),
            "time": _now(),
            "status": {"result": result, "execution": execution, "details": details},
        }
        if self._send("feedback", "POST", f"{self._base}/deploymentBase/{identity}/feedback", data, *GONE) in GONE:
            raise Canceled

    def _get(self, what: str, url: str) -> Mapping[str, Any]:
        return self._transport.call(what, "GET", url, headers=self._token | {"Accept": "application/json"}).data

    def _send(self, what: str, method: str, url: str, data: Mapping[str, Any], *more: int) -> int:
        """Send JSON; return the status, which is 200 or one of those that may come as well."""
        headers = self._token | {"Content-Type": "application/json", "Accept": "application/json"}
        body = json.dumps(data).encode()
        return self._transport.call(what, method, url, headers=headers, body=body, expect=(200, *more)).status


def _file(artifact: Mapping[str, Any]) -> File:
    links = artifact["_links"]
    url = (links.get("download") or links["download-http"])["href"]
    size = artifact["size"]
    if type(size) is not int:
        raise TypeError("an artifact's size is no integer")
    return File(url, size, {name: artifact["hashes"][name] for name in _HASHES})


def _seconds(sleep: str) -> float:
    """Read HH:MM:SS, or ISO 8601 for what is longer than a day."""
    found = _CLOCK.fullmatch(sleep) or _ISO.fullmatch(sleep)
    if found is None:
        raise ValueError("an interval is neither HH:MM:SS nor ISO 8601")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _now() -> str:
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(clock.now() // 1000))
