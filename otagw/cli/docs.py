"""``otagw actions`` and ``otagw docs``: the reference, made from the code."""

import click

from otagw import settings


@click.command()
def actions() -> None:
    """List the Actions that are served."""
    from otagw.cli import reference  # noqa: PLC0415 - loads every schema

    for operation in reference.operations():
        click.echo(f"{operation.name:24}  {operation.doc.splitlines()[0]}")


@click.command()
@click.argument("page", type=click.Choice(["settings", "actions", "codes", "iotda", "states", "schema"]))
def docs(page: str) -> None:
    """Print a generated page: the settings file, one of docs/ that the code has the facts of, or the schema."""
    from otagw.cli import reference  # noqa: PLC0415

    pages = {
        "settings": settings.document,
        "actions": reference.actions_page,
        "codes": reference.codes_page,
        "iotda": reference.iotda_page,
        "states": reference.states_page,
        "schema": reference.schema_text,
    }
    click.echo(pages[page](), nl=False)
