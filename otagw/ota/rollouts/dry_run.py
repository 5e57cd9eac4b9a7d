"""Who would be selected by a static job, who not, and why; nothing is written."""

from typing import Any

from otagw.db import database
from otagw.ota.accounts import Account
from otagw.ota.packages.records import Package
from otagw.ota.rollouts import device_lists, planning, selection
from otagw.ota.rollouts.planning import JobDraft
from otagw.ota.rollouts.records import WAIT, Job
from otagw.ota.rollouts.skips import Skips


def run(account: Account, asked: JobDraft) -> dict[str, Any]:
    """Return how many devices a job would select, and whom it would skip; raise what `planning.create` raises.

    A dynamic job selects nobody before a device reports: what is shown are the devices that would be selected if all
    of them reported what they last did.
    """
    job, package = planning.draft(account, asked, planning.unknown_names(account, asked))
    skips = Skips()
    selected = 0
    pages = device_lists.pages(job)
    with database.read():
        job = selection.counted(job, package)
        for where, values in selection.everyone(job, pages):
            skips.add_unfit(job, selection.sources_of(job, package), where, values)
            selected += _fit(skips, job, package, where, values)
        skips.add_absent(device_lists.absent(job.product_key, pages))
    return {"selected": selected, "skipped": skips.shown()}


def _fit(skips: Skips, job: Job, package: Package, where: str, values: tuple[Any, ...]) -> int:
    """Count those of the others whom the job does not take; return how many it takes."""
    query, given = selection.eligible(job, package, where, values)
    chosen = selection.chosen(job, query)
    eligible = _one(f"SELECT COUNT(*) FROM ({query}) AS e", *given)
    taken = _one(f"SELECT COUNT(*) FROM ({chosen}) AS c", *given)
    skips.add_not_chosen(eligible - taken, query, chosen, given)
    if job.rules.at_work == WAIT:
        return taken
    rule = selection.busy(job)
    count = _one(f"SELECT COUNT(*) FROM ({chosen}) AS c WHERE {rule}", *given, job.module)
    names = f"SELECT c.name FROM ({chosen}) AS c WHERE {rule} ORDER BY c.id"
    skips.add(selection.BUSY, count, names, (*given, job.module))
    return taken - count


def _one(query: str, *values: Any) -> int:
    return int(database.execute(query, *values).fetchone()[0])
