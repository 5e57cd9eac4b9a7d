"""The gateway of a test: what its fixture is, and what a script opens by ``with Gateway() as otagw``."""

import contextlib
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from otagw import app, runtime
from otagw.db import database
from otagw.dialects.aliyun.action import Actions
from otagw.dialects.iotda.route import Iotda
from otagw.dialects.oss import route as oss
from otagw.testing import mqtt, seeds, tls, wsgi
from otagw.testing.api import Api, Key
from otagw.testing.calls import Calls
from otagw.testing.clients import Clients, Place, environment
from otagw.testing.clock import LONGEST_DAYS, Clock
from otagw.testing.double import ACCOUNT, KEY_ID, SECRET, State, Store
from otagw.testing.entrance import Entrance
from otagw.testing.faults import QUIET, Faults
from otagw.testing.fleet import InProcess
from otagw.testing.gate import Busy, Gate
from otagw.testing.plays import DoubleDevices
from otagw.testing.registry import Accounts, Registry
from otagw.testing.releases import Packages, Rollouts
from otagw.testing.schedule import Schedule
from otagw.testing.server import LOOPBACK, Server
from otagw.testing.webhooks import Webhooks

SEED: Final = 1


class Trouble(AssertionError):
    """An error inside the gateway while it answered a test."""


