"""Two processes of `otagw mqtt` on one database: each device has one connection, and nothing is lost with a process."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import free_port
from tests.deploy.servers import ALONE
from tests.engines import postgres
from tests.mqtt.client import Client, alibaba
from tests.patience import HANG_SECONDS, eventually

pytestmark = pytest.mark.live
CROWD = 50


class MqttProcess:
    """`otagw mqtt` as a process."""

    def __init__(self, gateway, number):
        self.port, self.path = free_port(), gateway.folder / f"mqtt{number}"
        environ = {**gateway.environ, "OTAGW_MQTT_BIND": f"127.0.0.1:{self.port}"}
        with open(self.path, "ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "otagw", "mqtt"], env=environ, stderr=log)
        eventually(lambda: "the MQTT server is ready" in self.log())

    def log(self):
        return self.path.read_text(encoding="utf-8")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(HANG_SECONDS)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(HANG_SECONDS) in (0, -signal.SIGKILL)


class Cluster:
    """A gateway, two nodes, and a product with devices."""

    def __init__(self, gateway, stack, url):
        self.gateway, self.url, self._stack = gateway, url, stack
        self.nodes = [self._node(number) for number in range(2)]

    def _node(self, number):
        found = MqttProcess(self.gateway, number)
        self._stack.callback(found.stop)
        return found

    def call(self, action, **params):
        answer = self.gateway.get(action, **{name: str(value) for name, value in params.items()}).json()
        assert answer["Success"] is True, answer
        return answer["Data"]

    def register(self, count):
        """Register devices; return their names with their secrets."""
        made = (self.call("RegisterDevice", ProductKey="p", DeviceName=f"dev{at:02}") for at in range(count))
        return {each["DeviceName"]: each["DeviceSecret"] for each in made}

    def connect(self, node, name, secret):
        """Return a connection that was let in, or None where the node is too busy with others."""
        found = self._stack.enter_context(Client(self.nodes[node].port))
        assert found.connect(alibaba("p", name, secret)) == 0
        return found

    def rollout(self, version):
        given = {"ProductKey": "p", "FirmwareUrl": "https://files.test/x.bin", "NeedToVerify": "false"}
        firmware = self.call("CreateOTAFirmware", FirmwareName="fw", DestVersion=version, FirmwareSize=7, **given)
        job = self.call(
            *("CreateOTAStaticUpgradeJob",), FirmwareId=firmware["FirmwareID"], ProductKey="p", TargetSelection="ALL"
        )
        return job["JobID"]

    def states(self, job):
        """Return the states of a job's tasks; a device that has two fails the test."""
        found = self.call("ListOTATaskByJob", JobId=job, CurrentPage=1, PageSize=100)["SimpleOTATaskInfo"]
        states = {task["DeviceName"]: task["TaskStatus"] for task in found}
        assert len(states) == len(found)
        return states

    def sql(self, statement, *values):
        """Run a statement beside the gateway; return its rows."""
        if self.url:
            import psycopg

            with psycopg.connect(self.url, autocommit=True) as server:
                cursor = server.execute(statement.replace("?", "%s"), values)
                return cursor.fetchall() if cursor.description else []
        with contextlib.closing(sqlite3.connect(self.gateway.folder / "data/otagw.db", timeout=30)) as file, file:
            return file.execute(statement, values).fetchall()

    def logs(self):
        return "".join(node.log() for node in self.nodes)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def cluster(request, make_live):
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(postgres()) if request.param == "postgresql" else ""
        gateway = make_live(**{"database_url": url} if url else {}).start(ALONE)
        stack.callback(gateway.stop)
        yield Cluster(gateway, stack, url)


def inform(name, version):
    return f"/ota/device/inform/p/{name}", {"id": 1, "params": {"version": version}}


