"""``otagw products``: kinds of devices."""

import click

from otagw import clock
from otagw.cli import common
from otagw.ota.devices import self_registration as core_self_registration
from otagw.ota.products import minimum_versions, modules
from otagw.ota.products import products as core
from otagw.ota.products.products import ProductDraft


@click.group()
def products() -> None:
    """Make, list and delete products, and say how their devices ask."""


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
    draft = ProductDraft(name=name, key=key, description=description, is_gateway=gateway)
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
        lowest = minimum_versions.every(product.key for product in found.items)
    for product in found.items:
        least = [f"{known.module} {known.version}" for known in lowest if known.product_key == product.key]
        said = f"  minimum {', '.join(least)}" if least else ""
        devices = "device" if product.devices == 1 else "devices"
        start = f"{product.key:24}  {product.devices:>9} {devices:7}  {common.day(product.created)}"
        click.echo(f"{start}  {product.name}{said}")
    common.say_where(found)


@products.group("gateway-token")
def gateway_token() -> None:
    """Let the devices of a product share a token, for stacks that speak hawkBit's API."""


@gateway_token.command("set")
@click.argument("product")
@click.argument("token", required=False, callback=common.check_token)
@common.account_option
def set_token(product: str, token: str | None, account: str) -> None:
    """Let all devices of PRODUCT use TOKEN; one is made, and shown this once, when it is left out."""
    with common.store(common.load_settings()) as access:
        chosen = token or clock.random_text(common.TOKEN_LENGTH)
        core.set_gateway_token(common.owner(access, account), product, chosen)
    click.echo(f"{product} has the token that was given" if token else f"GatewayToken  {chosen}")


@gateway_token.command("clear")
@click.argument("product")
@common.account_option
def clear_token(product: str, account: str) -> None:
    """Let the devices of PRODUCT use no token but their own."""
    with common.store(common.load_settings()) as access:
        core.set_gateway_token(common.owner(access, account), product, None)
    click.echo(f"{product} has no token")


@products.group("self-registration")
def self_registration() -> None:
    """Let devices that the gateway does not know register themselves by the token of their product; off at first."""


@self_registration.command("allow")
@click.argument("product")
@click.option(
    "--most",
    type=click.IntRange(1, 10_000_000),
    default=core_self_registration.MOST,
    show_default=True,
    help="How many devices PRODUCT has when no more may register themselves.",
)
@common.account_option
def allow_self_registration(product: str, most: int, account: str) -> None:
    """Register each device that polls by hawkBit's API with the gateway token of PRODUCT."""
    with common.store(common.load_settings()) as access:
        core.set_self_registration(common.owner(access, account), product, most)
    click.echo(f"{product} takes devices that register themselves until it has {most}")


@self_registration.command("refuse")
@click.argument("product")
@common.account_option
def refuse_self_registration(product: str, account: str) -> None:
    """Refuse devices of PRODUCT that the gateway does not know, with every token."""
    with common.store(common.load_settings()) as access:
        core.set_self_registration(common.owner(access, account), product, None)
    click.echo(f"{product} takes no devices that register themselves")


@products.command("poll-interval")
@click.argument("product")
@click.argument("interval", callback=common.check_interval)
@common.account_option
def poll_interval(product: str, interval: int, account: str) -> None:
    """Let the devices of PRODUCT that speak hawkBit's API ask every INTERVAL, as HH:MM:SS.

    Each device asks up to a tenth earlier or later, always the same. The interval of a group comes first.
    """
    with common.store(common.load_settings()) as access:
        core.set_poll_seconds(common.owner(access, account), product, interval)
    common.say_interval(product, interval)


@products.command()
@click.argument("key")
@common.account_option
def show(key: str, account: str) -> None:
    """Show the product KEY, its modules and their minimum versions."""
    with common.store(common.load_settings()) as access:
        owner = common.owner(access, account)
        product = core.get(owner, key)
        lowest = minimum_versions.every([key])
        known = modules.every(owner, key)
    click.echo(f"ProductKey   {product.key}")
    click.echo(f"Name         {product.name}")
    if product.description:
        click.echo(f"Description  {common.one_line(product.description)}")
    click.echo(f"Created      {common.second(product.created)}")
    click.echo(f"Devices      {product.devices}")
    if product.self_registration is not None:
        click.echo(f"Registers    devices by themselves, until there are {product.self_registration}")
    click.echo(f"Modules      {' '.join(module.name for module in known)}")
    for minimum in lowest:
        click.echo(f"Minimum      {minimum.version} of {minimum.module}")


@products.command()
@click.argument("product")
@click.argument("words", metavar="[MODULE] VERSION", nargs=-1)
@click.option("--clear", is_flag=True, help="Take the minimum away; then only MODULE may follow PRODUCT.")
@click.option("--force", is_flag=True, help="Set a lower version than the minimum now.")
@common.account_option
def minimum(product: str, words: tuple[str, ...], clear: bool, force: bool, account: str) -> None:
    """Offer devices of PRODUCT no VERSION of a module below this one; the module is "default" when left out.

    docs/minimum-versions.md says which of two versions is the higher.
    """
    if clear and force:
        raise click.UsageError("--clear needs no --force")
    least, most = (0, 1) if clear else (1, 2)
    if not least <= len(words) <= most:
        raise click.UsageError("expected PRODUCT [MODULE] with --clear, else PRODUCT [MODULE] VERSION")
    module = words[0] if len(words) == most else modules.DEFAULT
    with common.store(common.load_settings()) as access:
        owner = common.owner(access, account)
        if clear:
            minimum_versions.clear(owner, product, module)
        else:
            minimum_versions.set_(owner, product, module, words[-1], lower=force)
    click.echo(f"{product} {module} has no minimum" if clear else f"{product} {module} has the minimum {words[-1]}")


@products.command()
@click.argument("key")
@common.account_option
def delete(key: str, account: str) -> None:
    """Delete the product KEY, which has neither devices nor packages."""
    with common.store(common.load_settings()) as access:
        core.delete(common.owner(access, account), key)
    click.echo(f"{key} is deleted")
