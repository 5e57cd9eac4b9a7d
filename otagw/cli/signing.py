"""``otagw keys signing``: who releases packages; docs/signed-packages.md."""

from typing import BinaryIO

import click

from otagw.cli import common
from otagw.ota.packages import signing_keys as core

product_option = click.option(
    "--product", "products", multiple=True, help="Sign packages of this ProductKey only; may be repeated."
)


@click.group()
def signing() -> None:
    """Make, add, list, disable and delete the keys that sign packages."""


@signing.command()
@click.argument("name")
@product_option
@click.option("--auto", is_flag=True, help="Sign each new package with it.")
@click.option("--offline", is_flag=True, help="Print the private key, once, and keep the public one alone.")
@common.account_option
def create(name: str, products: tuple[str, ...], auto: bool, offline: bool, account: str) -> None:
    """Make an Ed25519 key pair called NAME, and keep it encrypted."""
    with common.store(common.load_settings()) as access:
        owner = common.owner(access, account)
        key, private = core.create(owner, name, product_keys=products, auto=auto, offline=offline)
    if private is None:
        click.echo(f"{key.name} is made. Its public key, for devices:", err=True)
        click.echo(key.pem, nl=False)
    else:
        click.echo(private, nl=False)
        click.echo(f"{key.name} is made. This private key is shown this once, and is not kept here.", err=True)


@signing.command()
@click.argument("name")
@click.argument("public", type=click.File("rb"))
@product_option
@common.account_option
def add(name: str, public: BinaryIO, products: tuple[str, ...], account: str) -> None:
    """Add a key NAME whose private part stays elsewhere, by its file PUBLIC in PEM ("-" is standard input)."""
    pem = public.read()
    with common.store(common.load_settings()) as access:
        key = core.add(common.owner(access, account), name, pem, product_keys=products)
    click.echo(f"{key.name} is added")


@signing.command("list")
@common.account_option
def list_(account: str) -> None:
    """List signing keys, oldest first, without anything secret."""
    with common.store(common.load_settings()) as access:
        found = core.every(common.owner(access, account))
    for key in found:
        state = "enabled" if key.enabled else "disabled"
        kind = "elsewhere" if key.private is None else "auto" if key.auto else "here"
        products = " ".join(key.products) or "all products"
        products += "" if key.statement_format == core.NEWEST else "  (its statements do not name the kind)"
        click.echo(f"{key.name:24}  {state:8}  {kind:9}  {common.day(key.created)}  {products}")
    if not found:
        click.echo("There is no signing key: otagw keys signing create NAME", err=True)


@signing.command()
@click.argument("name")
@common.account_option
def public(name: str, account: str) -> None:
    """Print the public key of NAME in PEM, for devices."""
    with common.store(common.load_settings()) as access:
        click.echo(core.get(common.owner(access, account), name).pem, nl=False)


common.add_switches(
    signing,
    "name",
    disable="Sign nothing more with a key, and show devices none of its signatures.",
    enable="Sign with a disabled key again, and show its signatures.",
    delete="Forget a key for good, of which no package carries a signature.",
    switch=lambda _, account, name, enabled: core.enable(account(), name, enabled),
    remove=lambda _, account, name: core.delete(account(), name),
)
