"""From the flat parameters of a request to the arguments of an operation.

A schema's fields are named in snake_case; their wire names follow from that, in both spellings a client may use.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from marshmallow import ValidationError
from marshmallow.fields import Field as AnyField

from otagw import errors
from otagw.dialects.aliyun import fields, spelling
from otagw.dialects.schema import REQUIRED, FrontSchema, Path, Spelled, leaves

_INDEX: Final = re.compile(r"[1-9][0-9]{0,8}")
_Raw = dict[str, Any]


class AliyunSchema(FrontSchema):
    """The parameters of one Action; the class name is the Action."""

    # Further request names of a field, beside those that follow from its own.
    also_known_as: Mapping[str, str] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.wire_names: dict[str, str] = {}
        for name in self.fields:
            for spelled in (spelling.alibaba(name), spelling.documented(name)):
                self.wire_names[spelled] = name
        self.wire_names.update(self.also_known_as)

    def read(self, params: Mapping[str, str]) -> dict[str, Any]:
        """Return the operation's arguments.

        Raises `errors.MissingParameter` under the true request name, and `errors.InvalidParameter` under the name that
        the client used.
        """
        raw, spelled = self._gather(params)
        try:
            return self.checked(raw)
        except ValidationError as error:
            raise self.fault(error.messages, raw, spelled) from None

    def load_given(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the fields that came, which are all fields of ours: `_gather` has seen to that.

        Each is asked by itself: `load` goes through all fields, and most Actions have many and get few.
        """
        values: dict[str, Any] = {}
        wrong: dict[str, Any] = {}
        for name, value in given.items():
            try:
                values[name] = self.fields[name].deserialize(value)
            except ValidationError as error:
                wrong[name] = error.messages
        if wrong:
            raise ValidationError(wrong, valid_data=values)
        return values

    def wire_name(self, path: Path, spelled: Spelled = MappingProxyType({})) -> str:
        """Return the name of a parameter: ``MultiFiles.1.Name``."""
        head, *rest = path
        parts = [spelled.get(str(head), spelling.alibaba(str(head)))]
        parts += [str(step) if isinstance(step, int) else spelling.alibaba(step) for step in rest]
        return ".".join(parts)

    def fault(self, messages: Any, given: Mapping[str, Any], spelled: Spelled = MappingProxyType({})) -> errors.Fault:
        """Return the refusal of a parameter that is missing, or else of the first that came and is ill-formed."""
        absent = next((path for path, text in leaves(messages) if text == REQUIRED), None)
        if absent:  # of a list, its first item is
            is_list = isinstance(self.fields[str(absent[0])], fields.List)
            return errors.MissingParameter(self.wire_name([*absent, 1] if is_list else absent))
        path, text = next(leaves(messages, given))
        return self.refusal(path, text, given, spelled)

    def _gather(self, params: Mapping[str, str]) -> tuple[_Raw, dict[str, str]]:
        """Collect what belongs to a field: a text, or for lists what came by number. Empty counts as absent."""
        raw: _Raw = {}
        spelled: dict[str, str] = {}
        for name, value in params.items():
            head, dot, rest = name.partition(".")
            field = self.wire_names.get(head)
            if field is None:
                continue
            if spelled.setdefault(field, head) != head:
                raise errors.InvalidParameter(head, f"one spelling: {spelled[field]} is the same parameter")
            kind = self.fields[field]
            if not isinstance(kind, (fields.List, fields.Objects)):
                if not dot and value:
                    raw[field] = value
            elif value:
                _put(raw.setdefault(field, {}), kind, name, rest, value)
        return raw, spelled


def _put(items: dict[int, Any], field: AnyField[Any], name: str, rest: str, value: str) -> None:
    """Put one numbered value where it belongs: ``3``, or ``3.Name`` for a list of objects."""
    index, _, member = rest.partition(".")
    if not _INDEX.fullmatch(index) or bool(member) != isinstance(field, fields.Objects):
        form = "N.NAME" if isinstance(field, fields.Objects) else "N"
        raise errors.InvalidParameter(name, f"{name.partition('.')[0]}.{form} with N from 1 and no leading zero")
    if isinstance(field, fields.Objects):
        attribute = field.schema.wire_names.get(member)
        if attribute:
            items.setdefault(int(index), {})[attribute] = value
    else:
        items[int(index)] = value
