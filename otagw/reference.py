"""The reference pages, made from the tables that the gateway runs on."""

from collections.abc import Iterator
from typing import Any

from marshmallow.fields import Field as AnyField

import otagw.dialects.aliyun.actions  # noqa: F401 - fills the table of Actions
from otagw.dialects.aliyun import codes, fields, spelling
from otagw.dialects.aliyun.action import actions
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.operation import Operation

_MADE = "<!-- Made by `make docs` from the code; do not edit. -->\n"
_MARKS = str.maketrans({"|": r"\|", "<": r"\<", "{": "‹", "}": "›"})


def operations() -> list[Operation[AliyunSchema]]:
    """Return every Action, by name."""
    return sorted(actions, key=lambda operation: operation.name)


def actions_page() -> str:
    """Return docs/actions.md: every Action with its parameters and limits."""
    head = (
        f"{_MADE}# Actions\n\n"
        "Parameters go into the query or a form. A name that ends in `Id` may also be written as the English\n"
        "reference does (`FirmwareID`). An empty parameter counts as absent; unknown ones are ignored, but signed.\n"
        "Every Action needs the grant `ota:` and its name. What can go wrong is in [codes.md](codes.md).\n"
    )
    return head + "".join(_action(operation) for operation in operations())


def _action(operation: Operation[AliyunSchema]) -> str:
    rows = "".join(f"| {' | '.join(row)} |\n" for row in _rows(operation.schema, ""))
    return (
        f"\n## {operation.name}\n\n{operation.doc}\n\n| parameter | required | accepts | default |\n"
        f"| --- | --- | --- | --- |\n{rows}"
    )


def _rows(schema: AliyunSchema, prefix: str) -> Iterator[tuple[str, ...]]:
    also: dict[str, str] = {attribute: name for name, attribute in schema.also_known_as.items()}
    for attribute, field in schema.fields.items():
        name = prefix + spelling.alibaba(attribute)
        if isinstance(field, fields.Objects):
            yield f"`{name}.N.…`", _required(field), field.expected, ""
            yield from _rows(field.schema, f"{name}.N.")
            continue
        shown = f"`{name}.N`" if isinstance(field, fields.List) else f"`{name}`"
        if attribute in also:
            shown += f", `{also[attribute]}`"
        yield shown, _required(field), getattr(field, "expected", ""), _default(field)


def _required(field: AnyField[Any]) -> str:
    return "yes" if field.required else ""


def _default(field: AnyField[Any]) -> str:
    default = getattr(field, "default", None)
    return "" if default is None else f"`{str(default).lower() if isinstance(default, bool) else default}`"


def codes_page() -> str:
    """Return docs/codes.md: every code with its status and text."""
    head = (
        f"{_MADE}# Codes\n\n"
        "A *gateway* refusal has its HTTP status in every spelling, so that the SDKs raise. The others are refusals\n"
        "of the *business*: the same status in the spellings `documented` and `example`, but HTTP 200 with\n"
        "`Success: false` in `alibaba`, as the vendor's SDKs expect. `‹…›` stands for what the request was about.\n\n"
        "| code | status | side | text |\n| --- | --- | --- | --- |\n"
    )
    rows = sorted(codes.CODES.values(), key=lambda rule: (not rule.gateway, rule.code))
    return head + "".join(
        f"| `{rule.code.translate(_MARKS)}` | {rule.status} | {'gateway' if rule.gateway else 'business'} "
        f"| {rule.text.translate(_MARKS)} |\n"
        for rule in rows
    )
