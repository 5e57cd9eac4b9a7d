"""Operations on packages."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError

from otagw.access import Caller
from otagw.dialects.iotda import fields
from otagw.dialects.iotda.render import known, utc
from otagw.dialects.iotda.route import operation
from otagw.dialects.iotda.routes.module import check_name
from otagw.dialects.iotda.schema import Choice, Id, IotdaSchema, Object, Text, Texts
from otagw.dialects.schema import MISSING
from otagw.ota.packages import bucket_objects, insertion, packages
from otagw.ota.packages.records import Package, PackageDraft
from otagw.ota.products import modules

KINDS: Final = {"softwarePackage": "software", "firmwarePackage": "firmware", "modulePackage": packages.MODULE}
_NAMES: Final = {kind: name for name, kind in KINDS.items()}
ENDINGS: Final = ("bin", "dav", "tar", "gz", "zip", "gzip", "apk", "tar.gz", "tar.xz", "pack", "exe", "bat", "img")


class ObsLocation(IotdaSchema):
    """Where the object is."""

    region_name = Text(256, "[A-Za-z0-9-]{1,256}", expected="1 to 256 letters, digits, -", required=True)
    bucket_name = Text(63, "[a-z0-9.-]{3,63}", expected="3 to 63 lower-case letters, digits, . -", required=True)
    object_key = Text(
        1024,
        rf"(?s:.+)\.(?:{'|'.join(ending.replace('.', '[.]') for ending in ENDINGS)})",
        expected=f"at most 1024 characters that end in .{', .'.join(ENDINGS)}",
        required=True,
    )
    sign_method = Choice("SHA-256", "SHA256")
    sign = Text(64, "[0-9A-Fa-f]{64}", expected="64 hex digits")


class FileLocation(IotdaSchema):
    """Where the file is."""

    obs_location = Object(ObsLocation(), required=True)


class CreateOtaPackage(IotdaSchema):
    """The body of a new package."""

    app_id = fields.word(required=True)
    package_type = Choice(*KINDS, required=True)
    product_id = fields.word(required=True)
    module_name = fields.version(64)
    version = fields.version(required=True)
    support_source_versions = Texts(fields.version(), 20)
    description = Text(1024)
    custom_info = Text(4096)
    file_location = Object(FileLocation(), required=True)

    def check(self, values: Mapping[str, Any]) -> None:
        """Check that a module is named where, and only where, the package is for one."""
        is_module = values["package_type"] == "modulePackage"
        if is_module != (values["module_name"] is not None):
            raise ValidationError({"module_name": [MISSING if is_module else "nothing unless for a modulePackage"]})
        check_name(values["module_name"])


@operation(
    CreateOtaPackage,
    "POST /ota-upgrades/packages",
    status=201,
    codes=(
        "IOTDA.901003",
        "IOTDA.901004",
        "IOTDA.902001",
        "IOTDA.902004",
        "IOTDA.903001",
        "IOTDA.904001",
        "IOTDA.904002",
        "IOTDA.904003",
        "IOTDA.904004",
        "IOTDA.904005",
    ),
)
def create_ota_package(
    caller: Caller,
    app_id: str,
    package_type: str,
    product_id: str,
    module_name: str | None,
    version: str,
    support_source_versions: list[str] | None,
    description: str | None,
    custom_info: str | None,
    file_location: Mapping[str, Any],
) -> dict[str, Any]:
    """Add a package whose file is an object in a bucket.

    An object of a bucket in the setting `obs_buckets` is read now: it has to be there, to have at least 1 byte and at
    most `max_package_bytes`, 1 GiB by default, and the digest in `sign` where that is given. That of any other bucket
    is taken as given, and cannot be rolled out.
    """
    location = dict(file_location["obs_location"])
    if location.get("sign"):
        location["sign"] = location["sign"].lower()  # as it is kept and given to devices
    # Which optional fields were sent: exactly these are shown again.
    sent = [] if support_source_versions is None else ["support_source_versions"]
    draft = PackageDraft(
        name=None,
        version=version,
        kind=KINDS[package_type],
        product_key=product_id,
        module=module_name or modules.DEFAULT,
        source_versions=tuple(support_source_versions or ()),
        description=description,
        custom_info=custom_info,
        needs_verification=False,
        sign_method="SHA256",
        sign=location.get("sign"),
        object_key=_copied(caller, location),
        front_data={"app_id": app_id, "bucket": location["bucket_name"], "location": location, "sent": sent},
    )
    identity, _ = insertion.create(caller.account, draft)
    return _whole(packages.get(caller.account, str(identity)))


class ListOtaPackageInfo(fields.Paged):
    """The query of a page of packages."""

    app_id = fields.word()
    package_type = Choice(*KINDS, required=True)
    product_id = fields.word()
    version = fields.version()


@operation(ListOtaPackageInfo, "GET /ota-upgrades/packages", codes=("IOTDA.903001",))
def list_ota_package_info(
    caller: Caller,
    app_id: str | None,
    package_type: str,
    product_id: str | None,
    version: str | None,
    limit: int,
    marker: str,
    offset: int,
) -> dict[str, Any]:
    """List packages of a type, newest first, without where their files are.

    Those that were not made by this API belong to no resource space, and are listed in each. The count does not regard
    the marker.
    """
    ceiling = fields.ceiling(marker)
    found, count = packages.below(
        caller.account,
        ceiling,
        offset,
        limit,
        kind=KINDS[package_type],
        product_key=product_id,
        version=version,
        front_data={"app_id": app_id} if app_id else None,
    )
    return {
        "packages": [_summary(package) for package in found],
        "page": fields.page([package.id for package in found], count, marker),
    }


class ShowOtaPackage(IotdaSchema):
    """What names a package."""

    package_id = Id(required=True)


@operation(ShowOtaPackage, "GET /ota-upgrades/packages/{package_id}", codes=("IOTDA.901001",))
def show_ota_package(caller: Caller, package_id: str) -> dict[str, Any]:
    """Show a package."""
    return _whole(packages.get(caller.account, package_id))


class DeleteOtaPackage(ShowOtaPackage):
    """What names the package to delete."""


@operation(
    DeleteOtaPackage,
    "DELETE /ota-upgrades/packages/{package_id}",
    status=204,
    codes=("IOTDA.901001", "IOTDA.901002"),
)
def delete_ota_package(caller: Caller, package_id: str) -> None:
    """Delete a package that no unfinished task uses; the object in the bucket stays."""
    packages.delete(caller.account, package_id)


def _copied(caller: Caller, location: Mapping[str, Any]) -> str | None:
    """Return the key of our own copy of an object, if its bucket is one that we can read."""
    bucket, key = location["bucket_name"], location["object_key"]
    if not bucket_objects.check(caller.account, bucket):
        return None
    suffix = max((ending for ending in ENDINGS if key.endswith(f".{ending}")), key=len)
    return bucket_objects.copy(caller.account, bucket, key, suffix)


def _summary(package: Package) -> dict[str, Any]:
    """Return what lists show of a package: what was sent of it, and nothing that was found out."""
    sent = package.source_versions or "support_source_versions" in package.front_data.get("sent", ())
    return known(
        package_id=str(package.id),
        app_id=package.front_data.get("app_id"),
        package_type=_NAMES[package.kind],
        product_id=package.product_key,
        module_name=None if package.module == modules.DEFAULT else package.module,
        version=package.version,
        support_source_versions=package.source_versions if sent else None,
        description=package.description,
        custom_info=package.custom_info,
        create_time=utc(package.created),
    )


def _whole(package: Package) -> dict[str, Any]:
    location = package.front_data.get("location")
    return {**_summary(package), **known(file_location={"obs_location": location} if location else None)}
