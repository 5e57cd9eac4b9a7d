"""Devices that live by themselves on the clock of the double."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from otagw import runtime
from otagw.db import database
from otagw.ota.devices import devices as core
from otagw.ota.rollouts import jobs
from otagw.simulator.report import Report
from otagw.simulator.transport import Transport
from otagw.testing import fleet
from otagw.testing.double import Double
from otagw.testing.fleet import Device, Devices, Play, Registry
from otagw.testing.schedule import Schedule


class DoubleDevices(Devices):
    """The devices of a double; played devices poll as time passes, and at once when a job has work for them."""

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
        # By the ids of tasks: the minute in which their devices were last told to ask.
        self._told: dict[int, int] = {}
        self._watch: Iterator[float] | None = None
        schedule.wake, schedule.is_at_work = self._wake, self._is_at_work

    def play(self, devices: Iterable[Device] | Device, **how: Any) -> Play:
        """Let devices live as `otagw.simulator.devices.Behaviour` says; they act while the clock is advanced.

        They ask each ``poll`` seconds (an hour unless told), and when a rollout has work for them, as a device does
        that keeps a connection. Raises ValueError for a behaviour that there is not, or a device that is played.
        """
        some = fleet.chosen(devices)
        with runtime.entered(self._gateway):
            ids = {device.id: core.find(device.product, device.name) for device in some}
        numbers: dict[str, int] = {}
        for name, found in ids.items():
            if found is None:
                raise ValueError(f"{name}: expected a device that is there")
            if found.id in self._lives:
                raise ValueError(f"{name}: expected a device that is not played yet")
            numbers[name] = found.id
        play = Play(some, fleet.behaviour(**how), self._transport(Report(len(some), self._seconds)), self._url())
        for name, life in play.lives.items():
            self._lives[numbers[name]] = life
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
        if self._watch:
            self._schedule.remove(self._watch)
            self._watch = None
        self._lives.clear()
        self._told.clear()

    def clear(self) -> None:
        """Know of none."""
        super().clear()
        self.stop()

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

    def _wake(self) -> bool:
        """Let those go on at once that have a new task to ask for; return whether some were turned away for a minute.

        A job lets only so many of its devices begin within a minute: the others ask again in the next one, as devices
        do that a gateway pushes to.
        """
        if not self._lives:
            return False
        now = self._gateway.clock.now()
        minute = now // jobs.MINUTE_MS
        with runtime.entered(self._gateway):
            waiting = database.execute(
                "SELECT task.id, task.device_id, job.rate_minute, job.rate_used, "
                f"{database.json_text('job.rules', 'per_minute')} FROM task JOIN job ON job.id = task.job_id "
                "WHERE task.state = 'queued' AND job.state = 'in_progress' AND job.paused IS NULL "
                "AND (task.retry_at IS NULL OR task.retry_at <= ?) ORDER BY task.id",
                now,
            ).fetchall()
        told: dict[int, int] = {}
        hurried, is_full = [], False
        for task_id, device_id, used_minute, used, most in waiting:
            life, before = self._lives.get(device_id), self._told.get(task_id)
            if life is None:
                continue
            turned_away = before is not None and before == used_minute and used >= int(most)
            is_full = is_full or turned_away
            if before is None or (turned_away and before < minute):
                hurried.append(life)
                before = minute
            told[task_id] = before
        self._told = told
        self._schedule.hasten(hurried)
        if told and not self._watch:
            self._watch = self._watched()
            self._schedule.add(self._watch)
        return is_full

    def _watched(self) -> Iterator[float]:
        """Look at each full minute, as long as a job turns devices away."""
        is_full = True
        while is_full and self._told:
            yield (jobs.MINUTE_MS - self._gateway.clock.now() % jobs.MINUTE_MS) / 1000
            is_full = self._wake()
        self._watch = None
