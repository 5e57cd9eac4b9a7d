"""Tasks: one device in one job. Every change of state goes through `move`, by the table of `states`.

Locks are taken in one order, where an engine has several writers: the job, its tasks, the counters.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from otagw import clock, errors, runtime
from otagw.db import database, models
from otagw.db.rows import Rows
from otagw.ops import metrics
from otagw.ota import ids, listing, states
from otagw.ota.accounts import Account
from otagw.ota.devices import timeline
from otagw.ota.listing import Page
from otagw.ota.rollouts.records import Task
from otagw.ota.webhooks import events

KIND: Final = "task"
COUNTER: Final = "otagw_tasks_total"
# What a device knows of the end of a task that it was shown: nothing yet, or it goes on nevertheless.
PENDING, REFUSED = "pending", "refused"
UNANSWERED: Final = "the device did not answer its cancellation in time"
# Devices read and move tasks: in SQL, which is put together once.
COLUMNS: Final = models.Task.columns()
_ROWS: Final = Rows(Task, models.Task)
_SELECT: Final = f"SELECT {_ROWS.selected} FROM task"
_OPEN: Final = "('confirm', 'queued', 'notified', 'in_progress')"
_IS_STEERED: Final = "EXISTS (SELECT 1 FROM job WHERE job.id = task.job_id AND (job.cancel <> '' OR job.bulk <> ''))"
_STEERED: Final = f"SELECT {_ROWS.selected}, {_IS_STEERED} FROM task"
# Closed tasks of jobs that are being retried: by the index of those jobs, of which there are few or none.
_RETRIED: Final = (
    f"SELECT {_ROWS.selected}, TRUE FROM job CROSS JOIN task WHERE job.bulk <> '' AND task.job_id = job.id "
    "AND task.state IN ('failed', 'canceled') AND (task.recall IS NULL OR task.recall <> 'pending')"
)
# What becomes of a task's number. Who was shown it is to be told that it is canceled, and has some time to answer; who
# does not know yet, when it is restarted, goes on by the same number, and everybody else gets another.
_CANCELED: Final = (
    ", recall = CASE WHEN action IS NULL THEN NULL ELSE 'pending' END"
    ", due = CASE WHEN action IS NULL THEN NULL ELSE CAST(? AS BIGINT) END"
)
_RESTARTED: Final = ", action = CASE WHEN recall IS NULL THEN NULL ELSE action END, recall = NULL"
# What a task has lost that begins once more.
RESTARTED: Final[Mapping[str, Any]] = {"progress": 0, "attempts": 0, "started": None, "due": None, "deferred": None}
_NUMBER: Final = {states.QUEUED: _RESTARTED, states.CONFIRM: _RESTARTED}


def get(account: Account, key: str) -> Task:
    """Return a task by its id, which is a decimal text."""
    row = database.execute(f"{_SELECT} WHERE id = ? AND account_id = ?", ids.read(KIND, key), account.id).fetchone()
    if row is None:
        raise errors.NotFound(kind=KIND, key=key)
    return Task(*row)


def find(task_id: int, lock: str = "") -> Task | None:
    """Return a task of any account by its number."""
    row = database.execute(f"{_SELECT} WHERE id = ?{database.lock(lock)}", task_id).fetchone()
    return Task(*row) if row else None


def open_of(device_id: int, module: str | None = None) -> list[Task]:
    """Return the open tasks of a device, of one of its modules or of all."""
    where, values = ("", ()) if module is None else (" AND module = ?", (module.lower(),))
    rows = database.execute(
        f"{_SELECT} WHERE device_id = ? AND state IN {_OPEN}{where} ORDER BY id", device_id, *values
    )
    return [Task(*row) for row in rows.fetchall()]


def at_hand(device_id: int, module: str | None = None) -> list[tuple[Task, bool]]:
    """Return a device's open tasks, those of whose cancellation it is to be told, and those of jobs that are retried.

    With each: whether something is being done to all tasks of its job, which may not have reached this one.
    """
    where, values = ("", ()) if module is None else (" AND task.module = ?", (module.lower(),))
    rows = database.execute(
        f"{_STEERED} WHERE device_id = ? AND state IN {_OPEN}{where} UNION ALL "
        f"{_STEERED} WHERE device_id = ? AND recall = 'pending'{where} UNION ALL "
        f"{_RETRIED} AND task.device_id = ?{where} ORDER BY 1",
        *(device_id, *values) * 3,
    )
    return [(Task(*row[:-1]), bool(row[-1])) for row in rows.fetchall()]


def by_action(device_id: int, action: int) -> Task | None:
    """Return a task of a device by the number it was shown by."""
    row = database.execute(f"{_SELECT} WHERE device_id = ? AND action = ?", device_id, action).fetchone()
    return Task(*row) if row else None


def last_of(device_id: int) -> Task | None:
    """Return the newest task of a device."""
    row = database.execute(f"{_SELECT} WHERE device_id = ? ORDER BY id DESC LIMIT 1", device_id).fetchone()
    return Task(*row) if row else None


def page(
    account: Account,
    job_id: int,
    number: int,
    size: int,
    *,
    state: str | None = None,
    names: Sequence[str] = (),
) -> Page[Task]:
    """Return a page of a job's tasks, newest first; in one state, or of some devices."""
    where = "job_id = ?"
    values: list[Any] = [job_id]
    if state:
        where, values = f"{where} AND state = ?", [*values, state]
    if names:
        where, values = f"{where} AND device_name IN ({','.join('?' * len(names))})", [*values, *names]
    with database.read():
        if names:  # few, and not kept count of
            (total,) = database.execute(f"SELECT COUNT(*) FROM task WHERE {where}", *values).fetchone()
        else:
            total = sum(number for name, number in counts(account.id, job_id).items() if state in (None, name))
        rows = listing.rows(_SELECT, KIND, where, values, total, number, size)
        return Page([Task(*row) for row in rows], number, size, total)


