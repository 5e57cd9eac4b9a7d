"""Simulated devices over MQTT against a server of a few lines: what they say, in which order, and what they judge."""

import contextlib
import json
import socket
import threading

import pytest

from otagw.simulator import alink, huawei, tylink
from otagw.simulator.devices import Behaviour, Device
from otagw.simulator.fleet import Fleet
from otagw.simulator.report import Report
from otagw.simulator.transport import Transport
from tests.mqtt import client as mqtt

PROTOCOLS = {"alink": alink.Device, "huawei": huawei.Device, "tylink": tylink.Device}
URL = "https://files.test/x.bin"
ALINK = "/ota/device/{}/p/dev"
UP, DOWN = "$oc/devices/p_dev/sys/events/up", "$oc/devices/p_dev/sys/events/down"
LINK = "tylink/dev/ota/{}"


def event(kind, **paras):
    service = {"service_id": "$ota", "event_type": kind, "event_time": "20261128T000000Z", "paras": paras}
    return DOWN, {"object_device_id": "p_dev", "services": [service]}


ALINK_DATA = {"version": "2.0", "module": "default", "size": 7, "url": URL, "signMethod": "SHA256", "sign": "0" * 64}
FILE = {"version": "2.0", "url": URL, "file_size": 7, "sign": "0" * 64, "task_id": "9"}
LINK_DATA = {"ctId": "9", "channel": 0, "version": "2.0", "url": URL, "size": "7", "md5": "0" * 32}
# What a server tells a device that has an update.
OFFERS = {
    "alink": (ALINK.format("upgrade"), {"code": "1000", "id": 1, "message": "success", "data": ALINK_DATA}),
    "huawei": event("firmware_upgrade_v2", **FILE),
    "tylink": (LINK.format("issue"), {"msgId": "1", "time": 1, "data": LINK_DATA}),
}


