"""What states a package, a job and a task can be in, and what moves them: tables that the code runs on.

docs/states.md is made from them, and docs/decisions/0013-rollouts.md says why they are so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# --- packages: what their verification has come to
NOT_NEEDED, UNVERIFIED, VERIFIED, VERIFYING, UNFIT = -1, 0, 1, 2, 3
PACKAGE_STATES: Final[Mapping[int, str]] = {
    NOT_NEEDED: "needs no verification",
    UNVERIFIED: "not verified",
    VERIFIED: "verified",
    VERIFYING: "being verified",
    UNFIT: "failed its verification",
}
# Which a rollout may be of, and which a verification.
ROLLED_OUT: Final = (NOT_NEEDED, VERIFIED)
VERIFIABLE: Final = (UNVERIFIED, UNFIT)

# --- tasks: one device in one job
CONFIRM, QUEUED, NOTIFIED, IN_PROGRESS = "confirm", "queued", "notified", "in_progress"
SUCCEEDED, FAILED, CANCELED = "succeeded", "failed", "canceled"
OPEN: Final = (CONFIRM, QUEUED, NOTIFIED, IN_PROGRESS)
# The device is not at work on it: these end with the time of their job.
WAITING: Final = (CONFIRM, QUEUED, NOTIFIED)
CLOSED: Final = (SUCCEEDED, FAILED, CANCELED)
TASK_STATES: Final = (*OPEN, *CLOSED)


@dataclass(frozen=True)
class Move:
    """Something that happens to a task: from which states it is possible, what it leads to, and when it comes."""

    sources: tuple[str, ...]
    target: str
    when: str


MOVES: Final[Mapping[str, Move]] = {
    "confirm": Move((CONFIRM,), QUEUED, "an operator confirms the task"),
    "offer": Move((QUEUED,), NOTIFIED, "the device is offered the package"),
    "progress": Move((QUEUED, NOTIFIED), IN_PROGRESS, "the device reports that it is at work"),
    "succeed": Move(OPEN, SUCCEEDED, "the device reports the version it was to get"),
    "fail": Move((QUEUED, NOTIFIED, IN_PROGRESS), FAILED, "the device fails for good, or its time is over"),
    "cancel": Move(
        OPEN,
        CANCELED,
        "an operator cancels the task, a newer job takes the device, it is deleted, or the job's time is over",
    ),
    "restart": Move((FAILED, CANCELED), QUEUED, "an operator restarts the task"),
    "restart to confirm": Move((FAILED, CANCELED), CONFIRM, "an operator restarts a task that has to be confirmed"),
}

# --- jobs
PLANNED, COMPLETED = "planned", "completed"
JOB_STATES: Final = (PLANNED, IN_PROGRESS, COMPLETED, CANCELED)
# Not ended: its tasks may still be offered.
RUNNING: Final = (PLANNED, IN_PROGRESS)


@dataclass(frozen=True)
class Facts:
    """What a job's state follows from; ``counts`` are its tasks by state."""

    is_planned: bool
    is_filling: bool
    is_dynamic: bool
    is_stopped: bool
    counts: Mapping[str, int]


# The first line that holds says what the state is.
JOB_TABLE: Final = (
    ("its time has not come, and a task is open or devices are still being selected", PLANNED),
    ("it is dynamic and was stopped", CANCELED),
    ("it is dynamic", IN_PROGRESS),
    ("a task is open, or its devices are still being selected", IN_PROGRESS),
    ("there are tasks, and all were canceled", CANCELED),
    ("otherwise", COMPLETED),
)


def job_state(facts: Facts) -> str:
    """Return the state of a job, by `JOB_TABLE`."""
    count = facts.counts.get
    is_open = facts.is_filling or any(count(state, 0) for state in OPEN)
    tests = (
        facts.is_planned and is_open,
        facts.is_dynamic and facts.is_stopped,
        facts.is_dynamic,
        is_open,
        bool(count(CANCELED, 0)) and not count(SUCCEEDED, 0) and not count(FAILED, 0),
        True,
    )
    return next(state for (_, state), holds in zip(JOB_TABLE, tests, strict=True) if holds)
