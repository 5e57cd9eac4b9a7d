"""Read the body of an answer as plain data, and write it again: JSON, or XML as Actions have it."""

import json
from typing import Any, Final
from xml.etree import ElementTree
from xml.sax.saxutils import escape

JSON: Final = "application/json"
_XML: Final = ("text/xml", "application/xml")


class Unreadable(ValueError):
    """The body is neither of the two, or breaks their rules."""


def kind(content_type: str) -> str:
    """Return the kind of a body without charset and boundary, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def read(content_type: str, body: bytes) -> Any:
    """Return a body as plain data, None where it is empty; raise `Unreadable`.

    XML becomes an object of one member, its root, and an element that comes several times a list; its values are texts.
    """
    if not body:
        return None
    try:
        if kind(content_type) == JSON:
            return json.loads(body.decode("utf-8"))
        if kind(content_type) in _XML:
            root = ElementTree.fromstring(body)  # noqa: S314 - expat bounds what entities may grow to, and loads none
            return {root.tag: _value(root)}
    except (ValueError, RecursionError, ElementTree.ParseError):
        raise Unreadable from None
    raise Unreadable


def write(content_type: str, data: Any) -> bytes:
    """Return plain data as the body that `read` reads it from."""
    if data is None:
        return b""
    if kind(content_type) in _XML:
        ((root, inner),) = data.items()
        return f"<?xml version='1.0' encoding='UTF-8'?>{_element(root, inner)}".encode("utf-8", "replace")
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def _value(element: ElementTree.Element) -> Any:
    if not len(element):
        return element.text or ""
    found: dict[str, Any] = {}
    for child in element:
        value = _value(child)
        if child.tag not in found:
            found[child.tag] = value
        elif isinstance(found[child.tag], list):
            found[child.tag].append(value)
        else:
            found[child.tag] = [found[child.tag], value]
    return found


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, dict):
        inner = "".join(_element(key, item) for key, item in value.items())
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"
