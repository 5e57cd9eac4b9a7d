"""Jobs, the rules that they go by, and tasks, as they are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from otagw.ota import states

# What becomes of a device that another job is updating: it fails, that update is canceled, or it is waited for.
FAIL, SUPERSEDE, WAIT = "fail", "supersede", "wait"
AT_WORK: Final = (FAIL, SUPERSEDE, WAIT)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """By what a job goes about its devices; as the front that made it checked them.

    ``percent`` is in thousandths, times are minutes. A device that fails is retried ``retry_count`` times; a job pauses
    itself when of at least ``guard_minimum`` ended tasks so many, or such a share, have failed. An ``inclusive`` job
    has a task for each of its devices: one that has the version succeeds, one that cannot come from its own fails. One
    that is to ``reinstall`` takes devices that have the version too. ``at_work`` is one of `AT_WORK`.
    """

    source_versions: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    list_key: str | None = None
    group_id: int | None = None
    percent: int | None = None
    timeout: int | None = None
    retry_interval: int | None = None
    retry_count: int = 0
    per_minute: int = 10_000
    overwrite: bool = False
    several_modules: bool = False
    inclusive: bool = False
    mode: int = 1
    need_push: bool = True
    need_confirm: bool = False
    protocol: str = "HTTPS"
    tags: tuple[tuple[str, str], ...] = ()
    guard_percent: int | None = None
    guard_count: int | None = None
    guard_minimum: int = 1
    reinstall: bool = False
    at_work: str = FAIL


class Job(NamedTuple):
    """A job as it is kept.

    ``due`` is when a worker has to look at it, ``paused`` why it offers nothing, ``cancel`` of which states the tasks
    are being canceled. ``bulk`` is what else is being done to all of them (`job_steps`), ``bulk_at`` since when, and
    ``bulk_reached`` the last task that it has come to. ``filling`` with ``cursor``, ``position`` and ``population`` is
    how far the selection has come, ``upto`` the id of the last device that was there when the job was made, ``skipped``
    whom the selection has passed over so far (`skips`).
    """

    id: int
    account_id: int
    package_id: int
    product_key: str
    module: str
    version: str
    kind: str
    selection: str
    target: str
    state: str
    rules: Rules
    created: int
    modified: int
    schedule_at: int | None
    finish_at: int | None
    started: int | None
    ended: int | None
    due: int | None
    paused: str | None
    stopped: bool
    filling: bool
    cursor: int
    position: int
    population: int | None
    upto: int
    cancel: str
    rate_minute: int
    rate_used: int
    package_kind: str
    front_data: Mapping[str, Any]
    bulk: str = ""
    bulk_at: int = 0
    bulk_reached: int = 0
    skipped: Sequence[Mapping[str, Any]] = ()

    @property
    def is_steered(self) -> bool:
        """Tell whether something is being done to all of its tasks."""
        return bool(self.cancel or self.bulk)

    @property
    def first_state(self) -> str:
        """Return what state its tasks begin in."""
        return states.CONFIRM if self.rules.need_confirm else states.QUEUED


class Task(NamedTuple):
    """A task as it is kept. Times are milliseconds, progress percent.

    ``due`` is when its time is over, or that of a canceled one's device to answer. ``retry_at`` is when it may be
    offered again, ``attempts`` how often it was retried. ``action`` is the number by which some devices know it,
    ``recall`` what they know of its end, ``deferred`` whether they said that they go on later; see `numbered_tasks`.
    A task that ``follows`` another, which was open when it was made, is offered once no older one of its module is
    open; until then nothing that the device says is of it.
    """

    id: int
    account_id: int
    job_id: int
    package_id: int
    device_id: int
    product_key: str
    device_name: str
    module: str
    state: str
    source_version: str | None
    version: str
    progress: int
    note: str | None
    attempts: int
    created: int
    modified: int
    started: int | None
    retry_at: int | None
    due: int | None
    action: int | None = None
    recall: str | None = None
    deferred: bool | None = None
    follows: bool | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether it has not ended."""
        return self.state in states.OPEN
