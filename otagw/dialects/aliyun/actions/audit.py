"""The Action on the audit trail."""

from typing import Any

from otagw.access import Caller
from otagw.dialects.aliyun import fields
from otagw.dialects.aliyun.action import OWN, operation
from otagw.dialects.aliyun.render import utc
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.ota import audit


class ListAuditEvents(AliyunSchema):
    """The parameters of a page of the audit trail."""

    current_page = fields.Integer(1, 2**31 - 1, default=1)
    page_size = fields.Integer(1, 100, default=10)
    since = fields.Integer(10**12, 10**13 - 1)
    until = fields.Integer(10**12, 10**13 - 1)
    key_id = fields.Text(128)
    operation = fields.Text(64)
    before = fields.Text(18, "[1-9][0-9]*", expected="the NextBefore of an answer")
    oldest_first = fields.Boolean(default=False)


@operation(ListAuditEvents, needs="ota:ListAuditEvents", origin=OWN)
def list_audit_events(
    caller: Caller,
    current_page: int,
    page_size: int,
    since: int | None,
    until: int | None,
    key_id: str | None,
    operation: str | None,
    before: str | None,
    oldest_first: bool,
) -> dict[str, Any]:
    """List who changed what in the account, newest first: all, or of a time (milliseconds), a key or an operation.

    `KeyId` is `cli` for what was done at the command line. An event with a `ResultCode` was refused,
    as many `Times` within an hour as it says; its address and request are those of the last time.

    A listing looks at 10,000 events at most, and `Total` counts what fits among those. Where there are more,
    `NextBefore` of the answer, given as `Before`, goes on with them. `OldestFirst` begins at the other end.
    """
    among = audit.Filter(since, until, key_id, operation, int(before) if before else None, oldest_first)
    page, go_on = audit.page(caller.account, current_page, page_size, among)
    return {
        "current_page": page.number,
        "page_size": page.size,
        "page_count": page.count,
        "total": page.total,
        "next_before": str(go_on) if go_on else None,
        "data": {
            "audit_event": [
                {
                    "event_id": str(event.id),
                    "utc_create": utc(event.at),
                    "key_id": event.key_id,
                    "operation": event.operation,
                    "object_kind": event.kind or None,
                    "object_id": event.object or None,
                    "result_code": event.code or None,
                    "address": event.address or None,
                    "request_id": event.request_id or None,
                    "times": event.times if event.code else None,
                }
                for event in page.items
            ]
        },
    }