def below(
    job_id: int,
    ceiling: int,
    skip: int,
    size: int,
    *,
    among: Sequence[str] = states.TASK_STATES,
    retrying: bool | None = None,
    name: str | None = None,
) -> tuple[list[Task], int]:
    """Return tasks of a job whose ids are below a ceiling, newest first, and how many there are below or above.

    ``among`` are states; with ``retrying`` only those that wait for another try, or only the others; ``name`` is that
    of a device.
    """
    where = f"job_id = ? AND state IN ({','.join('?' * len(among))})"
    values: list[Any] = [job_id, *among]
    if retrying is not None:
        where += f" AND retry_at IS {'NOT ' if retrying else ''}NULL"
    if name is not None:
        where, values = f"{where} AND device_name = ?", [*values, name]
    rows = database.execute(
        f"{_SELECT} WHERE {where} AND id < ? ORDER BY id DESC LIMIT ? OFFSET ?", *(*values, ceiling, size, skip)
    ).fetchall()
    (total,) = database.execute(f"SELECT COUNT(*) FROM task WHERE {where}", *values).fetchone()
    return [Task(*row) for row in rows], total


def retrying(job_id: int) -> dict[str, int]:
    """Return how many tasks of a job wait for another try, by the state that they are in."""
    query = "SELECT state, COUNT(*) FROM task WHERE job_id = ? AND retry_at IS NOT NULL GROUP BY state"
    return dict(database.execute(query, job_id).fetchall())


def counts(account_id: int, job_id: int) -> dict[str, int]:
    """Return how many tasks of a job are in each state."""
    return counts_of(account_id, [job_id])[job_id]


