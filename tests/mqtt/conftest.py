"""What the tests of devices over MQTT share: a node in process, devices of it, and jobs for them.

``make_node`` starts nodes on loopback, each in a thread, for the gateway in process that `client` calls too.
"""

import asyncio
import contextlib
import socket
import threading
from contextvars import copy_context
from functools import partial

import pytest

from otagw import clock
from otagw.mqtt.connection import Seconds
from otagw.mqtt.node import Node
from otagw.mqtt.service import FRONTS
from otagw.ota.devices import devices
from tests.mqtt.client import Client, alibaba
from tests.oss.conftest import body_of, fields_of, post
from tests.patience import HANG_SECONDS

URL = "https://files.test/x.bin"
SPECIFIC = {"TargetSelection": "SPECIFIC"}
# A node of the tests looks often, so that they need not wait.
OFTEN = dict.fromkeys(("sweep", "look", "longest_look", "write"), 0.02)


class Served:
    """A node that listens on loopback, in a thread of its own; `port` is where."""

    def __init__(self, name="node", fronts=FRONTS, most=1000, threads=4, context=None, **seconds):
        self.name, self.port, self._failed, self._context = name, 0, None, context
        self._ready = threading.Event()
        work = self._serve(fronts, most, threads, Seconds(**{**OFTEN, **seconds}))
        self._thread = threading.Thread(target=copy_context().run, args=(self._run, work), name=f"node {name}")
        self._thread.start()
        assert self._ready.wait(HANG_SECONDS)
        assert self.port, self._failed

    def _run(self, work):
        try:
            asyncio.run(work)
        except BaseException as problem:
            self._failed = problem
        finally:
            self._ready.set()

    async def _serve(self, fronts, most, threads, seconds):
        loop = asyncio.get_running_loop()
        self.node = Node(self.name, fronts, most, threads, seconds)
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)  # of a client that reads nothing, soon full
        server = await loop.create_server(partial(self.node.connect, self._context), sock=listening)
        work = loop.create_task(self.node.run())
        self.port, self._loop, self._stop = server.sockets[0].getsockname()[1], loop, asyncio.Event()
        self._ready.set()
        stopped = loop.create_task(self._stop.wait())
        await asyncio.wait((work, stopped), return_when=asyncio.FIRST_COMPLETED)
        server.close()
        stopped.cancel()
        ended = work.done()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await self.node.stop()
        assert not ended, "the node ended by itself"

    def inside(self, ask):
        """Return what a function says of the node, called in its loop: nothing of it moves meanwhile."""

        async def call():
            return ask(self.node)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(HANG_SECONDS)

    def stop(self):
        """End the node as a signal would; raise what it ended by before."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(HANG_SECONDS)
        if self._failed:
            raise self._failed


class Device:
    """A registered device; its connections are closed at the end of the test."""

    def __init__(self, stack, product, name, secret, port):
        self._stack, self.product, self.name, self.secret, self.port = stack, product, name, secret, port

    @property
    def id(self):
        return devices.find(self.product, self.name).id

    def credentials(self, **how):
        return alibaba(self.product, self.name, self.secret, **how)

    def connect(self, port=None, **how):
        """Return a connection that was let in."""
        found = self._stack.enter_context(Client(port or self.port))
        assert found.connect(self.credentials(), **how) == 0
        return found

    def topic(self, kind):
        return f"/ota/device/{kind}/{self.product}/{self.name}"

    def report(self, connection, version="1.0", **more):
        """Report a version, durably."""
        connection.tell(self.topic("inform"), {"id": 1, "params": {"version": version, **more}})

    def progress(self, connection, step, desc=""):
        connection.tell(self.topic("progress"), {"id": 2, "params": {"step": str(step), "desc": desc}})

    def ask(self, connection):
        """Ask for an update; return the data of the answer."""
        topic = f"/sys/{self.product}/{self.name}/thing/ota/firmware/get"
        connection.say(topic, {"id": "9", "params": {}}, qos=0)
        found = connection.message()
        assert (found.topic, found.json["id"], found.json["code"]) == (f"{topic}_reply", "9", 200)
        return found.json["data"]


@pytest.fixture
def make_node(app):
    """Start nodes: ``name``, and the seconds that are to be others than in `OFTEN`."""
    with contextlib.ExitStack() as stack:

        def make(name="node", **how):
            found = Served(name, **how)
            stack.callback(found.stop)
            return found

        yield make


@pytest.fixture
def node(make_node):
    return make_node()


@pytest.fixture
def stranger(node):
    """Open connections that have said nothing yet."""
    with contextlib.ExitStack() as stack:
        yield lambda port=None: stack.enter_context(Client(port or node.port))


@pytest.fixture
def register(client, node):
    """Register a device of the product p, which connects to `node`."""
    with contextlib.ExitStack() as stack:

        def register(name="dev1", product="p"):
            secret = client.ok("RegisterDevice", ProductKey=product, DeviceName=name)["Data"]["DeviceSecret"]
            return Device(stack, product, name, secret, node.port)

        yield register


@pytest.fixture
def device(register):
    return register()


@pytest.fixture
def rollout(client):
    """Make a package and a job of it for all devices; return the job's id. ``package`` has the package's parameters."""

    def rollout(version="2.0", *, package=(), **rules):
        given = {"NeedToVerify": "false", "FirmwareUrl": URL, "ProductKey": "p", "FirmwareSize": 7, **dict(package)}
        given = {name: value for name, value in given.items() if value is not None}
        firmware = client.make(f"fw{clock.new_id()}", version, **given)
        params = {"FirmwareId": firmware, "ProductKey": "p", "TargetSelection": "ALL", **rules}
        return client.ok("CreateOTAStaticUpgradeJob", **params)["Data"]["JobID"]

    return rollout


@pytest.fixture
def looked(client, register, rollout):
    """Wait until the node has looked for what jobs have: a device of another product has been told of a job since."""
    fences = []

    def looked():
        fences.append(register(f"fence{len(fences)}", "fence"))
        connection = fences[-1].connect()
        fences[-1].report(connection)
        rollout(
            ProductKey="fence", package={"ProductKey": "fence"}, **SPECIFIC, **{"TargetDeviceName.1": fences[-1].name}
        )
        connection.message()

    return looked


@pytest.fixture
def refusals(log_lines):
    """Return why messages were refused since, as the log says it."""
    return lambda: [line["why"] for line in log_lines() if line["message"] == "a message was refused"]


@pytest.fixture
def upload(client):
    """Upload bytes; return the FirmwareUrl they have."""

    def upload(content):
        data = client.ok("GenerateOTAUploadURL", FileSuffix="bin")["Data"]
        assert post(client, body_of(fields_of(data), content)).status_code == 204
        return data["FirmwareUrl"]

    return upload
