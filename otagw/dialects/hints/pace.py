"""Hints on refused signatures: the mistake that explains one, within the rate that `rate_limits` allows."""

from collections.abc import Callable
from typing import Final

from werkzeug.wrappers import Request

from otagw import runtime

PAUSED: Final = "Hints pause, since too many signatures were wrong: ask again in a second."


def limited(request: Request, key_id: str, explain: Callable[[], str]) -> str:
    """Return what ``explain`` says, or that hints pause: to try every mistake costs 1 to 7 ms."""
    if not runtime.current().limits.hint(key_id, request.remote_addr or ""):
        return PAUSED
    return explain()
