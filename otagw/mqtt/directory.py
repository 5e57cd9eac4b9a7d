"""Which devices are on a node, as the database has it: written for many connections at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from otagw import errors
from otagw.mqtt import handling
from otagw.mqtt.connection import Broken, Seconds
from otagw.ota.devices import connections
from otagw.ota.devices.connections import Opened

log: Final = logging.getLogger("otagw.mqtt")
# How many connections are written in one transaction.
AT_ONCE: Final = 200
Apart = Callable[..., Awaitable[Any]]


class Directory:
    """The connections of one node; ``apart`` runs something in a thread."""

    def __init__(self, node: str, apart: Apart, seconds: Seconds) -> None:
        self._node, self._apart, self._seconds = node, apart, seconds
        self._opening: list[tuple[Opened, asyncio.Future[bool]]] = []
        self._closing: list[Opened] = []
        self._acknowledged: set[int] = set()
        self._writing: asyncio.Task[None] | None = None

    async def opened(self, one: Opened) -> bool:
        """Note a connection, together with others; tell whether it could be: not where its device is gone."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._opening.append((one, done))
        self._go_on()
        return await done

    def closed(self, one: Opened) -> None:
        """Note, soon, that a connection has ended."""
        self._closing.append(one)
        self._go_on()

    def told(self, device_id: int) -> None:
        """Note that a device has been told something that it has not acknowledged."""
        self._acknowledged.discard(device_id)

    def acknowledged(self, device_id: int) -> None:
        """Note, soon, that a device has what it was told."""
        self._acknowledged.add(device_id)

    async def settle(self) -> None:
        """Wait until what waits is written."""
        if self._writing:
            await self._writing

    async def leave(self) -> None:
        """Forget the node and all that is on it, once what waits is written."""
        await self.settle()
        await self._tried(connections.end, self._node)

    async def beat(self, take_away: Callable[[Sequence[int]], None]) -> None:
        """Say time and again that the node is there, and pass on which devices have newer connections elsewhere."""
        loop = asyncio.get_running_loop()
        said = -self._seconds.beat
        while True:
            await self._write_acknowledged()
            if loop.time() - said >= self._seconds.beat or await self._tried(connections.is_ousted, self._node):
                take_away(await self._tried(connections.beat, self._node) or ())
                said = loop.time()
            await asyncio.sleep(self._seconds.write)

    def _go_on(self) -> None:
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        """Write what waits until nothing does: ends first, since what begins anew has a new number."""
        while self._closing or self._opening:
            closing, self._closing = self._closing[:AT_ONCE], self._closing[AT_ONCE:]
            if closing:
                await self._write_acknowledged()  # what is acknowledged is not lost with its connection
                await self._tried(connections.closed, self._node, closing)
            opening, self._opening = self._opening[:AT_ONCE], self._opening[AT_ONCE:]
            if opening:
                there = await self._tried(connections.opened, self._node, [one for one, _ in opening]) or ()
                for one, done in opening:
                    if not done.done():
                        done.set_result(one.device_id in there)
        self._writing = None

    async def _write_acknowledged(self) -> None:
        while self._acknowledged:
            some = list(self._acknowledged)[:AT_ONCE]
            self._acknowledged.difference_update(some)
            await self._tried(connections.acknowledged, self._node, some)

    async def _tried(self, task: Callable[..., Any], *given: object) -> Any:
        """Return what a task returns, or None where the database does not answer."""
        try:
            return await self._apart(handling.guarded, task, *given)
        except (Broken, errors.Fault):
            return None
