"""``otagw keys``: who may call."""

import os
import sys

import click

from otagw import access as core
from otagw.cli import common
from otagw.security import data_keys, vault


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


@keys.command("rotate-master")
@click.option("--keep-old", is_flag=True, help="Accept the old key too until --finish: for several nodes.")
@click.option("--finish", "end", flag_value="finish", help="Refuse the old key from now on.")
@click.option("--cancel", "end", flag_value="cancel", help="Refuse the new key again, say because it was lost.")
def rotate_master(keep_old: bool, end: str | None) -> None:
    """Replace the master key while the gateway runs; safe to repeat where it was interrupted.

    The key of the file master.key is replaced by a new one. Where it is in OTAGW_MASTER_KEY, put a new one into
    OTAGW_NEW_MASTER_KEY: both open the database then, until --finish. Secrets, links, forms and tokens stay good.
    """
    chosen = common.load_settings()
    folder, is_ours = chosen.data_path, vault.VARIABLE not in os.environ
    with common.store(chosen), data_keys.alone(folder):
        if data_keys.is_rotating() and not (folder / vault.NEW_FILE).exists():
            if not end and not (is_ours and not keep_old):
                raise click.ClickException("two keys open the database already: say --finish or --cancel")
        elif not end:
            data_keys.rotate(folder)
        if end or (is_ours and not keep_old):
            data_keys.dismiss_other(vault.unlock(folder), is_old=end != "cancel")
    where = folder / vault.FILE if is_ours else vault.VARIABLE
    if end or (is_ours and not keep_old):
        click.echo(f"The master key in {where} alone opens the database: keep a copy of it.", err=True)
    else:
        said = f"Two keys open the database. Give every node the new one ({where}) and restart it; then: --finish"
        click.echo(said, err=True)


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
