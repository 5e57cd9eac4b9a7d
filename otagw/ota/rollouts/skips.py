"""Which devices a static job does not take, and why: counted before the job is made, and while it selects.

A reason has a count and the names of some devices. A device that gets a task, be it one that fails at once, is not
skipped by a job that is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from otagw.db import database
from otagw.ota.rollouts.records import Job

EXAMPLES: Final = 5
SAME: Final = "the device runs this version already"
OTHER: Final = "the device runs a version that the job is not for"
UNKNOWN: Final = "the device has not reported a version"
ABSENT: Final = "there is no such device"
NOT_CHOSEN: Final = "the device is not in the share"


@dataclass
class Skipped:
    """How many devices are skipped for a reason, and some of their names."""

    count: int = 0
    names: list[str] = field(default_factory=list)


class Skips:
    """Skipped devices by reason; ``kept`` is what `shown` returned before."""

    def __init__(self, kept: Iterable[Mapping[str, Any]] = ()) -> None:
        self._by_reason = {row["reason"]: Skipped(row["count"], list(row["examples"])) for row in kept}

    def shown(self) -> list[dict[str, Any]]:
        """Return each reason with its count and examples, as plain data."""
        return [
            {"reason": why, "count": found.count, "examples": found.names} for why, found in self._by_reason.items()
        ]

    def add(self, reason: str, count: int, query: str, values: Sequence[Any]) -> None:
        """Count devices; ``query`` selects their names, and runs only while examples are missing."""
        if not count:
            return
        found = self._by_reason.setdefault(reason, Skipped())
        found.count += count
        missing = EXAMPLES - len(found.names)
        if missing:
            found.names += [name for (name,) in database.execute(f"{query} LIMIT {missing}", *values).fetchall()]

    def add_absent(self, names: Sequence[str]) -> None:
        """Count names that no device has."""
        if names:
            found = self._by_reason.setdefault(ABSENT, Skipped())
            found.count += len(names)
            found.names += names[: EXAMPLES - len(found.names)]

    def add_unfit(self, job: Job, sources: Sequence[str], where: str, values: Sequence[Any]) -> None:
        """Count those of some devices that run a version already, one not among the sources, or an unknown one."""
        rules: list[tuple[str, str, tuple[str, ...]]] = []
        if not job.rules.reinstall:
            rules.append((SAME, "v.version = ?", (job.version,)))
        if sources:
            marks = ",".join("?" * len(sources))
            rules.append((OTHER, f"v.version <> ? AND v.version NOT IN ({marks})", (job.version, *sources)))
            rules.append((UNKNOWN, "v.version IS NULL", ()))
        base = f"FROM device d LEFT JOIN device_version v ON v.device_id = d.id AND v.folded = ? WHERE {where} AND"
        for reason, rule, given in rules:
            all_values = (job.module, *values, *given)
            (count,) = database.execute(f"SELECT COUNT(*) {base} {rule}", *all_values).fetchone()
            self.add(reason, int(count), f"SELECT d.name {base} {rule} ORDER BY d.id", all_values)

    def add_not_chosen(self, count: int, eligible: str, chosen: str, values: Sequence[Any]) -> None:
        """Count eligible devices that are not among the chosen; both are queries with these values."""
        rest = f"SELECT e.name FROM ({eligible}) AS e WHERE e.id NOT IN (SELECT c.id FROM ({chosen}) AS c)"
        self.add(NOT_CHOSEN, count, f"{rest} ORDER BY e.id", (*values, *values))
