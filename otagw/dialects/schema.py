"""How every front reads what it was given: marshmallow's schemas, and the one refusal that comes of them.

A schema loads all fields and then checks them against one another. Of all that is wrong a client is told the first.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias, cast

from marshmallow import EXCLUDE, Schema, ValidationError, missing
from marshmallow.fields import Field

from otagw import errors
from otagw.dialects.seen import seen

# The message of a required field that is missing, and of a check that makes a field required.
REQUIRED: Final = "is required"
MISSING: Final = "is missing"
# Where a fault is: names of fields, and numbers of items.
Path: TypeAlias = list[str | int]
Spelled: TypeAlias = Mapping[str, str]
_AS_NAMED: Final[Spelled] = MappingProxyType({})


def wrong(expected: str, *path: str | int) -> ValidationError:
    """Return what a check across fields raises: where the fault is, as names and numbers, and what was expected."""
    messages: Any = [expected]
    for step in reversed(path):
        messages = {step: messages}
    return ValidationError(messages)


class FrontSchema(Schema):
    """The fields of one operation; a field that did not come is None, unless it says otherwise."""

    class Meta:
        unknown = EXCLUDE

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._required = [name for name, field in self.fields.items() if field.required]
        self._absent = {n: None if field.required else field.load_default for n, field in self.fields.items()}

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a value for every field; raise the fault that names the first one that is wrong as on the wire."""
        try:
            return self.checked(given)
        except ValidationError as error:
            raise self.fault(error.messages, given) from None

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a value for every field, checked against one another; raise marshmallow's ValidationError."""
        found: dict[str, Any] = {}
        try:
            values = self.load_given(given)
        except ValidationError as error:
            if error.valid_data is None:  # refused before any field was read
                raise
            found, values = error.messages_dict, cast("dict[str, Any]", error.valid_data)
        found |= {name: [REQUIRED] for name in self.lacking(values) if name not in found}
        if found:
            raise ValidationError(
                {name: found[name] for name in dict.fromkeys([*self.fields, *found]) if name in found}
            )
        # In the order of the schema: some is kept, and shown again as it came. What else came, if that may, is last.
        values = self._absent | values
        self.check(values)
        return values

    def load_given(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the fields that came; raise marshmallow's ValidationError with all that is wrong."""
        values: dict[str, Any] = self.load(given, partial=True)
        return values

    def lacking(self, given: Mapping[str, Any]) -> list[str]:
        """Return the required fields that are not there."""
        return [name for name in self._required if name not in given]

    def fault(self, messages: Any, given: Mapping[str, Any], spelled: Spelled = _AS_NAMED) -> errors.Fault:
        """Return the one refusal of all that marshmallow found; ``spelled`` is how the client wrote some names."""
        path, text = next(leaves(messages))
        return self.refusal(path, text, given, spelled)

    def refusal(
        self, path: Path, expected: str, given: Mapping[str, Any], spelled: Spelled = _AS_NAMED
    ) -> errors.Fault:
        """Return the refusal of one field, with what was seen in its value."""
        name = self.wire_name(path, spelled)
        if expected in (REQUIRED, MISSING):
            return errors.MissingParameter(name)
        spot = seen(self, path, given)
        return errors.InvalidParameter(name, f"{expected}; {spot}" if spot else expected)

    def wire_name(self, path: Path, spelled: Spelled = _AS_NAMED) -> str:
        """Return the name of a field on the wire."""
        name = ""
        for step in path:
            name += f"[{step}]" if isinstance(step, int) else f".{step}" if name else step
        return name

    def check(self, values: Mapping[str, Any]) -> None:
        """Check fields against one another; raise `wrong` under the field that has to change."""

    def on_bind_field(self, field_name: str, field_obj: Field[Any]) -> None:
        """Give a required field our word for its absence, and any other a value."""
        field_obj.error_messages = {**field_obj.error_messages, "required": REQUIRED, "null": REQUIRED}
        if not field_obj.required and field_obj.load_default is missing:
            field_obj.load_default = None


def leaves(messages: Any, given: Any = None) -> Iterator[tuple[Path, str]]:
    """Yield where each fault is and what was expected there, in the order of the schema.

    With ``given``, names of fields that came go first, in the order in which they came.
    """
    if not isinstance(messages, dict):
        yield [], messages[0] if isinstance(messages, list) else str(messages)
        return
    items = given if isinstance(given, Mapping) else {}
    came = (name for name in items if isinstance(name, str) and name in messages)
    for step in dict.fromkeys([*came, *messages]):
        for path, text in leaves(messages[step], items.get(step)):
            yield [step, *path], text
