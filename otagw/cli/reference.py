"""The reference pages, made from the tables that the gateway runs on."""

import re
import tempfile
from collections.abc import Iterator
from typing import Any

from marshmallow import missing
from marshmallow.fields import Field as AnyField

import otagw.dialects.aliyun.actions
import otagw.dialects.iotda.routes  # noqa: F401 - fills the table of IoTDA
from otagw import parts
from otagw.db import schema
from otagw.dialects.aliyun import codes, fields, spelling
from otagw.dialects.aliyun.action import actions
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.dialects.iotda import codes as iotda_codes
from otagw.dialects.iotda import schema as iotda_schema
from otagw.dialects.iotda.route import Route, routes
from otagw.operation import Operation
from otagw.ota import states
from otagw.settings import Settings

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
        "Every Action needs the grant `ota:` and its name.\n\n"
        "Any of them may be refused for its signature, its time, a parameter that is missing or ill-formed, or a\n"
        "grant that the key lacks; [codes.md](codes.md) has all codes. The refusals of its own stand with each.\n"
    )
    return head + _overview() + "".join(_action(operation) for operation in operations())


def _action(operation: Operation[AliyunSchema]) -> str:
    rows = "".join(f"| {' | '.join(row)} |\n" for row in _rows(operation.schema, ""))
    head = "\n| parameter | required | accepts | default |\n| --- | --- | --- | --- |\n" if rows else ""
    own = ", ".join(f"`{code}`" for code in operation.codes) or "none of its own"
    return (
        f"\n## {operation.name}\n\n{operation.doc}\n\n"
        f"- In the API of: {operation.origin}\n- Refusals: {own}\n{head}{rows}"
    )


def _overview() -> str:
    rows = "".join(f"| [{o.name}](#{o.name.lower()}) | {o.origin} | {_first_line(o)} |\n" for o in operations())
    return f"\n| Action | in the API of | |\n| --- | --- | --- |\n{rows}"


def _first_line(operation: Operation[AliyunSchema]) -> str:
    return " ".join(operation.doc.split("\n\n")[0].split())


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
    default = _given(field)
    return "" if default is None else f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _given(field: AnyField[Any]) -> Any:
    """Return the value of a field that does not come; None where there is none to show."""
    return None if field.load_default is missing else field.load_default


def codes_page() -> str:
    """Return docs/codes.md: every code with its status and text."""
    head = (
        f"{_MADE}# Codes\n\n"
        "A *gateway* refusal has its HTTP status in every spelling, so that the SDKs raise. The others are refusals\n"
        "of the *business*: the same status in the spellings `documented` and `example`, but HTTP 200 with\n"
        "`Success: false` in `alibaba`, as the vendor's SDKs expect. `‹…›` stands for what the request was about.\n"
        "A code is the *vendor's* where a page of Alibaba's or Tuya's has it; the others are *ours*.\n\n"
        "| code | status | side | whose | text |\n| --- | --- | --- | --- | --- |\n"
    )
    rows = sorted(codes.CODES.values(), key=lambda rule: (not rule.gateway, rule.code))
    return (
        head
        + "".join(
            f"| `{rule.code.translate(_MARKS)}` | {rule.status} | {'gateway' if rule.gateway else 'business'} "
            f"| {'ours' if codes.is_ours(rule.code) else 'vendor'} | {rule.text.translate(_MARKS)} |\n"
            for rule in rows
        )
        + _alibaba()
    )


def _alibaba() -> str:
    head = (
        "\n## In the spelling `alibaba` alone\n\n"
        "Where Alibaba has a code of its own for what the other spellings refuse by a general one, `alibaba` has\n"
        "that: as a refusal of the business, with the text of the general one.\n\n"
        "| code | in place of | parameter |\n| --- | --- | --- |\n"
    )
    rules = ((code, codes.CODES[fault, ""].code, name) for (fault, name), code in codes.ALIBABA.items())
    return head + "".join(f"| `{code}` | `{general}` | {name and f'`{name}`'} |\n" for code, general, name in rules)


