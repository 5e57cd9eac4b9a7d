"""The mistakes in writing a canonical query."""

import re
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import quote, unquote

from otagw.dialects.hints.mistake import Case, Mistake, join

_SAFE: Final = "-_.~"
# Takes a text that is encoded as it should be, and returns it as a wrong encoder would have written it.
Spelling = Callable[[str], str]
# Return other canonical queries.
Queries = Callable[[Case], Iterable[str]]


def pairs(params: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the names of parameters, each with its encoded pair."""
    return tuple((name, f"{quote(name, safe=_SAFE)}={quote(value, safe=_SAFE)}") for name, value in params)


def _literal(characters: str, *also: tuple[str, str]) -> Spelling:
    """Return the spelling that leaves characters as they are, and replaces some more."""
    changes = [(quote(character, safe=""), character) for character in characters] + list(also)

    def spell(text: str) -> str:
        for right, wrong in changes:
            text = text.replace(right, wrong)
        return text

    return spell


def _lower(text: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), text)


def _charset(name: str) -> Spelling:
    def recode(run: re.Match[str]) -> str:
        return quote(unquote(run[0]), safe="", encoding=name, errors="replace")

    return lambda text: re.sub("(?:%[89A-F][0-9A-F])+", recode, text)


def _unescaped_once(text: str) -> str:
    return re.sub("%25([0-9A-Fa-f]{2})", lambda escape: "%" + escape[1].upper(), text)


_dot_net = _literal("!()*", ("%20", "+"), ("~", "%7E"))

SPELLINGS: Final[tuple[Mistake[Spelling], ...]] = (
    Mistake("plus-for-space", "A space was signed as +: sign it as %20.", _literal("", ("%20", "+"))),
    Mistake("star-literal", "* was signed as it is: sign it as %2A.", _literal("*")),
    Mistake("tilde-encoded", "~ was signed as %7E: sign it as it is.", _literal("", ("~", "%7E"))),
    Mistake(
        "form-encoding",
        "Names and values were encoded as in a form (Java's URLEncoder): then replace + by %20, * by %2A, %7E by ~.",
        _literal("*", ("%20", "+"), ("~", "%7E")),
    ),
    Mistake(
        "encode-uri-component",
        "! ' ( ) * were signed as they are, as JavaScript's encodeURIComponent leaves them: encode them too.",
        _literal("!'()*"),
    ),
    Mistake("slash-literal", "/ was signed as it is (quote() needs safe=''): sign it as %2F.", _literal("/")),
    Mistake("colon-literal", "Colons were signed as they are: sign them as %3A.", _literal(":")),
    Mistake(
        "encode-uri",
        "Reserved characters were signed as they are, as JavaScript's encodeURI leaves them: encode them too.",
        _literal(";,/?:@&=+$#!'()*"),
    ),
    Mistake("lower-case-escapes", "Escapes were signed in lower case, as %2f: write %2F.", _lower),
    Mistake(
        "http-utility",
        "Names and values were encoded by .NET's HttpUtility.UrlEncode: use Uri.EscapeDataString.",
        lambda text: _lower(_dot_net(text)),
    ),
    Mistake(
        "encoded-twice",
        "Names and values were encoded once too often: encode each once, and the joined text once more in V1 only.",
        lambda text: text.replace("%", "%25"),
    ),
    Mistake("not-encoded", "Names and values were not encoded before they were joined: encode each first.", unquote),
    Mistake("gbk", "Text was encoded from GBK: encode it from UTF-8.", _charset("gbk")),
    Mistake("latin-1", "Text was encoded from Latin-1: encode it from UTF-8.", _charset("latin-1")),
    Mistake(
        "plus-sent-bare",
        "A + was sent bare and arrived as a space: send it as %2B.",
        lambda text: text.replace("%20", "%2B"),
    ),
    Mistake(
        "sent-encoded-twice",
        "Values were signed right but sent encoded twice: the HTTP library encodes them, hand it the plain ones.",
        _unescaped_once,
    ),
)


def _numeric(pair: tuple[str, str]) -> list[tuple[int, str]]:
    """Sort ``X.2`` before ``X.10``."""
    return [(int(part), "") if re.fullmatch("[0-9]{1,9}", part) else (0, part) for part in pair[0].split(".")]


QUERIES: Final[tuple[Mistake[Queries], ...]] = (
    Mistake("unsorted", "Parameters were signed in the order they came: sort them by name.", lambda c: [join(c.pairs)]),
    Mistake(
        "numeric-order",
        "Lists were sorted by number (X.2, X.10): sort names by their bytes (X.1, X.10, X.2).",
        lambda c: [join(sorted(c.pairs, key=_numeric))],
    ),
    Mistake(
        "case-insensitive-order",
        "Names were sorted without regard to case: sort them by their bytes, upper case first.",
        lambda c: [join(sorted(c.pairs, key=lambda pair: pair[0].lower()))],
    ),
    Mistake(
        "sorted-as-pairs",
        "The texts name=value were sorted: sort by the name alone (X.1, X.10, not X.10, X.1).",
        lambda c: [join(sorted(c.pairs, key=lambda pair: pair[1]))],
    ),
    Mistake(
        "blanks-dropped",
        "Parameters without a value were sent but not signed: sign them as name=, or leave them out of both.",
        lambda c: [join(pair for pair in c.ordered if not pair[1].endswith("="))],
    ),
    Mistake(
        "blanks-without-equals",
        "Parameters without a value were signed as the name alone: sign them as name=.",
        lambda c: [join((name, pair.removesuffix("=")) for name, pair in c.ordered)],
    ),
)
