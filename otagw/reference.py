"""The reference pages, made from the tables that the gateway runs on."""

import otagw.dialects.aliyun.actions  # noqa: F401 - fills the table
from otagw.dialects.aliyun.action import actions
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.operation import Operation


def operations() -> list[Operation[AliyunSchema]]:
    """Return every Action, by name."""
    return sorted(actions, key=lambda operation: operation.name)


def actions_page() -> str:
    """Return docs/actions.md."""
    return ""


def codes_page() -> str:
    """Return docs/codes.md."""
    return ""
