"""Operations on devices."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from marshmallow import ValidationError

from otagw.access import Caller
from otagw.dialects.iotda import fields
from otagw.dialects.iotda.render import known, utc
from otagw.dialects.iotda.route import operation
from otagw.dialects.iotda.routes import app
from otagw.dialects.iotda.schema import Choice, Count, Flag, Id, IotdaSchema, Json, Object, Text, Time
from otagw.ota import spaces
from otagw.ota.devices import devices, external_ids
from otagw.ota.devices.devices import Device, DeviceDraft
from otagw.ota.devices.external_ids import Registration
from otagw.ota.products import modules, products
from otagw.ota.rollouts import job_control

STATES: Final[Mapping[str, str]] = {
    devices.DISABLED: "FROZEN",
    devices.UNACTIVATED: "INACTIVE",
    devices.ONLINE: "ONLINE",
    devices.OFFLINE: "OFFLINE",
}


class AuthInfo(IotdaSchema):
    """How a device proves itself."""

    auth_type = Choice("SECRET")
    secret = Text(32, r"[A-Za-z0-9_-]{8,32}", expected=f"8 to 32 {fields.WORD}")
    secure_access = Flag()
    timeout = Count(0, 0)


class AddDevice(IotdaSchema):
    """The body of a new device."""

    device_id = fields.word(128)
    node_id = fields.word(64, required=True)
    device_name = fields.title(256)
    product_id = fields.word(required=True)
    auth_info = Object(AuthInfo())
    description = Text(2048)
    gateway_id = fields.word(128)
    app_id = fields.word()
    extension_info = Json(dict, 1024)

    def check(self, values: Mapping[str, Any]) -> None:
        """Refuse ids that are addresses of the gateway itself."""
        if not products.KEY.fullmatch(values["product_id"]):
            raise ValidationError({"product_id": ["no word that the gateway has for itself"]})


@operation(AddDevice, "POST /devices", status=201, codes=("IOTDA.903001", "IOTDA.906001", "IOTDA.014031"))
def add_device(
    caller: Caller,
    device_id: str | None,
    node_id: str,
    device_name: str | None,
    product_id: str,
    auth_info: Mapping[str, Any] | None,
    app_id: str | None,
    gateway_id: str | None,
    **front_data: Any,
) -> dict[str, Any]:
    """Register a device under the id that is chosen, or else its product's with `_` and its `node_id`.

    To other APIs the `node_id` is its name. A secret is made where none is given. A certificate cannot be used here. A
    shadow is not looked at, and a device below a gateway is updated like any other.
    """
    if gateway_id:
        external_ids.find(caller.account, gateway_id)
    auth = dict(auth_info or {})
    noted = {
        "app_id": app_id or spaces.default(caller.account).id,
        "gateway_id": gateway_id,
        "secure_access": auth.get("secure_access"),
        **front_data,
    }
    chosen = device_id if device_id != external_ids.default_id(product_id, node_id) else None
    draft = DeviceDraft(node_id, device_name, auth.get("secret"))
    kept = {name: value for name, value in noted.items() if value is not None}
    return _whole(caller, external_ids.register(caller.account, product_id, draft, chosen, kept))


class ListDevices(fields.Paged):
    """The query of a page of devices."""

    product_id = fields.word()
    gateway_id = fields.word(128)
    node_id = Text(256)
    device_name = Text(256)
    start_time = Time()
    end_time = Time()
    app_id = fields.word()


@operation(ListDevices, "GET /devices", codes=("IOTDA.903001",))
def list_devices(
    caller: Caller,
    product_id: str | None,
    gateway_id: str | None,
    node_id: str | None,
    device_name: str | None,
    start_time: int | None,
    end_time: int | None,
    app_id: str | None,
    limit: int,
    marker: str,
    offset: int,
) -> dict[str, Any]:
    """List devices, newest first, without their secrets; those of other APIs are in each resource space."""
    found, count = external_ids.below(
        caller.account,
        fields.ceiling(marker),
        offset,
        limit,
        product_key=product_id,
        name=node_id,
        nickname=device_name,
        since=start_time,
        until=end_time,
        front_data={"app_id": app_id} if app_id else None,
        own_front_data={"gateway_id": gateway_id} if gateway_id else None,
    )
    known_of, apps = external_ids.of(device.id for device in found), app.names(caller.account)
    return {
        "devices": [_summary(device, known_of[device.id], apps) for device in found],
        "page": fields.page([device.id for device in found], count, marker),
    }


class ShowDevice(IotdaSchema):
    """What names a device."""

    device_id = Id(required=True)


@operation(ShowDevice, "GET /devices/{device_id}", codes=("IOTDA.906001",))
def show_device(caller: Caller, device_id: str) -> dict[str, Any]:
    """Show a device with its secret, and with what it has reported to run."""
    return _whole(caller, external_ids.find(caller.account, device_id))


class DeleteDevice(ShowDevice):
    """What names the device to delete."""


@operation(DeleteDevice, "DELETE /devices/{device_id}", status=204, codes=("IOTDA.906001",))
def delete_device(caller: Caller, device_id: str) -> None:
    """Delete a device; what it was to do is stopped."""
    job_control.delete_device(caller.account, external_ids.find(caller.account, device_id))


def _summary(device: Device, registration: Registration, apps: Mapping[str, str]) -> dict[str, Any]:
    """Return what lists show of a device."""
    running = {version.module.lower(): version.version for version in devices.versions(device)}
    space = registration.front_data.get("app_id")
    gateway = registration.front_data.get("gateway_id")
    return known(
        app_id=space,
        app_name=apps.get(space or ""),
        device_id=registration.external_id or external_ids.default_id(device.product_key, device.name),
        node_id=device.name,
        gateway_id=gateway,
        device_name=device.nickname,
        node_type="ENDPOINT" if gateway else "GATEWAY",
        description=registration.front_data.get("description"),
        fw_version=running.get(modules.DEFAULT),
        sw_version=running.get(modules.SOFTWARE),
        product_id=device.product_key,
        product_name=device.product_name,
        status=STATES[device.state],
        tags=[],
    )


def _whole(caller: Caller, device: Device) -> dict[str, Any]:
    registration = external_ids.of([device.id])[device.id]
    parts = [v for v in devices.versions(device) if v.module.lower() not in (modules.DEFAULT, modules.SOFTWARE)]
    auth = known(
        auth_type="SECRET", secret=device.secret, secure_access=registration.front_data.get("secure_access"), timeout=0
    )
    return {
        **_summary(device, registration, app.names(caller.account)),
        **known(
            auth_info=auth,
            create_time=utc(device.created),
            active_time=_exact(device.activated),
            connection_status_update_time=_exact(device.seen),
            modules=[{"module_name": part.module, "module_version": part.version} for part in parts],
            extension_info=registration.front_data.get("extension_info"),
        ),
    }


def _exact(milliseconds: int | None) -> str | None:
    """Return a time as what devices did is written."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
