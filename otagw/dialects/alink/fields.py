"""What a device may say: the fields of each message."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields, validate

from otagw import errors
from otagw.dialects import reports
from otagw.dialects.schema import FrontSchema
from otagw.ota.products import modules

# Below -4 there are no steps in the vendor's list: they count as -1.
_STEP: Final = "an integer from -100 to 100"


class Inform(FrontSchema):
    """A version report; without a module it is of the whole device."""

    version = reports.version()
    module = reports.module(load_default=modules.DEFAULT)


class Progress(FrontSchema):
    """A progress report; ``step`` is percent, or negative for a failure, as a number or a text."""

    step = fields.Integer(
        required=True, validate=validate.Range(-100, 100, error=_STEP), error_messages=reports.said(_STEP)
    )
    desc = reports.Text(load_default="", error_messages=reports.said("a text"))
    module = reports.module(load_default=modules.DEFAULT)


class Get(FrontSchema):
    """A question for an update; without a module it is for the whole device."""

    module = reports.module(load_default=modules.DEFAULT)


def params(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a message, without those that are null."""
    found = said.get("params", {})
    if not isinstance(found, dict):
        raise errors.InvalidParameter("params", "an object")
    return {name: value for name, value in found.items() if value is not None}


def identifier(said: Mapping[str, Any]) -> int | str:
    """Return the id of a message, to be answered with: SDKs send numbers and texts."""
    return reports.identifier(said.get("id"))
