"""Readers of downloads that are slow, or stop: no limit on the whole, only on standing still."""

import contextlib
import hashlib
import os
import random
import socket
import threading
import urllib.parse
from pathlib import Path

import pytest
import requests

from tests.deploy import servers
from tests.patience import HANG_SECONDS, eventually

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("bytes")]
MIB = 1024 * 1024
SIZE = 30 * MIB  # more than all buffers on the way
CONTENT = random.Random(31).randbytes(SIZE)
WRITE_SECONDS = 2  # of tests/deploy/hurried.conf.py
PIECE, PAUSE = MIB // 2, 0.1


@pytest.fixture
def firmware(tmp_path):
    path = tmp_path / "firmware.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture(scope="module")
def hurried(tmp_path_factory):
    """A gateway with one thread, alone, that waits `WRITE_SECONDS` for a reader."""
    gateway = servers.Gunicorn(tmp_path_factory.mktemp("hurried"), workers=1, threads=1).prepare()
    gateway.start("tests/deploy/hurried.conf.py")
    yield servers.Store(gateway, gateway.url)
    gateway.stop()


def ask(store, url):
    """Ask for a file; return the connection, whose own buffer is small."""
    link = urllib.parse.urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.settimeout(HANG_SECONDS)
    connection.connect(("127.0.0.1", store.gateway.port))
    connection.sendall(f"GET {link.path}?{link.query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    return connection


def is_open(store):
    """Tell whether the gateway has a file of the store open."""
    (process,) = servers.children(store.gateway.process.pid)
    for handle in Path("/proc", str(process), "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if Path(os.readlink(handle)) in store.stored():
                return True
    return False


def test_a_slow_reader_has_as_long_as_it_takes(hurried, firmware):
    assert SIZE // PIECE * PAUSE >= 3 * WRITE_SECONDS
    found = b""
    with ask(hurried, hurried.upload(firmware)) as connection, connection.makefile("rb") as file:
        while piece := file.read(PIECE):
            found += piece
            threading.Event().wait(PAUSE)  # slow is what this reader is
    assert hashlib.sha256(servers.parse(found).body).digest() == hashlib.sha256(CONTENT).digest()


def test_a_reader_that_stops_is_cut_off(hurried, firmware):
    link = hurried.upload(firmware)
    with ask(hurried, link) as connection:
        assert connection.recv(9) == b"HTTP/1.1 "
        assert requests.get(link, headers={"Range": "bytes=0-0"}, timeout=HANG_SECONDS).status_code == 206
        eventually(lambda: not is_open(hurried))
        assert len(servers.read(connection)) < SIZE
