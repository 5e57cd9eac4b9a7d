"""The front of hawkBit's devices: each request is one thing that a device asks or says, for `ota.updates`.

docs/ddi.md is written for those who set up devices, docs/wire/ddi.md has the facts of the wire.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import orjson
from werkzeug.http import quote_etag
from werkzeug.wrappers import Request

from otagw import errors, runtime
from otagw.call import AddressedCall, Answer
from otagw.dialects.addressed import DeviceCall, DeviceFront, DeviceOperation, Download, headers
from otagw.dialects.ddi import auth, codes, fields, offers
from otagw.ota.devices import attributes
from otagw.ota.devices.devices import Device
from otagw.ota.packages import stored_files
from otagw.ota.products import products
from otagw.ota.updates import numbered_tasks

PATH: Final = "/<product>/controller/v1/<device>"
JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
BUSY_SECONDS: Final = 5
SCHEDULED: Final = "scheduled"
_DAY: Final = 24 * 3600


def _base(call: DeviceCall) -> str:
    """Return the address of the device."""
    product, device = quote(call.device.product_key, safe=""), quote(call.device.name, safe="")
    return f"{call.endpoint}/{product}/controller/v1/{device}"


def _poll(call: DeviceCall) -> Mapping[str, Any]:
    recalled, offer = numbered_tasks.shown(call.device, call.address)
    found: dict[str, str] = {}
    if recalled:
        found["cancelAction"] = f"cancelAction/{recalled.action}"
    elif offer:
        found["deploymentBase"] = f"deploymentBase/{offer.task.action}?c={offers.version_of(offer)}"
    shown = recalled or (offer and offer.task)
    sleep = BUSY_SECONDS if shown and not shown.deferred else _interval(call.device)
    if call.device.wants_attributes:
        found["configData"] = "configData"
    said: dict[str, Any] = {"config": {"polling": {"sleep": _clock(sleep)}}}
    if found:
        base = _base(call)
        said["_links"] = {name: {"href": f"{base}/{path}"} for name, path in found.items()}
    return said


def _interval(device: Device) -> int:
    """Return the interval of a device with up to a tenth more or less, always the same by its id: so a fleet spreads.

    One below a day stays below it, since SWUpdate reads nothing from a poll with a longer one.
    """
    tenth = device.poll_seconds // 10
    spread = device.poll_seconds - tenth + device.id % (2 * tenth + 1)
    return spread if device.poll_seconds >= _DAY else min(spread, _DAY - 1)


def _clock(seconds: int) -> str:
    """Return an interval as hawkBit tells it: from a day on by ISO 8601."""
    if seconds >= _DAY:
        parts = ((seconds // 3600, "H"), (seconds // 60 % 60, "M"), (seconds % 60, "S"))
        return "PT" + "".join(f"{number}{unit}" for number, unit in parts if number)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _deployment(call: DeviceCall, action: str) -> Mapping[str, Any]:
    return offers.deployment(numbered_tasks.fetch(call.device, action), _base(call))


def _artifact(call: DeviceCall, action: str, file: str) -> Download | str:
    """Return a file of an action, which is its own software module, or a line with the MD5 of it."""
    found = offers.artifact(numbered_tasks.package_of(call.device, action), file)
    if found is None:
        raise errors.NotFound(kind=stored_files.KIND, key=file)
    return found


def _feedback(call: DeviceCall, action: str) -> None:
    said = fields.feedback(call.body)
    match said.execution, said.finished:
        case "closed", "success" | "none":
            numbered_tasks.succeeded(call.device, action, said.text, call.address)
        case "closed", "failure":
            numbered_tasks.failed(call.device, action, said.text)
        case "rejected", _:
            numbered_tasks.said(call.device, action, f"rejected: {said.text}".removesuffix(": "), later=True)
        case "canceled", _ if numbered_tasks.expected(call.device, action).recall:
            numbered_tasks.agreed(call.device, action, said.text)
        case "canceled", _:
            numbered_tasks.failed(call.device, action, f"canceled: {said.text}".removesuffix(": "))
        case _:
            later = said.execution == SCHEDULED
            numbered_tasks.progress(call.device, action, said.percent or 0, said.text, later=later)


def _cancellation(call: DeviceCall, action: str) -> Mapping[str, Any]:
    number = str(numbered_tasks.recalled(call.device, action).action)
    return {"id": number, "cancelAction": {"stopId": number}}


def _cancel_feedback(call: DeviceCall, action: str) -> None:
    """Go by the execution: the result of a refusal may well be a success."""
    said = fields.feedback(call.body)
    if said.execution in ("closed", "canceled"):
        numbered_tasks.agreed(call.device, action, said.text)
    elif said.execution == "rejected":
        numbered_tasks.refused(call.device, action, said.text)
    else:
        numbered_tasks.recalled(call.device, action)
        numbered_tasks.said(call.device, action, said.text, later=said.execution == SCHEDULED)


def _attributes(call: DeviceCall) -> None:
    said = fields.attributes(call.body)
    names = runtime.current().settings.ddi_version_attributes
    attributes.report(call.device, said.mode, said.data, names, call.address)


OPERATIONS: Final = (
    DeviceOperation("ddi.poll", ("GET",), "", _poll),
    DeviceOperation("ddi.attributes", ("PUT", "POST"), "/configData", _attributes),
    DeviceOperation("ddi.deployment", ("GET",), "/deploymentBase/<action>", _deployment),
    DeviceOperation("ddi.feedback", ("POST",), "/deploymentBase/<action>/feedback", _feedback),
    DeviceOperation("ddi.artifact", ("GET", "HEAD"), "/softwaremodules/<action>/artifacts/<file>", _artifact),
    DeviceOperation("ddi.cancellation", ("GET",), "/cancelAction/<action>", _cancellation),
    DeviceOperation("ddi.cancel_feedback", ("POST",), "/cancelAction/<action>/feedback", _cancel_feedback),
)


class Front(DeviceFront):
    """hawkBit's API of devices, Direct Device Integration."""

    name = "ddi"
    path = PATH
    operations = OPERATIONS
    codes = codes.CODES
    longest = 1024 * 1024

    def owns(self, path: str) -> bool:
        """Tell whether an address is below those of this front, served or not."""
        parts = path.split("/", 4)
        return parts[0] == "" and parts[2:4] == ["controller", "v1"] and parts[1].lower() not in products.RESERVED_KEYS

    def authenticate(self, request: Request, product: str, device: str, body: bytes) -> Device:
        """Return the device whose token a request has; one that polls may register itself by that."""
        is_poll = request.method == "GET" and request.path.count("/") == PATH.count("/")
        return auth.admit(request, product, device, may_register=is_poll)

    def render(self, request: Request, call: AddressedCall, data: Mapping[str, Any] | str | None) -> Answer:
        """Answer with data or a text, with 304 to a device that has the same data, or with 200 and no body."""
        found = {"Cache-Control": "private, no-cache"}
        if data is None:
            return Answer(200, b"", JSON, call.request_id, headers=found)
        if isinstance(data, str):
            return Answer(200, data.encode(), TEXT, call.request_id, headers=found)
        body = orjson.dumps(data)
        tag = hashlib.sha256(body).hexdigest()[:32]
        found["ETag"] = quote_etag(tag)
        if "HTTP_IF_NONE_MATCH" in request.environ and request.if_none_match.contains_weak(tag):
            return Answer(304, b"", JSON, call.request_id, headers=found)
        return Answer(200, body, JSON, call.request_id, headers=found)

    def refusal(self, request: Request, call: AddressedCall, fault: errors.Fault) -> Answer:
        """Spell a refusal."""
        code, status, text = self.spell(fault)
        found = headers(status, fault)
        if status == 401:
            found["WWW-Authenticate"] = "TargetToken"
        said = {"errorCode": code, "message": text, "request_id": call.request_id}
        return Answer(status, orjson.dumps(said), JSON, call.request_id, code, found)
