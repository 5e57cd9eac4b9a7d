"""``otagw projects``: the ids under which clients of IoTDA address an account."""

import re

import click

from otagw.cli import common
from otagw.ota import projects as core


@click.group()
def projects() -> None:
    """Make and list projects; where unknown products are registered, so are they by the first change below them."""


@projects.command()
@click.argument("project_id")
@common.account_option
def create(project_id: str, account: str) -> None:
    """Give the account the project PROJECT_ID."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", project_id):
        raise click.ClickException("PROJECT_ID: expected 1 to 64 letters, digits, _ -")
    with common.store(common.load_settings()) as access:
        core.create(common.owner(access, account), project_id)
    click.echo(f"{project_id} is the account's")


@projects.command("list")
@common.account_option
def list_(account: str) -> None:
    """List the account's projects, oldest first."""
    with common.store(common.load_settings()) as access:
        for project in core.every(common.owner(access, account)):
            click.echo(project)
