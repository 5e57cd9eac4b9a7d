"""``otagw explain``: why a signature is wrong, judged by the gateway's own code."""

import dataclasses
import functools
import shlex
import sys
from typing import Any, Final, cast
from urllib.parse import SplitResult, urlsplit

import click
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from otagw import access, clock, errors
from otagw.access import Caller, Claim, Keys
from otagw.cli import common
from otagw.dialects.aliyun import codes, mistakes, mistakes_v3, signature, wire
from otagw.dialects.aliyun.wire import ActionCall
from otagw.dialects.hints import times
from otagw.ota.accounts import Account
from otagw.security.nonces import Nonces

PATHS: Final = ("", "/", "//")
METHODS: Final = ("GET", "POST")
_HIDDEN: Final = ("Signature", "SecurityToken")
_UNREAD: Final = ("--data-urlencode", "-F", "--form", "-G", "--get", "-T", "--upload-file", "--json")
_FOREVER: Final = sys.maxsize
# Shorter ones may stand in a request by chance.
_LONG: Final = 8


@click.command(
    context_settings={"ignore_unknown_options": True},
    epilog="A curl line will do as well, as it is or as one argument in quotes: its -X, -H and -d are read.",
)
@click.argument("words", nargs=-1, required=True, metavar="URL")
@click.option("-X", "--method", "--request", help="Default: GET, or POST with --data.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header; may be repeated.")
@click.option(
    "-d", "--data", "--data-raw", "--data-ascii", "--data-binary", "data", multiple=True, help="The form in the body."
)
@click.option(
    "--secret",
    envvar="ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    help='"-" reads it from standard input. Default: that of the key kept here under the request\'s AccessKeyId.',
)
def explain(words: tuple[str, ...], secret: str | None, **options: Any) -> None:
    """Say whether a signed request is right, and if not, which mistake explains it.

    Ends with 0 if the gateway would believe the request, with 1 if not.
    """
    if words[0].split()[:1] == ["curl"] and len(words) == 1:
        words, options = _unpaste(words[0])
    url = _url(words)
    request = _request(url, **options)
    secret = _read(secret, str((words, options)))
    call = ActionCall(request, "", "alibaba")
    try:
        _check_route(url, request)
        _show(call)
        claim = signature.claim(call, functools.partial(mistakes.explain, call))
        right = _judge(call, claim, secret or _kept(call.key_id))
    except errors.Fault as fault:
        # What the gateway answers before it looks at the signature, or at any key.
        _say("refused", f"{_code(fault)}: {codes.spell(fault).text}")
        right = False
    if not right:
        raise SystemExit(1)


