"""``otagw prune``: what is old goes."""

from typing import Final

import click

from otagw import clock
from otagw.cli import common
from otagw.db import database, models
from otagw.ops import prune as core
from otagw.ota import audit

# Between two steps, so that those who wait come first.
PAUSE_SECONDS: Final = 0.005


@click.command()
@click.option("--older-than", type=common.age, help="E.g. 90d; as the settings say when left out.")
@click.option("--only", "kinds", multiple=True, type=click.Choice(list(core.KINDS)), help="May be repeated.")
@click.option("--dry-run", is_flag=True, help="Only count.")
def prune(older_than: int | None, kinds: tuple[str, ...], dry_run: bool) -> None:
    """Delete what is older than the settings keep it, or than you say. The worker does the former by itself.

    Ended jobs, with their tasks, go only where the setting keep_jobs_days or --only jobs says so.
    """
    if older_than is not None and older_than < core.DAY_MS:
        raise click.ClickException("--older-than: expected a day at least")
    chosen = common.load_settings()
    with common.store(chosen):
        for kind in kinds or core.KINDS:
            kept = chosen.keep_days[kind]
            age = kept * core.DAY_MS if older_than is None else older_than
            if not age or not (kept or kinds):
                click.echo(f"{kind:10}  kept for ever")
                continue
            number = _prune(kind, clock.now() - age, dry_run)
            click.echo(f"{kind:10}  {number} {'would go' if dry_run else 'gone'}")


def _prune(kind: str, oldest: int, dry_run: bool) -> int:
    if dry_run:
        return core.KINDS[kind].count(oldest)
    total = 0
    while done := core.KINDS[kind].step(oldest):
        total += done
        clock.pause(PAUSE_SECONDS)
    if total:
        rows = common.counted(total, "row")
        with database.write():
            for account in models.Account.select().order_by(models.Account.id):
                audit.note(account.id, kind, f"{rows} of all accounts, older than {common.second(oldest)}")
    return total
