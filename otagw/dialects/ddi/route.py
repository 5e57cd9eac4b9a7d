"""The front of hawkBit's devices: each request is one thing that a device asks or says, for `ota.actions`.

docs/ddi.md is written for those who set up devices, docs/wire/ddi.md has the facts of the wire.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import orjson
from werkzeug.http import quote_etag
from werkzeug.wrappers import Request

from otagw import clock, errors, gateway, runtime
from otagw.dialects import http
from otagw.dialects.ddi import auth, codes, fields, offers
from otagw.gateway import Addressed, Answer
from otagw.ota.devices import attributes
from otagw.ota.devices.devices import Device
from otagw.ota.products import products
from otagw.ota.updates import numbered_tasks

PATH: Final = "/<product>/controller/v1/<device>"
JSON: Final = "application/json"
MAX_BODY: Final = 64 * 1024
BUSY_SECONDS: Final = 5
_DAY: Final = 24 * 3600
_ADDRESS: Final = 64


@dataclass(frozen=True)
class Call:
    """A request that is believed: from which device, from where, what it says, and where it reached us."""

    device: Device
    address: str | None
    endpoint: str
    body: bytes

    def href(self, path: str) -> str:
        """Return the address of something below the device's own."""
        product, device = quote(self.device.product_key, safe=""), quote(self.device.name, safe="")
        return f"{self.endpoint}/{product}/controller/v1/{device}/{path}"


@dataclass(frozen=True)
class Operation:
    """One thing a device can do: how it is addressed, and what comes of it (None: nothing to say)."""

    name: str
    methods: tuple[str, ...]
    path: str
    act: Callable[..., Mapping[str, Any] | None]


def _poll(call: Call) -> Mapping[str, Any]:
    recalled, offer = numbered_tasks.shown(call.device, call.address)
    found: dict[str, str] = {}
    if recalled:
        found["cancelAction"] = f"cancelAction/{recalled.action}"
    elif offer:
        found["deploymentBase"] = f"deploymentBase/{offer.task.action}?c={offers.version_of(offer)}"
    sleep = BUSY_SECONDS if found else _interval(call.device)
    if not call.device.has_attributes:
        found["configData"] = "configData"
    hrefs = {name: {"href": call.href(path)} for name, path in found.items()}
    return {"config": {"polling": {"sleep": _clock(sleep)}}, **({"_links": hrefs} if hrefs else {})}


