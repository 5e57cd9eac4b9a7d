"""Why a signature is wrong: every mistake the gateway knows is tried, and the one that gives the signature is named.

The tables are in `mistakes_v1` and `mistakes_v3`; docs/wire/signing-mistakes.md lists them for the one who signs.
"""

import hmac
from collections.abc import Iterator

from otagw.dialects.aliyun import mistakes_v1, mistakes_v3
from otagw.dialects.aliyun.mistakes_query import Case, Scheme
from otagw.dialects.aliyun.wire import ActionCall

# A hint is a courtesy to people: what no person would sign by hand is not worth the gateway's time.
MAX_PARAMETERS = 100
MAX_SIZE = 8 * 1024


def explain(call: ActionCall, secret: str) -> str:
    """Return which known mistake makes the signature of the call match, or an empty text; never raise."""
    size = len(call.request.environ.get("QUERY_STRING", "")) + len(call.body)
    if len(call.params) > MAX_PARAMETERS or size > MAX_SIZE:
        return ""
    case = (mistakes_v3 if call.v3 else mistakes_v1).case(call, secret)
    if case is None or len(case.text) > MAX_SIZE:
        return ""
    scheme = mistakes_v3.SCHEME if call.v3 else mistakes_v1.SCHEME
    if hmac.compare_digest(scheme.seal(case.key, case.text).encode(), case.given):
        return ""
    found = (said for said, guess in _guesses(scheme, case) if hmac.compare_digest(guess.encode(), case.given))
    return next(found, "")


def _guesses(scheme: Scheme, case: Case) -> Iterator[tuple[str, str]]:
    """Yield what to say, and the signature that would prove it; the other scheme's key goes with every mistake."""
    for mistake in scheme.keys:
        for key in mistake.how(case):
            yield mistake.sentence, scheme.seal(key, case.text)
    other = scheme.keys[0]
    keys = [(case.key, ""), *((key, other.sentence + " ") for key in other.how(case))]
    tried = {case.text}
    for wrong_text in scheme.texts:
        for text in wrong_text.how(case):
            if text in tried:
                continue
            tried.add(text)
            for key, before in keys:
                yield before + wrong_text.sentence, scheme.seal(key, text)
    for wrong_seal in scheme.seals:
        for key, before in keys:
            for guess in wrong_seal.how(key, case.text):
                yield before + wrong_seal.sentence, guess
