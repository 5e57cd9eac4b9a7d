"""How each fault is called by the upload and download front, in the codes of OSS."""

from typing import Any, Final

from otagw import errors
from otagw.dialects.hints import times
from otagw.dialects.oss import content_md5

_DIGEST: Final = ("InvalidDigest", 400, "The {name} is not valid: expected {expected}.")
_OTHER: Final = ("InvalidArgument", 400, "The request is not valid.")
CODES: Final[dict[type[errors.Fault], tuple[str, int, str]]] = {
    errors.Unreadable: ("MalformedPOSTRequest", 400, "The request cannot be read: {problem}."),
    errors.UnsupportedMediaType: ("MalformedPOSTRequest", 400, "The body's Content-Type is not {expected}."),
    errors.MissingParameter: ("InvalidArgument", 400, "The form field {name} is missing, or comes after the file."),
    errors.InvalidParameter: ("InvalidArgument", 400, "The form field {name} is not valid: expected {expected}."),
    errors.RequestTooLarge: ("EntityTooLarge", 400, "The request is larger than {limit}."),
    errors.DigestMismatch: (
        "BadDigest",
        400,
        "The {method} is {actual}, not {given}: the file has changed on its way.",
    ),
    errors.EmptyFile: ("EntityTooSmall", 400, "The file is empty: expected at least 1 byte."),
    errors.WrongSignature: ("SignatureDoesNotMatch", 403, "The signature is not that of the policy."),
    errors.UnknownKey: ("InvalidAccessKeyId", 403, "The OSSAccessKeyId is not that of the policy."),
    errors.ExpiredTimestamp: ("AccessDenied", 403, "The policy or the link has expired, or is not ours."),
    errors.NotGranted: ("AccessDenied", 403, "The policy does not allow this: {needs}."),
    errors.NotFound: ("NoSuchKey", 404, "The object does not exist."),
    errors.RouteNotFound: ("NoSuchKey", 404, "The object does not exist."),
    errors.AlreadyExists: ("FileAlreadyExists", 409, "The object is there already."),
    errors.LimitReached: ("QuotaExceeded", 403, "The account may store {limit} bytes, and has no room for this file."),
    errors.WrongState: ("OperationAborted", 409, "The object is {state}: wait for that, or announce another."),
    errors.Throttled: ("SlowDown", 503, "As many uploads of the access key are under way as may be: try again later."),
    errors.MethodNotAllowed: ("MethodNotAllowed", 405, "The method is not allowed here."),
    errors.Unavailable: ("ServiceUnavailable", 503, "Try again later: {problem}."),
    errors.Internal: ("InternalError", 500, "The request failed for a reason of our own."),
}


def spell(fault: errors.Fault) -> tuple[str, int, str]:
    """Return the code, status and text of a fault."""
    if isinstance(fault, errors.Quoted):
        return fault.code, fault.status, fault.text
    if isinstance(fault, errors.ExpiredTimestamp) and fault.ahead is not None:
        return "AccessDenied", 403, f"The policy or the link expired {times.span(fault.ahead)} ago."
    is_digest = isinstance(fault, errors.InvalidParameter) and fault.name.lower() == content_md5.NAME.lower()
    code, status, text = _DIGEST if is_digest else CODES.get(type(fault), _OTHER)
    facts: dict[str, Any] = dict(vars(fault))
    return code, status, text.format(**facts)
