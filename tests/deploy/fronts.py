"""A request of each front, and how nginx itself refuses it."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

from tests.deploy.servers import UUID

JSON = "application/json"
UTF8 = "application/json;charset=utf-8"
XML = "application/xml"


@dataclass(frozen=True)
class Front:
    """How a client of a front asks, and what it reads: content type, fields, the name of the code, codes by reason."""

    path: str
    kind: str
    fields: tuple[str, ...]
    codes: dict[str, str]
    headers: dict[str, str] = field(default_factory=dict)
    limited: int = 429

    @property
    def options(self):
        """Return the headers as curl takes them."""
        return [word for name, value in self.headers.items() for word in ("-H", f"{name}: {value}")]

    def code(self, reply):
        """Return the code of a refusal, once all around it is as the front has it."""
        assert reply.headers["content-type"] == self.kind
        body = reply.body.decode()
        said = {each.tag: each.text for each in ET.fromstring(body)} if self.kind == XML else reply.json
        assert set(said) == set(self.fields)
        identity = reply.headers["x-request-id"]
        assert UUID.fullmatch(identity)
        assert all(value == identity for name, value in said.items() if name.lower().replace("_", "") == "requestid")
        assert all(text for name, text in said.items() if "message" in name.lower() or name == "error_msg")
        return said[self.fields[0]]


_ACTIONS = {
    "limit": "Throttling",
    "large": "RequestEntityTooLarge",
    "method": "UnsupportedHTTPMethod",
    "broken": "InvalidRequest",
    "unknown": "InternalError",
    "orphan": "ServiceUnavailable",
}
_IOTDA = {
    "limit": "APIGW.0308",
    "large": "APIGW.0201",
    "method": "IOTDA.900405",
    "broken": "IOTDA.000008",
    "unknown": "IOTDA.000001",
    "orphan": "IOTDA.900503",
}
_DEVICE = {
    "limit": "too_many_requests",
    "large": "too_large",
    "method": "wrong_method",
    "broken": "unreadable",
    "unknown": "internal",
    "orphan": "unavailable",
}
_OSS = {
    "limit": "SlowDown",
    "large": "EntityTooLarge",
    "method": "MethodNotAllowed",
    "broken": "InvalidArgument",
    "unknown": "InternalError",
    "orphan": "ServiceUnavailable",
}
_DOCUMENTED = ("Code", "ErrorMessage", "RequestID", "Success")
_ALIBABA = ("Code", "Message", "RequestId", "HostId", "Recommend")
_REST = ("error_code", "error_msg")
_OBJECTS = ("Code", "Message", "RequestId", "HostId")
FRONTS = {
    "actions": Front("/?Action=ListOTAFirmware", UTF8, _DOCUMENTED, _ACTIONS),
    "actions of alibaba by query": Front("/?Version=2018-01-20", UTF8, _ALIBABA, _ACTIONS),
    "actions of alibaba by header": Front("/", UTF8, _ALIBABA, _ACTIONS, {"x-acs-version": "2018-01-20"}),
    "iotda": Front("/v5/iot/p/ota-upgrades/packages", UTF8, _REST, _IOTDA, {"x-acs-version": "1"}),
    "projects of iotda": Front("/v3/projects?Version=1", UTF8, _REST, _IOTDA),
    "device": Front("/device/v1/p/d/update", JSON, ("code", "message", "request_id"), _DEVICE),
    "ddi": Front("/p/controller/v1/d", JSON, ("errorCode", "message", "request_id"), _DEVICE),
    "upload": Front("/oss", XML, _OBJECTS, _OSS, limited=503),
    "download": Front("/oss/ota/file?Expires=1", XML, _OBJECTS, _OSS, limited=503),
}
