"""The front of devices: each request is one thing that a device does, and is passed on to `ota.updates`.

docs/device-api.md is written for those who build devices.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from werkzeug.wrappers import Request

from otagw import clock, errors
from otagw.call import AddressedCall, Answer
from otagw.dialects.addressed import DeviceCall, DeviceFront, DeviceOperation, headers
from otagw.dialects.device import auth, codes, fields, offers
from otagw.ota.devices import timeline
from otagw.ota.devices.devices import Device
from otagw.ota.rollouts import tasks
from otagw.ota.rollouts.records import Task
from otagw.ota.updates import updates

PATH: Final = "/device/v1"


def _version(call: DeviceCall, module: str, version: str) -> Mapping[str, Any]:
    updates.reported_version(call.device, version, module, call.address)
    return {"module": module, "version": version}


def _update(call: DeviceCall, module: str | None) -> Mapping[str, Any] | None:
    offer = updates.asked(call.device, module, call.address)
    if offer is None:
        return None
    timeline.note_link(call.device.id, offer.job.id, offer.task.id)
    return offers.spell(offer, call.endpoint)


def _progress(call: DeviceCall, percent: int, message: str, module: str) -> Mapping[str, Any]:
    return _state(updates.progress(call.device, percent, message, module), module)


def _result(call: DeviceCall, result: str, message: str, module: str) -> Mapping[str, Any]:
    if result == "succeeded":  # only the version that it then reports is a success
        return _progress(call, 100, message, module)
    return _state(updates.finished(call.device, False, message or updates.STEPS[-1], module), module)


def _state(task: Task | None, module: str) -> Mapping[str, Any]:
    if task is None:
        raise errors.NotFound(kind=tasks.KIND, key=module)
    return {"task": str(task.id), "state": task.state}


OPERATIONS: Final = (
    DeviceOperation("device.version", ("PUT",), "/versions/<module>", _version, fields.Version()),
    DeviceOperation("device.update", ("GET",), "/update", _update, fields.Question()),
    DeviceOperation("device.progress", ("POST",), "/update/progress", _progress, fields.Progress()),
    DeviceOperation("device.result", ("POST",), "/update/result", _result, fields.Result()),
)


class Front(DeviceFront):
    """The device API."""

    name = "device"
    path = f"{PATH}/<product>/<device>"
    operations = OPERATIONS
    codes = codes.CODES
    longest = 16 * 1024

    def owns(self, path: str) -> bool:
        """Tell whether an address is below those of this front, served or not."""
        return path.startswith(f"{PATH}/")

    def authenticate(self, request: Request, product: str, device: str, body: bytes) -> Device:
        """Return the device that signed a request."""
        return auth.admit(request, product, device, body)

    def arguments(
        self, operation: DeviceOperation, request: Request, body: bytes, names: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return what query or body say, and the names of the path."""
        given = fields.from_query(request) if request.method == "GET" else fields.from_json(request, body)
        values: dict[str, Any] = operation.schema.read(given)
        return values | {name: fields.check(name, value) for name, value in names.items()}

    def render(self, request: Request, call: AddressedCall, data: Mapping[str, Any] | None) -> Answer:
        """Answer with data, or 204 where there is nothing to say."""
        status, body = (204, b"") if data is None else (200, orjson.dumps(data))
        return Answer(status, body, fields.JSON, call.request_id, headers={"Cache-Control": "no-store"})

    def refusal(self, request: Request, call: AddressedCall, fault: errors.Fault) -> Answer:
        """Spell a refusal; a device without a clock sets it by that of an unauthorized request."""
        code, status, text = self.spell(fault)
        said: dict[str, Any] = {"code": code, "message": text, "request_id": call.request_id}
        found = headers(status, fault)
        if status == 401:
            said["time"] = clock.now() // 1000
            found["WWW-Authenticate"] = "Bearer"
        return Answer(status, orjson.dumps(said), fields.JSON, call.request_id, code, found)
