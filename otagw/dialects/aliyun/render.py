"""The wire of Actions, answering side: three spellings, JSON and XML, results and refusals.

``wire`` reads what this writes the answer to; docs/wire/aliyun.md shows the shapes.
"""

import functools
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from xml.sax.saxutils import escape

import orjson

from otagw import errors
from otagw.call import Answer
from otagw.dialects.aliyun import codes
from otagw.dialects.aliyun.spelling import SPELLINGS, spell
from otagw.dialects.aliyun.wire import ActionCall

JSON: Final = "application/json;charset=utf-8"
XML: Final = "text/xml;charset=utf-8"
_EPOCH: Final = datetime(1970, 1, 1)  # UTC throughout; `utc` writes the Z
# What XML 1.0 has no way to write.
_UNWRITABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@functools.lru_cache(4096)
def utc(milliseconds: int) -> str:
    """Return a time as every ``Utc…`` name of an answer has it: ISO 8601, milliseconds, Z.

    Kept, since most packages have one time twice, and lists are asked for again.
    """
    return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds") + "Z"


def minute(milliseconds: int) -> str:
    """Return a time as the ``Gmt…`` names of modules have it: ISO 8601, minutes, Z."""
    return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="minutes") + "Z"


def second(milliseconds: int) -> str:
    """Return a time as the ``Gmt…`` names of devices have it: date and time with a blank between, in UTC too."""
    return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(" ", timespec="seconds")


def result(call: ActionCall, data: Mapping[str, Any]) -> Answer:
    """Return the envelope of a success: the code (but not in Alibaba's spelling), the data, the id, true."""
    by = SPELLINGS[call.spelling]
    code = {} if call.spelling == "alibaba" else {"code": ""}
    envelope = spell({**code, **data, "request_id": call.request_id, "success": True}, by)
    return _answer(call, 200, envelope, f"{call.operation}Response")


def refusal(call: ActionCall, fault: errors.Fault, host: str) -> Answer:
    """Return the envelope of a refusal, as the spelling and the kind of refusal want it."""
    found = codes.spell(fault, call.spelling)
    envelope: dict[str, Any] = {"code": found.code}
    identity = {"request_id": call.request_id}
    status, root = found.status, "Error"
    if call.spelling != "alibaba":
        envelope |= {"error_message": found.text, **identity, "success": False}
        if isinstance(fault, errors.WrongSignature):  # beyond what the reference shows: no other member could say it
            envelope["recommend"] = codes.hint(fault, found.code)
    elif found.gateway:
        envelope |= {"message": found.text, **identity, "host_id": host, "recommend": codes.hint(fault, found.code)}
    else:  # Message is what some SDKs read of any refusal
        envelope |= {"error_message": found.text, "message": found.text, **identity, "success": False}
        status, root = 200, f"{call.operation}Response"
    headers = {}
    if isinstance(fault, errors.MethodNotAllowed):
        headers["Allow"] = ", ".join(fault.allowed)
    if isinstance(fault, errors.Throttled):  # the SDKs read the first of them, in milliseconds
        headers = {"x-acs-retry-after": str(fault.wait), "Retry-After": str(-(-fault.wait // 1000))}
    spelled = spell(envelope, SPELLINGS[call.spelling])
    return _answer(call, status, spelled, root, found.code, headers)


def _answer(
    call: ActionCall,
    status: int,
    envelope: Mapping[str, Any],
    root: str,
    code: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    if call.xml:
        body, kind = f"<?xml version='1.0' encoding='UTF-8'?>{_xml(root, envelope)}".encode(), XML
    else:
        body, kind = orjson.dumps(envelope), JSON
    return Answer(status, body, kind, call.request_id, code, {"x-acs-request-id": call.request_id, **(headers or {})})


def _xml(name: str, value: Any) -> str:
    """Return an element; a list repeats it."""
    if isinstance(value, list):
        return "".join(_xml(name, item) for item in value)
    if isinstance(value, Mapping):
        inner = "".join(_xml(key, item) for key, item in value.items())
    elif isinstance(value, bool):
        inner = str(value).lower()
    else:
        inner = escape(_UNWRITABLE.sub("\ufffd", str(value)))
    return f"<{name}>{inner}</{name}>"
