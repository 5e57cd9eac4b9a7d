"""The connections of one process, and what happens to all of them: room, silence, what jobs have for them.

All of this runs in one thread, in asyncio's loop. What asks the database runs in others: `handling` for one device, and
`Directory` for which devices are here.
"""

import asyncio
import logging
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, TypeVar

from otagw import clock, errors, runtime
from otagw.db import database
from otagw.dialects.messages import Message, MessageFront
from otagw.mqtt import handling
from otagw.mqtt.connection import AT_A_TIME, Believed, Broken, Connection, Refused, Seconds
from otagw.mqtt.directory import Directory
from otagw.mqtt.packets import Connect, Publish
from otagw.ops import metrics
from otagw.ota.updates import pushes

T = TypeVar("T")
log: Final = logging.getLogger("otagw.mqtt")
# The longer it takes to look for what jobs have for devices, the less often that is done.
SHARE: Final = 20
# Threads in which clients are let in: few, since each takes the processor from those in which messages are taken.
AT_THE_DOOR: Final = 2


class Node:
    """One process that devices connect to, ``most`` at once; the core is called in so many threads, and a few more."""

    def __init__(
        self, name: str, fronts: Sequence[MessageFront], most: int, threads: int, seconds: Seconds | None = None
    ) -> None:
        settings = runtime.current().settings
        self.name, self._fronts, self.seconds = name, fronts, seconds or Seconds()
        self._most, self._most_of_one = most, settings.mqtt_connections_per_address
        self._endpoint = settings.device_url.rstrip("/") or settings.endpoint
        self._threads = threads
        # Those who are to be let in, strangers among them, hold up none who have been.
        self._pool, self._door = ThreadPoolExecutor(threads, "mqtt"), ThreadPoolExecutor(AT_THE_DOOR, "mqtt door")
        self._directory = Directory(name, self.apart, self.seconds)
        # All connections by number, in the order in which they came; those of devices, and of devices that are about to
        # be let in; and how many an address has.
        self._connections: dict[int, Connection] = {}
        self._devices: dict[int, Connection] = {}
        self._coming: dict[int, Connection] = {}
        self._addresses: Counter[str] = Counter()
        self._last, self._is_over = 0, False
        self.buffer = memoryview(bytearray(AT_A_TIME))

    # --- what is run for it

    def connect(self, context: ssl.SSLContext | None = None) -> Connection:
        """Return what serves a client that has connected, over TLS where there is a context."""
        self._last += 1
        return Connection(self, self._last, context)

    async def run(self) -> None:
        """Look after connections until this is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep())
            group.create_task(self._look())
            group.create_task(self._directory.beat(self._take_away))

    async def clear(self, reason: str) -> None:
        """End all connections, and wait until that is written."""
        for connection in list(self._connections.values()):
            connection.end(reason)
        await self._directory.settle()

    async def stop(self) -> None:
        """End all connections, and let other nodes know."""
        self._most = 0
        await self.clear("the gateway stops")
        await self._directory.leave()
        self._is_over = True
        for pool, threads in ((self._pool, self._threads), (self._door, AT_THE_DOOR)):
            together = threading.Barrier(threads)
            for _ in range(threads):
                pool.submit(copy_context().run, _let_go, together)
            pool.shutdown()

    async def apart(self, task: Callable[..., T], *given: object, door: bool = False) -> T:
        """Run something that may wait in a thread, for the gateway at hand; raise `Broken` after the stop.

        At the ``door`` is what is done for those who are to be let in.
        """
        if self._is_over:
            raise Broken("the gateway stops")
        pool = self._door if door else self._pool
        return await asyncio.get_running_loop().run_in_executor(pool, copy_context().run, task, *given)

    # --- what connections need

    def arrive(self, connection: Connection) -> bool:
        """Take a connection in; a stranger that has waited longest makes room where there is none."""
        address = connection.address or ""
        self._connections[connection.number] = connection
        self._addresses[address] += 1
        if self._most_of_one and self._addresses[address] > self._most_of_one:
            return False
        if len(self._connections) > self._most:
            stranger = next((one for one in self._connections.values() if one.is_stranger), connection)
            if stranger is not connection:
                stranger.end("no room: it has not said who it is")
            return stranger is not connection
        return True

    def leave(self, connection: Connection, reason: str) -> None:
        """Forget a connection that has ended."""
        self._connections.pop(connection.number, None)
        address = connection.address or ""
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]
        believed = connection.believed
        if not believed:
            return
        if self._devices.get(believed.device_id) is connection:
            del self._devices[believed.device_id]
        self._directory.closed(handling.opened(believed, connection))
        log.info("a device has left", extra={**handling.facts(believed, connection), "reason": reason})

    async def admit(self, connection: Connection, packet: Connect) -> Believed:
        """Let a device in: the older of two connections of one device ends."""
        believed = await self.apart(handling.admit, self._fronts, packet, connection.address, self._endpoint, door=True)
        self._coming[believed.device_id] = connection
        is_noted = await self._directory.opened(handling.opened(believed, connection))
        if self._coming.get(believed.device_id) is connection:
            del self._coming[believed.device_id]
        if not is_noted:
            raise Refused(handling.UNAVAILABLE, "the database does not answer, or the device is gone")
        older = self._devices.get(believed.device_id)
        if older:
            older.end("the device has connected anew")
        if connection.is_open:
            self._devices[believed.device_id] = connection
        else:  # it has gone meanwhile
            self._directory.closed(handling.opened(believed, connection))
        return believed

    async def refused(self, refusal: Refused) -> None:
        """Write to the log why a client was not let in."""
        await self.apart(refusal.note, door=True)

    async def hear(self, connection: Connection, packet: Publish) -> Sequence[Message]:
        """Take a message of a device, which waits where it says more than it may."""
        believed = self._believed(connection)
        while wait := handling.wait(believed):
            await asyncio.sleep(wait)
        return self._told(believed, await self.apart(handling.hear, believed, packet))

    async def tell(self, connection: Connection, module: str) -> Sequence[Message]:
        """Return what a device is to be told for a module."""
        believed = self._believed(connection)
        return self._told(believed, await self.apart(handling.tell, believed, module))

    def acknowledged(self, connection: Connection) -> None:
        """Note that a device has what it was told."""
        if connection.believed:
            self._directory.acknowledged(connection.believed.device_id)

    def bad_packet(self, connection: Connection, problem: str) -> None:
        """Count what a client sends that is no MQTT as it is spoken here; a stranger leaves a line in the log too."""
        metrics.count("otagw_mqtt_bad_packets_total")
        known = handling.facts(connection.believed, connection) if connection.believed else {}
        log.info("a packet was refused", extra={"client": connection.address or "", **known, "problem": problem})

    def _told(self, believed: Believed, messages: Sequence[Message]) -> Sequence[Message]:
        if any(message.offer for message in messages):
            self._directory.told(believed.device_id)
        return messages

    def _believed(self, connection: Connection) -> Believed:
        if connection.believed is None:
            raise Broken("the client has not said who it is")
        return connection.believed

    # --- what goes on beside

    async def _sweep(self) -> None:
        """End the connections of clients that are silent for too long, and note that the other devices are there."""
        while True:
            await asyncio.sleep(self.seconds.sweep)
            now = asyncio.get_running_loop().time()
            for connection in [one for one in self._connections.values() if now - one.heard > one.patience]:
                connection.end("it was silent for too long")
            for device_id, connection in self._devices.items():
                if now - connection.seen >= self.seconds.seen:
                    connection.seen = now
                    runtime.current().presence.add(device_id, clock.now(), connection.address)

    async def _look(self) -> None:
        """Tell devices what jobs have for them."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            if self._devices:
                for device_id, module in await self._waiting():
                    connection = self._devices.get(device_id)
                    if connection and connection.has_room:
                        connection.push(module)
            took = loop.time() - began
            await asyncio.sleep(min(max(self.seconds.look, took * SHARE), self.seconds.longest_look))

    async def _waiting(self) -> Sequence[tuple[int, str]]:
        try:
            return await self.apart(handling.guarded, pushes.due, self.name, self._is_free)
        except (Broken, errors.Fault):  # the next look is soon
            return ()

    def _is_free(self, device_id: int, task_id: int) -> bool:
        """Tell whether a device can be told of a task now."""
        connection = self._devices.get(device_id)
        believed = connection.believed if connection and connection.has_room else None
        return believed is not None and task_id not in believed.visit.passed

    def _take_away(self, device_ids: Sequence[int]) -> None:
        """End the connections of devices that have newer ones to other nodes."""
        for device_id in device_ids:
            connection = self._devices.get(device_id) or self._coming.get(device_id)
            if connection:
                connection.end("the device has connected to another node")


def _let_go(together: threading.Barrier) -> None:
    """Close what a thread has open, once each of them is here."""
    together.wait()
    database.disconnect()
