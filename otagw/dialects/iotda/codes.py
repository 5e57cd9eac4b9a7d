"""How each fault is called on the wire of IoTDA. Codes, once released, never change their meaning.

The vendor's own codes stand where a source shows one; those that begin with ``IOTDA.9`` are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from otagw import errors
from otagw.dialects.hints import times


@dataclass(frozen=True)
class Refusal:
    """A code with its HTTP status and text; in `CODES` the text is a template over the fault's own data.

    ``own`` refusals are of single operations, which name them; any operation may be refused with the others.
    """

    code: str
    status: int
    text: str
    own: bool = True


# What of a task is told by one device, and not as a refusal: it was not done, or its update failed.
TARGET_REFUSED: Final = "IOTDA.014219"
TARGET_FAILED: Final = "IOTDA.905003"
# How far a task has come; one t too many is how the vendor spells it.
PHASES: Final[Mapping[str, str]] = {
    "filling": "Initializing",
    "planned": "Waitting",
    "running": "Processing",
    "stopping": "Stopping",
    "succeeded": "Success",
    "failed": "Fail",
    "mixed": "PartialSuccess",
    "stopped": "Stopped",
}
Key = tuple[type[errors.Fault], str]
_IAM: Final = "Incorrect IAM authentication information: "
# What to do about a signature that no known mistake explains: the string to sign has a digest of what would show it.
_UNKNOWN: Final = "Run `otagw explain` with the call as a curl line and your secret: it shows the text that is signed."
_INPUT: Final = "Invalid input data. "


def _common(code: str, status: int, text: str) -> Refusal:
    return Refusal(code, status, text, own=False)


CODES: Final[Mapping[Key, Refusal]] = {
    (errors.RouteNotFound, ""): _common("APIGW.0101", 404, "The API does not exist or has not been published in the environment."),
    (errors.UnknownOperation, ""): _common("APIGW.0101", 404, "The API does not exist or has not been published in the environment."),
    (errors.InvalidVersion, ""): _common("APIGW.0101", 404, "The API does not exist or has not been published in the environment."),
    (errors.MethodNotAllowed, ""): _common("IOTDA.900405", 405, "This path does not take this method."),
    (errors.RequestTooLarge, ""): _common("APIGW.0201", 413, "Request entity too large: it is larger than {limit}."),
    (errors.UnsupportedMediaType, ""): _common("IOTDA.000008", 400, "Request format wrong: the Content-Type is not {expected}."),
    (errors.Unreadable, ""): _common("IOTDA.000008", 400, "Request format wrong: {problem}."),
    (errors.InvalidFormat, ""): _common("IOTDA.000008", 400, "Request format wrong: answers are JSON."),
    (errors.MissingParameter, ""): _common("IOTDA.000006", 400, _INPUT + "{name} is missing."),
    (errors.InvalidParameter, ""): _common("IOTDA.000006", 400, _INPUT + "{name} is not valid: expected {expected}."),
    (errors.InvalidParameter, "limit"): _common("IOTDA.000017", 400, _INPUT + "{name} is out of range: expected {expected}."),
    (errors.InvalidParameter, "offset"): _common("IOTDA.000018", 400, _INPUT + "{name} is out of range: expected {expected}."),
    (errors.ConflictingCredentials, ""): _common("APIGW.0301", 401, _IAM + "{problem}."),
    (errors.IncompleteSignature, ""): _common("APIGW.0301", 401, _IAM + "{problem}."),
    (errors.UnsupportedSignatureMethod, ""): _common("APIGW.0301", 401, _IAM + "the scheme of Authorization is not {expected}."),
    (errors.UnknownKey, ""): _common("APIGW.0301", 401, _IAM + "Get secretKey failed,err:ak not exist."),
    (errors.DisabledKey, ""): _common("APIGW.0301", 401, _IAM + "the AK is disabled."),
    (errors.BodyMismatch, ""): _common("APIGW.0301", 401, _IAM + "X-Sdk-Content-Sha256 is not the digest of the body."),
    (errors.WrongSignature, ""): _common("APIGW.0301", 401, _IAM + "verify aksk signature fail, our string to sign is {signed}."),
    (errors.ReplayedNonce, ""): _common("APIGW.0301", 401, _IAM + "the request was sent before."),
    (errors.InvalidTimestamp, ""): _common("APIGW.0303", 401, _IAM + "{name} is not of the form yyyyMMddTHHmmssZ."),
    (errors.ExpiredTimestamp, ""): _common("APIGW.0303", 401, _IAM + "X-Sdk-Date is too far from the time of the gateway."),
    (errors.NotGranted, ""): _common("IOTDA.000021", 403, "Operation not allowed. The access key has no grant for {needs}."),
    (errors.NotFound, "project"): _common("IOTDA.900403", 403, "Operation not allowed. The project {key} is not the account's."),
    (errors.LimitReached, "project"): _common("IOTDA.900008", 403, "The account has {limit} projects, as many as it may: use one of GET /v3/projects."),
    (errors.Unavailable, ""): _common("IOTDA.900503", 503, "The request failed for now, and may be repeated: {problem}."),
    (errors.Internal, ""): _common("IOTDA.000001", 500, "Internal server error."),
    (errors.NotFound, "package"): Refusal("IOTDA.901001", 404, "The package {key} does not exist."),
    (errors.InUse, "package"): Refusal("IOTDA.901002", 403, "The package {key} is used by {by} that have not ended."),
    (errors.LimitReached, "package"): Refusal("IOTDA.901003", 403, "The account has {limit} packages, as many as it may."),
    (errors.LimitReached, "byte"): Refusal("IOTDA.901004", 403, "The account may store {limit} bytes of files, and has no room for this one: delete packages that are not needed."),
    (errors.NotFound, "module"): Refusal("IOTDA.902001", 404, "The module {key} does not exist."),
    (errors.AlreadyExists, "module"): Refusal("IOTDA.902002", 400, "The product has a module {key} already."),
    (errors.InUse, "module"): Refusal("IOTDA.902003", 403, "The module {key} is used by {by}."),
    (errors.LimitReached, "module"): Refusal("IOTDA.902004", 403, "The product has {limit} modules, as many as it may."),
    (errors.NotFound, "product"): Refusal("IOTDA.903001", 404, "The product {key} does not exist."),
    (errors.AlreadyExists, "product"): Refusal("IOTDA.903002", 400, "There is a product {key} already, by its name or its id."),
    (errors.InUse, "product"): Refusal("IOTDA.903003", 403, "The product {key} has {by}."),
    (errors.NotFound, "object"): Refusal("IOTDA.904001", 400, "The bucket has no object {key}."),
    (errors.LimitReached, "object"): Refusal("IOTDA.904002", 400, "The object has more than {limit} bytes."),
    (errors.DigestMismatch, ""): Refusal("IOTDA.904003", 400, "The {method} of the object is {actual}, not {given}."),
    (errors.NotFound, "bucket"): Refusal("IOTDA.904004", 403, "Operation not allowed. The bucket {key} is not mapped: the setting obs_buckets maps it, and unmapped_buckets accepts those that are not."),
    (errors.EmptyFile, ""): Refusal("IOTDA.904005", 400, "The object {key} is empty: expected at least 1 byte."),
    (errors.NotFound, "job"): Refusal("IOTDA.905001", 404, "The task {key} does not exist."),
    (errors.WrongState, "job"): Refusal("IOTDA.905002", 400, "The task {key} is {state}: that cannot be done now."),
    (errors.NotFound, "device"): Refusal("IOTDA.906001", 404, "The device {key} does not exist."),
    (errors.AlreadyExists, "device"): Refusal("IOTDA.014031", 400, "There is a device {key} already."),
    (errors.NotFound, "device file"): Refusal("IOTDA.909001", 404, "The batch task file {key} does not exist: a file is kept for an hour."),
    (errors.AlreadyExists, "device file"): Refusal("IOTDA.014602", 400, "Invalid input. The batch task file name already exists: {key}."),
    (errors.LimitReached, "device file"): Refusal("IOTDA.909002", 403, "The account has {limit} batch task files, as many as it may: delete one, or wait until one is an hour old."),
    (errors.LimitReached, "list of devices"): Refusal("IOTDA.014603", 400, "Invalid input. The size of batch task file exceeds the upper limit: expected at most {limit} devices and 4 MiB."),
    (errors.NotFound, "device group"): Refusal("IOTDA.907001", 404, "The device group {key} does not exist."),
    (errors.NotFound, "space"): Refusal("IOTDA.908001", 404, "The resource space {key} does not exist."),
    (errors.AlreadyExists, "space"): Refusal("IOTDA.908002", 400, "There is a resource space {key} already."),
    (errors.Protected, "module"): _common("IOTDA.900001", 403, "Operation not allowed. The {kind} {key} is built in."),
    (errors.NoBytes, "package"): Refusal("IOTDA.900002", 400, "The package {key} has no file that a device could be given: {problem}."),
    (errors.WrongState, "package"): Refusal("IOTDA.900003", 400, "The package {key} does not go with this task: {state}."),
    (errors.SizeMismatch, ""): _common("IOTDA.900004", 400, "The file has {actual} bytes, not {given}."),
    (errors.FetchFailed, ""): _common("IOTDA.900005", 400, "The file at {url} cannot be verified: {problem}."),
    (errors.BelowMinimum, ""): _common("IOTDA.900007", 400, "The version {version} is below {minimum}, the minimum of the module {module}."),
    (errors.Throttled, "key"): _common("APIGW.0308", 429, "The throttling threshold has been reached: too many requests of this key."),
    (errors.Throttled, "operation"): _common("APIGW.0308", 429, "The throttling threshold has been reached: too many requests of this kind."),
    (errors.TooEarly, ""): _common("IOTDA.900429", 429, "Try again in {seconds} seconds."),
    (errors.TokenReused, ""): _common("IOTDA.900006", 400, _INPUT + "The token was used before with other parameters."),
}  # fmt: skip


def spell(fault: errors.Fault) -> Refusal:
    """Return the code, status and text of a fault; ``own`` plays no part in it."""
    if isinstance(fault, errors.Quoted):
        return Refusal(fault.code, fault.status, fault.text)
    facts: dict[str, Any] = dict(vars(fault))
    key = facts.get("kind", "")
    if isinstance(fault, errors.InvalidParameter) and (type(fault), fault.name) in CODES:
        key = fault.name
    if facts.get("state") in PHASES:
        facts["state"] = PHASES[facts["state"]]
    rule = CODES[type(fault), key]
    if isinstance(fault, errors.WrongSignature):
        facts["signed"] = fault.signed.replace("\n", "\\n")
    text = times.with_advice(rule.text.format(**facts), fault)
    if isinstance(fault, errors.WrongSignature):
        text = f"{text} {fault.hint or _UNKNOWN}"
    return Refusal(rule.code, rule.status, text)
