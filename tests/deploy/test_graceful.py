"""Reload and stop under load: whoever was let in gets a whole answer, and what was acknowledged is there."""

import http.client
import signal
import socket
import threading
import time

import pytest

from tests import signer
from tests.conftest import KEY
from tests.deploy.servers import ALONE, Gunicorn, children, gunicorn_of, ignores
from tests.patience import HANG_SECONDS, eventually

pytestmark = pytest.mark.live
THREADS = 6
FORM = "application/x-www-form-urlencoded"


class Load:
    """Threads that create packages, one after another, each on a connection of its own."""

    def __init__(self, gateway):
        self.gateway, self.stop = gateway, threading.Event()
        self.made, self.refused, self.lost = [], [], []
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def _run(self, thread):
        number = 0
        while not self.stop.is_set():
            name = f"t{thread}-{number}"
            query = signer.query(signer.v1(KEY, "CreateOTAFirmware", FirmwareName=name, DestVersion="1"))
            connection = http.client.HTTPConnection(self.gateway.host, timeout=HANG_SECONDS)
            try:
                connection.connect()
            except OSError:
                self.refused.append(name)
                time.sleep(0.01)
                continue
            try:
                connection.request("GET", f"/?{query}", headers={"Connection": "close"})
                response = connection.getresponse()
                assert b'"Success":true' in response.read()
                self.made.append(name)
            except Exception as error:
                self.lost.append((name, repr(error)))
            finally:
                connection.close()
            number += 1

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def served(make_live):
    gateway = make_live(workers=2, threads=2).start(ALONE)
    master = gunicorn_of(gateway)
    eventually(lambda: sum(ignores(signal.SIGINT, pid) for pid in children(master)) == 2)
    return gateway


def total(gateway):
    return gateway.get("ListOTAFirmware", CurrentPage="1", PageSize="1").json()["Total"]


def test_reloads_under_load_lose_nothing(served):
    load = Load(served)
    try:
        for round_ in range(1, 4):
            eventually(lambda wanted=20 * round_: len(load.made) >= wanted)
            served.process.send_signal(signal.SIGHUP)
            eventually(lambda ended=2 * round_: served.log().count("Worker exiting") >= ended)
    finally:
        load.end()
    assert (load.lost, load.refused) == ([], [])
    assert total(served) == len(load.made)


def test_a_stop_under_load_answers_whoever_was_let_in(served):
    load = Load(served)
    try:
        eventually(lambda: len(load.made) >= 50)
        served.process.terminate()
        assert served.process.wait(HANG_SECONDS) == 0
        eventually(lambda: len(load.refused) >= THREADS)
    finally:
        load.end()
    # A connection that is still in the kernel's queue when the listening socket closes is reset there, unread.
    assert [lost for lost in load.lost if "reset" not in lost[1].lower()] == []
    served.start(ALONE)
    assert len(load.made) <= total(served) <= len(load.made) + len(load.lost)
    assert total(served) == len(load.made)


def test_a_request_that_is_being_sent_is_answered_and_one_that_says_nothing_ends(tmp_path):
    gateway = Gunicorn(tmp_path, workers=1).prepare().start("tests/deploy/patient.conf.py")
    body = signer.query(
        signer.v1(KEY, "CreateOTAFirmware", method="POST", FirmwareName="late", DestVersion="1")
    ).encode()
    head = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    address = ("127.0.0.1", gateway.port)
    with socket.create_connection(address, HANG_SECONDS) as sending, socket.create_connection(address) as silent:
        sending.sendall(head + body[:10])
        assert gateway.get("ListOTAFirmware", CurrentPage="1", PageSize="1").ok  # the one before has been taken in
        gateway.process.terminate()
        silent.settimeout(HANG_SECONDS)
        assert silent.recv(1) == b""
        sending.sendall(body[10:])
        assert b" 200 OK" in sending.recv(65536)
    assert gateway.process.wait(HANG_SECONDS) == 0
