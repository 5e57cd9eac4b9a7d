"""Why the signature of a call is wrong: every known mistake is tried, and the one that gives it is named.

The tables are in `mistakes_text` and `mistakes_key`; docs/wire/signing-mistakes.md lists them for the one who signs.
"""

import hmac
from typing import Final

from otagw.dialects.hints import canonical, keys, mistake, queries
from otagw.dialects.hints.mistake import Mistake, Scheme
from otagw.dialects.iotda import mistakes_key, mistakes_text, signature
from otagw.dialects.iotda.mistakes_text import RestCase
from otagw.dialects.iotda.wire import RestCall

# A hint is a courtesy to people: what no person would sign by hand is not worth the gateway's time.
MAX_SIZE: Final = 8 * 1024


def explain(call: RestCall, secret: str) -> str:
    """Return which known mistake makes the signature of a call match whose claim was read, or an empty text."""
    found = case(call, secret) if len(call.path) + len(call.query) <= MAX_SIZE else None
    if found is None or len(found.parts.join()) > MAX_SIZE:
        return ""
    return mistake.explain(DERIVED if found.scope else PLAIN, found)


def case(call: RestCall, secret: str) -> RestCase | None:
    """Return a call taken apart, or nothing where it names more headers than anyone signs."""
    key_id, scope, names, given = signature.authorization(call)
    if names.count(";") >= canonical.MAX_HEADERS:
        return None
    signed = names.split(";")
    parts = canonical.Parts(
        call.request.method,
        signature.canonical_query(call.pairs),
        tuple((name, call.header(name)) for name in signed),
        names,
        signature.body_digest(call, signed),
        signature.canonical_paths(call.path)[0],
    )
    date = call.header(signature.DATE)
    key, text = mistakes_key.right(key_id, secret, scope), mistakes_text.string(date, scope, parts)
    pairs, forwarded = queries.pairs(call.pairs), call.header("x-forwarded-host")
    return RestCase(key_id, secret, key, given.encode(), text, pairs, parts, forwarded, call, scope, date)


def signed(call: RestCall) -> str:
    """Return the canonical request of a call whose claim was read, for people to see."""
    found = case(call, "")
    return found.parts.join().decode("utf-8", "replace") if found else ""


def _mac(key: bytes, text: bytes, algorithm: str) -> bytes:
    return hmac.digest(key, text, algorithm)


def _seal(key: bytes, text: bytes) -> str:
    return _mac(key, text, "sha256").hex()


PLAIN: Final[Scheme[RestCase]] = Scheme(
    seal=_seal,
    keys=(mistakes_key.DERIVED_FOR_PLAIN, *keys.mistakes(mistakes_key.of_secret)),
    texts=mistakes_text.TEXTS,
    seals=canonical.seals(_mac),
)
DERIVED: Final[Scheme[RestCase]] = Scheme(
    seal=_seal,
    others=(
        Mistake(
            "plain-secret",
            "The secret itself was the key, as in SDK-HMAC-SHA256: V11-HMAC-SHA256 takes the key that derives from it.",
            lambda case: [case.secret.encode()],
        ),
    ),
    keys=(
        *mistakes_key.OF_DERIVED,
        *keys.mistakes(mistakes_key.of_secret),
    ),
    signings=(mistakes_key.SCOPE,),
    texts=mistakes_text.TEXTS,
    seals=canonical.seals(_mac),
)