class Gateway:
    """A gateway under the control of a test, on a port of its own on loopback.

    ``settings`` are those of the gateway that change its answers; ``tls`` is https by an authority of its own (`ca`);
    ``mqtt`` serves devices over MQTT too, at an address (True: a free port of loopback); ``seed`` decides all chance.
    Raises `otagw.settings.SettingsError`, ValueError for a setting of the double's own.
    """

    def __init__(
        self,
        settings: Mapping[str, Any] | None = None,
        *,
        tls: bool = False,
        mqtt: bool | tuple[str, int] = False,
        seed: int = SEED,
        address: tuple[str, int] = LOOPBACK,
    ) -> None:
        self._given = (dict(settings or {}), tls, LOOPBACK if mqtt is True else mqtt or None, seed, address)
        self._stack, self._is_open = contextlib.ExitStack(), False
        self.key: Final = Key(KEY_ID, SECRET)

    def start(self) -> Self:
        """Start it, for a notebook; `close` ends it. Raises RuntimeError where it was started already."""
        if self._is_open:
            raise RuntimeError("expected a gateway that is not started")
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        self._is_open = True
        return self

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it; raise `faults.Unmet` for a fault that was never met, unless something else went wrong before."""
        try:
            if error is None:
                self.verify()
        finally:
            self.close()

    def interrupt(self) -> None:
        """Let what is under way end soon: a fault holds nothing up, and an advance in another thread is given up."""
        self._schedule.interrupt()
        self.faults.clear()

    def close(self) -> None:
        """End it without a look at faults."""
        if self._is_open:
            self.interrupt()
        self._is_open = False
        self._stack.close()

    def _start(self, stack: contextlib.ExitStack) -> None:
        given, is_tls, mqtt_address, seed, address = self._given
        self._store = Store(given, seed)
        stack.callback(self._store.close)
        gateway = self._runtime = self._store.runtime
        names = (*app.operations(), *_of_fronts(), *mqtt.operations())
        self.faults, self.calls = Faults(names, seed), Calls(names)
        vars(gateway).update(operations=app.operations(), faults=self.faults, journal=self.calls)
        inner = app.application(gateway)
        self._schedule = Schedule(gateway)
        vars(gateway).update(messages=mqtt.Around(self.faults, self.calls, self._schedule))
        self._gate = Gate()
        self.app = Entrance(inner.wsgi_app, self._gate, self.faults, self._schedule)
        context: ssl.SSLContext | None = None
        self.ca: Path | None = None
        if is_tls:
            context, self.ca = tls.context(self._store.folder)
        self._server = Server(self.app, address, context, leave=self._leave)
        stack.callback(self._server.close)
        self._mqtt = mqtt.Mqtt(gateway, self._gate, mqtt_address, context) if mqtt_address else None
        if self._mqtt:
            stack.callback(self._mqtt.close)
        self.clock = Clock(gateway.clock, self._schedule)
        main, self._registry = self.api(self.key), Registry(gateway)
        self.accounts = Accounts(gateway, self.api)
        self.clients = Clients(lambda: Place(self.url, self.ca), self.key)
        self.packages, self.rollouts = Packages(main), Rollouts(main)
        self.devices = DoubleDevices(
            self._registry, lambda: self.url, lambda report: InProcess(report, self.app), gateway, self._schedule
        )
        self.webhooks = Webhooks(self._registry.webhook, self._registry.secret)
        stack.callback(self.webhooks.clear)
        stack.callback(self.faults.clear)

    # --- where it is

    @property
    def url(self) -> str:
        """Return its URL, without a slash at its end."""
        return self._server.url

    @property
    def host(self) -> str:
        """Return its host and port, as SDKs want an endpoint."""
        return self._server.netloc

    @property
    def port(self) -> int:
        """Return its port."""
        return self._server.port

    @property
    def mqtt_port(self) -> int | None:
        """Return the port that devices connect to over MQTT, if it serves them."""
        return self._mqtt.port if self._mqtt else None

    @property
    def mqtt_url(self) -> str | None:
        """Return where devices connect to over MQTT, as mqtt://HOST:PORT, if it serves them."""
        return self._mqtt.url if self._mqtt else None

    @property
    def env(self) -> dict[str, str]:
        """Return what a program of its own process needs in its environment to find the gateway and its key."""
        found = environment(self.url, self.key) | ({"OTAGW_MQTT": self._mqtt.url} if self._mqtt else {})
        trust = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
        return found | (dict.fromkeys(trust, str(self.ca)) if self.ca else {})

    @property
    def threads(self) -> list[threading.Thread]:
        """Return the threads that it has started, for tests that look whether one is left behind."""
        return [*self._server.threads, *self.webhooks.threads, *(self._mqtt.threads if self._mqtt else ())]

    # --- calls

    def api(self, key: Key) -> Api:
        """Return the Actions of the gateway for a key; they reach it without a socket, quietly."""
        return Api(lambda: self.url, key, self._send, self.entered)

    def call(self, action: str, /, *, key: Key | None = None, **params: Any) -> dict[str, Any]:
        """Call an Action and return the envelope of its answer, be it a refusal.

        It takes no socket, is not among `calls`, and meets no fault: it is for the test itself, to look and to prepare.
        """
        return self.api(key or self.key).call(action, **params)

    def sign(self, action: str, /, *, key: Key | None = None, **params: Any) -> str:
        """Return a URL that calls an Action once, for any client; by the time of the gateway."""
        return self.api(key or self.key).sign(action, **params)

    def seed(self, what: Mapping[str, Any] | str | Path) -> seeds.Seeded:
        """Make what a TOML file or a mapping says: accounts, products, devices, packages, jobs, webhooks."""
        return seeds.sow(self, seeds.read(what))

    # --- its state

    def reset(self) -> None:
        """Be as new: no row, file, nonce, fault, call, device or receiver is left, and time and chance begin again."""
        self.faults.clear()
        self.webhooks.clear()
        self.devices.clear()
        self._schedule.clear()
        self._end_connections()
        with self._alone():
            self._schedule.clear()  # again: what was under way may have gone wrong
            self._store.reset()
            self.calls.clear()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Bring everything back at the end to how it is now: rows, files, nonces, time, chance, faults; but no call.

        Raises ValueError while devices are played: how far these are cannot be brought back.
        """
        if self.devices.is_playing:
            raise ValueError("expected a snapshot before devices are played: devices.stop() ends that")
        with self._alone():
            saved: State = self._store.save()
        faults, devices = self.faults.copy(), self.devices.copy()
        try:
            with contextlib.closing(saved):
                try:
                    yield
                finally:
                    self.devices.stop()
                    self._end_connections()
                    with self._alone():
                        self._store.restore(saved)
                        self._schedule.forget()
                        if self._mqtt:
                            with self.entered():
                                self._mqtt.forget()
        finally:
            self.faults.restore(faults)
            self.devices.restore(devices)

    def run_until_idle(self, days: float = LONGEST_DAYS) -> None:
        """Let time pass until nothing is going on; see `Clock.run_until_idle`."""
        self.clock.run_until_idle(days, self._what_goes_on)

    def verify(self) -> None:
        """Raise `faults.Unmet` for a fault that was never met, and `Trouble` for an error inside of the gateway."""
        __tracebackhide__ = True
        if self._schedule.trouble:
            first = self._schedule.trouble[0]
            raise Trouble(f"while the gateway answered: {type(first).__name__}: {first}") from first
        if self.calls.crashed:
            raise Trouble(self.calls.crashed[0])
        self.faults.verify()

    def _end_connections(self) -> None:
        """End the connections of devices: those of another time are not to be in the database."""
        if self._mqtt:
            self.faults.release()
            self._mqtt.clear()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no request is under way: release held requests, and cut connections that do not end."""
        self.faults.release()
        try:
            with self._gate.alone():
                yield
                return
        except Busy:
            self._server.cut()
            self.faults.release()
        with self._gate.alone():
            yield

    def _what_goes_on(self) -> str:
        with self.entered():
            rows = database.execute(
                "SELECT job_id, state, COUNT(*) FROM task WHERE state NOT IN ('succeeded', 'failed', 'canceled') "
                "GROUP BY job_id, state ORDER BY job_id, state LIMIT 20"
            ).fetchall()
        return "".join(f"\n  job {job}: {number} {state}" for job, state, number in rows)

    # --- what helpers reach it by

    def entered(self) -> runtime.Door:
        """Return what lets code run for this gateway."""
        return runtime.entered(self._runtime)

    def product(self, key: str, name: str | None = None, account: str = ACCOUNT) -> None:
        """Make a product of a key, unless the account has it."""
        self._registry.product(key, name, account)

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> wsgi.Response:
        return wsgi.send(self.app, method, url, headers, body, {QUIET: True})

    def _leave(self) -> None:
        """Close what a thread of the server has open."""
        with self.entered():
            database.disconnect()


def _of_fronts() -> list[str]:
    """Return names with their front, such as ``iotda.DeleteDevice``: two fronts may share a name."""
    tables: dict[str, Iterable[Any]] = {"aliyun": Actions.table, "iotda": Iotda.table}
    found = [f"{front}.{operation.name}" for front, table in tables.items() for operation in table]
    return [*found, *(f"oss.{name}" for name in oss.OPERATIONS)]
