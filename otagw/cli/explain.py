"""``otagw explain``: why a signature or a device's password is wrong, judged by the gateway's own code."""

import os
import shlex
import sys
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import click
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from otagw import parts
from otagw.cli import common, explained_fronts
from otagw.cli.sign import ALIBABA, HUAWEI
from otagw.dialects.aliyun.wire import FORM
from otagw.dialects.iotda import wire

_UNREAD: Final = ("--data-urlencode", "-F", "--form", "-G", "--get", "-T", "--upload-file", "--json")
_SAID: Final = ("client_id", "user_name", "password")
# Shorter ones may stand in a request by chance.
_LONG: Final = 8


@click.command(
    context_settings={"ignore_unknown_options": True},
    epilog="A curl line will do as well, as it is or as one argument in quotes: its -X, -H and -d are read.",
)
@click.argument("words", nargs=-1, metavar="URL")
@click.option("-X", "--method", "--request", help="Default: GET, or POST with --data.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header; may be repeated.")
@click.option(
    "-d",
    "--data",
    "--data-raw",
    "--data-ascii",
    "--data-binary",
    "data",
    multiple=True,
    help="The form or JSON in the body.",
)
@click.option(
    "--secret",
    help=f'"-" reads it from standard input. Default: {ALIBABA[1]} (for IoTDA {HUAWEI[1]}), or that of the key kept '
    "here under the same id.",
)
@click.option("--mqtt", is_flag=True, help="Explain what a device says in CONNECT: a packet in hex, or these three.")
@click.option("--client-id", help="With --mqtt: the client id.")
@click.option("--user-name", help="With --mqtt: the user name.")
@click.option("--password", help="With --mqtt: the password, which is signed with the secret.")
def explain(words: tuple[str, ...], secret: str | None, *, mqtt: bool, **options: Any) -> None:
    """Say whether a signed request, of an Action or of IoTDA, is right, and if not, which mistake explains it.

    With --mqtt, say so of the client id, user name and password of a device; its secret is that kept here, or --secret.
    Ends with 0 if the gateway would believe the request, with 1 if not.
    """
    said = [options.pop(name) for name in _SAID]
    if mqtt:
        from otagw.cli import explained_mqtt  # noqa: PLC0415 - requests need no MQTT

        given = explained_mqtt.read("".join(words), *said)
        if not explained_mqtt.explain(given, _read(secret, "")):
            raise SystemExit(1)
        return
    if any(said):
        raise click.UsageError("--client-id, --user-name and --password go with --mqtt")
    if not words:
        raise click.UsageError("expected a URL")
    if words[0].split()[:1] == ["curl"] and len(words) == 1:
        words, options = _unpaste(words[0])
    url = _url(words)
    request = _request(url, **options)
    variables = (HUAWEI, ALIBABA) if wire.is_ours(url.path) else (ALIBABA,)
    found = (os.environ[name] for _, name in variables if os.environ.get(name))
    secret = _read(secret or next(found, None), str((words, options)))
    with parts.opened(common.load_settings()):
        right = explained_fronts.explain(url.path, request, secret)
    if not right:
        raise SystemExit(1)


def _unpaste(line: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Read a curl line by this command's own options, which are named as curl's."""
    try:
        words = shlex.split(line.replace("\\\n", " "))
    except ValueError as error:
        raise click.UsageError(f"the curl line cannot be read: {error}") from None
    found = dict(explain.make_context("explain", words).params)
    for name in ("secret", "mqtt", *_SAID):
        del found[name]
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
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    if body.startswith("@"):
        raise click.UsageError("--data: expected the form itself, not the name of a file")
    if not all(line.partition(":")[0].strip() and ":" in line for line in headers):
        raise click.UsageError("--header: expected 'NAME: VALUE'")
    given = [(name.strip(), _wire(value.strip())) for name, _, value in (line.partition(":") for line in headers)]
    if data and "content-type" not in [name.lower() for name, _ in given]:
        given.append(("Content-Type", FORM))
    try:
        builder = EnvironBuilder(
            method=(method or ("POST" if data else "GET")).upper(),
            headers=[("Host", _wire(url.netloc.rpartition("@")[2])), *given],
            data=body.encode(errors="surrogateescape") if data else None,
            environ_overrides={"QUERY_STRING": _wire(url.query), "RAW_URI": _wire(target)},
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
