"""A device that speaks the device API: docs/device-api.md."""

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import quote

from otagw import clock
from otagw.simulator import protocol
from otagw.simulator.protocol import Canceled, File, Offer
from otagw.simulator.transport import Answer, Transport

NO_TASK: Final = 409
_PROGRESS: Final = {
    protocol.DOWNLOADING: (5, "downloading"),
    protocol.VERIFYING: (50, "verifying"),
    protocol.INSTALLING: (70, "installing"),
    protocol.INSTALLED: (100, "restarting"),
}
_FAILURES: Final = {
    protocol.DOWNLOAD: (-2, "the connection broke off for good"),
    protocol.VERIFY: (-3, "the bytes are not what was announced"),
    protocol.INSTALL: (-4, "the flash could not be written"),
}
_METHODS: Final = {"MD5": "md5", "SHA256": "sha256"}


class Device(protocol.Asking):
    """Speak for one device."""

    sleep = None

    def __init__(self, transport: Transport, endpoint: str, product: str, name: str, secret: str) -> None:
        self._transport, self._endpoint = transport, endpoint
        self._path = f"/device/v1/{product}/{name}"
        self._secret = secret.encode()

    def report(self, module: str, version: str) -> None:
        """Say what a module runs."""
        self._call("report", "PUT", f"/versions/{module}", {"version": version})

    def poll(self) -> Offer | None:
        """Ask for an update."""
        answer = self._call("poll", "GET", "/update", expect=(200, 204))
        if answer.status == 204:
            return None
        data = answer.data
        # A package of several files has them in a list, and none of its own.
        files = tuple(_file(part, data["sign_method"]) for part in data["files"] or [data] if part["url"])
        return Offer(data["task"], data["version"], files, data["module"])

    def progress(self, offer: Offer, step: str) -> None:
        """Say how far an update has come."""
        self._say(offer, *_PROGRESS[step])

    def fail(self, offer: Offer, reason: str) -> bool:
        """Say that an update failed."""
        return bool(self._say(offer, *_FAILURES[reason]) == "failed")

    def at(self, offer: Offer, percent: int, message: str) -> None:
        """Say that an update has come so far."""
        self._say(offer, percent, message)

    def fail_with(self, offer: Offer, message: str) -> bool:
        """Say that an update failed, and why."""
        return bool(self._say(offer, _FAILURES[protocol.INSTALL][0], message) == "failed")

    def succeed(self, offer: Offer) -> None:
        """Report the version that was to be installed: that is the success."""
        self.report(offer.module, offer.version)

    def credentials(self, url: str) -> Mapping[str, str]:
        """Return nothing: links are good by themselves."""
        return {}

    def _say(self, offer: Offer, percent: int, message: str) -> Any:
        data = {"percent": percent, "message": message, "module": offer.module}
        answer = self._call("progress", "POST", "/update/progress", data, expect=(200, NO_TASK))
        if answer.status == NO_TASK:
            raise Canceled
        return answer.data["state"]

    def _call(
        self,
        what: str,
        method: str,
        path: str,
        data: Mapping[str, Any] | None = None,
        expect: Collection[int] = (200,),
    ) -> Answer:
        path, body = self._path + path, b"" if data is None else json.dumps(data).encode()
        now = str(clock.now() // 1000)
        token = hmac.new(self._secret, f"{method}\n{path}\n{now}\n".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Authorization": f"Bearer {now}.{token}"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        url = self._endpoint + quote(path, safe="/:@")
        return self._transport.call(what, method, url, headers=headers, body=body or None, expect=expect)


def _file(part: Mapping[str, Any], method: str | None) -> File:
    known = {"sha256": part.get("sha256"), _METHODS.get(method or "", "md5"): part.get("sign")}
    return File(part["url"], part["size"], {name: digest for name, digest in known.items() if digest})
