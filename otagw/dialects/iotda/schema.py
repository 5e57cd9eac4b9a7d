"""What an operation of IoTDA may be given: fields of path, query and JSON, as strict as the vendor's limits are."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from marshmallow import ValidationError, fields, pre_load

from otagw.dialects.iotda.form import Upload
from otagw.dialects.schema import FrontSchema

# PostgreSQL cannot keep NUL, nor UTF-8 half a character.
_UNKEEPABLE: Final = re.compile("[\x00\ud800-\udfff]")
_NUMBER: Final = re.compile(r"[0-9]{1,16}")


class Text(fields.Field[str]):
    """A text of at most so many characters, all of it of a pattern where there is one."""

    def __init__(self, longest: int, pattern: str = "", *, expected: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.longest = longest
        self._fits = re.compile(pattern, re.ASCII).fullmatch if pattern else None
        self.expected = expected or f"a text of at most {longest} characters"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        wrong = not isinstance(value, str) or len(value) > self.longest or _UNKEEPABLE.search(value)
        if wrong or (self._fits and not self._fits(value)):
            raise ValidationError(self.expected)
        return str(value)


class Id(fields.Field[str]):
    """An id that we gave out: whatever is not one is not found, and never ill-formed."""

    expected = "an id of ours"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        return _UNKEEPABLE.sub("\ufffd", str(value))  # no id has this in it


class Choice(fields.Field[str]):
    """One of a few words."""

    def __init__(self, *choices: str, **options: Any) -> None:
        super().__init__(**options)
        self.choices = choices
        self.expected = " or ".join(choices)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if value not in self.choices:
            raise ValidationError(self.expected)
        return str(value)


class Number(fields.Field[int]):
    """An integer of the query; ``beyond`` says what to do where more is needed."""

    def __init__(self, low: int, high: int, beyond: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.low, self.high = low, high
        self.expected = f"an integer from {low} to {high}{beyond}"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if not isinstance(value, str) or not _NUMBER.fullmatch(value) or not self.low <= int(value) <= self.high:
            raise ValidationError(self.expected)
        return int(value)


class Count(fields.Field[int]):
    """An integer of the body."""

    def __init__(self, low: int, high: int, **options: Any) -> None:
        super().__init__(**options)
        self.low, self.high = low, high
        self.expected = f"an integer from {low} to {high}"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise ValidationError(self.expected)
        return value


class Flag(fields.Field[bool]):
    """A truth value, of the body or written out in the query."""

    expected = "true or false"
    _values: Final = {True: True, False: False, "true": True, "false": False}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool | str) or value not in self._values:
            raise ValidationError(self.expected)
        return self._values[value]


class Time(fields.Field[int]):
    """A time in UTC, to the second; read as milliseconds."""

    expected = "a time of the form yyyyMMddTHHmmssZ"
    _fits = re.compile(r"[0-9]{8}T[0-9]{6}Z").fullmatch

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        try:
            if isinstance(value, str) and Time._fits(value):
                return int(datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()) * 1000
        except ValueError:
            pass
        raise ValidationError(self.expected)


class Json(fields.Field[Any]):
    """An object or a list of whatever the client likes, kept to be shown again."""

    def __init__(
        self, kind: type[dict[str, Any]] | type[list[Any]], longest: int, most: int | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.kind, self.longest, self.most = kind, longest, most
        what = "an object" if kind is dict else f"a list of at most {most} objects"
        self.expected = f"{what} of at most {longest} characters of JSON"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        items = value if isinstance(value, list) else []
        too_many = self.most is not None and len(items) > self.most
        if not isinstance(value, self.kind) or too_many or not all(isinstance(item, dict) for item in items):
            raise ValidationError(self.expected)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        if len(text) > self.longest or _UNKEEPABLE.search(text) or "\\u0000" in text:
            raise ValidationError(self.expected)
        return value


class Texts(fields.Field[list[str]]):
    """A list of texts, each of them once."""

    def __init__(self, inner: Text, longest: int, **options: Any) -> None:
        super().__init__(**options)
        self.inner, self.longest = inner, longest
        self.expected = f"a list of at most {longest} different texts, each {inner.expected}"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[str]:
        if not isinstance(value, list) or len(value) > self.longest:
            raise ValidationError(self.expected)
        found = []
        for number, item in enumerate(value):
            try:
                found.append(self.inner.deserialize(item))
            except ValidationError:
                raise ValidationError({number: [self.inner.expected]}) from None
        if len(set(found)) < len(found):
            raise ValidationError(self.expected)
        return found


class File(fields.Field[Upload]):
    """A file of a form, with a name of at most so many characters."""

    def __init__(self, longest_name: int, **options: Any) -> None:
        super().__init__(**options)
        self.longest_name = longest_name
        self.expected = f"a file with a name of 1 to {longest_name} characters, none of control"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Upload:
        if not isinstance(value, Upload) or not 0 < len(value.name) <= self.longest_name:
            raise ValidationError(self.expected)
        if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", value.name):
            raise ValidationError(self.expected)
        return value


class Object(fields.Field[dict[str, Any]]):
    """An object with fields of its own."""

    expected = "an object"

    def __init__(self, schema: "IotdaSchema", **options: Any) -> None:
        super().__init__(**options)
        self.schema = schema

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError(self.expected)
        values = self.schema.checked(value)
        return {name: values[name] for name in values if name in value}  # it is kept as it came


class IotdaSchema(FrontSchema):
    """The parameters of one operation; the class name is the operation."""

    @pre_load
    def drop_empty(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Take an empty text for a required field as none."""
        return {k: v for k, v in data.items() if v != "" or not (k in self.fields and self.fields[k].required)}
