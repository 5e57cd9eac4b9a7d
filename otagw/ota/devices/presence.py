"""The times at which devices were last heard: most devices only poll, so many times are written at once.

A process collects these times for `FLUSH_SECONDS` before it writes them; if it is killed, it loses no more than these.
"""

import logging
import threading
from contextvars import copy_context
from functools import partial
from itertools import islice
from typing import Final

from otagw import clock, runtime
from otagw.db import database
from otagw.ota.devices import devices
from otagw.ota.devices.devices import Device

log = logging.getLogger("otagw.presence")
# How often a device that only asks is noted as seen.
SEEN_MS: Final = 60_000
FLUSH_SECONDS: Final = 5.0
AT_ONCE: Final = 1000


class Presence:
    """The times at which one process of a gateway last heard each device, and the thread that writes them."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._heard: dict[int, tuple[int, str | None]] = {}
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def add(self, device_id: int, now: int, address: str | None) -> None:
        """Keep that a device was heard of, to be written soon."""
        with self._guard:
            self._heard[device_id] = now, address
            if self._thread is None:
                self._stopping.clear()
                run = partial(copy_context().run, self._run)  # for the gateway at hand
                self._thread = threading.Thread(target=run, name="presence", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Write what was heard, in statements of many devices."""
        with self._guard:
            waiting = dict(self._heard)
            self._heard.clear()
        rows = iter(sorted(waiting.items()))
        while batch := dict(islice(rows, AT_ONCE)):
            try:
                _write(batch)
            except database.TROUBLE:
                log.exception("what was heard of devices could not be written; it is tried again")
                database.recover()
                with self._guard:  # what has been heard since is newer
                    self._heard.update({**batch, **dict(rows), **self._heard})
                return

    def stop(self) -> None:
        """Write what is left, and begin no more: a process that ends normally forgets nothing."""
        with self._guard:
            thread, self._thread = self._thread, None
            self._stopping.set()
        if thread and thread.is_alive():
            thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._stopping.wait(FLUSH_SECONDS):
            self.flush()
            database.disconnect()  # it writes so rarely that a connection would only lie idle


def heard(device: Device, address: str | None) -> None:
    """Note that a device has asked: at once if it never did before, and otherwise soon."""
    now = clock.now()
    if device.activated is None:
        with database.write():
            note(device, address)
    elif now - (device.seen or 0) >= SEEN_MS:
        runtime.current().presence.add(device.id, now, address)


def note(device: Device, address: str | None) -> bool:
    """Write that a device was heard of, inside a write; return whether it is there still."""
    now = clock.now()
    seen = database.execute(
        "UPDATE device SET seen = ?, activated = COALESCE(activated, ?), address = COALESCE(?, address) WHERE id = ?",
        *(now, now, address, device.id),
    )
    return bool(seen.rowcount)


def flush() -> None:
    """Write what this process has heard."""
    runtime.current().presence.flush()


def stop() -> None:
    """Write what this process has heard, and end the thread that does so."""
    runtime.current().presence.stop()


def _write(batch: dict[int, tuple[int, str | None]]) -> None:
    marks = ",".join(["(CAST(? AS BIGINT),CAST(? AS BIGINT),CAST(? AS VARCHAR(64)))"] * len(batch))
    with database.write():
        if not database.is_sqlite():
            devices.hold(list(batch))  # in one order, as everybody who holds several
        database.execute(
            f"WITH heard (id, seen, address) AS (VALUES {marks}) UPDATE device SET seen = heard.seen, "
            "address = COALESCE(heard.address, device.address) FROM heard "
            "WHERE device.id = heard.id AND COALESCE(device.seen, 0) < heard.seen",
            *(value for device_id, (seen, address) in batch.items() for value in (device_id, seen, address)),
        )
