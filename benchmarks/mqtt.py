"""Devices over MQTT as a load: connections, messages, pushes; and mosquitto with the same tool in the same run."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import requests

from benchmarks import calls, fleet, load
from benchmarks.gateway import free_port, server, wait_for
from benchmarks.process import children, resident
from otagw.dialects.aliyun import client

HEAD: Final = [
    "| server | work | number | seconds | per second | server's processor, ms each | memory after it, MiB |",
    "| --- | --- | --- | --- | --- | --- | --- |",
]
AT_ONCE: Final = 100
TICK: Final = os.sysconf("SC_CLK_TCK")
IDLE_SECONDS: Final = 5.0
# A topic that nothing is done about: what is left is the transport.
ELSEWHERE: Final = "/sys/bench/thing/event/property/post"
_VERSION: Final = json.dumps({"id": 1, "params": {"version": "1.0.0"}}).encode()


class Device:
    """A connection of the load; it acknowledges what it is sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._acknowledged = asyncio.Queue[None]()
        self.told = asyncio.Event()
        self._task = asyncio.create_task(self._listen())

    async def say(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1, and wait for the PUBACK."""
        name = topic.encode()
        body = len(name).to_bytes(2, "big") + name + b"\0\1" + payload
        self.writer.write(b"\x32" + _length(len(body)) + body)
        await self._acknowledged.get()

    async def _listen(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, body = await _packet(self.reader)
                if kind == 0x40:
                    self._acknowledged.put_nowait(None)
                elif kind == 0x32:
                    at = 2 + int.from_bytes(body[:2], "big")
                    self.writer.write(b"\x40\x02" + body[at : at + 2])
                    self.told.set()

    async def end(self) -> None:
        """Close."""
        self._task.cancel()
        self.writer.close()


class Server(NamedTuple):
    """What is measured: its name, its process and its port; None for the names of devices where it asks for none."""

    name: str
    pid: int
    port: int
    product: str | None = None


async def connect(to: Server, number: int) -> Device:
    """Connect as the device of a number, as Alibaba's Python SDK does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", to.port)
    name = f"device-{number:07}"
    client_id, user, password = f"{to.product}&{name}", f"{name}&{to.product}", ""
    if to.product:
        text = f"clientId{client_id}deviceName{name}productKey{to.product}timestamp1"
        password = hmac.new(f"secret-{number:07}".encode(), text.encode(), hashlib.sha1).hexdigest()
        client_id += "|securemode=3,signmethod=hmacsha1,timestamp=1|"
    flags = 0xC2 if to.product else 0x02
    fields = [client_id, user, password] if to.product else [client_id]
    body = b"\0\4MQTT\4" + bytes((flags,)) + (1200).to_bytes(2, "big")
    body += b"".join(len(field).to_bytes(2, "big") + field.encode() for field in fields)
    writer.write(b"\x10" + _length(len(body)) + body)
    kind, answer = await _packet(reader)
    if (kind, answer[1:]) != (0x20, b"\0"):
        raise ConnectionError(f"refused: {answer!r}")
    return Device(reader, writer)


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind, length, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        digit = (await reader.readexactly(1))[0]
        length |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return kind, await reader.readexactly(length)


def _length(number: int) -> bytes:
    return bytes((number,)) if number < 128 else bytes((number & 0x7F | 0x80, number >> 7))


def processor(pid: int) -> float:
    """Return the processor's time of a process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


async def _measured(to: Server, work: str, number: int, doing: Callable[[], Awaitable[object]]) -> tuple[str, float]:
    began, used = time.perf_counter(), processor(to.pid)
    await doing()
    took, used = time.perf_counter() - began, processor(to.pid) - used
    row = (
        f"| {to.name} | {work} | {number:,} | {took:.1f} | {number / took:,.0f} | {used * 1000 / number:.3f} "
        f"| {resident(to.pid):.0f} |"
    )
    print(row, flush=True)
    return row, number / took


async def _all(doing: Sequence[Callable[[], Awaitable[object]]]) -> None:
    """Do everything, `AT_ONCE` of it at a time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(what: Callable[[], Awaitable[object]]) -> None:
        async with turns:
            await what()

    await asyncio.gather(*(one(what) for what in doing))


@contextlib.asynccontextmanager
async def _connected(to: Server, count: int, rows: list[str]) -> AsyncIterator[list[Device]]:
    devices: list[Device] = []

    async def one(number: int) -> None:
        devices.append(await connect(to, number))

    try:
        doing = [lambda number=number: one(number) for number in range(count)]  # type: ignore[misc]
        rows.append((await _measured(to, "connect", count, lambda: _all(doing)))[0])
        yield devices
    finally:
        for device in devices:
            await device.end()


async def _common(to: Server, devices: list[Device], rows: list[str]) -> None:
    said = [lambda device=device: device.say(ELSEWHERE, b"{}") for device in devices]  # type: ignore[misc]
    rows.append((await _measured(to, "message that nothing follows from", len(devices), lambda: _all(said)))[0])


async def _ours(to: Server, url: str, count: int, creates: float, rows: list[str]) -> None:
    async with _connected(to, count, rows) as devices:
        await _common(to, devices, rows)
        path = f"/ota/device/inform/{to.product}/device-"
        reports = [
            lambda device=device, number=number: device.say(f"{path}{number:07}", _VERSION)  # type: ignore[misc]
            for number, device in enumerate(devices)
        ]
        row, rate = await _measured(to, "first report", count, lambda: _all(reports))
        rows += [row, f"| {to.name} | first reports in shares of durable creates | {rate / creates:.2f} | | | | |"]

        async def told() -> None:
            await asyncio.to_thread(_roll_out, url, str(to.product), count)
            await asyncio.gather(*(device.told.wait() for device in devices))

        row, rate = await _measured(to, "push", count, told)
        rows += [row, f"| {to.name} | pushes in shares of durable creates | {rate / creates:.2f} | | | | |"]
        waiting = min(count, 1000)
        await asyncio.to_thread(_roll_out, url, str(to.product), 1, version="3.0.0", overwrite=True)
        await asyncio.sleep(1)
        used = processor(to.pid)
        await asyncio.sleep(IDLE_SECONDS)
        share = (processor(to.pid) - used) / IDLE_SECONDS
        rows.append(f"| {to.name} | a spent budget, {waiting:,} and more devices wait | | | | {share:.1%} of one | |")
        print(rows[-1], flush=True)


async def _mosquitto(to: Server, count: int, rows: list[str]) -> None:
    async with _connected(to, count, rows) as devices:
        await _common(to, devices, rows)


def _roll_out(url: str, product: str, per_minute: int, version: str = "2.0.0", overwrite: bool = False) -> None:
    """Make a package and a job for all devices, which offers it to so many in a minute."""

    def call(action: str, **params: str) -> dict[str, str]:
        answer = requests.get(client.v1(url, "benchid", "benchsecret", {"Action": action, **params}).url, timeout=60)
        found: dict[str, str] = answer.json().get("Data") or sys.exit(f"{action}: {answer.text}")
        return found

    package = {"FirmwareUrl": "https://ota.example.com/f.bin", "FirmwareSign": "0" * 32, "SignMethod": "MD5"}
    package |= {"FirmwareSize": "1000", "ProductKey": product, "DestVersion": version, "NeedToVerify": "false"}
    made = call("CreateOTAFirmware", FirmwareName=f"bench-{version.replace('.', '-')}", **package)
    job = {"FirmwareId": made["FirmwareID"], "ProductKey": product, "TargetSelection": "ALL"}
    more = {"MaximumPerMinute": str(max(per_minute, 10))} | ({"OverwriteMode": "2"} if overwrite else {})
    call("CreateOTAStaticUpgradeJob", **job, **more)


@contextlib.contextmanager
def _broker(folder: Path) -> Iterator[Server]:
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\n", "ascii")
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") or "mosquitto"
    with subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port)
            yield Server("mosquitto, no authentication", process.pid, port)
        finally:
            process.terminate()


def measure(count: int, requests_: int, clients: int) -> list[str]:
    """Return table rows for so many devices."""
    rows: list[str] = []
    port = free_port()
    os.environ["OTAGW_MQTT_BIND"] = f"127.0.0.1:{port}"
    os.environ["OTAGW_MQTT_CONNECTIONS"] = str(count + 100)
    try:
        with tempfile.TemporaryDirectory() as folder:
            pids: list[int] = []
            with server("serve", 1, folder, pids) as http:
                fleet.settle(folder, count)
                ours = next(
                    pid for pid in children(pids[0]) if Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"\0mqtt\0")
                )
                creates = load.run(http, calls.create_v1(http, requests_), clients).rate
                to = Server("otagw mqtt", ours, port, fleet.PRODUCT)
                rows.append(f"| {to.name} | begins | | | | | {resident(ours):.0f} |")
                asyncio.run(_ours(to, f"http://127.0.0.1:{http}", count, creates, rows))
    finally:
        del os.environ["OTAGW_MQTT_BIND"], os.environ["OTAGW_MQTT_CONNECTIONS"]
    with tempfile.TemporaryDirectory() as folder, _broker(Path(folder)) as broker:
        asyncio.run(_mosquitto(broker, count, rows))
    return rows
