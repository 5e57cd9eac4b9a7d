"""``otagw webhooks``: who is told of what happens."""

import sys

import click

from otagw import errors
from otagw.cli import common
from otagw.ota.webhooks import outbox
from otagw.ota.webhooks import webhooks as core
from otagw.ota.webhooks.webhooks import Delivery


@click.group()
def webhooks() -> None:
    """Make and list webhooks, test them, and see what they were sent."""


@webhooks.command()
@click.argument("url")
@click.option(
    "--event", "events", multiple=True, help="Which events, e.g. 'task.*'; may be repeated. Default: all of them."
)
@click.option("--secret", help='What signs them; "-" reads it from standard input. Generated when left out.')
@common.account_option
def create(url: str, events: tuple[str, ...], secret: str | None, account: str) -> None:
    """Tell URL of events."""
    if secret == "-":  # noqa: S105 - where to read it, not the secret
        secret = sys.stdin.readline().rstrip("\r\n")
    with common.store(common.load_settings()) as access:
        try:
            made, shown = core.create(common.owner(access, account), url, events or (core.EVERYTHING,), secret)
        except errors.InvalidParameter as fault:
            name = "URL" if fault.name == "url" else f"--{fault.name}"
            raise click.ClickException(f"{name}: expected {fault.expected}") from None
    click.echo(f"WebhookId  {made.id}")
    click.echo(f"Secret     {shown if secret is None else '(as given)'}")
    click.echo(f"Events     {' '.join(made.events)}")
    if secret is None:
        click.echo("The secret is shown this once.", err=True)


@webhooks.command("list")
@common.account_option
def list_(account: str) -> None:
    """List webhooks, oldest first; of their URLs, what comes before the query."""
    with common.store(common.load_settings()) as access:
        found = core.every(common.owner(access, account))
    for webhook in found:
        state = "enabled" if webhook.enabled else "disabled"
        created = common.day(webhook.created)
        click.echo(f"{webhook.id:<19}  {state:8}  {created}  {webhook.shown}  {' '.join(webhook.events)}")
    if not found:
        click.echo("There is no webhook: otagw webhooks create URL", err=True)


common.add_switches(
    webhooks,
    "webhook_id",
    disable="Tell a webhook of nothing more; what is pending waits.",
    enable="Tell a disabled webhook of events again.",
    delete="Forget a webhook and its deliveries for good.",
    switch=lambda _, account, webhook_id, enabled: core.enable(account(), webhook_id, enabled),
    remove=lambda _, account, webhook_id: core.delete(account(), webhook_id),
)


@webhooks.command()
@click.argument("webhook_id")
@common.account_option
def test(webhook_id: str, account: str) -> None:
    """Send a ping to a webhook now, and say what it answers."""
    with common.store(common.load_settings()) as access:
        ping = outbox.deliver_ping(common.owner(access, account), webhook_id)
    if ping.state != core.DELIVERED:
        raise click.ClickException(f"the ping {ping.id} is not delivered: {ping.last_error}")
    click.echo(f"The ping {ping.id} is delivered, status {ping.last_status}.")


@webhooks.command()
@click.argument("webhook_id")
@click.option("--failed", is_flag=True, help="Only those that were given up.")
@common.account_option
@common.page_option
def deliveries(webhook_id: str, failed: bool, account: str, page: int) -> None:
    """List what a webhook was sent and is to be sent, newest first, 50 a page."""
    with common.store(common.load_settings()) as access:
        state = core.FAILED if failed else None
        found = core.deliveries(common.owner(access, account), webhook_id, page, common.PAGE, state=state)
    for delivery in found.items:
        click.echo(_line(delivery))
    common.say_where(found)


@webhooks.command()
@click.argument("delivery_id")
@common.account_option
def redeliver(delivery_id: str, account: str) -> None:
    """Send a delivery once more, with the same body and id."""
    with common.store(common.load_settings()) as access:
        core.redeliver(common.owner(access, account), delivery_id)
    click.echo(f"{delivery_id} is sent by the worker, once its webhook is enabled")


def _line(delivery: Delivery) -> str:
    attempts = f"{delivery.attempts} {'attempt' if delivery.attempts == 1 else 'attempts'}"
    facts = f"{delivery.id:<19}  {common.day(delivery.created)}  {delivery.event:20}  {delivery.state:9}  {attempts:10}"
    return f"{facts}  {delivery.last_error or delivery.last_status or ''}".rstrip()
