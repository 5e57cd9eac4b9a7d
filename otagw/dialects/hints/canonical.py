"""The mistakes of schemes that sign a canonical request: method, path, query, headers, their names, and a digest."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from otagw.dialects.hints import hosts, queries
from otagw.dialects.hints.hosts import Hosts
from otagw.dialects.hints.mistake import Case, Mistake, Seals, Texts
from otagw.dialects.hints.queries import Queries, Spelling

MAX_HEADERS: Final = 30
EMPTY: Final = hashlib.sha256(b"").hexdigest()
METHODS: Final = ("GET", "POST", "PUT", "DELETE")


@dataclass(frozen=True)
class Parts:
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
        return head + f"{lines}{self.blank}{self.names}\n{self.digest}".encode("latin-1", "replace")

    def having(self, header: str, value: str) -> "Parts":
        """Return it with another value of a header."""
        return replace(self, headers=tuple((name, value if name == header else old) for name, old in self.headers))


@dataclass(frozen=True)
class RequestCase(Case):
    """A request with its canonical request; ``forwarded`` is the host that a proxy says came to it."""

    parts: Parts
    forwarded: str


R = TypeVar("R", bound=RequestCase)
# Return other canonical requests.
Ways = Callable[[R], Iterable[Parts]]


def texts(mistakes: Iterable[Mistake[Ways[R]]], sign: Callable[[R, Parts], bytes]) -> tuple[Mistake[Texts[R]], ...]:
    """Return mistakes in the canonical request as those in what is signed: ``sign`` makes the one of the other."""

    def made(how: Ways[R]) -> Texts[R]:
        return lambda case: (sign(case, parts) for parts in how(case))

    return tuple(Mistake(mistake.name, mistake.sentence, made(mistake.how)) for mistake in mistakes)


def _spelled(mistake: Mistake[Spelling]) -> Mistake[Ways[RequestCase]]:
    spell = mistake.how
    return Mistake(mistake.name, mistake.sentence, lambda case: [replace(case.parts, query=spell(case.canonical))])


def _queried(mistake: Mistake[Queries]) -> Mistake[Ways[RequestCase]]:
    how = mistake.how
    return Mistake(mistake.name, mistake.sentence, lambda c: [replace(c.parts, query=query) for query in how(c)])


def _hosted(mistake: Mistake[Hosts]) -> Mistake[Ways[RequestCase]]:
    how = mistake.how

    def ways(case: RequestCase) -> list[Parts]:
        host = dict(case.parts.headers).get("host")
        return [] if host is None else [case.parts.having("host", other) for other in how(host, case.forwarded)]

    return Mistake(mistake.name, mistake.sentence, ways)


def _methods(case: RequestCase) -> list[Parts]:
    others = [method for method in METHODS if method != case.parts.method]
    return [
        replace(case.parts, method=method) for method in (*others, case.parts.method.lower(), *map(str.lower, others))
    ]


def _header_orders(case: RequestCase) -> list[Parts]:
    parts = case.parts
    headers, names = tuple(sorted(parts.headers)), ";".join(sorted(parts.names.split(";")))
    return [replace(parts, headers=headers), replace(parts, names=names), replace(parts, headers=headers, names=names)]


def _header_left_out(case: RequestCase) -> Iterator[Parts]:
    parts = case.parts
    for left_out, _ in parts.headers:
        headers = tuple(pair for pair in parts.headers if pair[0] != left_out)
        yield replace(parts, headers=headers)
        yield replace(parts, headers=headers, names=";".join(name for name, _ in headers))


def _name_capitals(case: RequestCase) -> list[Parts]:
    parts = case.parts
    headers = tuple((name.title(), value) for name, value in parts.headers)
    names = ";".join(name for name, _ in headers)
    return [replace(parts, headers=headers), replace(parts, names=names), replace(parts, headers=headers, names=names)]


def _value_capitals(case: RequestCase) -> Iterator[Parts]:
    parts = case.parts
    for change in (str.lower, str.upper):
        yield replace(parts, headers=tuple((name, change(value)) for name, value in parts.headers))
        for name, value in parts.headers:
            if name != "host":
                yield parts.having(name, change(value))


def _content_types(case: RequestCase) -> Iterator[Parts]:
    kind = dict(case.parts.headers).get("content-type")
    if kind is not None:
        bare = kind.partition(";")[0].strip()
        for other in (
            "",
            bare,
            *(f"{bare};{end}" for end in ("charset=utf-8", " charset=utf-8", "charset=UTF-8", " charset=UTF-8")),
        ):
            yield case.parts.having("content-type", other)


def mistakes(vendors: Iterable[str]) -> tuple[Mistake[Ways[RequestCase]], ...]:
    """Return the mistakes in any canonical request; ``vendors`` are the hosts of the vendor's own service."""
    return (
        *map(_spelled, queries.SPELLINGS),
        *map(_queried, queries.QUERIES),
        Mistake(
            "query-left-out", "The query was not signed: sign its parameters.", lambda c: [replace(c.parts, query="")]
        ),
        Mistake("method", "Another method was signed than the one that was used: sign it as sent.", _methods),
        Mistake(
            "no-empty-line",
            "The empty line between the headers and their names was not signed.",
            lambda c: [replace(c.parts, blank="")],
        ),
        Mistake(
            "line-end-behind",
            "The canonical request was signed with a line end behind it: it ends in the digest.",
            lambda c: [replace(c.parts, digest=c.parts.digest + "\n")],
        ),
        Mistake(
            "blank-behind-colon",
            "Headers were signed with a blank behind the colon: sign name:value.",
            lambda c: [replace(c.parts, colon=": ")],
        ),
        *map(_hosted, hosts.mistakes(vendors)),
        Mistake(
            "header-order",
            "SignedHeaders and the signed lines are in different orders: sort both by name.",
            _header_orders,
        ),
        Mistake("header-left-out", "A header that SignedHeaders names was not signed.", _header_left_out),
        Mistake(
            "header-name-capitals",
            "Names of headers were signed in capitals: sign them in lower case.",
            _name_capitals,
        ),
        Mistake(
            "header-value-capitals",
            "The value of a header was signed in other capitals than it was sent in: sign it as it is sent.",
            _value_capitals,
        ),
        Mistake(
            "content-type",
            "Another Content-Type was signed than the one that arrived: libraries add a charset, sign what they send.",
            _content_types,
        ),
    )


def seals(mac: Callable[[bytes, bytes, str], bytes]) -> tuple[Mistake[Seals], ...]:
    """Return the mistakes in the form of a signature; ``mac`` takes a key, a text and an algorithm."""

    def encoded(key: bytes, text: bytes) -> list[str]:
        digest = mac(key, text, "sha256")
        return [base64.b64encode(shown).decode() for shown in (digest, digest.hex().encode())]

    def sha1(key: bytes, text: bytes) -> list[str]:
        digest = mac(key, text, "sha1")
        return [digest.hex(), base64.b64encode(digest).decode()]

    return (
        Mistake("base64-for-hex", "Signature is Base64: send the digest in lower-case hex.", encoded),
        Mistake(
            "upper-case-hex",
            "Signature is in upper case: send lower-case hex.",
            lambda key, text: [mac(key, text, "sha256").hex().upper()],
        ),
        Mistake("sha1", "Signature is made with HMAC-SHA1: use HMAC-SHA256.", sha1),
    )
