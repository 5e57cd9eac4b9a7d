"""What the commands share: settings, the database behind them, and errors said in one line."""

import contextlib
import getpass
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from otagw import clock, errors, extras, settings
from otagw.access import Keys
from otagw.db import database, schema
from otagw.ota import accounts, audit
from otagw.ota.accounts import Account
from otagw.ota.listing import Page
from otagw.ota.products import products
from otagw.security.vault import VaultError
from otagw.settings import Settings

PAGE: Final = 50
# Of tokens that are made: as many letters and digits.
TOKEN_LENGTH: Final = 32
# What is given to commands by its place, and not as an option.
_ARGUMENTS: Final = ("name", "public", "signature", "version")
# Stands for an access key in the audit.
COMMAND_LINE: Final = "cli"
DAY_SECONDS: Final = 24 * 3600
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
account_option = click.option("--account", default="main", show_default=True, help="Whose things are meant.")
page_option = click.option("--page", type=click.IntRange(1), default=1, show_default=True, help="Which page.")


def load_settings() -> Settings:
    """Return the settings, or end with what is wrong with them."""
    try:
        chosen = settings.load()
        extras.check(chosen)
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from None
    return chosen


@contextlib.contextmanager
def store(chosen: Settings) -> Iterator[Keys]:
    """Open the migrated database of these settings, and its access keys."""
    from otagw import parts  # noqa: PLC0415 - what only calls a gateway need not load one

    try:
        with parts.opened(chosen) as gateway:
            schema.check_version()
            gateway.keys.check()
            with audit.acting(_actor()):
                yield gateway.keys
    except (schema.WrongVersion, VaultError) as error:
        raise click.ClickException(str(error)) from None
    except errors.NotFound as fault:
        raise click.ClickException(f"there is no {fault.kind} {fault.key}") from None
    except errors.AlreadyExists as fault:
        raise click.ClickException(f"there is a {fault.kind} {fault.key} already") from None
    except errors.LimitReached as fault:
        raise click.ClickException(f"there are {fault.limit} {fault.kind}s, as many as there may be") from None
    except errors.InUse as fault:
        raise click.ClickException(f"the {fault.kind} {fault.key} has {fault.by}") from None
    except errors.InvalidParameter as fault:
        name = fault.name.upper() if fault.name in _ARGUMENTS else f"--{fault.name}"
        raise click.ClickException(f"{name}: expected {fault.expected}") from None
    except errors.WrongState as fault:
        raise click.ClickException(f"the {fault.kind} {fault.key} {fault.state}") from None
    except database.TROUBLE as error:
        raise click.ClickException(f"the database does not answer: {error}") from None


@contextlib.contextmanager
def cleaning_up() -> Iterator[None]:
    """Let the first SIGINT, SIGTERM or SIGHUP raise KeyboardInterrupt, and ignore more while the block cleans up.

    A signal that the caller's shell has ignored, as nohup does, stays ignored.
    """

    def interrupt(number: int, _: object) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    every = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in every if signal.getsignal(number) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _actor() -> audit.Actor:
    """Return who uses the command line, for the audit."""
    context = click.get_current_context(silent=True)
    words = context.command_path.split()[1:] if context else []
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        user = str(os.getuid())
    return audit.Actor(COMMAND_LINE, " ".join(words), f"{user}@{socket.gethostname()}", "")


def owner(access: Keys, name: str) -> Account:
    """Return the account that an option names."""
    return accounts.get(name, access.rules)