def _unpaste(line: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Read a curl line by this command's own options, which are named as curl's."""
    try:
        words = shlex.split(line.replace("\\\n", " "))
    except ValueError as error:
        raise click.UsageError(f"the curl line cannot be read: {error}") from None
    found = dict(explain.make_context("explain", words).params)
    del found["secret"]
    return found.pop("words"), found


def _url(words: tuple[str, ...]) -> SplitResult:
    """Return the URL among the words: it is alone, or in a curl line whose other options do not matter here."""
    unread = [word for word in words if word in _UNREAD]
    if unread:
        raise click.UsageError(f"{unread[0]} cannot be read: give the form with --data")
    urls = [word for word in words if "://" in word]
    if len(urls) != 1 or (len(words) > 1 and words[0] != "curl"):
        raise click.UsageError("expected one URL, as https://HOST:PORT/?Action=…, or a curl line")
    try:
        return urlsplit(urls[0])
    except ValueError as error:
        raise click.UsageError(f"the URL cannot be read: {error}") from None


def _request(url: SplitResult, method: str | None, headers: tuple[str, ...], data: tuple[str, ...]) -> Request:
    """Build the request as the gateway's server would hand it over."""
    body = "&".join(data)
    if body.startswith("@"):
        raise click.UsageError("--data: expected the form itself, not the name of a file")
    if not all(line.partition(":")[0].strip() and ":" in line for line in headers):
        raise click.UsageError("--header: expected 'NAME: VALUE'")
    given = [(name.strip(), _wire(value.strip())) for name, _, value in (line.partition(":") for line in headers)]
    if data and "content-type" not in [name.lower() for name, _ in given]:
        given.append(("Content-Type", wire.FORM))
    try:
        builder = EnvironBuilder(
            method=(method or ("POST" if data else "GET")).upper(),
            headers=[("Host", _wire(url.netloc.rpartition("@")[2])), *given],
            data=body.encode(errors="surrogateescape") if data else None,
            environ_overrides={"QUERY_STRING": _wire(url.query)},
        )
        environ = builder.get_environ()
    except ValueError as error:
        raise click.UsageError(f"the request cannot be built: {error}") from None
    for name, value in given:  # later ones win, as the last Host does in curl
        if name.lower() == "host":
            environ["HTTP_HOST"] = value
    return Request(environ)


def _wire(text: str) -> str:
    """Return a text as WSGI has it: its bytes as Latin-1."""
    return text.encode(errors="surrogateescape").decode("latin-1")


def _check_route(url: SplitResult, request: Request) -> None:
    if url.path not in PATHS:
        raise errors.RouteNotFound
    if request.method not in METHODS:
        raise errors.MethodNotAllowed(METHODS)


def _show(call: ActionCall) -> None:
    """Read the request as the gateway does, and print what it read."""
    wire.parse(call, lambda is_alibaba: None)
    _say("scheme", "V3: headers, HMAC-SHA256" if call.v3 else "V1: parameters, HMAC-SHA1")
    _say("method", call.request.method)
    _say("action", call.operation)
    _say("parameters", str(len(call.params)))
    for name, value in call.params.items():
        click.echo(f"    {name} = {'(hidden)' if name in _HIDDEN else repr(value)}")


def _read(secret: str | None, request: str) -> str:
    """Return the secret that was given, if one was, after checking that it can be one."""
    if secret == "-":  # noqa: S105 - where to read it, not the secret
        secret = sys.stdin.readline().rstrip("\r\n")
    secret = secret or ""
    if any("\ud800" <= character <= "\udfff" for character in secret):
        raise click.UsageError("--secret: expected a text in UTF-8")
    if len(secret) >= _LONG and secret in request:
        raise click.UsageError("the secret stands in the request itself: make a new key, this one is known now")
    return secret


def _kept(key_id: str) -> str:
    """Return the secret of the key kept here."""
    with common.store(common.load_settings()) as keys:
        try:
            return keys.find(key_id)[1]
        except errors.UnknownKey:
            _say("secret", "there is no such key here: give the secret of another gateway's key with --secret")
            raise


class _OneKey(Keys):
    """Stands for the keys of the gateway: whatever the id, the secret is the one at hand."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def find(self, key_id: str) -> tuple[Caller, str]:
        """Return the secret, of a caller who is nobody."""
        return Caller(Account(0, ""), key_id, ()), self._secret


def _judge(call: ActionCall, claim: Claim, secret: str) -> bool:
    """Print what the gateway thinks of time and signature, each for itself; return whether both are right."""
    skew = common.load_settings().clock_skew_seconds * 1000
    # Without a nonce the store of nonces is not asked: what was used is known to the running gateway alone.
    claim = dataclasses.replace(claim, nonce=None)
    first, wrong = _refusal(claim, secret, skew), _refusal(claim, secret, _FOREVER)
    late = first if isinstance(first, errors.ExpiredTimestamp) else None
    _say("time", _time(claim.at, skew, late))
    text = mistakes_v3.canonical(call) if call.v3 else claim.sign(secret)[1]
    _say("signed", "")
    click.echo("\n".join(f"    {line}" for line in text.split("\n")))
    if isinstance(wrong, errors.WrongSignature):
        _say("signature", f"wrong: the gateway answers {_code(wrong)}")
        _say("mistake", wrong.hint or "none that is known: compare the text above with yours, and check the secret")
    else:
        _say("signature", "right")
    _say("nonce", "cannot be told from here: each may be used once")
    return not (late or wrong)


def _refusal(claim: Claim, secret: str, skew: int) -> errors.Fault | None:
    try:
        access.judge(claim, _OneKey(secret), cast("Nonces", None), skew)
    except errors.Fault as fault:
        return fault
    return None


def _time(at: int, skew: int, late: errors.Fault | None) -> str:
    now = clock.now()
    seconds = abs(now - at) // 1000
    hours, minutes = divmod(seconds // 60, 60)
    distance = f"{hours} h {minutes} min {seconds % 60} s {'ago' if at <= now else 'ahead'}"
    if late is None:
        return f"right: {distance}, within {skew // 1000} s"
    zone = times.zone(at - now)
    local = f"; looks like local time ({zone}): send UTC" if zone else ""
    return f"wrong: {distance}, more than {skew // 1000} s: the gateway answers {_code(late)}{local}"


def _code(fault: errors.Fault) -> str:
    found = codes.spell(fault)
    return f"{found.status} {found.code}"


def _say(what: str, text: str) -> None:
    click.echo(f"{what:11} {text}".rstrip())
