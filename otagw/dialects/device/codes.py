"""How each fault is called by the device API: code, status, text. docs/device-api.md has the same table."""

from collections.abc import Mapping
from typing import Final

from otagw import errors

CODES: Final[Mapping[type[errors.Fault], tuple[str, int, str]]] = {
    errors.Unreadable: ("unreadable", 400, "The request cannot be read: {problem}."),
    errors.MissingParameter: ("missing_field", 400, "{name} is missing."),
    errors.InvalidParameter: ("invalid_field", 400, "{name} is not valid: expected {expected}."),
    errors.IncompleteSignature: ("no_token", 401, "The request has no token: expected {problem}."),
    errors.ExpiredTimestamp: ("wrong_time", 401, "The token was made too long ago, or in the future: see time."),
    errors.WrongSignature: ("wrong_token", 401, "There is no such device, or the token is not its for this request."),
    errors.DisabledKey: ("disabled", 403, "The device is disabled."),
    errors.RouteNotFound: ("unknown_path", 404, "Nothing is served under this path."),
    errors.MethodNotAllowed: ("wrong_method", 405, "This path does not take this method."),
    errors.NotFound: ("no_task", 409, "The device has no update under way for the module {key}."),
    errors.LimitReached: ("too_many_modules", 409, "The device has reported {limit} modules, as many as it may."),
    errors.RequestTooLarge: ("too_large", 413, "The body is larger than {limit}."),
    errors.UnsupportedMediaType: ("not_json", 415, "The Content-Type is not {expected}."),
    errors.Throttled: ("too_many_requests", 429, "The device asks more often than it may: wait as Retry-After says."),
    errors.Internal: ("internal", 500, "The request failed for a reason of the gateway's own."),
    errors.Unavailable: ("unavailable", 503, "Try again later: {problem}."),
}
