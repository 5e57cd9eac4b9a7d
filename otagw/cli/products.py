"""``otagw products``: kinds of devices."""

import click

from otagw.cli import common
from otagw.ota import products as core
from otagw.ota.products import Draft


@click.group()
def products() -> None:
    """Make, list and delete products."""


@products.command()
@click.argument("name")
@click.option("--key", help="The ProductKey that devices and scripts use already; made up when left out.")
@click.option("--description", help="What it is for.")
@click.option("--gateway", is_flag=True, help="Other devices connect through it.")
@common.account_option
def create(name: str, key: str | None, description: str | None, gateway: bool, account: str) -> None:
    """Make a product called NAME."""
    if key is not None and not core.KEY.fullmatch(key):
        raise click.ClickException("--key: expected 1 to 256 of A-Z a-z 0-9 _ -, no reserved word")
    draft = Draft(name=name, key=key, description=description, is_gateway=gateway)
    with common.store(common.load_settings()) as access:
        made = core.create(common.owner(access, account), draft)
        click.echo(f"ProductKey     {made.key}")
        click.echo(f"ProductSecret  {made.secret}")


@products.command("list")
@common.account_option
@common.page_option
def list_(account: str, page: int) -> None:
    """List products, newest first, 50 a page."""
    with common.store(common.load_settings()) as access:
        found = core.page(common.owner(access, account), page, common.PAGE)
    for product in found.items:
        click.echo(f"{product.key:24}  {product.devices:>9} devices  {common.day(product.created)}  {product.name}")
    common.say_where(found)


@products.command()
@click.argument("key")
@common.account_option
def delete(key: str, account: str) -> None:
    """Delete the product KEY, which has neither devices nor packages."""
    with common.store(common.load_settings()) as access:
        core.delete(common.owner(access, account), key)
    click.echo(f"{key} is deleted")
