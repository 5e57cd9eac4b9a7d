"""Actions that register many devices at once."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from marshmallow import ValidationError

from otagw.access import Caller
from otagw.dialects.aliyun import fields
from otagw.dialects.aliyun.action import operation
from otagw.dialects.aliyun.actions.device import NO_PRODUCT, summary
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.dialects.schema import MISSING, wrong
from otagw.operation import Work
from otagw.ota.devices import batch_registration
from otagw.ota.devices.batch_registration import Refused
from otagw.ota.devices.devices import DeviceDraft

LONGEST: Final = 10_000
NO_BATCH: Final = "iot.device.DeviceApplyIsNotFound"
STATES: Final[Mapping[str, str]] = {
    batch_registration.CHECKED: "CHECK_SUCCESS",
    batch_registration.REFUSED: "CHECK_FAILED",
    batch_registration.REGISTERING: "CREATE",
    batch_registration.REGISTERED: "CREATE_SUCCESS",
    batch_registration.FAILED: "CREATE_FAILED",
}
_NAME: Final = fields.new_device_name()
_NICKNAME: Final = fields.Wide(4, 64)


class NewDevice(AliyunSchema):
    """A device that is to be registered with others."""

    device_name = fields.Text(1024, required=True)
    device_nickname = fields.Text(1024)


class BatchCheckDeviceNames(AliyunSchema):
    """The parameters of a check of names; what is wrong with one of them is part of the answer."""

    product_key = fields.ProductKey(required=True)
    device_name = fields.List(fields.Text(1024), LONGEST)
    device_name_list = fields.Objects(NewDevice(), LONGEST)

    def check(self, values: Mapping[str, Any]) -> None:
        """Check that there are names, in one of the two ways."""
        if values["device_name"] and values["device_name_list"]:
            raise wrong("nothing where DeviceNameList is given", "device_name")
        if not values["device_name"] and not values["device_name_list"]:
            raise wrong(MISSING, "device_name", 1)


@operation(BatchCheckDeviceNames, needs="ota:BatchCheckDeviceNames", codes=(NO_PRODUCT,), work=Work.MANY)
def batch_check_device_names(
    caller: Caller,
    product_key: str,
    device_name: tuple[str, ...],
    device_name_list: Mapping[int, Mapping[str, str | None]],
) -> dict[str, Any]:
    """Check up to 10,000 names of devices; the ApplyId of the answer registers them, if none of them is refused.

    A name is refused that is ill-formed, comes twice or is taken; InvalidDetailList says which it is. A check that is
    not followed by a registration is forgotten after a day.
    """
    wanted = [DeviceDraft(name) for name in device_name] + [
        DeviceDraft(device["device_name"] or "", device["device_nickname"]) for device in device_name_list.values()
    ]
    ill_formed = list(_ill_formed(wanted))
    bad = {(refused.name, refused.nickname) for refused in ill_formed}
    good = [draft for draft in wanted if (draft.name, draft.nickname) not in bad]
    batch = batch_registration.check(caller.account, product_key, good, ill_formed)
    names = [r.name for r in ill_formed if r.problem.endswith(_NAME.expected)]
    nicknames = [r.nickname for r in ill_formed if r.problem.endswith(_NICKNAME.expected)]
    repeated = [r.name for r in batch.refused if r.problem in (batch_registration.TAKEN, batch_registration.TWICE)]
    return {
        "data": {
            "apply_id": batch.id,
            "invalid_device_name_list": {"invalid_device_name": names},
            "invalid_device_nickname_list": {"invalid_device_nickname": nicknames},
            "repeated_device_name_list": {"repeat_devie_name_list": repeated},
            "invalid_detail_list": {"invalid_detail_list": _details(batch.refused)},
        }
    }


class BatchRegisterDevice(AliyunSchema):
    """The parameters of a number of new devices."""

    product_key = fields.ProductKey(required=True)
    count = fields.Integer(1, LONGEST, required=True)
    client_token = fields.client_token()


@operation(BatchRegisterDevice, needs="ota:BatchRegisterDevice", codes=(NO_PRODUCT,), work=Work.MANY)
def batch_register_device(caller: Caller, product_key: str, count: int, client_token: str | None) -> dict[str, Any]:
    """Register up to 10,000 devices under names that the gateway makes up.

    Up to 500 are there when the answer comes; QueryBatchRegisterDeviceStatus says CREATE until all are.
    """
    return {"data": {"apply_id": batch_registration.make(caller.account, product_key, count, client_token)}}


class Application(AliyunSchema):
    """The parameters that name a batch."""

    product_key = fields.ProductKey(required=True)
    apply_id = fields.Integer(1, 2**31 - 1, required=True)


class BatchRegisterDeviceWithApplyId(Application):
    """The parameters of a registration of checked names."""


@operation(
    BatchRegisterDeviceWithApplyId,
    needs="ota:BatchRegisterDeviceWithApplyId",
    codes=(NO_BATCH, "iot.device.ApplyManyDevicesFailed"),
    work=Work.MANY,
)
def batch_register_device_with_apply_id(caller: Caller, product_key: str, apply_id: int) -> dict[str, Any]:
    """Register the names of a check, all or none; asked twice, register them once.

    Up to 500 devices are there when the answer comes; QueryBatchRegisterDeviceStatus says CREATE until all are. Nobody
    else gets one of the names meanwhile.
    If one of them was taken since, none is registered, and QueryBatchRegisterDeviceStatus says CREATE_FAILED.
    """
    batch = batch_registration.get(caller.account, apply_id, product_key)
    return {"data": {"apply_id": batch_registration.register(caller.account, batch).id}}


class QueryBatchRegisterDeviceStatus(Application):
    """The parameters of a look at a batch."""


@operation(QueryBatchRegisterDeviceStatus, needs="ota:QueryBatchRegisterDeviceStatus", codes=(NO_BATCH,))
def query_batch_register_device_status(caller: Caller, product_key: str, apply_id: int) -> dict[str, Any]:
    """Show what came of a check or a registration.

    CHECK_SUCCESS, CHECK_FAILED, CREATE while devices are still being registered, CREATE_SUCCESS or CREATE_FAILED.
    """
    batch = batch_registration.get(caller.account, apply_id, product_key)
    invalid = {refused.name for refused in batch.refused}
    return {
        "data": {
            "status": STATES[batch.state],
            "valid_list": {"name": [name for name, _ in batch.names if name not in invalid]},
            "invalid_list": {"name": sorted(invalid)},
            "invalid_detail_list": {"invalid_detail_list_in": _details(batch.refused)},
        }
    }


class QueryPageByApplyId(AliyunSchema):
    """The parameters of a page of a batch's devices."""

    apply_id = fields.Integer(1, 2**31 - 1, required=True)
    current_page = fields.Integer(1, 2**31 - 1, default=1)
    page_size = fields.Integer(1, 50, default=10)