def counts_of(account_id: int, job_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return how many tasks of each of some jobs are in each state, by counters."""
    scopes = {scope(job_id, state): (job_id, state) for job_id in job_ids for state in states.TASK_STATES}
    if not scopes:
        return {}
    marks = ",".join("?" * len(scopes))
    rows = database.execute(
        f"SELECT scope, total FROM counter WHERE account_id = ? AND scope IN ({marks})", account_id, *scopes
    )
    found = {scopes[name]: total for name, total in rows.fetchall()}
    return {job_id: {state: found.get((job_id, state), 0) for state in states.TASK_STATES} for job_id in job_ids}


def scope(job_id: int, state: str) -> str:
    """Return the counter of a job's tasks in a state."""
    return listing.scope(KIND, job=str(job_id), state=state)


def move(task: Task, event: str, note: str | None = None, **columns: Any) -> Task | None:
    """Move a task, inside a write; return it as it is then, or None where the table knows no such move from its state.

    Whoever moves a task to a closed state calls `jobs.settle` after it.
    """
    step = states.MOVES[event]
    now = clock.now()
    changes: dict[str, Any] = {"state": step.target, "modified": now, **columns}
    if step.target in states.CLOSED:
        changes |= {"retry_at": None} if step.target == states.CANCELED else {"due": None, "retry_at": None}
    if note is not None:
        changes["note"] = note[:1024]
    if task.state not in step.sources:
        return None
    number, more = _number(step.target)
    moved = database.execute(
        f"UPDATE task SET {', '.join(f'{column} = ?' for column in changes)}{number} WHERE id = ? AND state = ?",
        *(*changes.values(), *more, task.id, task.state),
    ).rowcount
    if not moved:
        return None
    if step.target != task.state:
        listing.count(task.account_id, [scope(task.job_id, task.state)], -1)
        listing.count(task.account_id, [scope(task.job_id, step.target)], 1)
        metrics.count_committed(COUNTER, step.target)
    timeline.note(task.device_id, timeline.DECIDED, _said(step.target, note), task.job_id, task.id)
    now_is = task._replace(**changes)
    events.task_changed(now_is)
    return now_is


def set_(task: Task, **columns: Any) -> Task:
    """Change facts of a task that keeps its state, inside a write."""
    changes = {"modified": clock.now(), **columns}
    database.execute(
        f"UPDATE task SET {', '.join(f'{column} = ?' for column in changes)} WHERE id = ?", *changes.values(), task.id
    )
    return task._replace(**changes)


def answered(task: Task, recall: str | None, text: str) -> None:
    """Note what came of telling a device that a task is canceled, inside a write; a task that was restarted stays."""
    changed = database.execute(
        "UPDATE task SET recall = ?, due = NULL WHERE id = ? AND action = ? AND state = ? AND recall IS NOT NULL",
        *(recall, task.id, task.action, states.CANCELED),
    )
    if changed.rowcount:
        timeline.note(task.device_id, timeline.PROGRESS, text, task.job_id, task.id)


def is_superseded(task: Task) -> bool:
    """Tell whether a device has begun a newer task of the same module, or has ended one."""
    begun = f"'{states.IN_PROGRESS}', '{states.SUCCEEDED}', '{states.FAILED}'"
    query = f"SELECT 1 FROM task WHERE device_id = ? AND module = ? AND id > ? AND state IN ({begun}) LIMIT 1"
    return database.execute(query, task.device_id, task.module, task.id).fetchone() is not None


def cancel_where(account_id: int, where: str, values: Sequence[Any], note: str) -> int:
    """Cancel open tasks in one statement, inside a write whose jobs are locked; return how many there were."""
    return len(_move_where(account_id, "cancel", where, values, note=note, retry_at=None))


def confirm_where(account_id: int, where: str, values: Sequence[Any]) -> int:
    """Confirm tasks in one statement, as `cancel_where` cancels them."""
    return _noted(_move_where(account_id, "confirm", where, values))


def restart_where(account_id: int, event: str, where: str, values: Sequence[Any]) -> int:
    """Restart tasks in one statement, inside a write whose devices and jobs are locked; return how many there were."""
    return _noted(_move_where(account_id, event, where, values, note="", **RESTARTED))


def _move_where(account_id: int, event: str, where: str, values: Sequence[Any], **columns: Any) -> list[Task]:
    """Move tasks in one statement, as `move` moves one but for the timeline; return them as they are then."""
    step = states.MOVES[event]
    where, values = f"{where} AND state IN ({','.join('?' * len(step.sources))})", (*values, *step.sources)
    rows = database.execute(f"SELECT id, job_id, state FROM task WHERE {where}", *values).fetchall()
    changes = {"state": step.target, "modified": clock.now(), **columns}
    number, more = _number(step.target)
    found = database.execute(
        f"UPDATE task SET {', '.join(f'{column} = ?' for column in changes)}{number} "
        f"WHERE {where} RETURNING {_ROWS.selected}",
        *(*changes.values(), *more, *values),
    ).fetchall()
    moved = {row[0] for row in found}
    for (job_id, state), count in sorted(Counter((job, state) for key, job, state in rows if key in moved).items()):
        count_moves(account_id, job_id, {state: -count, step.target: count})
    changed = [Task(*row) for row in found]
    events.tasks_changed(account_id, step.target, changed)
    return changed


def _noted(moved: Sequence[Task]) -> int:
    """Note in the timeline that tasks are in the one state that they were moved to; return how many there are."""
    if moved:
        about = [(task.device_id, task.job_id, task.id) for task in moved]
        timeline.note_many(timeline.DECIDED, moved[0].state, about)
    return len(moved)


def made(account_id: int, first: int, count: int) -> None:
    """Count and tell of new tasks whose ids follow each other; inside the write that made them."""
    where, values = "id BETWEEN ? AND ?", (first, first + count - 1)
    rows = database.execute(f"SELECT job_id, state, COUNT(*) FROM task WHERE {where} GROUP BY job_id, state", *values)
    for job_id, state, number in rows.fetchall():
        count_moves(account_id, job_id, {state: number})
        events.tasks_changed(account_id, state, _each(f"{where} AND state = ?", (*values, state)))


def _each(where: str, values: Sequence[Any]) -> Iterator[Task]:
    """Yield tasks; nothing is read before the first is asked for."""
    yield from (Task(*row) for row in database.execute(f"{_SELECT} WHERE {where} ORDER BY id", *values).fetchall())


def count_moves(account_id: int, job_id: int, changes: Mapping[str, int]) -> None:
    """Move a job's counters by what a statement over many tasks has done."""
    for state in sorted(changes):
        if changes[state]:
            listing.count(account_id, [scope(job_id, state)], changes[state])
        if changes[state] > 0:
            metrics.count_committed(COUNTER, state, by=changes[state])


def forget_counts(account_id: int, job_id: int) -> None:
    """Delete the counters of a job that is gone, inside the write that deletes it."""
    listing.forget(account_id, [scope(job_id, state) for state in states.TASK_STATES])


def _number(target: str) -> tuple[str, tuple[int, ...]]:
    """Return what becomes of the number of tasks that are moved to a state, in SQL, with its values."""
    if target != states.CANCELED:
        return _NUMBER.get(target, ""), ()
    return _CANCELED, (clock.now() + runtime.current().settings.cancel_answer_seconds * 1000,)


def _said(state: str, note: str | None) -> str:
    return f"{state}: {note}" if note else state
