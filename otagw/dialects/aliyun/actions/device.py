"""Actions on devices, one at a time."""

from collections.abc import Mapping
from typing import Any, Final

from otagw.access import Caller
from otagw.dialects.aliyun import fields
from otagw.dialects.aliyun.action import BOTH, operation
from otagw.dialects.aliyun.render import second, utc
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.dialects.schema import MISSING, wrong
from otagw.ota.devices import devices
from otagw.ota.devices.devices import Device
from otagw.ota.rollouts import job_control

STATES: Final[Mapping[str, str]] = {
    devices.DISABLED: "DISABLE",
    devices.UNACTIVATED: "UNACTIVE",
    devices.ONLINE: "ONLINE",
    devices.OFFLINE: "OFFLINE",
}
NO_PRODUCT: Final = "iot.prod.NotExistedProduct"
NO_DEVICE: Final = "iot.device.NotExistedDevice"


class DeviceReference(AliyunSchema):
    """The parameters that name a device: its IotId, which wins, or its product and name."""

    iot_id = fields.Id()
    product_key = fields.ProductKey()
    device_name = fields.device_name()

    def check(self, values: Mapping[str, Any]) -> None:
        """Check that there is enough to go by."""
        for name in ("product_key", "device_name"):
            if not values["iot_id"] and not values[name]:
                raise wrong(MISSING, name)


def find(caller: Caller, iot_id: str | None, product_key: str | None, device_name: str | None) -> Device:
    """Return the device that a `DeviceReference` names."""
    if iot_id:
        return devices.get(caller.account, iot_id)
    return devices.named(caller.account, product_key or "", device_name or "")


class RegisterDevice(AliyunSchema):
    """The parameters of a new device."""

    product_key = fields.ProductKey(required=True)
    device_name = fields.new_device_name()
    nickname = fields.Wide(4, 64)
    client_token = fields.client_token()


@operation(RegisterDevice, needs="ota:RegisterDevice", codes=(NO_PRODUCT, "iot.device.AlreadyExistedDeviceName"))
def register_device(
    caller: Caller, product_key: str, device_name: str | None, nickname: str | None, client_token: str | None
) -> dict[str, Any]:
    """Register a device, under a name that the gateway makes up where none is given; return its secret."""
    device = devices.register(caller.account, product_key, device_name, nickname=nickname, token=client_token)
    names = ("product_key", "device_name", "nickname", "iot_id", "device_secret")
    return {"data": {name: value for name, value in summary(device).items() if name in names}}


class QueryDevice(AliyunSchema):
    """The parameters of a page of a product's devices."""

    product_key = fields.ProductKey(required=True)
    current_page = fields.Integer(1, 2**31 - 1, default=1)
    page_size = fields.Integer(1, 50, default=10)
    next_token = fields.Text(19, r"[0-9]+", expected="the NextToken of the page before")


@operation(QueryDevice, needs="ota:QueryDevice", codes=(NO_PRODUCT,))
def query_device(
    caller: Caller, product_key: str, current_page: int, page_size: int, next_token: str | None
) -> dict[str, Any]:
    """List the devices of a product, newest first.

    The NextToken of a page leads to the next one, and then CurrentPage does not count: the way through a large fleet.
    """
    page = devices.page(caller.account, product_key, current_page, page_size, before=next_token)
    return {
        "data": {"device_info": [summary(device) for device in page.items]},
        "next_token": str(page.items[-1].id) if len(page.items) == page.size else None,
        "page": page.number,
        "page_size": page.size,
        "page_count": page.count,
        "total": page.total,
    }


class QueryDeviceDetail(DeviceReference):
    """The parameters of a look at one device."""


@operation(QueryDeviceDetail, needs="ota:QueryDeviceDetail", origin=BOTH, codes=(NO_PRODUCT, NO_DEVICE))
def query_device_detail(
    caller: Caller, iot_id: str | None, product_key: str | None, device_name: str | None
) -> dict[str, Any]:
    """Show a device with its secret, its state and the version of its default module.

    It is ONLINE for ten minutes after its last message.
    """
    device = find(caller, iot_id, product_key, device_name)
    return {
        "data": {
            **_detail(device),
            "gmt_online": second(device.seen) if device.seen else None,
            "utc_online": utc(device.seen) if device.seen else None,
            "ip_address": device.address,
            "owner": True,
        }
    }