def _interval(device: Device) -> int:
    """Return the interval of a device's product with up to a tenth more, by its id: so a fleet spreads."""
    return min(device.poll_seconds + device.id % (device.poll_seconds // 10 + 1), _DAY - 1)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _deployment(call: Call, action: str) -> Mapping[str, Any]:
    return offers.deployment(numbered_tasks.fetch(call.device, action), call.endpoint)


def _feedback(call: Call, action: str) -> None:
    said = fields.feedback(call.body)
    match said.execution, said.finished:
        case "closed", "success":
            numbered_tasks.succeeded(call.device, action, said.text, call.address)
        case "closed", "failure":
            numbered_tasks.failed(call.device, action, said.text)
        case "closed" | "rejected", _:
            numbered_tasks.said(call.device, action, f"{said.execution}: {said.text}".removesuffix(": "))
        case "canceled", _ if numbered_tasks.expected(call.device, action).recall:
            numbered_tasks.agreed(call.device, action, said.text)
        case "canceled", _:
            numbered_tasks.failed(call.device, action, f"canceled: {said.text}".removesuffix(": "))
        case _:
            numbered_tasks.progress(call.device, action, said.percent or 0, said.text)


def _cancellation(call: Call, action: str) -> Mapping[str, Any]:
    number = str(numbered_tasks.recalled(call.device, action).action)
    return {"id": number, "cancelAction": {"stopId": number}}


def _cancel_feedback(call: Call, action: str) -> None:
    """Go by the execution: the result of a refusal may well be a success."""
    said = fields.feedback(call.body)
    if said.execution in ("closed", "canceled"):
        numbered_tasks.agreed(call.device, action, said.text)
    elif said.execution == "rejected":
        numbered_tasks.refused(call.device, action, said.text)
    else:
        numbered_tasks.recalled(call.device, action)
        numbered_tasks.said(call.device, action, said.text)


def _attributes(call: Call) -> None:
    said = fields.attributes(call.body)
    names = runtime.current().settings.ddi_version_attributes
    attributes.report(call.device, said.mode, said.data, names, call.address)


OPERATIONS: Final = (
    Operation("ddi.poll", ("GET",), "", _poll),
    Operation("ddi.attributes", ("PUT", "POST"), "/configData", _attributes),
    Operation("ddi.deployment", ("GET",), "/deploymentBase/<action>", _deployment),
    Operation("ddi.feedback", ("POST",), "/deploymentBase/<action>/feedback", _feedback),
    Operation("ddi.cancellation", ("GET",), "/cancelAction/<action>", _cancellation),
    Operation("ddi.cancel_feedback", ("POST",), "/cancelAction/<action>/feedback", _cancel_feedback),
)


def is_below(path: str) -> bool:
    """Tell whether an address is below those of this front, served or not."""
    parts = path.split("/", 4)
    return parts[0] == "" and parts[2:4] == ["controller", "v1"] and parts[1].lower() not in products.RESERVED_KEYS


class Front:
    """This front."""

    def serve(self, operation: Operation, request: Request, product: str, device: str, **names: str) -> Answer:
        """Answer one request: its body, who sent it, what it asks or says, what comes of it; in this order."""

        def act(message: Addressed) -> Answer:
            if request.method not in operation.methods:  # Werkzeug lets HEAD in wherever GET is
                raise errors.MethodNotAllowed(operation.methods)
            body = http.body(request, MAX_BODY)
            found = auth.admit(request, product, device)
            address = (request.remote_addr or "")[:_ADDRESS] or None
            call = Call(found, address, http.endpoint(request), body)
            return _answer(request, message, operation.act(call, **names))

        return _serve(request, operation.name, f"{product}/{device}", act)

    def refuse(self, request: Request, fault: errors.Fault) -> Answer:
        """Answer a request that is none of the operations."""

        def act(message: Addressed) -> Answer:
            raise fault

        return _serve(request, "", "", act)


def _serve(request: Request, name: str, key_id: str, act: Callable[[Addressed], Answer]) -> Answer:
    message = Addressed("ddi", clock.uuid(), name, key_id)
    return gateway.answer(message, request, lambda: act(message), lambda fault: _refusal(message, fault))


def _answer(request: Request, message: Addressed, data: Mapping[str, Any] | None) -> Answer:
    """Answer with data, or 304 to who has it already, or 200 without a body where there is nothing to say."""
    headers = {"Cache-Control": "private, no-cache"}
    if data is None:
        return Answer(200, b"", JSON, message.request_id, headers=headers)
    body = _json(data)
    tag = hashlib.sha256(body).hexdigest()[:32]
    headers["ETag"] = quote_etag(tag)
    if request.if_none_match.contains_weak(tag):
        return Answer(304, b"", JSON, message.request_id, headers=headers)
    return Answer(200, body, JSON, message.request_id, headers=headers)


def _refusal(message: Addressed, fault: errors.Fault) -> Answer:
    code, status, text = codes.spell(fault)
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "TargetToken"
    if isinstance(fault, errors.MethodNotAllowed):
        headers["Allow"] = ", ".join(sorted({*fault.allowed} - {"HEAD"}))
    if isinstance(fault, errors.TooEarly):
        headers["Retry-After"] = str(fault.seconds)
    if status == 503:
        headers["Retry-After"] = gateway.retry_after()
    said = {"errorCode": code, "message": text, "request_id": message.request_id}
    return Answer(status, _json(said), JSON, message.request_id, code, headers)


def _json(data: Mapping[str, Any]) -> bytes:
    return orjson.dumps(data)