class Server:
    """Let devices in, acknowledge what they say, and tell them what ``answer`` returns for it.

    ``said`` has the topics and messages, with None where a device has connected.
    """

    def __init__(self):
        self.said, self.code, self.answer = [], 0, lambda topic, data: []
        self.acknowledged = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def close(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection, contextlib.suppress(ConnectionError):
                    self._serve(connection)

    def _serve(self, connection):
        left = b""
        while data := connection.recv(65536):
            found, left = mqtt.split(left + data)
            for packet in found:
                connection.sendall(self._reply(packet))

    def _reply(self, packet):
        if packet.kind == mqtt.CONNECT:
            self.said.append(None)
            return mqtt.packet(mqtt.CONNACK, bytes([0, self.code]))
        if packet.kind == mqtt.PINGREQ:
            return mqtt.packet(mqtt.PINGRESP)
        if packet.kind == mqtt.PUBACK:
            self.acknowledged.append(packet.body)
            return b""
        found = mqtt.message(packet)
        self.said.append((found.topic, found.json))
        told = self.answer(found.topic, found.json)
        if told is None:
            raise ConnectionError
        acknowledgement = mqtt.packet(mqtt.PUBACK, found.number.to_bytes(2, "big"))
        return acknowledgement + b"".join(mqtt.publish(*each, number=5) for each in told)


@pytest.fixture
def server():
    with contextlib.closing(Server()) as found:
        yield found


@pytest.fixture
def simulate(server, leaping):
    """Run one device for some minutes, which take no time; return the figures."""

    def simulate(protocol, minutes=1, **behaviour):
        report = Report(1, leaping.now)
        transport = Transport(report)
        speaker = PROTOCOLS[protocol](transport, f"mqtt://127.0.0.1:{server.port}", "p", "dev", "s3cret")
        one = Device("dev", "1.0", speaker, Behaviour(**{"download": False, **behaviour}), transport)
        end = leaping.now() + minutes * 60
        life = one.live()
        with contextlib.closing(life):
            Fleet([life], 1, now=leaping.now, pause=leaping.pause).run(lambda: leaping.now() >= end)
        return report.summary()

    return simulate


def offering(server, protocol):
    """Tell the device of an update when it reports the old version."""

    def answer(topic, data):
        return [OFFERS[protocol]] if "1.0" in json.dumps(data) and len(server.said) == 2 else []

    server.answer = answer


def said(server, read):
    """Return what was said, each message as ``read`` has it; no questions."""
    found = (one and read(*one) for one in server.said)
    return [one for one in found if one != "asked"]


def read_alink(topic, data):
    if topic.startswith("/sys/p/dev/thing/ota/firmware/get"):
        return "asked"
    params = data["params"]
    return topic.removesuffix("/p/dev"), params.get("version") or params["step"], params["module"]


def read_huawei(topic, data):
    (service,) = data["services"]
    assert (topic, data["object_device_id"], service["service_id"]) == (UP, "p_dev", "$ota")
    paras = service["paras"]
    if service["event_type"] == "version_report":
        return paras
    assert (service["event_type"], paras["version"]) == ("upgrade_progress_report", "2.0")
    return paras["result_code"], paras.get("progress")


def read_tylink(topic, data):
    if topic == LINK.format("get"):
        return "asked"
    found = data["data"]
    if topic == LINK.format("firmware/report"):
        return found["bizType"], found["otaChannel"]
    assert topic == LINK.format("progress/report")
    return found["channel"], found.get("progress", found.get("errorCode"))


READ = {"alink": read_alink, "huawei": read_huawei, "tylink": read_tylink}
INFORM, PROGRESS = "/ota/device/inform", "/ota/device/progress"
STEPS = {
    "alink": [(PROGRESS, step, "default") for step in ("5", "50", "70", "99")],
    "huawei": [(0, 5), (0, 50), (0, 70), (0, 99)],
    "tylink": [(0, 5), (0, 50), (0, 70), (0, 99)],
}
OLD = {
    "alink": (INFORM, "1.0", "default"),
    "huawei": {"fw_version": "1.0"},
    "tylink": ("INIT", [{"channel": 0, "version": "1.0"}]),
}
NEW = {
    "alink": (INFORM, "2.0", "default"),
    "huawei": (0, 100),
    "tylink": ("UPDATE", [{"channel": 0, "version": "2.0"}]),
}
FAILED = {
    "alink": {
        "download": (PROGRESS, "-2", "default"),
        "verify": (PROGRESS, "-3", "default"),
        "install": (PROGRESS, "-4", "default"),
    },
    "huawei": {"download": (6, None), "verify": (7, None), "install": (10, None)},
    "tylink": {"download": (0, 44), "verify": (0, 45), "install": (0, 42)},
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_device_tells_its_whole_story_and_connects_anew_after_the_restart(server, simulate, protocol):
    offering(server, protocol)
    told = simulate(protocol)
    assert (told["succeeded"], told["errors"]) == (1, {})
    story = [None, OLD[protocol], *STEPS[protocol], None, NEW[protocol]]
    assert said(server, READ[protocol]) == story
    assert server.acknowledged == [(5).to_bytes(2, "big")]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_failure_is_said_in_the_vendors_code(server, simulate, protocol):
    seen = {}
    for seed in range(1, 12):
        server.said.clear()
        offering(server, protocol)
        told = simulate(protocol, fail=1.0, seed=seed)
        assert told["errors"] == {}
        (reason,) = told["failed_by"]
        seen[reason] = said(server, READ[protocol])[-1]
    assert seen == FAILED[protocol]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_crash_ends_the_connection_and_begins_with_the_old_version(server, simulate, protocol):
    offers = [OFFERS[protocol]] * 2
    server.answer = lambda topic, data: [offers.pop()] if offers and server.said[-2] is None else []
    told = simulate(protocol, crash=1.0)
    assert (told["succeeded"], told["crashes"], told["errors"]) == (1, 1, {})
    story = said(server, READ[protocol])
    assert story[:2] == story[5:7] == [None, OLD[protocol]]


@pytest.mark.parametrize("protocol", ["alink", "tylink"])
def test_a_device_that_is_told_nothing_asks_at_each_poll(server, simulate, protocol):
    topics = {"alink": "/sys/p/dev/thing/ota/firmware/get", "tylink": LINK.format("get")}
    _, message = OFFERS[protocol]
    replies = {"alink": f"{topics['alink']}_reply", "tylink": LINK.format("get_response")}
    asked = []

    def answer(topic, data):
        if topic != topics[protocol]:
            return []
        asked.append(topic)
        return [(replies[protocol], {**message, "data": message["data"] if len(asked) == 3 else {}})]

    server.answer = answer
    told = simulate(protocol, minutes=2)
    assert (told["succeeded"], told["errors"]) == (1, {})
    assert len(asked) >= 3


def test_a_device_of_huawei_says_what_it_runs_when_it_is_asked(server, simulate):
    queries = [event("version_query")]
    server.answer = lambda topic, data: [queries.pop()] if queries else []
    told = simulate("huawei")
    assert told["errors"] == {}
    assert said(server, read_huawei) == [None, OLD["huawei"], OLD["huawei"]]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_client_that_is_refused_comes_back(server, simulate, protocol):
    server.code = 4
    told = simulate(protocol)
    assert set(told["errors"]) == {"connect: refused with code 4"}
    assert told["never_offered"] == 1
    assert len(server.said) > 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_connection_that_the_gateway_ends_is_an_error_and_opened_anew(server, simulate, protocol):
    server.answer = lambda topic, data: None if len(server.said) == 2 else []
    told = simulate(protocol)
    assert told["errors"] == {"report: ConnectionError": 1}
    assert said(server, READ[protocol]) == [None, OLD[protocol], None, OLD[protocol]]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("told", [b"no JSON", b"[]", {}, {"data": {"version": "2.0"}}, {"services": []}])
def test_a_message_that_cannot_be_read_is_an_error(server, simulate, protocol, told):
    server.answer = lambda topic, data: [(OFFERS[protocol][0], told)] if len(server.said) == 2 else []
    found = simulate(protocol)
    (error,) = found["errors"]
    assert error == "a message is no JSON object" or error.startswith("an answer of an unexpected shape: ")
    assert found["succeeded"] == 0


def test_an_update_for_another_device_is_an_error(server, simulate):
    topic, told = event("firmware_upgrade_v2", **FILE)
    server.answer = lambda *_: [(topic, {**told, "object_device_id": "p_other"})] if len(server.said) == 2 else []
    assert set(simulate("huawei")["errors"]) == {
        "an answer of an unexpected shape: ValueError an event of another device or service"
    }


def test_a_file_of_huaweis_first_version_is_fetched_with_its_token():
    speaker = huawei.Device(Transport(Report(1)), "mqtt://127.0.0.1:9", "p", "dev", "s3cret")
    topic, told = event("firmware_upgrade", **FILE, access_token="t0k")
    assert speaker.read(huawei.Message(topic, told)).module == "default"
    assert speaker.credentials(URL) == {"Authorization": "Bearer t0k"}
    assert speaker.credentials(f"{URL}?other") == {}
