"""Who would be selected by a static job, who not, and why; nothing is written."""

from dataclasses import dataclass, field
from typing import Any, Final

from otagw.db import database
from otagw.ota.accounts import Account
from otagw.ota.packages.records import Package
from otagw.ota.rollouts import device_lists, planning, selection
from otagw.ota.rollouts.planning import JobDraft
from otagw.ota.rollouts.records import Job

EXAMPLES: Final = 5
SAME: Final = "the device runs this version already"
OTHER: Final = "the device runs a version that the job is not for"
UNKNOWN: Final = "the device has not reported a version"
ABSENT: Final = "there is no such device"
NOT_CHOSEN: Final = "the device is not in the share"


def run(account: Account, asked: JobDraft) -> dict[str, Any]:
    """Return how many devices a job would select, and whom it would skip; raise what `planning.create` raises.

    A dynamic job selects nobody before a device reports: what is shown are the devices that would be selected if all
    of them reported what they last did.
    """
    job, package = planning.draft(account, asked)
    skipped: dict[str, Skipped] = {}
    selected = 0
    pages = device_lists.pages(job)
    with database.read():
        job = selection.counted(job, package)
        for window in selection.everyone(job, pages):
            _unfit(skipped, job, package, *window)
            selected += _fit(skipped, job, package, *window)
        absent = selection.absent_names(job, pages)
    if absent:
        skipped[ABSENT] = Skipped(len(absent), absent[:EXAMPLES])
    shown = [{"reason": why, "count": found.count, "examples": found.names} for why, found in skipped.items()]
    return {"selected": selected, "skipped": shown}


@dataclass
class Skipped:
    """How many devices are skipped for a reason, and some of their names."""

    count: int = 0
    names: list[str] = field(default_factory=list)


def _add(skipped: dict[str, Skipped], reason: str, count: int, names: str, values: tuple[Any, ...]) -> None:
    """Count devices with a reason; ``names`` is the query for theirs."""
    if count:
        found = skipped.setdefault(reason, Skipped())
        found.count += count
        rows = database.execute(f"{names} LIMIT {EXAMPLES - len(found.names)}", *values).fetchall()
        found.names += [name for (name,) in rows]


def _unfit(skipped: dict[str, Skipped], job: Job, package: Package, where: str, values: tuple[Any, ...]) -> None:
    """Count those who run the version already, one that the job is not for, or an unknown one."""
    sources = selection.sources_of(job, package)
    rules: list[tuple[str, str, tuple[str, ...]]] = [(SAME, "v.version = ?", (job.version,))]
    if sources:
        marks = ",".join("?" * len(sources))
        rules.append((OTHER, f"v.version <> ? AND v.version NOT IN ({marks})", (job.version, *sources)))
        rules.append((UNKNOWN, "v.version IS NULL", ()))
    base = f"FROM device d LEFT JOIN device_version v ON v.device_id = d.id AND v.folded = ? WHERE {where} AND"
    for reason, rule, given in rules:
        all_values = (job.module, *values, *given)
        count = _one(f"SELECT COUNT(*) {base} {rule}", *all_values)
        _add(skipped, reason, count, f"SELECT d.name {base} {rule} ORDER BY d.id", all_values)


def _fit(skipped: dict[str, Skipped], job: Job, package: Package, where: str, values: tuple[Any, ...]) -> int:
    """Count those of the others whom the job does not take; return how many it takes."""
    query, given = selection.eligible(job, package, where, values)
    chosen = selection.chosen(job, query)
    eligible = _one(f"SELECT COUNT(*) FROM ({query}) AS e", *given)
    taken = _one(f"SELECT COUNT(*) FROM ({chosen}) AS c", *given)
    rest = f"SELECT e.name FROM ({query}) AS e WHERE e.id NOT IN (SELECT c.id FROM ({chosen}) AS c) ORDER BY e.id"
    _add(skipped, NOT_CHOSEN, eligible - taken, rest, (*given, *given))
    rule = selection.busy(job)
    count = _one(f"SELECT COUNT(*) FROM ({chosen}) AS c WHERE {rule}", *given, job.module)
    names = f"SELECT c.name FROM ({chosen}) AS c WHERE {rule} ORDER BY c.id"
    _add(skipped, selection.BUSY, count, names, (*given, job.module))
    return taken - count


def _one(query: str, *values: Any) -> int:
    return int(database.execute(query, *values).fetchone()[0])
