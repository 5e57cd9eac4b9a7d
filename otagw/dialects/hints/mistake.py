"""What a mistake in signing is, and the search for the one that gives the signature that came."""

import functools
import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

How_co = TypeVar("How_co", covariant=True)


@dataclass(frozen=True)
class Mistake(Generic[How_co]):
    """A way to sign that clients use by accident: its name, what to say of it, and how it is done."""

    name: str
    sentence: str
    how: How_co


@dataclass(frozen=True)
class Case:
    """A request taken apart, so that it can be signed in other ways.

    ``pairs`` are the names that are signed with their ``name=value`` encoded, in the order they came; ``text`` is what
    should have been signed, with ``key``; ``given`` is the signature that came.
    """

    key_id: str
    secret: str
    key: bytes
    given: bytes
    text: bytes
    pairs: tuple[tuple[str, str], ...]

    @functools.cached_property
    def ordered(self) -> tuple[tuple[str, str], ...]:
        """Return the pairs as they should be sorted."""
        return tuple(sorted(self.pairs))

    @functools.cached_property
    def canonical(self) -> str:
        """Return the canonical query as it should be."""
        return join(self.ordered)


def join(chosen: Iterable[tuple[str, str]]) -> str:
    """Return a canonical query of chosen pairs."""
    return "&".join(pair for _, pair in chosen)


C = TypeVar("C", bound=Case)
# Return other texts to sign, other keys, or other keys each with its text.
Texts = Callable[[C], Iterable[bytes]]
Keys = Callable[[C], Iterable[bytes]]
Signings = Callable[[C], Iterable[tuple[bytes, bytes]]]
# Take a key and a text, and return other signatures.
Seals = Callable[[bytes, bytes], Iterable[str]]


@dataclass(frozen=True)
class Scheme(Generic[C]):
    """One scheme's right way to seal, and its mistakes; ``others``, keys of other schemes, go with each text."""

    seal: Callable[[bytes, bytes], str]
    keys: tuple[Mistake[Keys[C]], ...]
    texts: tuple[Mistake[Texts[C]], ...]
    seals: tuple[Mistake[Seals], ...]
    others: tuple[Mistake[Keys[C]], ...] = ()
    signings: tuple[Mistake[Signings[C]], ...] = ()

    @property
    def mistakes(self) -> "tuple[Mistake[object], ...]":
        """Return every mistake, in the order in which they are tried."""
        return (*self.others, *self.keys, *self.signings, *self.texts, *self.seals)


def explain(scheme: Scheme[C], case: C) -> str:
    """Return which mistake of a scheme gives the signature that came; an empty text for none, or if it is right."""
    if hmac.compare_digest(scheme.seal(case.key, case.text).encode(), case.given):
        return ""
    found = (said for said, guess in _guesses(scheme, case) if hmac.compare_digest(guess.encode(), case.given))
    return next(found, "")


def _guesses(scheme: Scheme[C], case: C) -> Iterator[tuple[str, str]]:
    """Yield what to say, and the signature that would prove it."""
    for wrong_key in (*scheme.others, *scheme.keys):
        for key in wrong_key.how(case):
            yield wrong_key.sentence, scheme.seal(key, case.text)
    for signing in scheme.signings:
        for key, text in signing.how(case):
            yield signing.sentence, scheme.seal(key, text)
    keys = [(case.key, ""), *((key, other.sentence + " ") for other in scheme.others for key in other.how(case))]
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
