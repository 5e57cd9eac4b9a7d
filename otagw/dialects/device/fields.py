"""What a device may say: the fields of each request, and how they are read out of JSON or a query."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from marshmallow import RAISE, fields, validate
from werkzeug.wrappers import Request

from otagw import errors
from otagw.dialects import http, json_body, reports
from otagw.dialects.schema import FrontSchema, Spelled
from otagw.ota.products import modules

JSON: Final = "application/json"
_STEP: Final = "an integer from 0 to 100, or from -1 to -4 for a failure"
_TEXT: Final = "a text"
_ENDING: Final = '"succeeded" or "failed"'


class Strict(FrontSchema):
    """Fields that are known, and no others: a name with a slip in it would otherwise say something else."""

    class Meta:
        unknown = RAISE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Take null for an ill-formed value."""
        super().on_bind_field(field_name, field_obj)
        field_obj.error_messages["null"] = field_obj.error_messages["invalid"]

    def load_given(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the fields that came: of a poll, as a rule none."""
        return super().load_given(given) if given else {}

    def fault(self, messages: Any, given: Mapping[str, Any], spelled: Spelled = MappingProxyType({})) -> errors.Fault:
        """Return the one refusal of all that marshmallow found."""
        name = next(iter(messages))
        if name in self.fields:
            return super().fault(messages, given, spelled)
        known = f"no field but {', '.join(self.fields)}" if self.fields else "no field"
        return errors.InvalidParameter(ascii(name)[:64], known)


class Version(Strict):
    """The body of a version report."""

    version = reports.version()


class Question(Strict):
    """The query of a poll."""

    module = reports.module(load_default=None)


class Progress(Strict):
    """The body of a progress report."""

    percent = fields.Integer(
        required=True, strict=True, validate=validate.Range(-4, 100, error=_STEP), error_messages=reports.said(_STEP)
    )
    message = reports.Text(load_default="", error_messages=reports.said(_TEXT))
    module = reports.module(load_default=modules.DEFAULT)


class Result(Strict):
    """The body of a device's own word for how it ended."""

    result = fields.String(
        required=True,
        validate=validate.OneOf(("succeeded", "failed"), error=_ENDING),
        error_messages=reports.said(_ENDING),
    )
    message = reports.Text(load_default="", error_messages=reports.said(_TEXT))
    module = reports.module(load_default=modules.DEFAULT)


def check(name: str, text: str) -> str:
    """Return a word of the path, or raise the fault that names it."""
    if not reports.is_module(text):
        raise errors.InvalidParameter(name, reports.MODULE)
    return text


def from_query(request: Request) -> dict[str, Any]:
    """Return the parameters of a query, each given once."""
    if not request.environ.get("QUERY_STRING"):
        return {}
    for name, values in request.args.lists():
        if len(values) > 1:
            raise errors.InvalidParameter(ascii(name)[:64], "to be given once")
    return request.args.to_dict()


def from_json(request: Request, body: bytes) -> dict[str, Any]:
    """Return the object that a body is; nothing that JSON readers understand in different ways is taken."""
    if http.content_type(request)[0] != JSON:
        raise errors.UnsupportedMediaType(JSON)
    if request.args:
        raise errors.InvalidParameter("the query", "none")
    return json_body.read_object(body)
