"""``otagw sign`` and ``otagw call``: Actions, and calls of IoTDA, from a shell."""

import difflib
import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import click
import requests

import otagw.dialects.aliyun.actions  # noqa: F401 - fills the table of Actions
from otagw.cli import common
from otagw.dialects.aliyun import client as actions
from otagw.dialects.aliyun.action import actions as table
from otagw.dialects.iotda import client as iotda
from otagw.dialects.iotda import wire
from otagw.dialects.signed import Signed

TIMEOUT = (5, 60)
_LOOPBACK: Final = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1")
# Where the vendors' SDKs look for a key pair. A path takes the second, or else the first.
ALIBABA: Final = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
HUAWEI: Final = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK")
_ACTION_SCHEMES: Final = {"v1": actions.v1, "v3": actions.v3}
_CALL_SCHEMES: Final = {"sdk": "", "v11": iotda.REGION}


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what it needs to sign: what to call, endpoint, key and scheme."""
    for option in (
        click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]..."),
        click.argument("action", metavar="ACTION|PATH"),
        click.option(
            "--scheme",
            type=click.Choice([*_ACTION_SCHEMES, *_CALL_SCHEMES]),
            help="Signature. Default: v1; sdk for a PATH (v11 is that with a derived key).",
        ),
        click.option(
            "--method",
            type=click.Choice(["GET", "POST", "PUT", "DELETE"]),
            help="Default: GET; POST with v3 and with --data.",
        ),
        click.option("-d", "--data", metavar="JSON", help="The body of a call of IoTDA."),
        click.option("--endpoint", metavar="URL|HOST:PORT", help="Default: the gateway of the settings here."),
        click.option(
            "--id",
            "key_id",
            help=f"Default: {ALIBABA[0]} (for a PATH {HUAWEI[0]}), or the oldest enabled key kept here.",
        ),
        click.option("--secret", help=f"Default: {ALIBABA[1]} (for a PATH {HUAWEI[1]}), or that of a key kept here."),
    ):
        command = option(command)
    return command


@click.command()
@_options
@click.option(
    "--curl", "as_curl", is_flag=True, help="Print a curl line, not the URL alone: only GET with v1 fits into one."
)
def sign(as_curl: bool, **options: Any) -> None:
    """Print a signed request for an Action, or for the PATH of a call of IoTDA (/v5/…).

    One for an Action can be used once, and both soon.
    """
    signed = _sign(**options)
    click.echo(signed.curl() if as_curl or signed.headers or signed.method != "GET" else signed.url)


@click.command()
@_options
@click.option(
    "--cacert", type=click.Path(exists=True, dir_okay=False), help="CA certificate that signed the gateway's."
)
def call(cacert: str | None, **options: Any) -> None:
    """Call an Action, or the PATH of a call of IoTDA (/v5/…), and show its answer.

    The exit status says whether it succeeded.
    """
    signed = _sign(**options)
    try:
        answer = _sent(signed, cacert)
        body = answer.json() if answer.content else None
    except requests.exceptions.JSONDecodeError:
        raise click.ClickException(f"no JSON came from {signed.url.partition('?')[0]}: is it a gateway?") from None
    except requests.RequestException as error:
        raise click.ClickException(
            f"{signed.url.partition('?')[0]} cannot be reached ({type(error).__name__})"
        ) from None
    if body is not None:
        click.echo(json.dumps(body, indent=2, ensure_ascii=False))
    if not _succeeded(answer, body):
        raise SystemExit(1)


def _sent(signed: Signed, cacert: str | None) -> requests.Response:
    """Return the answer; what goes to this machine goes past the proxy of the environment, which is another one."""
    with requests.Session() as session:
        session.trust_env = not _LOOPBACK.fullmatch(urlsplit(signed.url).hostname or "")
        return session.request(
            signed.method,
            signed.url,
            headers=dict(signed.headers),
            data=signed.body or None,
            timeout=TIMEOUT,
            verify=cacert or True,
        )


def _succeeded(answer: requests.Response, body: Any) -> bool:
    """Tell whether an answer is a success: by the member that those of Actions have, or by its status."""
    if isinstance(body, dict) and ("Success" in body or "success" in body):
        return bool(body.get("Success") or body.get("success"))
    return answer.status_code < 400 and answer.headers.get("Content-Type", "").startswith(wire.JSON)


def _sign(
    action: str,
    parameters: tuple[str, ...],
    scheme: str | None,
    method: str | None,
    data: str | None,
    endpoint: str | None,
    key_id: str | None,
    secret: str | None,
) -> Signed:
    is_path = action.startswith("/")
    if is_path and not wire.is_ours(action.partition("?")[0]):
        raise click.UsageError(f"{action!r}: expected an Action, or a path below {' or '.join(wire.PREFIXES)}")
    schemes: Mapping[str, Any] = _CALL_SCHEMES if is_path else _ACTION_SCHEMES
    scheme = scheme or next(iter(schemes))
    if scheme not in schemes:
        raise click.UsageError(f"--scheme: expected {' or '.join(schemes)} for {action}")
    if not is_path and (data is not None or method in ("PUT", "DELETE")):
        raise click.UsageError("--data, PUT and DELETE are for the path of a call of IoTDA, not for an Action")
    pairs = _pairs(parameters, set() if is_path else {"Action"})
    key = _key(key_id, secret, (HUAWEI, ALIBABA) if is_path else (ALIBABA,))
    to = (endpoint or common.load_settings().endpoint).rstrip("/")
    to = to if "://" in to else f"http://{to}"
    if not is_path and not table.find(action):
        near = difflib.get_close_matches(action, [operation.name for operation in table], n=1)
        click.echo(f"{action}: no Action of this gateway" + (f"; did you mean {near[0]}?" if near else ""), err=True)
    if is_path:
        body = (data or "").encode()
        way = method or ("POST" if body else "GET")
        return iotda.sign(to, *key, way, action, pairs.items(), body, _CALL_SCHEMES[scheme])
    maker = _ACTION_SCHEMES[scheme]
    every = {"Action": action, **pairs}
    return maker(to, *key, every, method) if method else maker(to, *key, every)


def _pairs(parameters: tuple[str, ...], taken: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in parameters:
        name, equals, value = pair.partition("=")
        if not equals or not name or name in found or name in taken:
            raise click.UsageError(f"{pair!r}: expected NAME=VALUE, each name once")
        found[name] = value
    return found


def _key(key_id: str | None, secret: str | None, variables: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    """Return a key pair: as it is given, as the environment has it, or of the database here."""
    for names in variables:
        found = key_id or os.environ.get(names[0]), secret or os.environ.get(names[1])
        if all(found):
            return str(found[0]), str(found[1])
    return own_key(key_id or next((os.environ[name] for name, _ in variables if os.environ.get(name)), None))


def own_key(key_id: str | None) -> tuple[str, str]:
    """Return a key pair of the database here: the one named, or the oldest that is enabled."""
    with common.store(common.load_settings()) as access:
        enabled = [key.id for key in access.list() if key.enabled and key_id in (None, key.id)]
        if not enabled:
            raise click.ClickException("there is no enabled access key here: give --id and --secret")
        return enabled[0], access.find(enabled[0])[1]
