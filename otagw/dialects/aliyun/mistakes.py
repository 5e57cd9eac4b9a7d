"""Why the signature of an Action is wrong: every known mistake is tried, and the one that gives it is named.

The tables are in `mistakes_v1` and `mistakes_v3`; docs/wire/signing-mistakes.md lists them for the one who signs.
"""

from typing import Final

from otagw.dialects.aliyun import mistakes_v1, mistakes_v3
from otagw.dialects.aliyun.wire import ActionCall
from otagw.dialects.hints import mistake

# A hint is a courtesy to people: what no person would sign by hand is not worth the gateway's time.
MAX_PARAMETERS: Final = 100
MAX_SIZE: Final = 8 * 1024


def explain(call: ActionCall, secret: str) -> str:
    """Return which known mistake makes the signature of the call match, or an empty text; never raise."""
    size = len(call.request.environ.get("QUERY_STRING", "")) + len(call.body)
    if len(call.params) > MAX_PARAMETERS or size > MAX_SIZE:
        return ""
    if not call.v3:
        v1 = mistakes_v1.case(call, secret)
        return mistake.explain(mistakes_v1.SCHEME, v1) if len(v1.text) <= MAX_SIZE else ""
    v3 = mistakes_v3.case(call, secret)
    return mistake.explain(mistakes_v3.SCHEME, v3) if v3 and len(v3.text) <= MAX_SIZE else ""
