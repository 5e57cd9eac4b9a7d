"""``otagw backup`` and ``otagw restore``."""

from pathlib import Path

import click

from otagw import errors
from otagw.cli import common
from otagw.db import database
from otagw.ops import backup as core
from otagw.ops import restore as way_back

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@click.option(
    "--files",
    type=click.Choice([core.COPY, core.LIST]),
    default=core.COPY,
    show_default=True,
    help="Put the files of packages in, or only list them with their digests.",
)
@click.option("--with-master-key", is_flag=True, help="Put in the key that opens every secret of the database.")
def backup(file: Path, files: str, with_master_key: bool) -> None:
    """Write a backup of this gateway, which may go on running, to a new FILE (tar).

    With PostgreSQL it needs pg_dump.
    """
    chosen = common.load_settings()
    with common.store(chosen), common.cleaning_up():
        try:
            made = core.create(chosen, file, files=files, with_master_key=with_master_key)
        except (core.BackupError, OSError, errors.Unavailable) as error:
            raise click.ClickException(str(error)) from None
    held, left = common.counted(len(made.files), "file"), common.counted(len(made.left), "file")
    said = held if files == core.COPY else f"without its {left}, which it lists"
    click.echo(f"{file}: the {made.engine} database of {made.created}, {said}.", err=True)
    if with_master_key:
        click.echo("It HOLDS THE MASTER KEY: whoever reads it has every secret. Keep it so.", err=True)
    else:
        where = chosen.data_path / core.MASTER_KEY
        click.echo(f"It does not hold the master key ({where}): without that, no key and no link works.", err=True)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Restore the backup FILE into the data folder, which must be empty, and into the storage; all or nothing."""
    from otagw import parts  # noqa: PLC0415 - what only calls a gateway need not load one

    chosen = common.load_settings()
    try:
        with common.cleaning_up(), parts.opened(chosen):
            found, doubt = way_back.restore(chosen, file)
    except (core.BackupError, errors.Unavailable) as error:
        raise click.ClickException(str(error)) from None
    except database.TROUBLE as error:
        raise click.ClickException(f"the database does not answer: {error}") from None
    held = common.counted(len(found.files), "file")
    click.echo(f"Restored the gateway of {found.created} with {held}. Run otagw migrate.", err=True)
    if doubt:
        click.echo(
            f"Warning: nothing proves that this gateway wrote the backup: {doubt}. Do you know its origin?", err=True
        )
    if absent := way_back.missing(chosen, found):
        verb = "is" if len(absent) == 1 else "are"
        lacking = f"{common.counted(len(absent), 'file')} {verb} listed and not in the storage"
        click.echo(f"{lacking}: {', '.join(absent[:3])} …", err=True)
    if core.MASTER_KEY not in found.members:
        where = chosen.data_path / core.MASTER_KEY
        click.echo(f"It has no master key: bring {where}, or OTAGW_MASTER_KEY, before you serve.", err=True)