def test_devices_of_a_killed_node_come_back_to_the_other_and_nothing_is_lost(cluster):
    fleet = cluster.register(10)
    connections = {name: cluster.connect(0, name, secret) for name, secret in fleet.items()}
    for name, connection in connections.items():
        connection.tell(*inform(name, "1.0"))
    moved, *stay = fleet
    again = cluster.connect(1, moved, fleet[moved])
    assert connections[moved].rest() == [], "the older connection ends, on each of the nodes"
    job = cluster.rollout("2.0")
    assert again.message().json["data"]["version"] == "2.0"
    for name in stay:
        connections[name].ack(connections[name].message())
    done = stay[:4]
    for name in done:
        connections[name].tell(*inform(name, "2.0"))
    query = "SELECT node FROM mqtt_session JOIN device ON device.id = device_id WHERE name = ?"
    ((dead,),) = cluster.sql(query, stay[0])
    assert [f'"{dead}"' in node.log() for node in cluster.nodes] == [True, False], "the log says which node it is"
    cluster.nodes[0].kill()
    assert {name: cluster.states(job)[name] for name in done} == dict.fromkeys(done, "SUCCEEDED")
    for name in stay[4:]:
        back = cluster.connect(1, name, fleet[name])
        back.tell(*inform(name, "1.0"))
        assert back.message().json["data"]["version"] == "2.0"
        back.tell(*inform(name, "2.0"))
    again.tell(*inform(moved, "2.0"))
    assert cluster.states(job) == dict.fromkeys(fleet, "SUCCEEDED")
    assert cluster.call("QueryOTAJob", JobId=job)["JobStatus"] == "COMPLETED"
    cluster.sql("UPDATE mqtt_node SET seen = seen - 60000 WHERE id = ?", dead)  # as if it were a minute later
    eventually(lambda: cluster.sql("SELECT 1 FROM mqtt_node WHERE id = ?", dead) == [])
    assert cluster.sql("SELECT COUNT(*) FROM mqtt_session WHERE node = ?", dead) == [(0,)]
    assert "Traceback" not in cluster.logs()


def test_devices_that_connect_to_both_nodes_at_once_have_one_connection_and_one_task(cluster):
    fleet = cluster.register(CROWD)
    barrier = threading.Barrier(16)
    job, turns = [], iter(range(10**6))

    def come(at):
        name, secret = list(fleet.items())[at // 2]
        if next(turns) < 16:
            barrier.wait(HANG_SECONDS)
        connection = cluster.connect(at % 2, name, secret)
        with contextlib.suppress(AssertionError, OSError):  # the other one came later, and ends this one
            connection.tell(*inform(name, "1.0"))
        return name, connection

    with ThreadPoolExecutor(16) as pool:
        connections = list(pool.map(come, range(2 * CROWD)))
    job = cluster.rollout("2.0")
    eventually(lambda: len(cluster.sql("SELECT device_id FROM mqtt_session WHERE node <> ''")) == CROWD)
    assert cluster.states(job).keys() == fleet.keys()
    # of the two connections of each device one ends, and the other one is told
    told, ended = [], []
    for name, connection in connections:
        try:
            found = connection.message()
        except AssertionError:
            ended.append(name)
        else:
            assert found.json["data"]["version"] == "2.0"
            told.append(name)
            connection.tell(*inform(name, "2.0"))
    assert sorted(told) == sorted(ended) == sorted(fleet)
    assert cluster.states(job) == dict.fromkeys(fleet, "SUCCEEDED")
    assert "Traceback" not in cluster.logs()
    assert "deadlock" not in cluster.logs()


def test_a_success_that_was_acknowledged_outlives_any_process(cluster):
    fleet = cluster.register(8)
    connections = {name: cluster.connect(0, name, secret) for name, secret in fleet.items()}
    for name, connection in connections.items():
        connection.tell(*inform(name, "1.0"))
    job = cluster.rollout("2.0")
    for connection in connections.values():
        connection.message()
    sent = {name: connections[name].say(*inform(name, "2.0")) for name in fleet}
    first = next(iter(fleet))
    connections[first].expect(4)  # a PUBACK: others may be on their way
    os.kill(cluster.nodes[0].process.pid, signal.SIGKILL)
    cluster.nodes[0].process.wait(HANG_SECONDS)
    acknowledged = {name for name, each in connections.items() if name == first or 4 in {p.kind for p in each.rest()}}
    states = cluster.states(job)
    assert {name: states[name] for name in acknowledged} == dict.fromkeys(acknowledged, "SUCCEEDED")
    assert sent.keys() == states.keys()
    for name, secret in fleet.items():  # whatever was not acknowledged is said again
        cluster.connect(1, name, secret).tell(*inform(name, "2.0"))
    assert cluster.states(job) == dict.fromkeys(fleet, "SUCCEEDED")
