"""What a device may say: the fields of each event."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from marshmallow import fields, validate

from otagw import errors
from otagw.dialects import reports
from otagw.dialects.schema import FrontSchema

SERVICE: Final = "$ota"
# How many services a message may have: each report is a write of its own.
MOST: Final = 50
VERSION_REPORT, PROGRESS_REPORT = "version_report", "upgrade_progress_report"
_CODE: Final = "an integer"
_PERCENT: Final = "an integer from 0 to 100"


class VersionReport(FrontSchema):
    """What a device runs; it may leave out either, or say nothing in it."""

    fw_version = reports.version(required=False)
    sw_version = reports.version(required=False)


class ProgressReport(FrontSchema):
    """How an update goes, or how it ended; numbers may be texts.

    Firmware has codes of its own, and the C SDK's sample says -1. The version is compared, and nothing else: no failure
    is lost for what stands there.
    """

    result_code = fields.Integer(required=True, error_messages=reports.said(_CODE))
    version = reports.Text(load_default="", error_messages=reports.said("a text"))
    progress = fields.Integer(validate=validate.Range(0, 100, error=_PERCENT), error_messages=reports.said(_PERCENT))
    description = reports.Text(load_default="", error_messages=reports.said("a text"))


_SCHEMAS: Final[Mapping[str, FrontSchema]] = {VERSION_REPORT: VersionReport(), PROGRESS_REPORT: ProgressReport()}


def events(said: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the type of each event in a message that we know, and its fields; raise the fault of the first bad one."""
    return [(kind, _SCHEMAS[kind].read(paras)) for kind, paras in _events(said) if kind in _SCHEMAS]


def _events(said: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the type and the parameters of each event of this service; raise `errors.InvalidParameter`."""
    services = said.get("services")
    if not isinstance(services, list) or len(services) > MOST:
        raise errors.InvalidParameter("services", f"a list of up to {MOST}")
    for number, service in enumerate(services):
        if not isinstance(service, dict):
            raise errors.InvalidParameter(f"services[{number}]", "an object")
        if service.get("service_id") != SERVICE:
            continue
        paras = service.get("paras") or {}
        if not isinstance(paras, dict):
            raise errors.InvalidParameter(f"services[{number}].paras", "an object")
        yield str(service.get("event_type")), {name: value for name, value in paras.items() if value not in (None, "")}
