"""What strangers leave behind in a process of `otagw mqtt`: nothing."""

import contextlib
import os
import random
import re
from pathlib import Path

import pytest

from tests.mqtt import client as mqtt
from tests.mqtt.client import Client, alibaba
from tests.mqtt.test_nodes import MqttProcess
from tests.patience import eventually

pytestmark = pytest.mark.live
MUTANTS, SILENT = 2000, 300
# The heap still grows a little; connections that were kept would take more, at 2.6 KiB each.
SPARE_KIB = 4096


@pytest.fixture
def server(make_live):
    gateway = make_live()
    found = MqttProcess(gateway, 0)
    yield gateway, found
    found.stop()


def sockets(process):
    """Return how many sockets a process has open; its threads open files of the database as they are needed."""
    found = 0
    for link in Path(f"/proc/{process.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found += os.readlink(link).startswith("socket:")
    return found


def memory(process):
    """Return the resident memory of a process, in KiB."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.process.pid}/status").read_text())[1])


def mutant(chance, whole):
    data = bytearray(whole)
    for _ in range(chance.randrange(1, 5)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[: chance.randrange(1, len(data) + 1)]) + chance.randbytes(chance.choice((0, 0, 3000)))


def attack(port, whole, first, count):
    """Send mutants, each on a connection of its own, a hundred at once; half of them wait to be closed."""
    chance = random.Random(first)
    for _ in range(0, count, 100):
        crowd = [Client(port) for _ in range(100)]
        for at, found in enumerate(crowd):
            found.send(mutant(chance, whole))
            if at % 2:
                found.close()
        for found in crowd:
            found.close()


def test_mutated_packets_leave_descriptors_and_memory_as_they_were(server):
    gateway, process = server
    gateway.start(("serve", "--no-worker"))
    secret = gateway.get("RegisterDevice", ProductKey="p", DeviceName="dev1").json()["Data"]["DeviceSecret"]
    given = alibaba("p", "dev1", secret)
    whole = mqtt.connect(given) + mqtt.publish("/ota/device/inform/p/dev1", {"params": {"version": "1"}}, number=1)
    before = sockets(process)
    attack(process.port, whole, 1, MUTANTS)  # what it keeps once: threads, and their pages of the database
    eventually(lambda: sockets(process) == before)
    resident = memory(process)
    attack(process.port, whole, 2, MUTANTS)
    eventually(lambda: sockets(process) == before)
    assert memory(process) - resident < SPARE_KIB
    assert "Traceback" not in process.log()
    with Client(process.port) as again:
        assert again.connect(given) == 0


def test_silent_sockets_are_gone_when_their_time_is_over(server):
    gateway, process = server
    gateway.start(("serve", "--no-worker"))
    secret = gateway.get("RegisterDevice", ProductKey="p", DeviceName="dev1").json()["Data"]["DeviceSecret"]
    before = sockets(process)
    silent = [Client(process.port) for _ in range(SILENT)]
    eventually(lambda: sockets(process) >= before + SILENT)
    with Client(process.port) as known:
        assert known.connect(alibaba("p", "dev1", secret)) == 0
        assert [found.rest() for found in silent] == [[]] * SILENT
        known.ping()
        eventually(lambda: sockets(process) == before + 1)
    for found in silent:
        found.close()
