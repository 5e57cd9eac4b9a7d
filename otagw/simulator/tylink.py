"""A device with Tuya's TuyaLink SDK: docs/wire/tylink.md."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from otagw import clock
from otagw.simulator import connected
from otagw.simulator.mqtt import Credentials, Message
from otagw.simulator.protocol import DOWNLOAD, INSTALL, VERIFY, File, Offer

_CODES: Final = {DOWNLOAD: 44, VERIFY: 45, INSTALL: 42}


class Device(connected.Device):
    """Speak for one device; its id is its name. A module is a channel: ``default`` is 0, others are numbers."""

    def signed(self) -> Credentials:
        """Return what the SDK says in CONNECT."""
        signed = f"timestamp={clock.now() // 1000},secureMode=1,accessType=1"
        key = self.secret.encode()[:16]
        password = hmac.new(key, f"deviceId={self.name},{signed}".encode(), hashlib.sha256).hexdigest()
        return Credentials(f"tuyalink_{self.name}", f"{self.name}|signMethod=hmacSha256,{signed}", password)

    def spelled_report(self, module: str, version: str, after_update: bool) -> tuple[str, Mapping[str, Any]]:
        """Return the topic of versions."""
        channel = {"channel": _channel(module), "version": version}
        data = {"bizType": "UPDATE" if after_update else "INIT", "pid": self.product, "otaChannel": [channel]}
        return self._ota("firmware/report", data)

    def spelled_progress(self, offer: Offer, percent: int, message: str) -> tuple[str, Mapping[str, Any]]:
        """Return the topic of progress."""
        return self._ota("progress/report", {"channel": _channel(offer.module), "progress": percent})

    def spelled_failure(self, offer: Offer, reason: str, message: str) -> tuple[str, Mapping[str, Any]]:
        """Return the topic of progress, with an error."""
        data = {"channel": _channel(offer.module), "errorCode": _CODES[reason], "errorMsg": message}
        return self._ota("progress/report", data)

    def question(self) -> tuple[str, Mapping[str, Any]]:
        """Return the topic get."""
        return self._ota("get", {})

    def read(self, message: Message) -> Offer | None:
        """Read a push or an answer; an answer without data says that there is nothing."""
        data, topic = message.data["data"], message.topic
        if topic not in (f"tylink/{self.name}/ota/issue", f"tylink/{self.name}/ota/get_response"):
            raise ValueError(f"a message on {topic}")
        if not data:
            return None
        module = str(int(data["channel"])) if data["channel"] else "default"
        file = File(data["url"], int(data["size"]), {"md5": data["md5"]})
        return Offer(data["ctId"], data["version"], (file,), module)

    def _ota(self, kind: str, data: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        return f"tylink/{self.name}/ota/{kind}", {"msgId": "0", "time": clock.now(), "data": data}


def _channel(module: str) -> int:
    return 0 if module == "default" else int(module)
