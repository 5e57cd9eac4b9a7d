"""What a device says: feedback and attributes, read leniently, since a report that is refused is lost.

docs/wire/ddi.md says what is sent.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from marshmallow import ValidationError, fields, pre_load

from otagw.dialects import json_body
from otagw.dialects.schema import MISSING, FrontSchema, wrong

EXECUTIONS: Final = (
    *("proceeding", "scheduled", "resumed", "download", "downloaded"),
    *("closed", "rejected", "canceled"),
)
FINISHED: Final = ("success", "failure", "none")
MODES: Final = ("merge", "replace", "remove")
NAME_LENGTH: Final = 128
VALUE_LENGTH: Final = 1024
# One more than is kept, so that the timeline can mark what it cuts.
LONGEST: Final = 1025
_PARTS: Final = (list, dict)
# RAUC's updater says how far it has come in words alone: "40% Copying image to rootfs.1".
_PERCENT: Final = re.compile(r"(?<!\S)([0-9]{1,3}) ?%(?!\S)")
# Neither a log nor a database has a use for these; PostgreSQL cannot keep NUL, nor UTF-8 half a character.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Feedback(NamedTuple):
    """What a device says of an action; ``percent`` is None where that cannot be told."""

    execution: str
    finished: str
    percent: int | None
    text: str


class Attributes(NamedTuple):
    """What a device says of itself, and what is to be done with it; None is to be forgotten."""

    mode: str
    data: Mapping[str, str | None]


class _Lenient(FrontSchema):
    """Fields of which null counts as absent."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Take null for a field that is not required."""
        super().on_bind_field(field_name, field_obj)
        field_obj.allow_none = not field_obj.required


class _Id(fields.Field[Any]):
    """The number of an action in a body; a device repeats it from the address."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, str | int | float):
            raise ValidationError("a number or a text")
        return value


class _Word(fields.Field[str]):
    """One of a few words, in any case."""

    def __init__(self, choices: tuple[str, ...], **options: Any) -> None:
        super().__init__(**options)
        self._choices = choices

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if not isinstance(value, str) or value.lower() not in self._choices:
            raise ValidationError(f"one of {', '.join(self._choices)}")
        return value.lower()


class _Number(fields.Field[float]):
    """A number of JSON that a count may be."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or abs(value) > 2**53:
            raise ValidationError("a number")
        return float(value)


class _Details(fields.Field[str]):
    """A free text of a device, as one line."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            raise ValidationError("a list of texts")
        return _UNPRINTABLE.sub(" ", " ".join(filter(None, found))).strip()[:LONGEST]


class _Part(fields.Field[Any]):
    """An object, with the fields of a schema or with any names."""

    def __init__(self, schema: FrontSchema | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._schema = schema

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError("an object")
        return self._schema.checked(value) if self._schema else value


class _Progress(_Lenient):
    percentage = _Number()
    cnt = _Number()
    of = _Number()

    @pre_load
    def drop_counts(self, data: Mapping[str, Any], **_: Any) -> Mapping[str, Any]:
        """Read no counts where there is a percentage."""
        return {"percentage": data["percentage"]} if "percentage" in data else data


class _Result(_Lenient):
    finished = _Word(FINISHED)
    progress = _Part(_Progress())


class _Status(_Lenient):
    execution = _Word(EXECUTIONS, required=True)
    result = _Part(_Result())
    details = _Details()

    @pre_load
    def say_how_it_ended(self, data: Mapping[str, Any], **_: Any) -> Mapping[str, Any]:
        """Refuse a closed execution without a result, before any other fault in it."""
        result = data.get("result")
        is_silent = result is None or (isinstance(result, dict) and result.get("finished") is None)
        if is_silent and isinstance(data.get("execution"), str) and data["execution"].lower() == "closed":
            raise wrong(MISSING, "result", "finished")
        return data


class _Feedback(_Lenient):
    id = _Id()
    status = _Part(_Status(), required=True)


class _Attributes(_Lenient):
    data = _Part(required=True)
    mode = _Word(MODES)


_FEEDBACK: Final = _Feedback()
_ATTRIBUTES: Final = _Attributes()


def feedback(body: bytes) -> Feedback:
    """Return a feedback; raise the fault that names what is wrong with it."""
    status = _FEEDBACK.read(json_body.read_object(body, strict=False))["status"]
    result = status["result"] or {}
    percent = _percent(result.get("progress") or {})
    text = status["details"] or ""
    said = [int(number) for number in _PERCENT.findall(text) if int(number) <= 100] if percent is None else []
    percent = said[-1] if said else percent
    return Feedback(status["execution"], result.get("finished") or "none", percent, text)


def attributes(body: bytes) -> Attributes:
    """Return attributes; raise the fault that names what is wrong with them.

    One that cannot be kept, by its name or as a list or an object, is left out, and a text that is too long is cut:
    the others are kept.
    """
    values = _ATTRIBUTES.read(json_body.read_object(body, strict=False))
    mode = values["mode"] or "merge"
    data = {name: None if mode == "remove" else value for name, value in values["data"].items()}
    fits = {name: data[name] for name in data if 1 <= len(name) <= NAME_LENGTH and not isinstance(data[name], _PARTS)}
    return Attributes(mode, {name: None if value is None else _text(value) for name, value in fits.items()})


def _percent(progress: Mapping[str, Any]) -> int | None:
    """Return how far a device has come; its own count may be of nothing."""
    percent, count, whole = (progress.get(name) for name in ("percentage", "cnt", "of"))
    if percent is None and count is not None and whole and whole > 0:
        percent = count / whole * 100
    return None if percent is None else int(min(max(percent, 0), 100))


def _text(value: str | float) -> str:
    return (value if isinstance(value, str) else json.dumps(value))[:VALUE_LENGTH]
