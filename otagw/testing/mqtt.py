"""The double's MQTT server: the gateway's own, on a port of its own, in a thread of the test's process."""

import asyncio
import contextlib
import json
import os
import ssl
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from otagw import errors, runtime
from otagw.call import Call
from otagw.dialects.messages import Message
from otagw.mqtt import handling
from otagw.mqtt.connection import Cut, Seconds
from otagw.mqtt.node import AT_THE_DOOR, Node
from otagw.mqtt.service import FRONTS
from otagw.ota.devices import connections
from otagw.testing.calls import Calls
from otagw.testing.double import Double
from otagw.testing.faults import Faults
from otagw.testing.gate import Gate
from otagw.testing.schedule import Schedule
from otagw.testing.server import ANY_ADDRESS

T = TypeVar("T")
NAME: Final = "double"
# More often than in production: a test waits for it.
SECONDS: Final = Seconds(look=0.05, longest_look=0.2, write=0.2, beat=1.0)
MOST: Final = 1000
THREADS: Final = 4
# Seconds for the server to begin, or to end all connections.
PATIENCE: Final = 30.0


def operations() -> list[str]:
    """Return the names of all that a device can say."""
    said = [operation.name for front in FRONTS for operation in front.operations]
    return [*said, *(f"{name}.{handling.CONNECT}" for name in (*(front.name for front in FRONTS), handling.NOBODY))]


class Taken(OSError):
    """Say that the address of MQTT cannot be taken."""


class Around:
    """Faults and the journal of messages, and what is due around each: see `otagw.seams`."""

    def __init__(self, faults: Faults, calls: Calls, schedule: Schedule) -> None:
        self._faults, self._calls, self._schedule = faults, calls, schedule

    def around(self, call: Call, task: Callable[[], T], explain: Callable[[], str]) -> T:
        """Do a task as the faults have it, and record it."""
        self._schedule.before()
        met, code, hint = self._faults.meet_message(call), "", ""
        told: Sequence[dict[str, Any]] = ()
        try:
            if met and met.fault.before:
                raise Cut("a fault ends the connection")
            if met and met.fault.refuses:
                raise errors.Quoted(met.fault.code or "", met.fault.status or 503, met.fault.message or "")
            found = task()
            told = _shown(found)
        except Cut:
            raise
        except errors.Fault as fault:
            code = (fault.code if isinstance(fault, errors.Quoted) else "") or type(fault).__name__
            hint = "" if met else explain()
            raise
        except BaseException as error:
            self._calls.crashed.append(f"{call.operation} ended with {type(error).__name__}: the log has the error")
            raise
        finally:
            self._calls.note_message(call, met, code, hint, told)
        self._schedule.after()
        if met and met.fault.after:
            raise Cut("a fault loses the answer")
        return found


def _shown(found: object) -> Sequence[dict[str, Any]]:
    """Return what a device is told, as the journal has it."""
    messages = found if isinstance(found, Sequence) else ()
    return [{"topic": one.topic, "message": json.loads(one.payload)} for one in messages if isinstance(one, Message)]


class _Node(Node):
    """A node whose work passes the gate, so that a reset waits for it."""

    gate: Gate
    threads: set[threading.Thread]

    async def apart(self, task: Callable[..., T], *given: object, door: bool = False) -> T:
        """Run something in a thread, unless a reset is under way."""
        return await super().apart(self._through, task, *given, door=door)

    def _through(self, task: Callable[..., T], *given: object) -> T:
        self.threads.add(threading.current_thread())
        number = self.gate.enter(f"MQTT {getattr(task, '__name__', 'message')}")
        try:
            return task(*given)
        finally:
            self.gate.leave(number)


class Mqtt:
    """The server, from its start to `close`; raises `Taken`."""

    def __init__(self, gateway: Double, gate: Gate, address: tuple[str, int], tls: ssl.SSLContext | None) -> None:
        self._gateway, self._gate, self._address, self._tls = gateway, gate, address, tls
        self.port, self._failed = 0, OSError("it did not start")
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otagw mqtt", daemon=True)
        self._thread.start()
        self._ready.wait(PATIENCE)
        if not self.port:
            raise self._failed
        host = ANY_ADDRESS.get(address[0], address[0])
        self.url = f"{'mqtts' if tls else 'mqtt'}://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def threads(self) -> list[threading.Thread]:
        """Return the threads that it has started."""
        return [self._thread, *self._node.threads]

    def clear(self) -> None:
        """End all connections."""
        done = asyncio.run_coroutine_threadsafe(self._node.clear("the test begins anew"), self._loop)
        done.result(PATIENCE)

    def forget(self) -> None:
        """Forget connections that the database has from another time; the caller has entered the gateway."""
        connections.end(NAME)

    def close(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            with runtime.entered(self._gateway):
                asyncio.run(self._serve())
        except OSError as error:
            self._failed = Taken(error.errno, os.strerror(error.errno or 0))
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._node = _Node(NAME, FRONTS, MOST, THREADS, SECONDS)
        self._node.gate, self._node.threads = self._gate, set()
        # All threads begin now: those that came later would seem to be left behind by a test.
        for door, threads in ((False, THREADS), (True, AT_THE_DOOR)):
            together = threading.Barrier(threads)
            await asyncio.gather(*(self._node.apart(together.wait, door=door) for _ in range(threads)))
        try:
            server = await self._loop.create_server(partial(self._node.connect, self._tls), *self._address)
        except OSError:
            await self._node.stop()
            raise
        work = self._loop.create_task(self._node.run())
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await self._node.stop()
