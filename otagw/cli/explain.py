"""``otagw explain``: why a signature is wrong."""

import click


@click.command()
def explain() -> None:
    """Say whether a signed request is right, and if not, which mistake explains it."""
