"""Requests that arrive at once are answered together: the disk is asked once, and nobody notices the others."""

import contextlib
import os
import signal
import socket
import sqlite3
import struct
import threading
from pathlib import Path

import pytest

from tests import signer
from tests.conftest import KEY
from tests.deploy import servers
from tests.patience import HANG_SECONDS, eventually

pytestmark = pytest.mark.live
CROWD = 24
NOWHERE = b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
GONE = struct.pack("ii", 1, 0)


def create(name, **changes):
    target = "/?" + signer.query(signer.v1(KEY, "CreateOTAFirmware", FirmwareName=name, DestVersion="1", **changes))
    return f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    found = servers.Gunicorn(tmp_path_factory.mktemp("rounds"), workers=1, sqlite_synchronous="FULL").prepare().start()
    yield found
    found.stop()


@pytest.fixture
def process(gateway):
    """The one that answers."""
    return eventually(lambda: servers.children(gateway.process.pid)).pop()


def at_once(gateway, process, requests, leavers=()):
    """Send requests while the process stands still, each by a client of its own; return the answers."""
    with contextlib.ExitStack() as stack:
        os.kill(process, signal.SIGSTOP)
        try:
            clients = []
            for number, request in enumerate(requests):
                client = stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), HANG_SECONDS))
                client.sendall(request)
                if number in leavers:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, GONE)  # leave with a reset
                    client.close()
                else:
                    clients.append(client)
        finally:
            os.kill(process, signal.SIGCONT)
        return [servers.parse(servers.read(client)) for client in clients]


def writes(process):
    """Return how often a process has called the system to write."""
    lines = Path(f"/proc/{process}/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["syscw"])


def test_those_who_come_at_once_share_a_commit(gateway, process):
    before = writes(process)
    for number in range(CROWD):
        assert b" 200 OK" in servers.send(gateway.port, create(f"alone-{number}"))
    alone = writes(process) - before
    answers = at_once(gateway, process, [create(f"together-{number}") for number in range(CROWD)])
    assert [answer.status for answer in answers] == [200] * CROWD
    assert len({answer.json["Data"]["FirmwareID"] for answer in answers}) == CROWD
    assert writes(process) - before - alone < alone / 2


def test_one_who_is_refused_and_one_who_leaves_disturb_nobody(gateway, process):
    replayed = create("replayed")
    requests = [create("taken"), create("taken"), replayed, replayed, NOWHERE]
    requests += [create(f"left-{number}") for number in range(2)] + [create(f"stayed-{number}") for number in range(9)]
    answers = at_once(gateway, process, requests, leavers=(5, 6))
    statuses = [answer.status for answer in answers]
    assert statuses == [200, 409, 200, 400, 404] + [200] * 9
    listed = gateway.get("ListOTAFirmware", CurrentPage="1", PageSize="100").json()["FirmwareInfo"][
        "SimpleFirmwareInfo"
    ]
    made = [one["FirmwareName"] for one in listed]
    assert {name for name in made if name.startswith("stayed")} == {f"stayed-{number}" for number in range(9)}
    assert made.count("taken") == made.count("replayed") == 1


def test_connections_that_are_kept_are_answered_together_too(gateway, process):
    with contextlib.ExitStack() as stack:
        clients = []
        for number in range(CROWD):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), HANG_SECONDS))
            client.sendall(create(f"first-{number}").replace(b"Connection: close\r\n", b""))
            assert b"200 OK" in client.recv(65536)
            clients.append(client)
        before = writes(process)
        os.kill(process, signal.SIGSTOP)
        try:
            for number, client in enumerate(clients):
                client.sendall(create(f"second-{number}").replace(b"Connection: close\r\n", b""))
        finally:
            os.kill(process, signal.SIGCONT)
        for client in clients:
            assert b"200 OK" in client.recv(65536)
        together = writes(process) - before
    before = writes(process)
    for number in range(CROWD):
        assert b" 200 OK" in servers.send(gateway.port, create(f"third-{number}"))
    assert together < (writes(process) - before) / 2


def test_who_waits_for_a_foreign_lock_holds_up_nobody_else(tmp_path):
    """A program of the operator's holds SQLite's own lock, which only writers need."""
    gateway = servers.Gunicorn(tmp_path, workers=1).prepare().start("tests/deploy/patient.conf.py")
    with contextlib.ExitStack() as stack:
        stack.callback(gateway.stop)
        writer = sqlite3.connect(tmp_path / "data/otagw.db", isolation_level=None)
        stack.callback(writer.close)
        writer.execute("BEGIN IMMEDIATE")
        busy = stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), HANG_SECONDS))
        busy.sendall(create("held-up"))
        for _ in range(5):
            assert gateway.get("ListOTAFirmware", CurrentPage="1", PageSize="1").json()["Total"] == 0
        busy.setblocking(False)
        with pytest.raises(BlockingIOError):
            busy.recv(1)
        writer.execute("ROLLBACK")
        busy.settimeout(HANG_SECONDS)
        assert b" 200 OK" in busy.recv(65536)


def test_one_who_spoke_while_its_process_stood_still_is_answered(tmp_path):
    """Its time to be silent is over when the process goes on; it was not when it spoke."""
    gateway = servers.Gunicorn(tmp_path, workers=1).prepare().start("tests/deploy/hurried.conf.py")
    asked = NOWHERE.replace(b"Connection: close\r\n", b"")
    with contextlib.ExitStack() as stack:
        stack.callback(gateway.stop)
        process = eventually(lambda: servers.children(gateway.process.pid)).pop()
        kept = stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), HANG_SECONDS))
        kept.sendall(asked)
        assert b" 404 " in kept.recv(65536)
        os.kill(process, signal.SIGSTOP)
        kept.sendall(asked)
        threading.Event().wait(1.5)  # longer than one may be silent
        os.kill(process, signal.SIGCONT)
        assert b" 404 " in kept.recv(65536)
