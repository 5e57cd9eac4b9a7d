"""Devices that live by themselves on the clock of the double."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from otagw import runtime
from otagw.db import database
from otagw.ota.devices import devices as core
from otagw.simulator.report import Report
from otagw.simulator.transport import Transport
from otagw.testing import fleet
from otagw.testing.double import Double
from otagw.testing.fleet import Device, Devices, Play, Registry
from otagw.testing.schedule import Schedule


class DoubleDevices(Devices):
    """The devices of a double; those that are played ask whenever time passes, and at once when there is work."""

    def __init__(
        self,
        registry: Registry,
        url: Callable[[], str],
        transport: Callable[[Report], Transport],
        gateway: Double,
        schedule: Schedule,
    ) -> None:
        super().__init__(registry, url, transport, lambda: runtime.entered(gateway))
        self._gateway, self._schedule = gateway, schedule
        self._lives: dict[int, Iterator[float]] = {}
        self._waiting: set[int] = set()
        schedule.wake, schedule.is_at_work = self._wake, self._is_at_work

    def play(self, devices: Iterable[Device] | Device, **how: Any) -> Play:
        """Let devices live as `otagw.simulator.devices.Behaviour` says; they act while the clock is advanced.

        They ask each ``poll`` seconds (an hour unless told), and when a rollout has work for them, as a device does
        that keeps a connection. Raises ValueError for a behaviour that there is not, or a device that is played.
        """
        some = fleet.chosen(devices)
        play = Play(some, fleet.behaviour(**how), self._transport(Report(len(some), self._seconds)), self._url())
        with runtime.entered(self._gateway):
            ids = {device.id: core.find(device.product, device.name) for device in some}
        for name, life in play.lives.items():
            found = ids[name]
            if found is None or found.id in self._lives:
                raise ValueError(f"{name}: expected a device that is there and not played yet")
            self._lives[found.id] = life
            self._schedule.add(life)
        return play

    @property
    def is_playing(self) -> bool:
        """Tell whether any device is played."""
        return bool(self._lives)

    def stop(self) -> None:
        """Let no device be played any more."""
        for life in self._lives.values():
            self._schedule.remove(life)
        self._lives.clear()

    def clear(self) -> None:
        """Know of none."""
        super().clear()
        self.stop()
        self._waiting.clear()

    def _seconds(self) -> float:
        return self._gateway.clock.now() / 1000

    def _is_at_work(self) -> bool:
        """Tell whether a device that is played has a task to do, which its job has not paused."""
        if not self._lives:
            return False
        with runtime.entered(self._gateway):
            query = (
                "SELECT DISTINCT task.device_id FROM task JOIN job ON job.id = task.job_id "
                "WHERE task.state = 'in_progress' OR task.state IN ('queued', 'notified') AND job.paused IS NULL"
            )
            return any(device_id in self._lives for (device_id,) in database.execute(query).fetchall())

    def _wake(self) -> None:
        """Let those go on at once that have a new task."""
        if not self._lives:
            return
        with runtime.entered(self._gateway):
            found = database.execute("SELECT id, device_id FROM task WHERE state = 'queued' ORDER BY id").fetchall()
        for task_id, device_id in found:
            if task_id not in self._waiting and device_id in self._lives:
                self._schedule.hasten(self._lives[device_id])
        self._waiting = {task_id for task_id, _ in found}
