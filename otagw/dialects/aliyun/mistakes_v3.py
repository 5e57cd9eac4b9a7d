"""The mistakes of V3: what goes wrong between the headers and their HMAC-SHA256."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from otagw.dialects.aliyun import mistakes_query, signature
from otagw.dialects.aliyun.mistakes_query import Case, Mistake, Queries, Scheme, Seals, Spelling, Texts
from otagw.dialects.aliyun.wire import ActionCall

MAX_HEADERS: Final = 30
_EMPTY: Final = hashlib.sha256(b"").hexdigest()
_OTHER_METHOD: Final = {"GET": "POST", "POST": "GET"}
_PORTS: Final = (":80", ":443", ":8686")


@dataclass(frozen=True)
class _Parts:
    """A canonical request before its lines are joined; ``blank`` is the empty line behind the headers."""

    method: str
    query: str
    headers: tuple[tuple[str, str], ...]
    names: str
    digest: str
    path: str = "/"
    colon: str = ":"
    blank: str = "\n"

    def join(self) -> bytes:
        """Return the text; header values are bytes as Latin-1."""
        lines = "".join(f"{name}{self.colon}{value.strip()}\n" for name, value in self.headers)
        head = f"{self.method}\n{self.path}\n{self.query}\n".encode()
        return head + f"{lines}{self.blank}{self.names}\n{self.digest}".encode("latin-1")


def case(call: ActionCall, secret: str) -> Case | None:
    """Return a V3 request taken apart, or nothing where its Authorization cannot be read or names too much."""
    match = signature.AUTHORIZATION.fullmatch(call.header("authorization"))
    if match is None or not match[3].isascii() or match[3].count(";") >= MAX_HEADERS:
        return None
    names = match[3]
    headers = [(name, call.header(name)) for name in names.split(";")]
    digest = call.header("x-acs-content-sha256")
    text = signature.canonical_request(call.request.method, call.query, headers, names, digest)
    pairs = mistakes_query.pairs(call.query.items())
    return Case(call, secret, secret.encode(), match[4].encode(), pairs, text, names)


def canonical(call: ActionCall) -> str:
    """Return the canonical request of a call whose claim was read, for people to see."""
    found = case(call, "")
    return found.text.decode("utf-8", "replace") if found else ""


def _parts(case: Case) -> _Parts:
    call = case.call
    headers = tuple((name, call.header(name)) for name in case.names.split(";"))
    digest = call.header("x-acs-content-sha256")
    return _Parts(call.request.method, case.canonical, headers, case.names, digest)


def _spelled(mistake: Mistake[Spelling]) -> Mistake[Texts]:
    spell = mistake.how
    return Mistake(mistake.name, mistake.sentence, lambda case: _with_queries(case, spell(case.canonical)))


def _queried(mistake: Mistake[Queries]) -> Mistake[Texts]:
    return Mistake(mistake.name, mistake.sentence, lambda case: _with_queries(case, *mistake.how(case)))


def _with_queries(case: Case, *queries: str) -> list[bytes]:
    parts = _parts(case)
    return [replace(parts, query=query).join() for query in queries]


def _with_form(case: Case) -> list[bytes]:
    return _with_queries(case, signature.canonical_query(case.call.params)) if case.call.body else []


def _methods(case: Case) -> list[bytes]:
    parts = _parts(case)
    other = _OTHER_METHOD.get(parts.method, parts.method)
    return [replace(parts, method=method).join() for method in (other, parts.method.lower(), other.lower())]


def _paths(case: Case) -> list[bytes]:
    return [replace(_parts(case), path=path).join() for path in ("", "//", "%2F", "%2F%2F")]


def _hosts(case: Case) -> Iterator[bytes]:
    """Yield the texts with what the client may have called the host before a proxy or a library changed it."""
    host, parts = case.call.header("host"), _parts(case)
    bare = host.partition("://")[2] or host
    name, colon, _ = bare.rpartition(":")
    known = [bare, f"http://{bare}", f"https://{bare}", *(bare + port for port in _PORTS)]
    for other in [*known, name if colon else bare, case.call.header("x-forwarded-host")]:
        headers = tuple((name, other if name == "host" else value) for name, value in parts.headers)
        yield replace(parts, headers=headers).join()


def _header_orders(case: Case) -> list[bytes]:
    parts = _parts(case)
    headers, names = tuple(sorted(parts.headers)), ";".join(sorted(case.names.split(";")))
    return [
        replace(parts, headers=headers).join(),
        replace(parts, names=names).join(),
        replace(parts, headers=headers, names=names).join(),
    ]


def _header_left_out(case: Case) -> Iterator[bytes]:
    parts = _parts(case)
    for left_out in case.names.split(";"):
        headers = tuple(pair for pair in parts.headers if pair[0] != left_out)
        yield replace(parts, headers=headers).join()
        yield replace(parts, headers=headers, names=";".join(name for name, _ in headers)).join()


def _digests(case: Case) -> list[bytes]:
    parts = _parts(case)
    others = (_EMPTY, "", parts.digest.upper(), "UNSIGNED-PAYLOAD")
    return [replace(parts, digest=digest).join() for digest in others]


TEXTS: Final[tuple[Mistake[Texts], ...]] = (
    *(_spelled(mistake) for mistake in mistakes_query.SPELLINGS),
    *(_queried(mistake) for mistake in mistakes_query.QUERIES),
    Mistake("query-left-out", "The query was not signed: sign its parameters.", lambda c: _with_queries(c, "")),
    Mistake(
        "form-in-query",
        "The form's parameters were signed with those of the query: the form is signed by its digest alone.",
        _with_form,
    ),
    Mistake("method", "Another method was signed than the one that was used: sign GET or POST as sent.", _methods),
    Mistake("path", "The path was signed as something else than /: sign /, whatever the URL's path.", _paths),
    Mistake(
        "no-empty-line",
        "The empty line between the headers and their names was not signed.",
        lambda c: [replace(_parts(c), blank="").join()],
    ),
    Mistake(
        "line-end-behind",
        "The canonical request was signed with a line end behind it: it ends in the digest.",
        lambda c: [c.text + b"\n"],
    ),
    Mistake(
        "blank-behind-colon",
        "Headers were signed with a blank behind the colon: sign name:value.",
        lambda c: [replace(_parts(c), colon=": ").join()],
    ),
    Mistake(
        "host",
        "Another host was signed than the one that arrived: sign Host with its port and without http://, "
        "and let proxies pass it on as it is.",
        _hosts,
    ),
    Mistake(
        "header-order",
        "SignedHeaders and the signed lines are in different orders: sort both by name.",
        _header_orders,
    ),
    Mistake("header-left-out", "A header that SignedHeaders names was not signed.", _header_left_out),
    Mistake(
        "digest",
        "The last line that was signed is not the body's digest: sign x-acs-content-sha256 as sent.",
        _digests,
    ),
)


def _hmac(key: bytes, text: bytes) -> str:
    return hmac.digest(key, text, "sha256").hex()


def _signed(text: bytes) -> bytes:
    """Return what is signed in the end for a canonical request."""
    return f"{signature.ALGORITHM}\n{hashlib.sha256(text).hexdigest()}".encode()


def _seal(key: bytes, text: bytes) -> str:
    return _hmac(key, _signed(text))


def _base64(key: bytes, text: bytes) -> list[str]:
    digest = _seal(key, text)
    return [base64.b64encode(shown).decode() for shown in (bytes.fromhex(digest), digest.encode())]


def _not_hashed(key: bytes, text: bytes) -> list[str]:
    return [_hmac(key, text), _hmac(key, f"{signature.ALGORITHM}\n".encode() + text)]


def _sha1(key: bytes, text: bytes) -> list[str]:
    digest = hmac.digest(key, _signed(text), "sha1")
    return [digest.hex(), base64.b64encode(digest).decode()]


SEALS: Final[tuple[Mistake[Seals], ...]] = (
    Mistake("base64-for-hex", "Signature is Base64: send the digest in lower-case hex.", _base64),
    Mistake("upper-case-hex", "Signature is in upper case: send lower-case hex.", lambda k, t: [_seal(k, t).upper()]),
    Mistake("not-hashed", "The canonical request was signed itself: sign its SHA-256.", _not_hashed),
    Mistake(
        "algorithm-left-out",
        "The line ACS3-HMAC-SHA256 before the canonical request's digest was not signed.",
        lambda key, text: [_hmac(key, hashlib.sha256(text).hexdigest().encode())],
    ),
    Mistake("sha1", "Signature is made with HMAC-SHA1: use HMAC-SHA256.", _sha1),
)

SCHEME: Final = Scheme(
    seal=_seal,
    keys=(
        Mistake(
            "ampersand",
            "The secret was used with an & behind it, as in V1: V3 takes the secret alone.",
            lambda c: [f"{c.secret}&".encode()],
        ),
        *mistakes_query.secrets(""),
    ),
    texts=TEXTS,
    seals=SEALS,
)
