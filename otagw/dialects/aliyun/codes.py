"""How each fault is called on the wire of Actions. Codes, once released, never change their meaning."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from otagw import errors
from otagw.dialects.hints import times


@dataclass(frozen=True)
class Refusal:
    """A code with its HTTP status and text; in `CODES` both are templates over the fault's own data.

    ``gateway`` refusals are answered with their status in every spelling; the others, of the business, with 200 and
    Success false where the vendor's SDKs expect that.
    """

    code: str
    status: int
    text: str
    gateway: bool = True


Key = tuple[type[errors.Fault], str]
_V1_TEXT: Final = "Specified signature is not matched with our calculation. server string to sign is:{signed}"
_V3_TEXT: Final = "Specified signature does not match our calculation. server StringToSign is [{signed}]"
# Headers of V3 and the common parameters they stand for, so that one code means one thing in both schemes.
_PARAMETERS: Final = {
    "x-acs-action": "Action",
    "x-acs-version": "Version",
    "x-acs-date": "Timestamp",
    "x-acs-signature-nonce": "SignatureNonce",
    "x-acs-content-sha256": "ContentSha256",
    "host": "Host",
}

CODES: Final[Mapping[Key, Refusal]] = {
    (errors.RouteNotFound, ""): Refusal("InvalidApi.NotFound", 404, "Specified api is not found, please check your url and method."),
    (errors.MethodNotAllowed, ""): Refusal("UnsupportedHTTPMethod", 405, "This http method is not supported."),
    (errors.RequestTooLarge, ""): Refusal("RequestEntityTooLarge", 413, "The request is larger than {limit}."),
    (errors.UnsupportedMediaType, ""): Refusal("UnsupportedMediaType", 415, "The body's Content-Type is not {expected}."),
    (errors.Unreadable, ""): Refusal("InvalidRequest", 400, "The request cannot be read: {problem}."),
    (errors.MissingParameter, ""): Refusal("Missing{parameter}", 400, "{name} is mandatory for this action."),
    (errors.InvalidParameter, ""): Refusal("InvalidParameter", 400, "The specified parameter {name} is not valid: expected {expected}."),
    (errors.InvalidFormat, ""): Refusal("InvalidParameter.Format", 400, "The specified parameter Format is not valid: expected JSON or XML."),
    (errors.InvalidVersion, ""): Refusal("InvalidVersion", 400, "Specified parameter Version is not valid."),
    (errors.UnknownOperation, ""): Refusal("InvalidAction.NotFound", 404, "Specified api is not found, please check your url and method."),
    (errors.ConflictingCredentials, ""): Refusal("ConflictingCredentials", 400, "The request carries more than one set of credentials: {problem}."),
    (errors.IncompleteSignature, ""): Refusal("IncompleteSignature", 400, "The request signature does not conform to Aliyun standards. {problem}."),
    (errors.UnsupportedSignatureMethod, ""): Refusal("InvalidSignatureMethod", 400, "The signature method is not supported: expected {expected}."),
    (errors.InvalidTimestamp, ""): Refusal("InvalidTimeStamp.Format", 400, "Specified time stamp or date value is not well formatted: {name} is expected as YYYY-MM-DDThh:mm:ssZ."),
    (errors.ExpiredTimestamp, ""): Refusal("InvalidTimeStamp.Expired", 400, "Specified time stamp or date value is expired."),
    (errors.UnknownKey, ""): Refusal("InvalidAccessKeyId.NotFound", 404, "Specified access key is not found."),
    (errors.DisabledKey, ""): Refusal("InvalidAccessKeyId.Inactive", 400, "Specified access key is disabled."),
    (errors.BodyMismatch, ""): Refusal("ContentSHA256NotMatched", 400, "The body is not the one that x-acs-content-sha256 is the digest of."),
    (errors.WrongSignature, ""): Refusal("SignatureDoesNotMatch", 400, _V1_TEXT),
    (errors.ReplayedNonce, ""): Refusal("SignatureNonceUsed", 400, "Specified signature nonce was used already."),
    (errors.NotGranted, ""): Refusal("NoPermission", 403, "User not authorized to operate on the specified resource: the access key has no grant for {needs}."),
    (errors.Throttled, "key"): Refusal("Throttling.User", 400, "Request was denied due to user flow control."),
    (errors.Throttled, "operation"): Refusal("Throttling.Api", 400, "Request was denied due to api flow control."),
    (errors.TokenReused, ""): Refusal("IdempotentParameterMismatch", 400, "ClientToken was used before with other parameters."),
    (errors.NotFound, "package"): Refusal("iot.ota.FirmwareNotFound", 404, "The specified firmware does not exist.", gateway=False),
    (errors.NotFound, "product"): Refusal("iot.prod.NotExistedProduct", 404, "The product {key} does not exist.", gateway=False),
    (errors.NotFound, "module"): Refusal("iot.ota.ModuleNotFound", 404, "The module {key} does not exist.", gateway=False),
    (errors.AlreadyExists, "product"): Refusal("iot.prod.AlreadyExistedProductName", 409, "A product named {key} exists already.", gateway=False),
    (errors.InUse, "product"): Refusal("iot.prod.ProductInUse", 409, "The product {key} has {by}.", gateway=False),
    (errors.NotFound, "device"): Refusal("iot.device.NotExistedDevice", 404, "The specified device does not exist: {key}.", gateway=False),
    (errors.AlreadyExists, "device"): Refusal("iot.device.AlreadyExistedDeviceName", 409, "The product has a device named {key} already.", gateway=False),
    (errors.NotFound, "device batch"): Refusal("iot.device.DeviceApplyIsNotFound", 404, "There is no application {key} of this product.", gateway=False),
    (errors.WrongState, "device batch"): Refusal("iot.device.ApplyManyDevicesFailed", 409, "The application {key} cannot be registered: QueryBatchRegisterDeviceStatus says which of its names are not valid.", gateway=False),
    (errors.NotFound, "device group"): Refusal("iot.group.NotExistedGroup", 404, "The specified group does not exist.", gateway=False),
    (errors.AlreadyExists, "device group"): Refusal("iot.group.AlreadyExistedGroupName", 409, "A group named {key} exists already.", gateway=False),
    (errors.InUse, "device group"): Refusal("iot.group.GroupInUse", 409, "There are {by} within the group.", gateway=False),
    (errors.WrongState, "package"): Refusal("iot.ota.InvalidFirmwareStatus", 409, "The firmware {key} {state}: that does not go with this job.", gateway=False),
    (errors.NoBytes, "package"): Refusal("iot.ota.FirmwareUrlMissing", 400, "The firmware {key} has no file that a device could be given: {problem}.", gateway=False),
    (errors.BelowMinimum, ""): Refusal("iot.ota.VersionBelowMinimum", 409, "The version {version} is below {minimum}, the minimum of the module {module}.", gateway=False),
    (errors.InUse, "package"): Refusal("iot.ota.FirmwareInUse", 409, "The firmware {key} is used by {by} that have not ended.", gateway=False),
    (errors.NotFound, "job"): Refusal("iot.ota.JobNotFound", 404, "The specified job does not exist.", gateway=False),
    (errors.WrongState, "job"): Refusal("iot.ota.InvalidJobStatus", 409, "The job {key} is {state}: that cannot be done with it.", gateway=False),
    (errors.AlreadyExists, "job"): Refusal("iot.ota.DynamicJobExists", 409, "The firmware {key} has a dynamic job that runs.", gateway=False),
    (errors.NotFound, "task"): Refusal("iot.ota.TaskNotFound", 404, "The specified task does not exist.", gateway=False),
    (errors.WrongState, "task"): Refusal("iot.ota.InvalidTaskStatus", 409, "That cannot be done with the task {key}: {state}.", gateway=False),
    (errors.AlreadyExists, "package"): Refusal("iot.ota.FirmwareNameExists", 409, "A firmware named {key} exists already.", gateway=False),
    (errors.AlreadyExists, "module"): Refusal("iot.ota.ModuleNameExists", 409, "A module named {key} exists already.", gateway=False),
    (errors.InUse, "module"): Refusal("iot.ota.ModuleInUse", 409, "The module {key} is used by {by}.", gateway=False),
    (errors.Protected, "module"): Refusal("iot.ota.ModuleProtected", 403, "The module {key} is built in: it cannot be changed or deleted.", gateway=False),
    (errors.NotFound, "file"): Refusal("iot.ota.FileNotFound", 404, "There is no uploaded file {key}.", gateway=False),
    (errors.SizeMismatch, ""): Refusal("iot.ota.FileSizeMismatch", 400, "The file has {actual} bytes, not {given}.", gateway=False),
    (errors.DigestMismatch, ""): Refusal("iot.ota.FileSignMismatch", 400, "The file's {method} is {actual}, not {given}.", gateway=False),
    (errors.EmptyFile, ""): Refusal("iot.ota.FileEmpty", 400, "The uploaded file {key} is empty: upload the firmware again, under a new key.", gateway=False),
    (errors.FetchFailed, ""): Refusal("iot.ota.FileFetchFailed", 400, "The file at {url} cannot be verified: {problem}.", gateway=False),
    (errors.LimitReached, "package"): Refusal("iot.ota.FirmwareCountExceeded", 403, "The account has {limit} firmwares, as many as it may.", gateway=False),
    (errors.LimitReached, "byte"): Refusal("iot.ota.StorageQuotaExceeded", 403, "The account may store {limit} bytes of files, and has no room for another: delete firmwares that are not needed.", gateway=False),
    (errors.LimitReached, "module"): Refusal("iot.ota.ModuleCountExceeded", 403, "The product has {limit} modules, as many as it may.", gateway=False),
    (errors.TooEarly, ""): Refusal("Throttling", 429, "Request was denied due to request throttling: try again in {seconds} seconds."),
    (errors.Unavailable, ""): Refusal("ServiceUnavailable", 503, "The request has failed due to a temporary failure of the server: {problem}."),
    (errors.Internal, ""): Refusal("InternalError", 500, "The request processing has failed due to some unknown error, exception or failure."),
}  # fmt: skip


# The vendor's own codes for faults of which the other spellings have a general one, by fault and parameter. They are
# refusals of its business, in the spelling of its SDKs alone.
ALIBABA: Final[Mapping[Key, str]] = {
    (errors.NotGranted, ""): "iot.common.RamActionPermissionDeny",
    (errors.InvalidParameter, "CurrentPage"): "iot.common.InvalidPageParams",
    (errors.InvalidParameter, "PageSize"): "iot.common.InvalidPageParams",
    (errors.InvalidParameter, "ProductKey"): "iot.prod.InvalidFormattedProductkey",
    (errors.InvalidParameter, "ProductName"): "iot.prod.InvalidFormattedProductName",
    (errors.InvalidParameter, "NodeType"): "iot.prod.InvalidNodeType",
    (errors.InvalidParameter, "DeviceName"): "iot.device.InvalidFormattedDeviceName",
    (errors.InvalidParameter, "TargetDeviceName"): "iot.device.InvalidFormattedDeviceName",
    (errors.InvalidParameter, "ApplyId"): "iot.device.InvalidFormattedApplyId",
}
# Which of the codes are ours, since no page of the vendors has one for the case.
OURS: Final = (
    *("ConflictingCredentials", "ContentSHA256NotMatched", "IdempotentParameterMismatch", "InvalidRequest"),
    *("RequestEntityTooLarge", "UnsupportedMediaType", "iot.group.", "iot.ota.", "iot.prod.ProductInUse"),
)
_DOCUMENTED: Final = "iot.ota.FirmwareNotFound"


def is_ours(code: str) -> bool:
    """Tell whether a code is the gateway's own, and no vendor's."""
    return code != _DOCUMENTED and code.startswith(OURS)


def spell(fault: errors.Fault, spelling: str = "") -> Refusal:
    """Return the code, status and text of a fault, in a spelling."""
    if isinstance(fault, errors.Quoted):
        return Refusal(fault.code, fault.status, fault.text)
    facts: dict[str, Any] = dict(vars(fault))
    rule = CODES[type(fault), facts.get("kind", "")]
    if spelling == "alibaba":
        code = ALIBABA.get((type(fault), facts.get("name", "").partition(".")[0]))
        rule = replace(rule, code=code, gateway=False) if code else rule
    text, parameter = rule.text, facts.get("name", "")
    if isinstance(fault, errors.WrongSignature) and fault.signed.startswith("ACS3-"):
        text = _V3_TEXT
    code = rule.code.format(parameter=_PARAMETERS.get(parameter, parameter))
    return Refusal(code, rule.status, times.with_advice(text.format(**facts), fault), rule.gateway)


def hint(fault: errors.Fault, code: str) -> str:
    """Return what to do about a refusal: a known mistake by its name, or where the code is explained."""
    if isinstance(fault, errors.WrongSignature):
        return fault.hint or "Run `otagw explain` with the request's URL and your secret: it names the usual mistakes."
    if isinstance(fault, errors.ExpiredTimestamp) and fault.ahead is not None:
        return times.advice(fault.ahead)
    if isinstance(fault, errors.Quoted):  # the reference has the gateway's own codes alone
        return ""
    return f"`otagw docs codes` says more of {code}."
