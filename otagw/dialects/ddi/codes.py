"""How each fault is called by this front: code, status, text. docs/ddi.md has the same table."""

from collections.abc import Mapping
from typing import Final

from otagw import errors

CODES: Final[Mapping[type[errors.Fault], tuple[str, int, str]]] = {
    errors.Unreadable: ("unreadable", 400, "The request cannot be read: {problem}."),
    errors.MissingParameter: ("missing_field", 400, "{name} is missing."),
    errors.InvalidParameter: ("invalid_field", 400, "{name} is not valid: expected {expected}."),
    errors.WrongSignature: ("wrong_token", 401, "There is no such device, or the token is not its."),
    errors.DisabledKey: ("disabled", 403, "The device is disabled."),
    errors.RouteNotFound: ("unknown_path", 404, "Nothing is served under this path."),
    errors.NotFound: ("no_action", 404, "The device has no such action now."),
    errors.MethodNotAllowed: ("wrong_method", 405, "This path does not take this method."),
    errors.LimitReached: ("too_many", 409, "There are {limit}, as many as there may be of this kind: {kind}."),
    errors.WrongState: ("ended", 410, "The action has ended: {state}."),
    errors.RequestTooLarge: ("too_large", 413, "The body is larger than {limit}."),
    errors.TooEarly: ("too_early", 429, "Try again in {seconds} seconds."),
    errors.Throttled: ("too_many_requests", 429, "The device asks more often than it may: wait as Retry-After says."),
    errors.Internal: ("internal", 500, "The request failed for a reason of the gateway's own."),
    errors.Unavailable: ("unavailable", 503, "Try again later: {problem}."),
}
