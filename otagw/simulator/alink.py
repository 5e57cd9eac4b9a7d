"""A device with Alibaba's SDK for Python: docs/wire/alink.md."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from otagw import clock
from otagw.simulator import connected
from otagw.simulator.mqtt import Credentials, Message
from otagw.simulator.protocol import DOWNLOAD, INSTALL, VERIFY, File, Offer

_STEPS: Final = {DOWNLOAD: -2, VERIFY: -3, INSTALL: -4}
_METHODS: Final = {"Md5": "md5", "SHA256": "sha256"}


class Device(connected.Device):
    """Speak for one device."""

    def signed(self) -> Credentials:
        """Return what the SDK says in CONNECT."""
        client, time = f"{self.product}&{self.name}", str(clock.now())
        text = f"clientId{client}deviceName{self.name}productKey{self.product}timestamp{time}"
        password = hmac.new(self.secret.encode(), text.encode(), hashlib.sha1).hexdigest()
        more = f"securemode=3,signmethod=hmacsha1,ext=1,_ss=1,lan=Python,timestamp={time}"
        return Credentials(f"{client}|{more}|", f"{self.name}&{self.product}", password)

    def spelled_report(self, module: str, version: str, after_update: bool) -> tuple[str, Mapping[str, Any]]:
        """Return the topic inform."""
        return self._ota("inform", {"version": version, "module": module})

    def spelled_progress(self, offer: Offer, percent: int, message: str) -> tuple[str, Mapping[str, Any]]:
        """Return the topic progress."""
        return self._ota("progress", {"step": str(percent), "desc": message, "module": offer.module})

    def spelled_failure(self, offer: Offer, reason: str, message: str) -> tuple[str, Mapping[str, Any]]:
        """Return the topic progress, with a negative step."""
        return self.spelled_progress(offer, _STEPS[reason], message)

    def question(self) -> tuple[str, Mapping[str, Any]]:
        """Return the topic get."""
        return f"/sys/{self.product}/{self.name}/thing/ota/firmware/get", {"id": "3", "version": "1.0", "params": {}}

    def read(self, message: Message) -> Offer | None:
        """Read a push or an answer; an answer without data says that there is nothing."""
        data, topic = message.data["data"], message.topic
        if int(message.data["code"]) not in (200, 1000):
            raise ValueError(f"code {message.data['code']}")
        if topic not in (f"/ota/device/upgrade/{self.product}/{self.name}", f"{self.question()[0]}_reply"):
            raise ValueError(f"a message on {topic}")
        if not data:
            return None
        files = tuple(_part(part, data) for part in data["files"]) if "files" in data else (_file(data),)
        return Offer(f"{data['module']} {data['version']}", data["version"], files, data["module"])

    def _ota(self, kind: str, params: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        return f"/ota/device/{kind}/{self.product}/{self.name}", {"id": "1", "params": params}


def _file(data: Mapping[str, Any]) -> File:
    return File(data["url"], int(data["size"]), {_METHODS[data["signMethod"]]: data["sign"]})


def _part(part: Mapping[str, Any], data: Mapping[str, Any]) -> File:
    hashes = {"md5": part["fileMd5"], _METHODS[data["signMethod"]]: part["fileSign"]}
    return File(part["fileUrl"], int(part["fileSize"]), hashes)
