"""The mistakes in the secret that every scheme shares."""

from collections.abc import Callable
from typing import Final

from otagw.dialects.hints.mistake import C, Keys, Mistake

# Characters that nobody sees: a byte order mark, also as it is read from Latin-1; blanks that do not break the line, or
# have no width.
_MARK: Final = "\ufeff"
_LATIN_MARK: Final = "\u00ef\u00bb\u00bf"
_UNSEEN: Final = ("\u00a0", "\u200b", _MARK)


def mistakes(make: Callable[[C, str], bytes]) -> tuple[Mistake[Keys[C]], ...]:
    """Return the mistakes in the secret of an access key, for a scheme that makes its key of one by ``make``."""
    return (
        *secrets(make),
        Mistake(
            "key-id-for-secret",
            "The access key's id was used in place of its secret.",
            lambda case: [make(case, case.key_id)],
        ),
        Mistake(
            "id-and-secret",
            "The access key's id was put before the secret: the secret alone is the key.",
            lambda case: [make(case, f"{case.key_id}&{case.secret}"), make(case, f"{case.key_id}{case.secret}")],
        ),
    )


def secrets(make: Callable[[C, str], bytes]) -> tuple[Mistake[Keys[C]], ...]:
    """Return the mistakes in any secret, for a scheme that makes its key of one by ``make``."""

    def made(case: C, *secrets: str) -> list[bytes]:
        return [make(case, secret) for secret in secrets]

    def blanks(case: C) -> list[bytes]:
        secret = case.secret
        behind = made(case, *(secret + end for end in ("\n", "\r\n", "\r", " ", "\t")))
        return [*behind, *made(case, " " + secret, f" {secret} "), make(case, secret) + b"\n"]

    def unseen(case: C) -> list[bytes]:
        secret = case.secret
        found = [text for mark in _UNSEEN for text in (mark + secret, secret + mark, mark + secret + mark)]
        return made(case, *found, _LATIN_MARK + secret, f"{_MARK}{secret}\n", f"{_MARK}{secret}\r\n")

    def bare(case: C) -> list[bytes]:
        secret = case.secret.strip().strip("".join(_UNSEEN)).strip()
        return made(case, secret) if secret != case.secret else []

    return (
        Mistake(
            "secret-with-blank",
            "A blank or a line end was read along with the secret: strip it.",
            blanks,
        ),
        Mistake(
            "secret-with-unseen",
            "A byte order mark, a no-break space or a zero-width space was read along with the secret: strip it.",
            unseen,
        ),
        Mistake(
            "secret-given-with-blank",
            "The secret given for this check has a blank or a line end around it; the request was signed without.",
            bare,
        ),
        Mistake(
            "secret-quoted",
            "The secret was used with quotation marks around it: take them off.",
            lambda case: made(case, f'"{case.secret}"', f"'{case.secret}'"),
        ),
    )