def iotda_page() -> str:
    """Return docs/iotda-api.md: every operation of IoTDA with its fields and limits, and every code."""
    head = (
        f"{_MADE}# IoTDA: operations and codes\n\n"
        "Fields stand in the query of a GET and in the JSON body of a POST or PUT; `null` counts as absent, unknown\n"
        "fields are ignored. Every operation needs the grant `ota:` and its name. [iotda.md](iotda.md) is the guide.\n"
    )
    found = sorted((route for route in routes if isinstance(route, Route)), key=lambda route: (route.path, route.name))
    rules = sorted(set(iotda_codes.CODES.values()), key=lambda rule: (rule.code, rule.text))
    table = "".join(f"| `{rule.code}` | {rule.status} | {rule.text.translate(_MARKS)} |\n" for rule in rules)
    return (
        f"{head}{''.join(map(_route, found))}\n## Codes\n\n"
        "Those that begin with `IOTDA.9` are ours. `‹…›` stands for what the request was about.\n\n"
        f"| code | status | text |\n| --- | --- | --- |\n{table}"
    )


def _route(route: Route) -> str:
    rows = "".join(f"| {' | '.join(row)} |\n" for row in _fields(route.schema, ""))
    head = "\n| field | required | accepts | default |\n| --- | --- | --- | --- |\n" if rows else ""
    own = ", ".join(f"`{code}`" for code in route.codes) or "none of its own"
    line = f"- `{route.method} {route.path}`, answered with {route.status}\n- Refusals: {own}\n"
    return f"\n## {route.name}\n\n{route.doc}\n\n{line}{head}{rows}"


def _fields(schema: iotda_schema.IotdaSchema, prefix: str) -> Iterator[tuple[str, ...]]:
    for name, field in schema.fields.items():
        default = _given(field)
        shown = "" if default is None else f"`{default}`"
        yield f"`{prefix}{name}`", _required(field), getattr(field, "expected", ""), shown
        if isinstance(field, iotda_schema.Object):
            yield from _fields(field.schema, f"{prefix}{name}.")


def states_page() -> str:
    """Return docs/states.md: the states of packages, tasks and jobs, as the code has them."""
    moves = "".join(
        f"| {name} | {', '.join(move.sources)} | {move.target} | {move.when} |\n" for name, move in states.MOVES.items()
    )
    arrows = "".join(
        f"    {source} --> {move.target}: {name}\n" for name, move in states.MOVES.items() for source in move.sources
    )
    rules = "".join(f"| {when} | {state} |\n" for when, state in states.JOB_TABLE)
    packages = "".join(
        f"| {number} | {text} | {'yes' if number in states.VERIFIABLE else 'no'} "
        f"| {'yes' if number in states.ROLLED_OUT else 'no'} |\n"
        for number, text in states.PACKAGE_STATES.items()
    )
    return (
        f"{_MADE}# States\n\n"
        "On the wire of Actions they stand in capitals: `QUEUED`, `IN_PROGRESS`.\n\n"
        "## Tasks: one device in one job\n\n"
        f"Open are {', '.join(states.OPEN)}; ended are {', '.join(states.CLOSED)}.\n"
        "A device has one open task of a module at most. From a state that is not named a thing does not happen.\n\n"
        f"| what | from | to | when |\n| --- | --- | --- | --- |\n{moves}\n"
        f"```mermaid\nstateDiagram-v2\n    [*] --> confirm: the job needs confirmation\n    [*] --> queued\n"
        f"    [*] --> failed: the device is busy, or not one for the package\n"
        f"    [*] --> succeeded: the device has the version\n{arrows}```\n\n"
        "A device that fails may try again, if its job has a retry policy, and source versions or a task for each of\n"
        "its devices: the task stays in its\n"
        "state, and is not offered before the interval is over. What is too slow, or canceled, is not retried.\n\n"
        "## Jobs\n\nThe first line that holds says what the state is.\n\n"
        f"| if | the job is |\n| --- | --- |\n{rules}\n"
        "A paused job keeps its state; it offers nothing, and its devices at work go on.\n\n"
        "## Packages\n\n"
        f"| status | it | may be verified | may be rolled out |\n| --- | --- | --- | --- |\n{packages}\n"
        "A verification that completes with every device succeeded makes 1, any other end 3.\n"
    )


def schema_text() -> str:
    """Return otagw/db/schema.sql: what the migrations make of an empty SQLite database."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = Settings(data_dir=folder)
        with parts.opened(chosen) as gateway:
            schema.migrate(chosen)
            lines = list(gateway.database.engine.connection().iterdump())
    # When each migration was applied says nothing here.
    fixed = (re.sub(r"'[0-9-]{10} [0-9:.]{8,15}'", "'2020-01-01 00:00:00'", line) for line in lines)
    return "-- Made by `make docs` from otagw/db/migrations; do not edit.\n" + "".join(f"{line}\n" for line in fixed)
