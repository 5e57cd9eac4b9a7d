"""Actions on groups of devices."""

from collections.abc import Mapping
from typing import Any, Final

from otagw.access import Caller
from otagw.dialects.aliyun import fields
from otagw.dialects.aliyun.action import operation
from otagw.dialects.aliyun.actions.device import reference
from otagw.dialects.aliyun.render import utc
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.operation import Work
from otagw.ota.devices import groups
from otagw.ota.devices.groups import Group, GroupDraft
from otagw.ota.products import products

# The vendor's word for a group to which devices are added by name; the gateway has no others.
STATIC: Final = "LINK_PLATFORM"
_ABSENT: Final = "iot.group.NotExistedGroup"
_Members = Mapping[int, Mapping[str, str]]


class CreateDeviceGroup(AliyunSchema):
    """The parameters of a new group."""

    group_name = fields.Wide(4, 30, required=True)
    group_desc = fields.Text(100)
    super_group_id = fields.Id()
    poll_seconds = fields.Integer(1, products.LONGEST_POLL_SECONDS)
    client_token = fields.client_token()


@operation(CreateDeviceGroup, needs="ota:CreateDeviceGroup", codes=(_ABSENT, "iot.group.AlreadyExistedGroupName"))
def create_device_group(
    caller: Caller,
    group_name: str,
    group_desc: str | None,
    super_group_id: str | None,
    poll_seconds: int | None,
    client_token: str | None,
) -> dict[str, Any]:
    """Add a group, within another one where SuperGroupId says so; its name is unique in the account.

    Its devices that speak hawkBit's API are to ask every PollSeconds; of several groups' the shortest counts.
    """
    draft = GroupDraft(name=group_name, description=group_desc, parent=super_group_id, poll_seconds=poll_seconds)
    return {"data": _summary(groups.create(caller.account, draft, client_token))}


class GroupId(AliyunSchema):
    """The one parameter of what is asked about one group."""

    group_id = fields.Id(required=True)


class DeleteDeviceGroup(GroupId):
    """The parameters of a deletion."""


@operation(DeleteDeviceGroup, needs="ota:DeleteDeviceGroup", codes=(_ABSENT, "iot.group.GroupInUse"), work=Work.MANY)
def delete_device_group(caller: Caller, group_id: str) -> None:
    """Delete a group that no other is within; its devices stay."""
    groups.delete(caller.account, group_id)


class QueryDeviceGroupList(AliyunSchema):
    """The parameters of a page of groups."""

    current_page = fields.Integer(1, 2**31 - 1, default=1)
    page_size = fields.Integer(1, 200, default=10)
    group_name = fields.Text(64)
    super_group_id = fields.Id()


@operation(QueryDeviceGroupList, needs="ota:QueryDeviceGroupList", codes=(_ABSENT,))
def query_device_group_list(
    caller: Caller, current_page: int, page_size: int, group_name: str | None, super_group_id: str | None
) -> dict[str, Any]:
    """List groups, newest first: all, or those whose name contains GroupName, or that are within SuperGroupId."""
    page = groups.page(caller.account, current_page, page_size, containing=group_name, parent=super_group_id)
    return {
        "current_page": page.number,
        "page_size": page.size,
        "page_count": page.count,
        "total": page.total,
        "data": {"group_info": [{**_summary(group), "group_type": STATIC} for group in page.items]},
    }


class QueryDeviceGroupInfo(GroupId):
    """The parameters of a look at one group."""


@operation(QueryDeviceGroupInfo, needs="ota:QueryDeviceGroupInfo", codes=(_ABSENT,))
def query_device_group_info(caller: Caller, group_id: str) -> dict[str, Any]:
    """Show a group, and how many of its devices there are, were ever active, and are online."""
    group = groups.get(caller.account, group_id)
    total, activated, online = groups.count(caller.account, group)
    counts = {"device_count": total, "device_active": activated, "device_online": online}
    return {"data": {**_summary(group), **counts}}


class Member(AliyunSchema):
    """A device that goes into a group, or out of it."""

    product_key = fields.ProductKey(required=True)
    device_name = fields.device_name(required=True)


class BatchAddDeviceGroupRelations(GroupId):
    """The parameters of devices that go into a group."""

    device = fields.Objects(Member(), 200)


@operation(BatchAddDeviceGroupRelations, needs="ota:BatchAddDeviceGroupRelations", codes=(_ABSENT,), work=Work.MANY)
def batch_add_device_group_relations(caller: Caller, group_id: str, device: _Members) -> dict[str, Any]:
    """Put up to 200 devices into a group.

    Those that are not there, are in it already, or are in ten groups are passed over, and counted.
    """
    added = groups.add(caller.account, group_id, _pairs(device))
    return {
        "valid_device_count": added.valid,
        "success_added_device_count": added.changed,
        "already_related_group_device_count": added.there_before,
        "exceed_ten_group_device_count": added.over_limit,
    }


class BatchDeleteDeviceGroupRelations(GroupId):
    """The parameters of devices that go out of a group."""

    device = fields.Objects(Member(), 200)


@operation(
    BatchDeleteDeviceGroupRelations, needs="ota:BatchDeleteDeviceGroupRelations", codes=(_ABSENT,), work=Work.MANY
)
def batch_delete_device_group_relations(caller: Caller, group_id: str, device: _Members) -> dict[str, Any]:
    """Take up to 200 devices out of a group; those that are not in it are passed over, and counted."""
    removed = groups.remove(caller.account, group_id, _pairs(device))
    return {
        "valid_device_count": removed.valid,
        "success_device_count": removed.changed,
        "already_related_group_device_count": removed.there_before,
    }


class QueryDeviceListByDeviceGroup(GroupId):
    """The parameters of a page of a group's devices."""

    current_page = fields.Integer(1, 2**31 - 1, default=1)
    page_size = fields.Integer(1, 200, default=10)


@operation(QueryDeviceListByDeviceGroup, needs="ota:QueryDeviceListByDeviceGroup", codes=(_ABSENT,))
def query_device_list_by_device_group(
    caller: Caller, group_id: str, current_page: int, page_size: int
) -> dict[str, Any]:
    """List the devices of a group, newest first."""
    page = groups.members(caller.account, group_id, current_page, page_size)
    return {
        "page": page.number,
        "page_size": page.size,
        "page_count": page.count,
        "total": page.total,
        "data": {"simple_device_info": [{**reference(d), "product_name": d.product_name} for d in page.items]},
    }


def _pairs(members: _Members) -> list[tuple[str, str]]:
    return [(member["product_key"], member["device_name"]) for member in members.values()]


def _summary(group: Group) -> dict[str, Any]:
    return {
        "group_id": str(group.id),
        "group_name": group.name,
        "group_desc": group.description,
        "poll_seconds": group.poll_seconds,
        "utc_create": utc(group.created),
    }
