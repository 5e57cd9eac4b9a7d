"""The front of devices: each request is one thing that a device does, and is passed on to `ota.updates`.

docs/device-api.md is written for those who build devices.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from werkzeug.wrappers import Request

from otagw import clock, errors, gateway
from otagw.dialects import http
from otagw.dialects.device import auth, codes, fields, offers
from otagw.gateway import Addressed, Answer
from otagw.ota.devices import timeline
from otagw.ota.devices.devices import Device
from otagw.ota.rollouts import tasks
from otagw.ota.rollouts.records import Task
from otagw.ota.updates import updates

PATH: Final = "/device/v1"
MAX_BODY: Final = 16 * 1024
_ADDRESS: Final = 64


@dataclass(frozen=True)
class Call:
    """A request that is believed: from which device, from where, and by which of our addresses."""

    device: Device
    address: str | None
    endpoint: str


@dataclass(frozen=True)
class Operation:
    """One thing a device can do: how it is addressed, what it says, what comes of it (None: nothing to say)."""

    name: str
    method: str
    path: str
    schema: fields.Strict
    act: Callable[..., Mapping[str, Any] | None]


def _version(call: Call, module: str, version: str) -> Mapping[str, Any]:
    updates.reported_version(call.device, version, module, call.address)
    return {"module": module, "version": version}


def _update(call: Call, module: str | None) -> Mapping[str, Any] | None:
    offer = updates.asked(call.device, module, call.address)
    if offer is None:
        return None
    timeline.note_link(call.device.id, offer.job.id, offer.task.id)
    return offers.spell(offer, call.endpoint)


def _progress(call: Call, percent: int, message: str, module: str) -> Mapping[str, Any]:
    return _state(updates.progress(call.device, percent, message, module), module)


def _result(call: Call, result: str, message: str, module: str) -> Mapping[str, Any]:
    if result == "succeeded":  # only the version that it then reports is a success
        return _progress(call, 100, message, module)
    return _state(updates.finished(call.device, False, message or updates.STEPS[-1], module), module)


def _state(task: Task | None, module: str) -> Mapping[str, Any]:
    if task is None:
        raise errors.NotFound(kind=tasks.KIND, key=module)
    return {"task": str(task.id), "state": task.state}


OPERATIONS: Final = (
    Operation("device.version", "PUT", "/versions/<module>", fields.Version(), _version),
    Operation("device.update", "GET", "/update", fields.Question(), _update),
    Operation("device.progress", "POST", "/update/progress", fields.Progress(), _progress),
    Operation("device.result", "POST", "/update/result", fields.Result(), _result),
)


class Front:
    """The device API."""

    def serve(self, operation: Operation, request: Request, product: str, device: str, **names: str) -> Answer:
        """Answer one request: its body, who sent it, what it says, what comes of it; in this order."""

        def act(message: Addressed) -> Answer:
            if request.method != operation.method:  # Werkzeug lets HEAD in wherever GET is
                raise errors.MethodNotAllowed((operation.method,))
            body = http.body(request, MAX_BODY)
            found = auth.admit(request, product, device, body)
            given = fields.from_query(request) if request.method == "GET" else fields.from_json(request, body)
            values = operation.schema.read(given)
            values |= {name: fields.check(name, value) for name, value in names.items()}
            address = (request.remote_addr or "")[:_ADDRESS] or None
            call = Call(found, address, http.endpoint(request))
            return _answer(message, operation.act(call, **values))

        return _serve(request, operation.name, f"{product}/{device}", act)

    def refuse(self, request: Request, fault: errors.Fault) -> Answer:
        """Answer a request that is none of the operations."""

        def act(message: Addressed) -> Answer:
            raise fault

        return _serve(request, "", "", act)


def _serve(request: Request, name: str, key_id: str, act: Callable[[Addressed], Answer]) -> Answer:
    message = Addressed("device", clock.uuid(), name, key_id)
    return gateway.answer(message, request, lambda: act(message), lambda fault: _refusal(message, fault))


def _answer(message: Addressed, data: Mapping[str, Any] | None) -> Answer:
    status, body = (204, b"") if data is None else (200, _json(data))
    return Answer(status, body, fields.JSON, message.request_id, headers={"Cache-Control": "no-store"})


def _refusal(message: Addressed, fault: errors.Fault) -> Answer:
    code, status, text = codes.spell(fault)
    said: dict[str, Any] = {"code": code, "message": text, "request_id": message.request_id}
    headers = {"Cache-Control": "no-store"}
    if status == 401:  # a device without a clock sets it by this
        said["time"] = clock.now() // 1000
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(fault, errors.MethodNotAllowed):
        headers["Allow"] = ", ".join(sorted({*fault.allowed} - {"HEAD"}))
    if status == 503:
        headers["Retry-After"] = gateway.retry_after()
    return Answer(status, _json(said), fields.JSON, message.request_id, code, headers)


def _json(data: Mapping[str, Any]) -> bytes:
    return orjson.dumps(data)
