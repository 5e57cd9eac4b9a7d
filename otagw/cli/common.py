"""What the commands share: settings, the database behind them, and errors said in one line."""

import contextlib
from collections.abc import Iterator

import click

from otagw import database, errors, settings
from otagw.access import Keys
from otagw.settings import Settings
from otagw.vault import VaultError


def load_settings() -> Settings:
    """Return the settings, or end with what is wrong with them."""
    try:
        return settings.load()
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from None


@contextlib.contextmanager
def store(chosen: Settings) -> Iterator[Keys]:
    """Open the migrated database of these settings, and its access keys."""
    from otagw.app import open_keys  # noqa: PLC0415 - what only calls a gateway need not load Flask

    database.connect(chosen)
    try:
        database.check_version()
        yield open_keys(chosen)
    except (database.WrongVersion, VaultError) as error:
        raise click.ClickException(str(error)) from None
    except errors.NotFound as fault:
        raise click.ClickException(f"there is no {fault.kind} {fault.key}") from None
    except errors.AlreadyExists as fault:
        raise click.ClickException(f"there is a {fault.kind} {fault.key} already") from None
    except errors.InvalidParameter as fault:
        raise click.ClickException(f"--{fault.name}: expected {fault.expected}") from None
    except database.TROUBLE as error:
        raise click.ClickException(f"the database does not answer: {error}") from None
    finally:
        database.disconnect()
