"""When devices were last heard of: most only ask, and that is written for many of them at once.

What was heard waits in this process for `FLUSH_SECONDS`; one that is killed forgets as much, no more.
"""

import logging
import os
import threading
from itertools import islice
from typing import Final

from otagw import clock
from otagw.db import database
from otagw.ota.devices import devices
from otagw.ota.devices.devices import Device

log = logging.getLogger("otagw.presence")
# How often a device that only asks is noted as seen.
SEEN_MS: Final = 60_000
FLUSH_SECONDS: Final = 5.0
AT_ONCE: Final = 1000
_guard = threading.Lock()
_heard: dict[int, tuple[int, str | None]] = {}
_thread: threading.Thread | None = None
_stopping = threading.Event()


def heard(device: Device, address: str | None) -> None:
    """Note that a device has asked: at once if it never did before, and otherwise soon."""
    now = clock.now()
    if device.activated is None:
        with database.write():
            note(device, address)
    elif now - (device.seen or 0) >= SEEN_MS:
        with _guard:
            _heard[device.id] = now, address
            _start()


def note(device: Device, address: str | None) -> bool:
    """Write that a device was heard of, inside a write; return whether it is there still."""
    now = clock.now()
    seen = database.execute(
        "UPDATE device SET seen = ?, activated = COALESCE(activated, ?), address = COALESCE(?, address) WHERE id = ?",
        *(now, now, address, device.id),
    )
    return bool(seen.rowcount)


def flush() -> None:
    """Write what was heard, in statements of many devices."""
    with _guard:
        waiting = dict(_heard)
        _heard.clear()
    rows = iter(sorted(waiting.items()))
    while batch := dict(islice(rows, AT_ONCE)):
        try:
            _write(batch)
        except database.TROUBLE:
            log.exception("what was heard of devices could not be written; it is tried again")
            database.recover()
            with _guard:  # what has been heard since is newer
                _heard.update({**batch, **dict(rows), **_heard})
            return


def stop() -> None:
    """Write what is left, and begin no more: a process that ends normally forgets nothing."""
    global _thread
    with _guard:
        thread, _thread = _thread, None
        _stopping.set()
    if thread and thread.is_alive():
        thread.join()
    flush()


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


def _start() -> None:
    """Run the thread that writes, in this process: a fork leaves it behind. Called with the guard."""
    global _thread  # noqa: PLW0603 - goes with the process
    if _thread is None:
        _stopping.clear()
        _thread = threading.Thread(target=_run, name="presence", daemon=True)
        _thread.start()


def _run() -> None:
    while not _stopping.wait(FLUSH_SECONDS):
        flush()
        database.disconnect()  # it writes so rarely that a connection would only lie idle


def _forked() -> None:
    """Begin anew in a child: what its parent has heard is its parent's to write."""
    global _guard, _thread, _stopping
    _guard, _thread, _stopping = threading.Lock(), None, threading.Event()
    _heard.clear()


os.register_at_fork(after_in_child=_forked)
