"""``otagw audit``: who changed what."""

import json
from datetime import UTC, datetime

import click

from otagw.cli import common
from otagw.ota import audit as core
from otagw.ota.audit import Event


@click.command()
@click.option("--since", type=common.moment, help="Not before: 7d, 2026-01-31, 2026-01-31T12:00 (UTC).")
@click.option("--until", type=common.moment, help="Before.")
@click.option("--key", help='Only by this access key; "cli" for the command line.')
@click.option("--operation", help='Only this operation, e.g. DeleteOTAFirmware or "keys create".')
@click.option("--account", help="Only of this account; of all when left out.")
@click.option("--before", type=click.IntRange(1, 2**63 - 1), help="Those after this event of a listing, by its id.")
@click.option("--oldest-first", is_flag=True, help="Begin with the oldest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@common.page_option
def audit(
    since: int | None,
    until: int | None,
    key: str | None,
    operation: str | None,
    account: str | None,
    before: int | None,
    oldest_first: bool,
    as_json: bool,
    page: int,
) -> None:
    """List who changed what, newest first, 50 a page; of 10,000 events at once."""
    with common.store(common.load_settings()) as access:
        whose = common.owner(access, account) if account else None
        among = core.Filter(since, until, key, operation, before, oldest_first)
        found, go_on = core.page(whose, page, common.PAGE, among)
    for event in found.items:
        click.echo(_json(event) if as_json else _line(event))
    common.say_where(found)
    if go_on:
        click.echo(f"There are more: go on with --before {go_on}.", err=True)


def _json(event: Event) -> str:
    at = datetime.fromtimestamp(event.at / 1000, UTC).isoformat(timespec="milliseconds")
    return json.dumps({**event._asdict(), "id": str(event.id), "at": at})


def _line(event: Event) -> str:
    what = event.code or f"{event.kind} {event.object}"
    what += f" ({event.times} times)" if event.times > 1 else ""
    who = f"{event.account}  {event.key_id:24}"
    return f"{common.second(event.at)}  {who}  {event.operation:28}  {what}  {event.address}".rstrip()
