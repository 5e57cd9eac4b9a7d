"""The double over MQTT: its clock, its faults and its journal; a reset ends connections."""

import contextlib
import time

import pytest

from otagw.testing import Gateway
from tests.mqtt.client import PUBLISH, Client, alibaba, huawei, message, tuya
from tests.patience import eventually

pytestmark = pytest.mark.otagw(mqtt=True)
PACKAGE = {"FirmwareUrl": "https://files.test/x.bin", "FirmwareSize": 7, "NeedToVerify": "false"}


@pytest.fixture
def connections():
    """Open connections, which end with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda port: stack.enter_context(Client(port))


@pytest.fixture
def device(otagw, connections):
    """Return a device's credentials, and connections that say them."""

    class Device:
        def __init__(self):
            otagw.product("p")
            made = otagw.call("RegisterDevice", ProductKey="p", DeviceName="dev1")["Data"]
            self.secret = made["DeviceSecret"]
            self.given = alibaba("p", "dev1", self.secret)

        def dial(self):
            return connections(otagw.mqtt_port)

        def connect(self):
            found = self.dial()
            assert found.connect(self.given) == 0
            return found

        def report(self, connection, version="1.0"):
            connection.tell("/ota/device/inform/p/dev1", {"id": 1, "params": {"version": version}})

    return Device()


@pytest.fixture
def rollout(otagw):
    def rollout(**rules):
        made = otagw.call("CreateOTAFirmware", FirmwareName="fw", DestVersion="2.0", ProductKey="p", **PACKAGE)
        job = otagw.call(
            "CreateOTAStaticUpgradeJob",
            FirmwareId=made["FirmwareID"] if "FirmwareID" in made else made["Data"]["FirmwareID"],
            ProductKey="p",
            TargetSelection="ALL",
            **rules,
        )
        assert job["Success"], job
        return job["Data"]["JobID"]

    return rollout


def state(otagw, job):
    (task,) = otagw.call("ListOTATaskByJob", JobId=job, PageSize=10)["Data"]["SimpleOTATaskInfo"]
    return task["TaskStatus"]


def test_a_device_is_updated_by_a_push(otagw, device, rollout):
    connection = device.connect()
    device.report(connection)
    job = rollout()
    told = connection.message()
    connection.ack(told)
    assert told.json["data"]["version"] == "2.0"
    device.report(connection, "2.0")
    assert state(otagw, job) == "SUCCEEDED"


def test_each_vendors_devices_are_let_in(otagw, device, connections):
    for given in (device.given, huawei("p_dev1", device.secret), tuya("dev1", device.secret)):
        assert connections(otagw.mqtt_port).connect(given) == 0
    names = ["alink.connect", "oc.connect", "tylink.connect"]
    assert [call.operation for call in otagw.calls] == names


def test_a_job_begins_by_the_clock_of_the_double(otagw, device, rollout):
    connection = device.connect()
    device.report(connection)
    job = rollout(ScheduleTime=otagw.clock.ms + 3 * 3600 * 1000)
    assert connection.messages() == []
    otagw.clock.advance(hours=3)
    connection.ack(connection.message())
    assert state(otagw, job) == "NOTIFIED"


def test_calls_have_what_was_said_and_what_was_answered(otagw, device):
    connection = device.connect()
    device.report(connection)
    connection.say("/sys/p/dev1/thing/ota/firmware/get", {"id": 7, "params": {}})
    connection.message()
    otagw.calls.expect("alink.inform", params={"version": "1.0"}).times(1).answered()
    (asked,) = otagw.calls.of("alink.get")
    assert asked.key == "p/dev1"
    assert asked.answer[0]["message"] == {"id": 7, "code": 200, "data": {}}


def test_a_refused_client_is_recorded_with_its_mistake_and_without_its_password(otagw, device):
    wrong = alibaba("p", "dev1", device.secret, method="sha256")._replace(client_id=device.given.client_id)
    assert device.dial().connect(wrong) == 4
    (call,) = otagw.calls.refused
    assert (call.operation, call.code, call.key) == ("alink.connect", "WrongSignature", "p/dev1")
    assert call.hint.startswith("The password is made with another hash: expected hmacsha1")
    assert wrong.password not in repr(call)


def test_a_fault_refuses_clients(otagw, device):
    otagw.faults.add("alink.connect", status=503, times=1)
    assert device.dial().connect(device.given) == 3
    assert device.dial().connect(device.given) == 0
    assert [call.fault for call in otagw.calls] == ["alink.connect status=503 times=1", ""]


