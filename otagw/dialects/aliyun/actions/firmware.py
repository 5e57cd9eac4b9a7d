"""Actions on packages, which this vendor calls firmware."""

import string
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from otagw import errors, runtime
from otagw.access import Caller
from otagw.dialects.aliyun import fields
from otagw.dialects.aliyun.action import BOTH, operation
from otagw.dialects.aliyun.render import utc
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.dialects.schema import MISSING, wrong
from otagw.files import links
from otagw.ota.packages import insertion, packages, stored_files
from otagw.ota.packages.records import Package, PackageDraft

_DIGITS = {"MD5": 32, "SHA256": 64}
_HEX = frozenset(string.hexdigits)


class FirmwareFile(AliyunSchema):
    """One file of a package of several."""

    name = fields.Text(32, required=True, expected="1 to 32 characters")
    url = fields.Url(required=True)
    size = fields.Integer(1, fields.MAX_SIZE)
    file_md5 = fields.Text(32, r"[0-9A-Fa-f]{32}", expected="32 hex digits")
    sign_value = fields.Text(64, r"(?:[0-9A-Fa-f]{32}){1,2}", expected="32 or 64 hex digits, as SignMethod says")


class CreateOTAFirmware(AliyunSchema):
    """The parameters of a new package."""

    dest_version = fields.version(required=True)
    firmware_name = fields.name(required=True)
    firmware_url = fields.Url()
    firmware_sign = fields.Text(64, expected="32 hex digits (MD5) or 64 (SHA256), as SignMethod says")
    sign_method = fields.Choice("MD5", "SHA256", default="MD5")
    firmware_size = fields.Integer(1, fields.MAX_SIZE)
    product_key = fields.ProductKey()
    firmware_desc = fields.Text(100)
    type = fields.Integer(0, 1, default=0)
    src_version = fields.version()
    module_name = fields.version(default="default")
    need_to_verify = fields.Boolean(default=True)
    udi = fields.Text(4096)
    multi_files = fields.Objects(FirmwareFile(), 20)
    client_token = fields.client_token()

    def check(self, values: Mapping[str, Any]) -> None:
        """Check digests against their method, the source version, and that files are given in one way."""
        _check_digests(values)
        _check_source(values)
        _check_files(values)


def _check_digests(values: Mapping[str, Any]) -> None:
    digits = _DIGITS[values["sign_method"]]
    expected = f"{digits} hex digits of {values['sign_method']}, the SignMethod"
    if values["firmware_sign"] and not _is_hex(values["firmware_sign"], digits):
        raise wrong(expected, "firmware_sign")
    for number, file in values["multi_files"].items():
        if file["sign_value"] and not _is_hex(file["sign_value"], digits):
            raise wrong(expected, "multi_files", number, "sign_value")


def _check_source(values: Mapping[str, Any]) -> None:
    """Check that a differential package says what it starts from, and that this is another version."""
    if values["type"] == 1:
        if not values["src_version"]:
            raise wrong(MISSING, "src_version")
        if values["src_version"] == values["dest_version"]:
            raise wrong("a version other than DestVersion", "src_version")


def _check_files(values: Mapping[str, Any]) -> None:
    names = set()
    for number, file in values["multi_files"].items():
        if file["name"] in names:
            raise wrong("a name that no other file has", "multi_files", number, "name")
        names.add(file["name"])
    for single in ("firmware_url", "firmware_sign", "firmware_size"):
        if names and values[single]:
            raise wrong("nothing where MultiFiles is given", single)


@operation(
    CreateOTAFirmware,
    needs="ota:CreateOTAFirmware",
    origin=BOTH,
    codes=(
        "iot.ota.FirmwareNameExists",
        "iot.prod.NotExistedProduct",
        "iot.ota.ModuleNotFound",
        "iot.ota.ModuleCountExceeded",
        "iot.ota.FirmwareCountExceeded",
        "iot.ota.FileNotFound",
        "iot.ota.FileEmpty",
        "iot.ota.FileSizeMismatch",
        "iot.ota.FileSignMismatch",
        "iot.ota.FileFetchFailed",
    ),
)
def create_ota_firmware(
    caller: Caller,
    dest_version: str,
    firmware_name: str,
    firmware_url: str | None,
    firmware_sign: str | None,
    sign_method: str,
    firmware_size: int | None,
    product_key: str | None,
    firmware_desc: str | None,
    type: int,  # noqa: A002 - the vendor's name
    src_version: str | None,
    module_name: str,
    need_to_verify: bool,
    udi: str | None,
    multi_files: Mapping[int, Mapping[str, Any]],
    client_token: str | None,
) -> dict[str, Any]:
    """Add a firmware to the store.

    Its name is unique in the account. With a ClientToken the call may be repeated for 24 hours and adds one firmware.
    """
    draft = PackageDraft(
        name=firmware_name,
        version=dest_version,
        product_key=product_key,
        module=module_name,
        source_versions=(src_version,) if src_version else (),
        differential=type == 1,
        description=firmware_desc,
        custom_info=udi,
        needs_verification=need_to_verify,
        url=firmware_url,
        size=firmware_size,
        sign_method=sign_method,
        sign=firmware_sign,
        object_key=_object_key(caller, firmware_url),
        files=tuple({**file, "object_key": _object_key(caller, file["url"])} for file in multi_files.values()),
    )
    identity, created = insertion.create(caller.account, draft, client_token)
    return {"data": {"firmware_id": str(identity), "utc_create": utc(created)}}