def add_switches(
    group: click.Group,
    argument: str,
    *,
    disable: str,
    enable: str,
    delete: str,
    switch: Callable[[Keys, Callable[[], Account], str, bool], object],
    remove: Callable[[Keys, Callable[[], Account], str], object],
    options: Sequence[Callable[[Any], Any]] = (account_option,),
) -> None:
    """Add the commands disable, enable and delete to a group, each with its help.

    ``switch`` and ``remove`` take the access keys, what finds the account that an option names, and what is meant.
    """

    def add(name: str, help_text: str, done: str, act: Callable[[Keys, Callable[[], Account], str], object]) -> None:
        def command(account: str = "", **given: str) -> None:
            key = given[argument]
            with store(load_settings()) as access:
                act(access, lambda: owner(access, account), key)
            click.echo(f"{key} is {done}")

        for decorate in (*options, click.argument(argument)):
            command = decorate(command)
        group.command(name, help=help_text)(command)

    add("disable", disable, "disabled", lambda access, account, key: switch(access, account, key, False))
    add("enable", enable, "enabled", lambda access, account, key: switch(access, account, key, True))
    add("delete", delete, "deleted", remove)


def check_token(_context: click.Context, _parameter: click.Parameter, token: str | None) -> str | None:
    """Return a token that fits into a header, or end with what is expected."""
    if token is not None and not re.fullmatch(r"[!-~]{8,256}", token):
        raise click.ClickException("TOKEN: expected 8 to 256 printable ASCII characters without a blank")
    return token


def check_interval(_context: click.Context, _parameter: click.Parameter, text: str) -> int:
    """Return an interval at which devices ask, in seconds, or end with what is expected."""
    found = re.fullmatch(r"([0-9]{2,3}):([0-5][0-9]):([0-5][0-9])", text, re.ASCII)
    hours, minutes, seconds = map(int, found.groups()) if found else (0, 0, 0)
    chosen = hours * 3600 + minutes * 60 + seconds
    if not 1 <= chosen <= products.LONGEST_POLL_SECONDS:
        raise click.ClickException("INTERVAL: expected HH:MM:SS, from 00:00:01 to 720:00:00")
    return chosen


def interval(seconds: int) -> str:
    """Return an interval as `check_interval` reads it."""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def say_interval(whose: str, seconds: int) -> None:
    """Say how often devices are to ask, and which devices cannot read that."""
    click.echo(f"{whose} is to ask every {interval(seconds)}")
    if seconds >= DAY_SECONDS:
        click.echo(
            "Devices are told an interval from a day on as hawkBit tells it, PT48H for 48 hours. SWUpdate and "
            "rauc-hawkbit read HH:MM:SS alone, and take no update from such an answer: give them at most 23:59:59.",
            err=True,
        )


def day(milliseconds: int) -> str:
    """Return a time as lists show it, UTC."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M}"


def second(milliseconds: int) -> str:
    """Return a time to the second, UTC."""
    return clock.spelled(milliseconds)


def counted(number: int, thing: str, of: int = 0) -> str:
    """Return a number with the name of what it counts, given in the singular; ``of`` is a limit, 0 for none."""
    things = thing if (of or number) == 1 else f"{thing}s"
    return f"{number} of {of} {things}" if of else f"{number} {things}"


def one_line(text: str) -> str:
    """Return a text as one line: some of it comes from devices, and none of it is for the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def age(text: str) -> int:
    """Read a span of time, such as 90d, as milliseconds."""
    match = re.fullmatch(r"([0-9]{1,5})([mhdw])", text)
    if match is None:
        raise click.BadParameter(f"expected a number with m, h, d or w, such as 90d; got {text!r}")
    return int(timedelta(**{_UNITS[match[2]]: int(match[1])}).total_seconds()) * 1000


def moment(text: str) -> int:
    """Read a time, or how long ago it was, as milliseconds since 1970; UTC where it says no zone."""
    if re.fullmatch(r"[0-9]+[a-z]", text):
        return clock.now() - age(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"expected such as 7d, 2026-01-31 or 2026-01-31T12:00; got {text!r}") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def say_where(page: Page[Any]) -> None:
    """Say on standard error where in a listing a page is."""
    click.echo(f"Page {page.number} of {max(page.count, 1)}, {page.total} in all.", err=True)
