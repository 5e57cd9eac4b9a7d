"""``otagw keys``: who may call."""

import sys

import click

from otagw import access as core
from otagw.cli import common


@click.group()
def keys() -> None:
    """Make, list, disable and delete access keys."""


@keys.command()
@click.option("--id", "key_id", help="Id of a key pair you have already; generated when left out.")
@click.option("--secret", help='Its secret; "-" reads it from standard input. Generated when left out.')
@click.option("--account", default="main", show_default=True, help="Whose things the key sees; made when new.")
@click.option(
    "--grant", "grants", multiple=True, help="What it may do, e.g. 'ota:List*'; may be repeated. Default: '*'."
)
def create(key_id: str | None, secret: str | None, account: str, grants: tuple[str, ...]) -> None:
    """Make an access key, or import the pair your scripts use with the vendor."""
    if secret == "-":  # noqa: S105 - where to read it, not the secret
        secret = sys.stdin.readline().rstrip("\r\n")
    from otagw import app  # noqa: PLC0415 - it loads every front

    with common.store(common.load_settings()) as access:
        core.check_grants(grants, app.needs())
        key, shown = access.create(key_id=key_id, secret=secret, account=account, grants=grants or (core.EVERYTHING,))
    click.echo(f"AccessKeyId      {key.id}")
    click.echo(f"AccessKeySecret  {shown if secret is None else '(as given)'}")
    click.echo(f"Account          {key.account}")
    click.echo(f"Grants           {' '.join(key.grants)}{'' if grants else '   (none given: everything)'}")
    if secret is None:
        click.echo("The secret is shown this once.", err=True)
    elif len(secret) < core.GOOD_SECRET:
        click.echo(
            f"Warning: the secret has {len(secret)} characters. One below {core.GOOD_SECRET} can be guessed from any "
            "request that it signed: keep to https, and replace it.",
            err=True,
        )


@keys.command("list")
def list_() -> None:
    """List every access key, without its secret."""
    with common.store(common.load_settings()) as access:
        found = access.list()
    for key in found:
        state = "enabled" if key.enabled else "disabled"
        click.echo(f"{key.id:24}  {key.account:12}  {state:8}  {common.day(key.created)}  {' '.join(key.grants)}")
    if not found:
        click.echo("There is no access key: otagw keys create", err=True)


common.add_switches(
    keys,
    "key_id",
    disable="Refuse a key from now on.",
    enable="Accept a disabled key again.",
    delete="Forget a key for good.",
    switch=lambda access, _, key_id, enabled: access.enable(key_id, enabled),
    remove=lambda access, _, key_id: access.delete(key_id),
    options=(),  # the id of an access key is unique across accounts
)
