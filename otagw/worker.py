"""The worker: it looks into the database four times a second, and does what is due.

Due rows are the truth. A step finds some by an index, claims each with a conditional UPDATE, and does it; so a killed
worker loses nothing, several do nothing twice, and a sweep costs by what is due. docs/decisions/0011-worker.md.
"""

import contextlib
import logging
import queue
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from otagw import runtime
from otagw.db import database
from otagw.ops import log as our_log
from otagw.ops import metrics, prune
from otagw.ota import idempotency
from otagw.ota.devices import batch_registration, device_files
from otagw.ota.packages import stored_files
from otagw.ota.rollouts import due_work, jobs
from otagw.ota.webhooks import outbox
from otagw.server import supervisor
from otagw.settings import Settings

log = logging.getLogger("otagw.worker")
LOOK_SECONDS: Final = 0.25
# The time between two looks while a step fails: a database or a storage in trouble gets fewer attempts.
RETRY_SECONDS: Final = 1.0
Steps: TypeAlias = Mapping[str, Callable[[], int]]
# The kinds of background work, under their names in metrics and log lines. Each call does a bounded piece in short
# transactions, and returns how many things it did.
STEPS: Final[Steps] = {
    "ota.sweep.end_tasks": due_work.end_tasks,
    "ota.sweep.advance_jobs": due_work.advance_jobs,
    "ota.sweep.deleted_jobs": jobs.delete_tasks,
    "ota.devices.register_due": batch_registration.register_due,
    "ota.devices.expire_files": device_files.expire,
    "ota.outbox.deliver_due": outbox.deliver_due,
    "ota.files.purge": stored_files.purge,
    "ota.idempotency.sweep": idempotency.sweep,
    "ota.prune.events": prune.events,
    "ota.prune.deliveries": prune.deliveries,
    "ota.prune.audit": prune.audit,
    "ota.prune.batches": prune.batches,
    "ota.prune.buckets": prune.buckets,
    "ota.prune.ended_jobs": prune.ended_jobs,
}
# When each of them has something to do next, in milliseconds, or None: what is due by then is done by one sweep.
NEXT_DUE: Final[Mapping[str, Callable[[], int | None]]] = {
    "ota.sweep.end_tasks": due_work.next_task,
    "ota.sweep.advance_jobs": due_work.next_job,
    "ota.sweep.deleted_jobs": jobs.next_deleted,
    "ota.devices.register_due": batch_registration.next_due,
    "ota.devices.expire_files": device_files.next_expiry,
    "ota.outbox.deliver_due": outbox.next_delivery,
    "ota.files.purge": stored_files.next_purge,
    "ota.idempotency.sweep": idempotency.next_expiry,
    "ota.prune.events": partial(prune.next_due, prune.EVENTS),
    "ota.prune.deliveries": partial(prune.next_due, prune.DELIVERIES),
    "ota.prune.audit": partial(prune.next_due, prune.AUDIT),
    "ota.prune.batches": partial(prune.next_due, prune.BATCHES),
    "ota.prune.buckets": prune.next_bucket,
    "ota.prune.ended_jobs": partial(prune.next_due, prune.JOBS),
}


def next_due() -> int | None:
    """Return when the next background work is due (milliseconds since 1970), or None where nothing waits."""
    found = [at for at in (next_one() for next_one in NEXT_DUE.values()) if at is not None]
    return min(found, default=None)


class Worker:
    """Run steps, and remember which of them fail."""

    def __init__(self, steps: Steps = STEPS) -> None:
        self._steps = steps
        self.failing: dict[str, type[Exception]] = {}

    def sweep(self, go_on: Callable[[], bool] = lambda: True) -> None:
        """Run the steps in turn until none of them has done anything, or ``go_on`` says no after a round."""
        total: Counter[str] = Counter()
        while True:
            done = Counter({name: self._run(name, step) for name, step in self._steps.items()})
            total += done
            if not done.total() or not go_on():
                break
        if total:
            log.info("done", extra={"steps": dict(total)})

    def _run(self, name: str, step: Callable[[], int]) -> int:
        """Run one step; what it raises is logged when it is new, and does not stop the others."""
        try:
            done = step()
        except Exception as error:
            database.recover()
            if self.failing.get(name) is not type(error):
                log.exception("a step failed; it is tried again every second", extra={"step": name})
            self.failing[name] = type(error)
            metrics.count("otagw_worker_failures_total", name)
            return 0
        metrics.count("otagw_worker_steps_total", name, by=done)
        if self.failing.pop(name, None):
            log.info("a step works again", extra={"step": name})
        return done


def run(settings: Settings, received: "queue.SimpleQueue[int]", steps: Steps = STEPS) -> int:
    """Sweep until a signal is received that ends it; return which. SIGHUP asks for another run with new settings."""
    our_log.configure(settings)
    runtime.current().prepare()
    worker = Worker(steps)
    log.info("the worker is ready")
    supervisor.say_ready()
    try:
        while True:
            worker.sweep(received.empty)
            with contextlib.suppress(queue.Empty):
                number = received.get(timeout=RETRY_SECONDS if worker.failing else LOOK_SECONDS)
                # A worker uses neither the certificate nor Redis, which its supervisor checks.
                if number != signal.SIGHUP or supervisor.can_reload(lambda _: None):
                    return number
    finally:
        log.info("the worker ends")
