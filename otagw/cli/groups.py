"""``otagw groups``: groups of devices."""

import click

from otagw.cli import common
from otagw.ota.devices import groups as core


@click.group()
def groups() -> None:
    """List groups of devices, and set how often their devices ask."""


@groups.command("list")
@common.account_option
@common.page_option
def list_(account: str, page: int) -> None:
    """List the groups of the account with their ids, newest first, 50 a page."""
    with common.store(common.load_settings()) as access:
        found = core.page(common.owner(access, account), page, common.PAGE)
    for group in found.items:
        asks = f"  asks every {common.interval(group.poll_seconds)}" if group.poll_seconds else ""
        click.echo(f"{group.id:<20}  {common.day(group.created)}  {common.one_line(group.name)}{asks}")
    common.say_where(found)


@groups.group("poll-interval")
def poll_interval() -> None:
    """Let the devices of a group ask at an interval of their own, if they speak hawkBit's API."""


@poll_interval.command("set")
@click.argument("group")
@click.argument("interval", callback=common.check_interval)
@common.account_option
def set_interval(group: str, interval: int, account: str) -> None:
    """Let the devices of the group with the id GROUP ask every INTERVAL, as HH:MM:SS.

    It comes before the interval of their product. A device of several such groups asks at the shortest.
    """
    with common.store(common.load_settings()) as access:
        core.set_poll_seconds(common.owner(access, account), group, interval)
    common.say_interval(group, interval)


@poll_interval.command("clear")
@click.argument("group")
@common.account_option
def clear_interval(group: str, account: str) -> None:
    """Let the devices of the group with the id GROUP ask as often as their product says."""
    with common.store(common.load_settings()) as access:
        core.set_poll_seconds(common.owner(access, account), group, None)
    click.echo(f"{group} has no interval of its own")
