"""``otagw sign`` and ``otagw call``: Actions from a shell."""

import functools
import json
from collections.abc import Callable
from typing import Any

import click
import requests

from otagw.cli import common
from otagw.dialects.aliyun import client
from otagw.dialects.aliyun.client import Signed

TIMEOUT = (5, 60)


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what it needs to sign: endpoint, key and scheme."""
    for option in (
        click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]..."),
        click.argument("action"),
        click.option("--scheme", type=click.Choice(["v1", "v3"]), default="v1", show_default=True, help="Signature."),
        click.option("--method", type=click.Choice(["GET", "POST"]), help="Default: GET with v1, POST with v3."),
        click.option("--endpoint", metavar="URL", help="Default: the gateway of the settings here."),
        click.option(
            "--id", "key_id", envvar="ALIBABA_CLOUD_ACCESS_KEY_ID", help="Default: the oldest enabled key kept here."
        ),
        click.option("--secret", envvar="ALIBABA_CLOUD_ACCESS_KEY_SECRET", help="Default: that of a key kept here."),
    ):
        command = option(command)
    return command


@click.command()
@_options
@click.option("--curl", "as_curl", is_flag=True, help="Print a curl line, not the URL alone; with v3 it always is one.")
def sign(as_curl: bool, scheme: str, **options: Any) -> None:
    """Print a signed request for an Action. It can be used once, and soon."""
    signed = _sign(scheme=scheme, **options)
    click.echo(signed.curl() if as_curl or scheme == "v3" or signed.method == "POST" else signed.url)


@click.command()
@_options
@click.option(
    "--cacert", type=click.Path(exists=True, dir_okay=False), help="CA certificate that signed the gateway's."
)
def call(cacert: str | None, **options: Any) -> None:
    """Call an Action and show its answer; the exit status says whether it succeeded."""
    signed = _sign(**options)
    try:
        answer = requests.request(
            signed.method, signed.url, headers=dict(signed.headers), timeout=TIMEOUT, verify=cacert or True
        )
        body = answer.json()
    except requests.exceptions.JSONDecodeError:
        raise click.ClickException(f"no JSON came from {signed.url.partition('?')[0]}: is it a gateway?") from None
    except requests.RequestException as error:
        raise click.ClickException(
            f"{signed.url.partition('?')[0]} cannot be reached ({type(error).__name__})"
        ) from None
    click.echo(json.dumps(body, indent=2, ensure_ascii=False))
    if not (isinstance(body, dict) and (body.get("Success") or body.get("success"))):
        raise SystemExit(1)


def _sign(
    action: str,
    parameters: tuple[str, ...],
    scheme: str,
    method: str | None,
    endpoint: str | None,
    key_id: str | None,
    secret: str | None,
) -> Signed:
    params = {"Action": action}
    for pair in parameters:
        name, equals, value = pair.partition("=")
        if not equals or not name or name in params:
            raise click.UsageError(f"{pair!r}: expected NAME=VALUE, each name once")
        params[name] = value
    if not (key_id and secret):
        key_id, secret = own_key(key_id)
    to = (endpoint or common.load_settings().endpoint).rstrip("/")
    maker = functools.partial(getattr(client, scheme), to, key_id, secret, params)
    return maker(method) if method else maker()  # type: ignore[no-any-return]  # either maker returns a Signed


def own_key(key_id: str | None) -> tuple[str, str]:
    """Return a key pair of the database here: the one named, or the oldest that is enabled."""
    with common.store(common.load_settings()) as access:
        enabled = [key.id for key in access.list() if key.enabled and key_id in (None, key.id)]
        if not enabled:
            raise click.ClickException("there is no enabled access key here: give --id and --secret")
        return enabled[0], access.find(enabled[0])[1]
