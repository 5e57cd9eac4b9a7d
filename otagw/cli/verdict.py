"""What ``otagw explain`` prints of a request: what the gateway reads in it, and its verdict."""

import sys
from collections.abc import Callable
from typing import Final, cast

import click

from otagw import access, clock, errors
from otagw.access import Caller, Claim, Keys
from otagw.cli import common
from otagw.dialects.hints import times
from otagw.ota.accounts import Account
from otagw.security.nonces import Nonces

_FOREVER: Final = sys.maxsize
# Return the status and code of a fault, and its text, as a front spells it.
Spell = Callable[[errors.Fault], tuple[str, str]]


def say(what: str, text: str) -> None:
    """Print one line of the report."""
    click.echo(f"{what:11} {text}".rstrip())


def show(lines: str) -> None:
    """Print what belongs to the line above."""
    click.echo("\n".join(f"    {line}" for line in lines.split("\n")))


def kept(key_id: str) -> str:
    """Return the secret of the key kept here."""
    with common.store(common.load_settings()) as keys:
        try:
            return keys.find(key_id)[1]
        except errors.UnknownKey:
            say("secret", "there is no such key here: give the secret of another gateway's key with --secret")
            raise


class _OneKey(Keys):
    """Give the secret at hand for any id, in place of the keys of the gateway."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def find(self, key_id: str) -> tuple[Caller, str]:
        """Return the secret, of a caller who is nobody."""
        return Caller(Account(0, ""), key_id, ()), self._secret


def judge(claim: Claim, secret: str, text: str, spell: Spell) -> bool:
    """Print what the gateway thinks of time and signature, each for itself; return whether both are right.

    ``text`` is what it signs, for people to see.
    """
    skew = common.load_settings().clock_skew_seconds * 1000
    has_nonce = claim.nonce is not None
    # Without a nonce the store of nonces is not asked: what was used is known to the running gateway alone.
    claim = claim._replace(nonce=None)
    first, wrong = _refusal(claim, secret, skew), _refusal(claim, secret, _FOREVER)
    late = first if isinstance(first, errors.ExpiredTimestamp) else None
    say("time", _time(claim.at, skew, late, spell))
    say("signed", "")
    show(text)
    if isinstance(wrong, errors.WrongSignature):
        say("signature", f"wrong: the gateway answers {spell(wrong)[0]}")
        say("mistake", wrong.hint or "none that is known: compare the text above with yours, and check the secret")
    else:
        say("signature", "right")
    if has_nonce:
        say("nonce", "cannot be told from here: each may be used once")
    return not (late or wrong)


def _refusal(claim: Claim, secret: str, skew: int) -> errors.Fault | None:
    try:
        access.judge(claim, _OneKey(secret), cast("Nonces", None), skew)
    except errors.Fault as fault:
        return fault
    return None


def _time(at: int, skew: int, late: errors.Fault | None, spell: Spell) -> str:
    now = clock.now()
    seconds = abs(now - at) // 1000
    hours, minutes = divmod(seconds // 60, 60)
    distance = f"{hours} h {minutes} min {seconds % 60} s {'ago' if at <= now else 'ahead'}"
    if late is None:
        return f"right: {distance}, within {skew // 1000} s"
    zone = times.zone(at - now)
    local = f"; looks like local time ({zone}): send UTC" if zone else ""
    return f"wrong: {distance}, more than {skew // 1000} s: the gateway answers {spell(late)[0]}{local}"