@operation(QueryPageByApplyId, needs="ota:QueryPageByApplyId", codes=(NO_BATCH,))
def query_page_by_apply_id(caller: Caller, apply_id: int, current_page: int, page_size: int) -> dict[str, Any]:
    """List the devices that were registered together, newest first, with their secrets."""
    page = batch_registration.page(caller.account, apply_id, current_page, page_size)
    names = ("device_id", "device_name", "device_secret", "iot_id")
    return {
        "apply_device_list": {
            "apply_device_info": [{name: summary(device)[name] for name in names} for device in page.items]
        },
        "page": page.number,
        "page_size": page.size,
        "page_count": page.count,
        "total": page.total,
    }


def _ill_formed(drafts: list[DeviceDraft]) -> Iterator[Refused]:
    """Yield what is not a name, or not a nickname."""
    for draft in drafts:
        for field, text in ((_NAME, draft.name), (_NICKNAME, draft.nickname)):
            try:
                field.deserialize(text or "") if text or field is _NAME else None
            except ValidationError:
                yield Refused(draft.name, draft.nickname, f"expected {field.expected}")
                break


def _details(refused: list[Refused]) -> list[dict[str, Any]]:
    return [{"device_name": r.name, "nick_name": r.nickname, "error_msg": r.problem} for r in refused]
