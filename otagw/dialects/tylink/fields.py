"""What a device may say: the fields of each message."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields, validate

from otagw import errors
from otagw.dialects import reports
from otagw.dialects.schema import FrontSchema
from otagw.ota.products import modules

MAIN: Final = 0
MOST: Final = 50
LAST: Final = 255
_CHANNEL: Final = f"an integer from 0 to {LAST}"
_PERCENT: Final = "an integer from 0 to 100"


def _channel(**options: Any) -> fields.Integer:
    rule = validate.Range(MAIN, LAST, error=_CHANNEL)
    return fields.Integer(validate=rule, error_messages=reports.said(_CHANNEL), **options)


class Channel(FrontSchema):
    """The version of one channel."""

    channel = _channel(load_default=MAIN)
    version = reports.version()


class Progress(FrontSchema):
    """How an update goes, or that it failed."""

    channel = _channel(load_default=MAIN)
    progress = fields.Integer(validate=validate.Range(0, 100, error=_PERCENT), error_messages=reports.said(_PERCENT))
    errorCode = fields.Integer(error_messages=reports.said("an integer"))  # noqa: N815 - as on the wire
    errorMsg = reports.Text(load_default="", error_messages=reports.said("a text"))  # noqa: N815


_OF_CHANNEL: Final = Channel()


def data(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a message, which some send without an envelope; without what is null."""
    found = said.get("data", said)
    if not isinstance(found, dict):
        raise errors.InvalidParameter("data", "an object")
    return {name: value for name, value in found.items() if value is not None}


def channels(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the module and the version of each channel of a report."""
    found = data(said).get("otaChannel")
    if not isinstance(found, list) or not found or len(found) > MOST:
        raise errors.InvalidParameter("otaChannel", f"a list of 1 to {MOST}")
    versions = []
    for number, each in enumerate(found):
        if not isinstance(each, dict):
            raise errors.InvalidParameter(f"otaChannel[{number}]", "an object")
        read = _OF_CHANNEL.read(each)
        versions.append((module(read["channel"]), str(read["version"])))
    return versions


def module(channel: int) -> str:
    """Return the module that a channel is: the whole device is the first, and others are called by their numbers."""
    return modules.DEFAULT if channel == MAIN else str(channel)


def channel_of(name: str) -> int | None:
    """Return the channel that a module is, or None where it is none."""
    if name == modules.DEFAULT:
        return MAIN
    number = int(name) if name.isascii() and name.isdecimal() else None
    return number if number is not None and number <= LAST and module(number) == name else None


def identifier(said: Mapping[str, Any]) -> str:
    """Return the id of a message, to be answered with."""
    return str(reports.identifier(said.get("msgId", "")))
