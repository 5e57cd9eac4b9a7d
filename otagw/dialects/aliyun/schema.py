"""From the flat parameters of a request to the arguments of an operation.

A schema's fields are named in snake_case; their wire names follow from that, in both spellings a client may use.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError
from marshmallow.fields import Field as AnyField

from otagw import errors
from otagw.dialects.aliyun import fields, spelling

# What a check across fields raises for a parameter that is required after all.
MISSING: Final = "is missing"
_INDEX: Final = re.compile(r"[1-9][0-9]{0,8}")
_Raw = dict[str, Any]


def wrong(expected: str, *path: str | int) -> ValidationError:
    """Return what a check across fields raises: where the fault is, as names and numbers, and what was expected."""
    messages: Any = [expected]
    for step in reversed(path):
        messages = {step: messages}
    return ValidationError(messages)


class AliyunSchema(Schema):
    """The parameters of one Action; the class name is the Action."""

    class Meta:
        unknown = EXCLUDE

    # Further request names of a field, beside those that follow from its own.
    also_known_as: Mapping[str, str] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.wire_names: dict[str, str] = {}
        for name in self.fields:
            for spelled in (spelling.alibaba(name), spelling.documented(name)):
                self.wire_names[spelled] = name
        self.wire_names.update(self.also_known_as)
        self._defaults = {name: getattr(field, "default", None) for name, field in self.fields.items()}
        self._demanding = {n: f for n, f in self.fields.items() if f.required or isinstance(f, fields.Objects)}

    def read(self, params: Mapping[str, str]) -> dict[str, Any]:
        """Return the operation's arguments.

        Raises `errors.MissingParameter` under the true request name, and `errors.InvalidParameter` under the name that
        the client used.
        """
        raw, spelled = self._gather(params)
        self._require(raw, "")
        try:
            return self.complete(raw)
        except ValidationError as error:
            path, expected = _first(error.messages)
            name = _wire(path, spelled)
            raise (
                errors.MissingParameter(name) if expected == MISSING else errors.InvalidParameter(name, expected)
            ) from None

    def complete(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Return checked values for every field; raises marshmallow's ValidationError.

        The fields that came are asked one by one: `load` would walk all of them, which takes longer than the rest of
        the validation, and would go on after the first fault, of which the client is told anyway.
        """
        values = dict(self._defaults)
        for name, text in raw.items():
            try:
                values[name] = self.fields[name].deserialize(text)
            except ValidationError as error:
                raise ValidationError({name: error.messages}) from None
        self.check(values)
        return values

    def check(self, values: Mapping[str, Any]) -> None:
        """Check fields against one another; raise `wrong` under the field that has to change."""

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

    def _require(self, raw: Mapping[str, Any], prefix: str) -> None:
        for name, field in self._demanding.items():
            wire = prefix + spelling.alibaba(name)
            if field.required and not raw.get(name):
                raise errors.MissingParameter(wire + ".1" if isinstance(field, fields.List) else wire)
            if isinstance(field, fields.Objects):
                for number, item in sorted(raw.get(name, {}).items()):
                    field.schema._require(item, f"{wire}.{number}.")


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


def _first(messages: Any) -> tuple[list[Any], str]:
    """Return where marshmallow found the first fault, and what was expected there."""
    path = []
    while isinstance(messages, dict):
        key = next(iter(messages))
        path.append(key)
        messages = messages[key]
    return path, messages[0] if isinstance(messages, list) else str(messages)


def _wire(path: list[Any], spelled: Mapping[str, str]) -> str:
    """Return the name of a parameter as the client wrote it."""
    head, *rest = path
    parts = [spelled.get(head, spelling.alibaba(head))]
    parts += [str(part) if isinstance(part, int) else spelling.alibaba(part) for part in rest]
    return ".".join(parts)