class BatchQueryDeviceDetail(AliyunSchema):
    """The parameters of a look at several devices."""

    product_key = fields.ProductKey(required=True)
    device_name = fields.List(fields.device_name(), 100, required=True)


@operation(BatchQueryDeviceDetail, needs="ota:BatchQueryDeviceDetail", codes=(NO_PRODUCT,))
def batch_query_device_detail(caller: Caller, product_key: str, device_name: tuple[str, ...]) -> dict[str, Any]:
    """Show up to 100 devices of a product; names that are not there are left out."""
    return {"data": {"data": [_detail(d) for d in devices.several(caller.account, product_key, device_name)]}}


class DeleteDevice(DeviceReference):
    """The parameters of a deletion."""


@operation(DeleteDevice, needs="ota:DeleteDevice", codes=(NO_PRODUCT, NO_DEVICE))
def delete_device(caller: Caller, iot_id: str | None, product_key: str | None, device_name: str | None) -> None:
    """Delete a device for good; one that is registered under its name later has another secret."""
    job_control.delete_device(caller.account, find(caller, iot_id, product_key, device_name))


class EnableThing(DeviceReference):
    """The parameters of a permission."""


@operation(EnableThing, needs="ota:EnableThing", codes=(NO_PRODUCT, NO_DEVICE))
def enable_thing(caller: Caller, iot_id: str | None, product_key: str | None, device_name: str | None) -> None:
    """Let a disabled device take part again."""
    devices.enable(caller.account, find(caller, iot_id, product_key, device_name), True)


class DisableThing(DeviceReference):
    """The parameters of a ban."""


@operation(DisableThing, needs="ota:DisableThing", codes=(NO_PRODUCT, NO_DEVICE))
def disable_thing(caller: Caller, iot_id: str | None, product_key: str | None, device_name: str | None) -> None:
    """Disable a device: it is refused whatever it asks for, until it is enabled."""
    devices.enable(caller.account, find(caller, iot_id, product_key, device_name), False)


class ListOTAModuleVersionsByDevice(DeviceReference):
    """The parameters of a look at what a device runs."""

    current_page = fields.Integer(1, 2**31 - 1, required=True)
    page_size = fields.Integer(1, 200, required=True)


@operation(
    ListOTAModuleVersionsByDevice,
    needs="ota:ListOTAModuleVersionsByDevice",
    origin=BOTH,
    codes=(NO_PRODUCT, NO_DEVICE),
)
def list_ota_module_versions_by_device(
    caller: Caller,
    iot_id: str | None,
    product_key: str | None,
    device_name: str | None,
    current_page: int,
    page_size: int,
) -> dict[str, Any]:
    """List the version of each module that a device has reported, `default` first."""
    device = find(caller, iot_id, product_key, device_name)
    versions = devices.versions(device)
    shown = versions[(current_page - 1) * page_size : current_page * page_size]
    return {
        "current_page": current_page,
        "page_size": page_size,
        "page_count": -(-len(versions) // page_size),
        "total": len(versions),
        "data": {
            "simple_ota_module_info": [
                {**reference(device), "module_name": module, "module_version": version} for module, version in shown
            ]
        },
    }


def reference(device: Device) -> dict[str, Any]:
    """Return what names a device in an answer."""
    return {"product_key": device.product_key, "device_name": device.name, "iot_id": device.uuid}


def summary(device: Device) -> dict[str, Any]:
    """Return what the list of a product shows of a device."""
    return {
        **reference(device),
        "device_id": device.uuid,
        "device_secret": device.secret,
        "device_status": STATES[device.state],
        "nickname": device.nickname,
        "gmt_create": second(device.created),
        "gmt_modified": second(device.modified),
        "utc_create": utc(device.created),
        "utc_modified": utc(device.modified),
    }


def _detail(device: Device) -> dict[str, Any]:
    return {
        **reference(device),
        "device_secret": device.secret,
        "firmware_version": device.version,
        "gmt_active": second(device.activated) if device.activated else None,
        "gmt_create": second(device.created),
        "nickname": device.nickname,
        "node_type": int(device.is_gateway),
        "product_name": device.product_name,
        "status": STATES[device.state],
        "utc_active": utc(device.activated) if device.activated else None,
        "utc_create": utc(device.created),
    }
