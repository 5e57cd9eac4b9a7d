"""Actions that announce a file and return the form to upload it with."""

from typing import Any, Final

from otagw import clock, runtime
from otagw.access import Caller
from otagw.dialects.aliyun import fields
from otagw.dialects.aliyun.action import BOTH, operation
from otagw.dialects.aliyun.render import utc
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.files import links
from otagw.files.links import Form
from otagw.ota.packages import stored_files

FIRMWARE: Final = "ota/firmware/"
DEVICES: Final = "ota/devices/"
NO_ROOM: Final = "iot.ota.StorageQuotaExceeded"


class GenerateOTAUploadURL(AliyunSchema):
    """The parameters of an announced upload."""

    file_suffix = fields.Choice(
        *(
            "bin",
            "dav",
            "apk",
            "tar",
            "gz",
            "tar.gz",
            "zip",
            "gzip",
            "swu",
            "raucb",
            "mender",
            "img",
            "tar.xz",
            "pack",
            "exe",
            "bat",
        ),
        default="bin",
    )


@operation(GenerateOTAUploadURL, needs="ota:GenerateOTAUploadURL", origin=BOTH, codes=(NO_ROOM,))
def generate_ota_upload_url(caller: Caller, file_suffix: str) -> dict[str, Any]:
    """Return a form that uploads one file of up to `max_package_bytes`, 1 GiB by default.

    The upload has to begin within a minute, and CreateOTAFirmware to follow within an hour. An account that has stored
    as many bytes as it may is refused.
    """
    form = _form(caller, FIRMWARE, file_suffix, caller.account.rules.max_bytes)
    return {"data": {**_fields(form), "oss_access_key_id": form.key_id, "firmware_url": f"{form.host}/{form.key}"}}


class GenerateDeviceNameListURL(AliyunSchema):
    """No parameters of its own."""


@operation(GenerateDeviceNameListURL, needs="ota:GenerateDeviceNameListURL", codes=(NO_ROOM,))
def generate_device_name_list_url(caller: Caller) -> dict[str, Any]:
    """Return a form that uploads a list of device names (CSV) of up to 5 MB."""
    form = _form(caller, DEVICES, "csv", links.LONGEST_LIST)
    return {"data": {**_fields(form), "access_key_id": form.key_id, "file_url": f"{form.host}/{form.key}"}}


def _form(caller: Caller, prefix: str, suffix: str, longest: int) -> Form:
    key = stored_files.announce(caller.account, prefix, suffix)
    return runtime.current().links.form(caller.endpoint, key, longest, caller.key_id)


def _fields(form: Form) -> dict[str, Any]:
    return {
        "host": form.host,
        "key": form.key,
        "policy": form.policy,
        "signature": form.signature,
        "object_storage": "OSS",
        "utc_create": utc(clock.now()),
    }