class FirmwareId(AliyunSchema):
    """The one parameter of what is asked about one package."""

    firmware_id = fields.Id(required=True)


class QueryOTAFirmware(FirmwareId):
    """The parameters of a look at one package."""


@operation(QueryOTAFirmware, needs="ota:QueryOTAFirmware", origin=BOTH, codes=("iot.ota.FirmwareNotFound",))
def query_ota_firmware(caller: Caller, firmware_id: str) -> dict[str, Any]:
    """Show a firmware with all that is known of it."""
    package = packages.get(caller.account, firmware_id)
    return {
        "firmware_info": {
            **_summary(package),
            "firmware_url": _url(caller, package.url, package.object_key),
            "udi": package.custom_info,
            "verify_progress": 0,
            "multi_files": [_file(caller, file) for file in package.files] or None,
        }
    }


class ListOTAFirmware(AliyunSchema):
    """The parameters of a page of packages."""

    current_page = fields.Integer(1, 2**31 - 1, required=True)
    page_size = fields.Integer(1, 100, required=True)
    product_key = fields.ProductKey()
    dest_version = fields.version()


@operation(ListOTAFirmware, needs="ota:ListOTAFirmware", origin=BOTH, codes=("iot.prod.NotExistedProduct",))
def list_ota_firmware(
    caller: Caller, current_page: int, page_size: int, product_key: str | None, dest_version: str | None
) -> dict[str, Any]:
    """List the account's firmwares, newest first."""
    page = packages.page(caller.account, current_page, page_size, product_key=product_key, version=dest_version)
    return {
        "current_page": page.number,
        "page_size": page.size,
        "page_count": page.count,
        "total": page.total,
        "firmware_info": {"simple_firmware_info": [_summary(package) for package in page.items]},
    }


class ModifyOTAFirmware(FirmwareId):
    """The parameters of a change to a package."""

    also_known_as = {"FirmwareUdi": "udi"}

    firmware_name = fields.name()
    product_key = fields.ProductKey()
    firmware_desc = fields.Text(100)
    udi = fields.Text(4096)


@operation(
    ModifyOTAFirmware,
    needs="ota:ModifyOTAFirmware",
    origin=BOTH,
    codes=(
        "iot.ota.FirmwareNotFound",
        "iot.ota.FirmwareNameExists",
    ),
)
def modify_ota_firmware(
    caller: Caller,
    firmware_id: str,
    firmware_name: str | None,
    product_key: str | None,
    firmware_desc: str | None,
    udi: str | None,
) -> None:
    """Change the name, the description or the Udi of a firmware.

    What is not given stays as it is. A ProductKey must be the firmware's own.
    """
    packages.modify(
        caller.account,
        firmware_id,
        product_key=product_key,
        name=firmware_name,
        description=firmware_desc,
        custom_info=udi,
    )


class DeleteOTAFirmware(FirmwareId):
    """The parameters of a deletion."""


@operation(
    DeleteOTAFirmware,
    needs="ota:DeleteOTAFirmware",
    origin=BOTH,
    codes=("iot.ota.FirmwareNotFound", "iot.ota.FirmwareInUse"),
)
def delete_ota_firmware(caller: Caller, firmware_id: str) -> None:
    """Delete a firmware that no unfinished job uses."""
    packages.delete(caller.account, firmware_id)


def _object_key(caller: Caller, url: str | None) -> str | None:
    """Return the key of a file of our own store, by any address of ours; None for a file of another host.

    Raises `errors.NotFound` for an address of ours where no file can be: devices would be sent there for nothing.
    """
    if not url:
        return None
    key = links.key_of(url, caller.endpoint)
    ours = links.is_at(url, caller.endpoint) or any(links.is_at(url, own) for own in _own_addresses())
    if ours and not key:
        raise errors.NotFound(kind=stored_files.KIND, key=urlsplit(url).path or "/")
    return key if key and (ours or stored_files.find(key, caller.account.id)) else None


def _own_addresses() -> Iterator[str]:
    """Yield what else `signed_hosts` calls this gateway, beside `public_url`, which is the endpoint where it is set."""
    for host in runtime.current().settings.signed_hosts:
        yield from (f"{scheme}://{host}" for scheme in ("http", "https"))


def _url(caller: Caller, url: str | None, key: str | None) -> str | None:
    """Return where the bytes can be had: from us by a link that expires, or from where the caller said."""
    return runtime.current().links.download(caller.endpoint, key) if key else url


def _file(caller: Caller, file: Mapping[str, Any]) -> dict[str, Any]:
    shown = ("name", "size", "file_md5", "sign_value")
    return {**{name: file[name] for name in shown}, "url": _url(caller, file["url"], file["object_key"])}


def _is_hex(text: str, digits: int) -> bool:
    return len(text) == digits and _HEX.issuperset(text)


def _summary(package: Package) -> dict[str, Any]:
    """Return what lists show of a package."""
    return {
        "firmware_id": str(package.id),
        "firmware_name": package.name or f"{package.kind}-{package.version}-{package.id}",
        "firmware_desc": package.description,
        "firmware_sign": package.sign,
        "firmware_size": package.size,
        "sign_method": package.sign_method,
        "product_key": package.product_key,
        "product_name": package.product_name,
        "module_name": package.module,
        "dest_version": package.version,
        "src_version": ",".join(package.source_versions) or None,
        "type": int(package.differential),
        "status": package.status,
        "verified": package.verified,
        "utc_create": utc(package.created),
        "utc_modified": utc(package.modified),
    }
