"""Metrics of a whole gateway: several processes, reloads, and a port of their own."""

import os
import re
import signal
import socket

import pytest
import requests

from tests.conftest import free_port
from tests.deploy.servers import ALONE, children, gunicorn_of, session
from tests.patience import HANG_SECONDS, eventually

pytestmark = pytest.mark.live


@pytest.fixture
def served(make_live):
    port = free_port()
    gateway = make_live(metrics_bind=f"127.0.0.1:{port}").start(ALONE)
    gateway.metrics = f"http://127.0.0.1:{port}/metrics"
    eventually(lambda: "metrics are at" in gateway.log())
    return gateway


def created(gateway):
    text = requests.get(gateway.metrics, timeout=HANG_SECONDS).text
    found = re.findall(r'otagw_requests_total\{code="OK",front="aliyun",operation="CreateOTAFirmware"\} (\S+)', text)
    return float(found[0]) if found else 0.0


def make(gateway, *names):
    for name in names:
        assert gateway.get("CreateOTAFirmware", FirmwareName=name, DestVersion="1").status_code == 200


def test_counts_of_all_processes_survive_reloads_and_kills(served):
    master = gunicorn_of(served)
    make(served, *"abcdef")
    assert created(served) == 6
    before = children(master)
    served.process.send_signal(signal.SIGHUP)
    eventually(lambda: not before & children(master) and len(children(master)) == 2)
    make(served, "g")
    eventually(lambda: created(served) == 7)
    for pid in children(master):
        served_by = pid
    os.kill(served_by, signal.SIGKILL)
    eventually(lambda: served_by not in children(master) and len(children(master)) == 2)
    make(served, "h")
    assert created(served) == 8
    eventually(lambda: created(served) == 8 and len(list((served.folder / "data/metrics").glob("counter_*.db"))) <= 4)


def test_the_public_port_has_none_of_it_and_the_other_nothing_else(served):
    assert requests.get(f"{served.url}/metrics", timeout=HANG_SECONDS).status_code == 404
    assert requests.get(served.metrics.removesuffix("/metrics") + "/healthz", timeout=HANG_SECONDS).status_code == 404


def test_a_silent_client_does_not_hold_up_others_for_long(served):
    port = int(served.metrics.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port)):
        assert requests.get(served.metrics, timeout=HANG_SECONDS).status_code == 200


def test_everything_stops_together(served):
    served.process.terminate()
    assert served.process.wait(HANG_SECONDS) == 0
    assert session(served.process.pid) == set()
    assert "Traceback" not in served.log()


def test_an_address_in_use_is_said_before_anything_starts(make_live):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = make_live(metrics_bind=address).cli("serve", check=False)
    assert done.returncode == 1
    assert done.stderr == f"Error: cannot serve on {address}: Address already in use\n"
