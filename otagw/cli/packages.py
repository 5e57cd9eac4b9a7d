"""``otagw packages``: what devices can be updated to, and who has signed it."""

import json
import sys
from collections.abc import Iterator

import click

from otagw import errors
from otagw.cli import common
from otagw.ota import accounts, states
from otagw.ota.packages import packages as core
from otagw.ota.packages import signatures, stored_files
from otagw.ota.packages.records import Package

_LATEST = 2**53 - 1
not_before_option = click.option(
    "--not-before",
    type=click.IntRange(0, _LATEST),
    help="Epoch seconds before which the package is not valid. Default: when it was made.",
)


@click.group()
def packages() -> None:
    """List, show and sign packages."""


@packages.command("list")
@click.option("--product", help="Only packages of this ProductKey.")
@common.account_option
@common.page_option
def list_(product: str | None, account: str, page: int) -> None:
    """List packages, newest first, 50 a page."""
    with common.store(common.load_settings()) as access:
        owner = common.owner(access, account)
        found = core.page(owner, page, common.PAGE, product_key=product, version=None)
    for package in found.items:
        what = f"{package.product_key or '-'} {package.module} {package.version}"
        line = f"{package.id:<19}  {common.day(package.created)}  {what}  {package.name or ''}"
        click.echo(common.one_line(line).rstrip())
    common.say_where(found)


@packages.command()
def usage() -> None:
    """Show how many packages and bytes of files each account has, of how many where a setting limits them."""
    chosen = common.load_settings()
    with common.store(chosen) as access:
        owners = [common.owner(access, name) for name in accounts.names()]
        found = [(owner.name, core.kept(owner), stored_files.stored(owner)) for owner in owners]
    for name, kept, stored in found:
        counts = (kept, "package", chosen.package_quota), (stored, "byte", chosen.bytes_per_account)
        click.echo(f"{name:<20}  {', '.join(common.counted(*count) for count in counts)}")


@packages.command()
@click.argument("package_id")
@common.account_option
def show(package_id: str, account: str) -> None:
    """Show a package, and who has signed it."""
    with common.store(common.load_settings()) as access:
        package = core.get(common.owner(access, account), package_id)
        lines = [*_facts(package), *_signatures(package)]
    for name, text in lines:
        click.echo(f"{name:14}{common.one_line(text)}")


@packages.command()
@click.argument("package_id")
@click.option("--key", "name", help="The signing key. Default: each one that is here and may sign the product.")
@not_before_option
@common.account_option
def sign(package_id: str, name: str | None, not_before: int | None, account: str) -> None:
    """Sign a package with a key that is kept here."""
    with common.store(common.load_settings()) as access:
        made = signatures.sign(common.owner(access, account), package_id, name, not_before)
    for signature in made:
        click.echo(f"{package_id} is signed by {signature.key}")


@packages.command()
@click.argument("package_id")
@click.option("--key", "name", help="The signing key that is to sign. Needed where keys of several formats may.")
@not_before_option
@common.account_option
def statement(package_id: str, name: str | None, not_before: int | None, account: str) -> None:
    """Print what is to be signed elsewhere: these bytes, and no line feed after them."""
    with common.store(common.load_settings()) as access:
        said = signatures.statement(common.owner(access, account), package_id, not_before, name)
    click.echo(said.encode(), nl=False)


@packages.command()
@click.argument("package_id")
@click.argument("signature")
@click.option("--key", "name", required=True, help="The signing key that made it.")
@not_before_option
@common.account_option
def attach(package_id: str, signature: str, name: str, not_before: int | None, account: str) -> None:
    """Check and keep a SIGNATURE, in Base64, that was made elsewhere ("-" reads it from standard input)."""
    if signature == "-":
        signature = sys.stdin.read()
    with common.store(common.load_settings()) as access:
        signatures.attach(common.owner(access, account), package_id, name, "".join(signature.split()), not_before)
    click.echo(f"{package_id} is signed by {name}")


def _facts(package: Package) -> Iterator[tuple[str, str]]:
    yield "PackageId", str(package.id)
    yield "Name", package.name or "-"
    yield "Product", package.product_key or "-"
    yield "Kind", package.kind
    yield "Module", package.module
    yield "Version", package.version
    yield "Status", states.PACKAGE_STATES[package.status]
    yield "Created", common.second(package.created)


def _signatures(package: Package) -> Iterator[tuple[str, str]]:
    found = signatures.of(package.id)
    for signature in found:
        said = json.loads(signature.statement)
        lacks = "" if "kind" in said else ", in a statement that does not name the kind"
        yield "Signed by", f"{signature.key}, not before {common.second(said['not_before'] * 1000)}{lacks}"
    if found:
        return
    try:
        signatures.text(package)
        yield "Signed by", "nobody"
    except errors.WrongState as fault:
        yield "Signed by", f"nobody: the package {fault.state}"
