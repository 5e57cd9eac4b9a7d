"""The wire of IoTDA, answering side: JSON whatever happens, and nothing at all where something was deleted."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from otagw import errors
from otagw.call import Answer
from otagw.dialects.iotda import codes
from otagw.dialects.iotda.wire import RestCall

JSON: Final = "application/json;charset=utf-8"
# Where a handler puts the token it issues: in a header, and in no body.
SUBJECT_TOKEN: Final = "X-Subject-Token"  # noqa: S105 - the name of a header
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def utc(milliseconds: int) -> str:
    """Return a time as every ``create_time`` is written."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def known(**values: Any) -> dict[str, Any]:
    """Return what there is to show: a name without a value is left out."""
    return {name: value for name, value in values.items() if value is not None}


def result(call: RestCall, status: int, data: Mapping[str, Any]) -> Answer:
    """Return a success."""
    headers = {"Cache-Control": "no-store"}
    if SUBJECT_TOKEN in data:
        headers[SUBJECT_TOKEN] = data[SUBJECT_TOKEN]
        data = {name: value for name, value in data.items() if name != SUBJECT_TOKEN}
    body = b"" if status == 204 else _encode(data).encode()
    return Answer(status, body, JSON, call.request_id, headers=headers)


def refusal(call: RestCall, fault: errors.Fault) -> Answer:
    """Return a refusal."""
    found = codes.spell(fault)
    body = _encode({"error_code": found.code, "error_msg": found.text}).encode("utf-8", "replace")
    headers = {"Cache-Control": "no-store"}
    if isinstance(fault, errors.MethodNotAllowed):
        headers["Allow"] = ", ".join(fault.allowed)
    if isinstance(fault, errors.Throttled):
        headers["Retry-After"] = str(-(-fault.wait // 1000))
    return Answer(found.status, body, JSON, call.request_id, found.code, headers)
