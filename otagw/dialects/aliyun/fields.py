"""What a parameter of an Action may be.

Stricter than marshmallow's own fields: whole texts are matched, a trailing newline included, and digits are ASCII. Each
field says in ``expected`` what it takes; refusals and docs/actions.md use that sentence.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import ValidationError
from marshmallow import fields as stock

from otagw.dialects.schema import REQUIRED
from otagw.ota.devices import devices
from otagw.ota.products import products

# The letters of names: English, Chinese and Japanese. docs/wire/aliyun.md lists the ranges.
LETTERS: Final = (
    "A-Za-z\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f\U00030000-\U000323af"
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"
)
MAX_SIZE: Final = 2**53 - 1
_DIGITS: Final = re.compile(r"[0-9]{1,16}")


class Field(stock.Field[Any]):
    """Take one decoded parameter; subclasses say what of it they accept."""

    expected = "a text"

    def __init__(self, *, required: bool = False, default: Any = None, expected: str | None = None) -> None:
        super().__init__(**({"required": True} if required else {"load_default": default}))
        self.expected = expected or self.expected

    def read(self, text: str) -> Any:
        """Return the value of a text, or raise ValueError."""
        return text

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """Return the value of what came: `read` has all the checks, and the schema knows what did not come."""
        try:
            return self.read(value)
        except ValueError:
            raise ValidationError(self.expected) from None


class Text(Field):
    """Take up to so many characters (not bytes), other than NUL, which PostgreSQL cannot keep."""

    def __init__(self, longest: int, pattern: str | re.Pattern[str] = r"[^\0]*", **options: Any) -> None:
        options.setdefault("expected", f"at most {longest} characters")
        super().__init__(**options)
        self.longest = longest
        self._fits = re.compile(pattern).fullmatch

    def read(self, text: str) -> str:
        """Return the text."""
        if len(text) > self.longest or not self._fits(text):
            raise ValueError(text)
        return text


class Integer(Field):
    """Take 1 to 16 ASCII digits that make a number within bounds."""

    def __init__(self, low: int, high: int, **options: Any) -> None:
        super().__init__(expected=f"an integer from {low} to {high}", **options)
        self.low, self.high = low, high

    def read(self, text: str) -> int:
        """Return the number."""
        if not _DIGITS.fullmatch(text) or not self.low <= int(text) <= self.high:
            raise ValueError(text)
        return int(text)


class Boolean(Field):
    """Take ``true`` or ``false`` in any case."""

    expected = "true or false"

    def read(self, text: str) -> bool:
        """Return the truth."""
        if text.lower() not in ("true", "false"):
            raise ValueError(text)
        return text.lower() == "true"


class Percent(Field):
    """Take a share in percent with up to three decimals; return it in thousandths of a percent."""

    expected = "a number over 0 and up to 100, with up to 3 decimals"

    def read(self, text: str) -> int:
        """Return the number of thousandths."""
        match = re.fullmatch(r"([0-9]{1,3})(?:\.([0-9]{1,3}))?", text)
        value = int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0")) if match else 0
        if not 0 < value <= 100_000:
            raise ValueError(text)
        return value


class Choice(Field):
    """Take one of a few words in any case; return it as it is written here."""

    def __init__(self, *words: str, **options: Any) -> None:
        super().__init__(expected="one of " + ", ".join(words), **options)
        self._words = {word.lower(): word for word in words}

    def read(self, text: str) -> str:
        """Return the word."""
        if text.lower() not in self._words:
            raise ValueError(text)
        return self._words[text.lower()]


class Url(Field):
    """Take an absolute http or https URL of at most 2,048 characters."""

    expected = "an absolute http or https URL of at most 2048 characters"

    def read(self, text: str) -> str:
        """Return the URL as it came."""
        parts = urlsplit(text)
        if len(text) > 2048 or parts.scheme.lower() not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError(text)
        if not re.fullmatch(r"[^\s\x00-\x20\x7f]+", text):
            raise ValueError(text)
        return text


class ProductKey(Text):
    """Take the key of a product; addresses of the gateway itself are none."""

    def __init__(self, **options: Any) -> None:
        expected = "1 to 256 of A-Z a-z 0-9 _ -, no reserved word"
        super().__init__(256, products.KEY, expected=expected, **options)


class Id(Field):
    """Take an id as we gave it; one that is not ours is not found, never ill-formed."""

    expected = "an id that the gateway gave"


def version(**options: Any) -> Text:
    """Return a field for a version, or for the name of a module."""
    return Text(64, r"[A-Za-z0-9._-]+", expected="1 to 64 of A-Z a-z 0-9 . _ -", **options)


def name(**options: Any) -> Text:
    """Return a field for the name of a package."""
    return Text(
        40,
        f"[{LETTERS}0-9][{LETTERS}0-9()_-]*",
        expected="1 to 40 characters: Chinese, English or Japanese letters, digits, - _ ( ), a letter or digit first",
        **options,
    )


def alias() -> Text:
    """Return a field for the name under which people know a module."""
    return Text(64, f"[{LETTERS}0-9._-]+", expected="1 to 64 letters (Chinese, English, Japanese), digits, . _ -")


class Wide(Text):
    """Take letters, digits and ``_``, of which a Chinese or Japanese letter counts as two characters."""

    def __init__(self, shortest: int, longest: int, **options: Any) -> None:
        expected = f"{shortest} to {longest} letters, digits, _ (a Chinese or Japanese letter counts as two)"
        super().__init__(longest, f"[{LETTERS}0-9_]+", expected=expected, **options)
        self._shortest = shortest

    def read(self, text: str) -> str:
        """Return the text."""
        width = sum(1 if character.isascii() else 2 for character in text)
        if not self._shortest <= width <= self.longest:
            raise ValueError(text)
        return super().read(text)


def new_device_name(**options: Any) -> Text:
    """Return a field for the name of a device that is to be registered."""
    return Text(32, r"[A-Za-z0-9_.:@-]{4,32}", expected="4 to 32 of A-Z a-z 0-9 - _ . @ :", **options)


def device_name(**options: Any) -> Text:
    """Return a field for the name of a device that is there; one that was imported may be shorter or longer."""
    return Text(256, devices.NAME, expected="1 to 256 of A-Z a-z 0-9 - _ . @ :", **options)


def client_token() -> Text:
    """Return the field for the idempotency token that every create takes."""
    return Text(64, r"[\x21-\x7e]+", expected="1 to 64 printable ASCII characters")


class List(stock.Field[Any]):
    """Take ``X.1, X.2, …``: what came, in numeric order; gaps close up."""

    def __init__(self, inner: Field, longest: int, *, required: bool = False) -> None:
        super().__init__(**({"required": True} if required else {"load_default": ()}))
        self.inner = inner
        self.expected = f"at most {longest} of: {inner.expected}"
        self.longest = longest

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return tuple(_each(self, value, self.inner.deserialize).values())


class Objects(stock.Field[Any]):
    """Take ``X.1.Name, X.1.Url, X.2.Name, …`` as objects of one schema, by their numbers."""

    def __init__(self, schema: Any, longest: int) -> None:
        super().__init__(load_default=MappingProxyType({}))
        self.schema = schema
        self.longest = longest
        self.expected = f"at most {longest} entries"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if len(value) > self.longest:  # a member that is missing is told first, as of any list
            lacking = {number: self.schema.lacking(value[number]) for number in sorted(value)}
            found = {number: {name: [REQUIRED] for name in names} for number, names in lacking.items() if names}
            raise ValidationError(found or self.expected)
        return _each(self, value, self.schema.checked)


def _each(field: List | Objects, items: Mapping[int, Any], read: Any) -> dict[int, Any]:
    """Read every item of a numbered list; errors stand under the number the client gave it."""
    if len(items) > field.longest:
        raise ValidationError(field.expected)
    values, problems = {}, {}
    for number in sorted(items):
        try:
            values[number] = read(items[number])
        except ValidationError as error:
            problems[number] = error.messages
    if problems:
        raise ValidationError(problems)
    return values