def test_a_fault_ends_connections_before_anything_is_done(otagw, device):
    connection = device.connect()
    otagw.faults.add("alink.inform", before="commit", times=1)
    connection.say("/ota/device/inform/p/dev1", {"params": {"version": "1.0"}})
    assert connection.rest() == []
    assert otagw.call("QueryDeviceDetail", ProductKey="p", DeviceName="dev1")["Data"].get("FirmwareVersion") is None


def test_a_fault_loses_an_acknowledgement_after_all_is_done(otagw, device):
    connection = device.connect()
    otagw.faults.add("alink.inform", after="commit", device="p/dev1", times=1)
    connection.say("/ota/device/inform/p/dev1", {"params": {"version": "1.0"}})
    assert connection.rest() == []
    assert otagw.call("QueryDeviceDetail", ProductKey="p", DeviceName="dev1")["Data"]["FirmwareVersion"] == "1.0"


def test_a_fault_loses_the_answer_to_a_client(otagw, device):
    otagw.faults.add("*.connect", after="commit", times=1)
    connection = device.dial()
    connection.send(b"")
    with pytest.raises(AssertionError, match="the server closed"):
        connection.connect(device.given)


def test_a_message_that_a_fault_refuses_is_acknowledged_and_changes_nothing(otagw, device):
    connection = device.connect()
    otagw.faults.add("alink.inform", code="busy", status=503)
    device.report(connection)
    (call,) = otagw.calls.of("alink.inform")
    assert (call.code, call.refused) == ("busy", True)
    assert otagw.call("QueryDeviceDetail", ProductKey="p", DeviceName="dev1")["Data"].get("FirmwareVersion") is None


def test_a_fault_delays_a_message_until_the_test_takes_it_away(otagw, device):
    connection = device.connect()
    otagw.faults.add("alink.inform", delay=1000)
    connection.say("/ota/device/inform/p/dev1", {"params": {"version": "1.0"}})
    assert eventually(lambda: otagw.faults and [fault.met for fault in otagw.faults] == [1])
    began = time.monotonic()
    otagw.faults.clear()
    assert connection.expect(4)
    assert time.monotonic() - began < 30


def test_a_fault_that_no_device_can_meet_is_a_typing_error(otagw):
    with pytest.raises(ValueError, match=r"there is no operation alink\.informs; did you mean alink\.inform"):
        otagw.faults.add("alink.informs", status=503)


def test_a_reset_ends_connections_and_forgets_devices(otagw, device):
    connection = device.connect()
    otagw.reset()
    assert connection.rest() == []
    assert device.dial().connect(device.given) == 4


def test_a_snapshot_ends_the_connections_that_were_made_in_it(otagw, device):
    device.report(device.connect())
    with otagw.snapshot():
        connection = device.connect()
        device.report(connection, "2.0")
    assert connection.rest() == []
    assert otagw.call("QueryDeviceDetail", ProductKey="p", DeviceName="dev1")["Data"]["FirmwareVersion"] == "1.0"
    device.report(device.connect(), "1.1")


def test_what_is_told_while_the_test_resets_is_told_or_lost_but_never_wrong(otagw, device, rollout):
    for _ in range(3):
        connection = device.connect()
        device.report(connection)
        job = rollout()
        otagw.reset()
        assert [found for found in connection.rest() if found.kind == PUBLISH and not message(found).json["data"]] == []
        device.__init__()
        assert otagw.call("QueryOTAJob", JobId=job)["Success"] is False


def test_it_serves_over_tls_under_its_own_authority(otagw):
    import ssl

    with Gateway(tls=True, mqtt=True) as gateway:
        assert gateway.mqtt_url.startswith("mqtts://127.0.0.1:")
        gateway.product("p")
        secret = gateway.call("RegisterDevice", ProductKey="p", DeviceName="dev1")["Data"]["DeviceSecret"]
        context = ssl.create_default_context(cafile=str(gateway.ca))
        with Client(gateway.mqtt_port, context=context) as client:
            assert client.connect(tuya("dev1", secret)) == 0


@pytest.mark.otagw(mqtt=False)
def test_without_the_option_there_is_no_port(otagw):
    assert (otagw.mqtt_port, otagw.mqtt_url, "OTAGW_MQTT" in otagw.env) == (None, None, False)


def test_no_thread_is_left():
    with Gateway(mqtt=True) as gateway:
        threads = gateway.threads
    assert not [thread for thread in threads if thread.is_alive()]
