"""Tuya's devices: channels are modules, a report after the update is the success."""

import contextlib

import pytest

from tests.mqtt.client import Client, tuya
from tests.mqtt.fleets import bring

SECRET = "0123456789abcdef"


class Board:
    """A device as TuyaLink has it."""

    def __init__(self, connection, name):
        self.connection, self.name = connection, name

    def topic(self, rest):
        return f"tylink/{self.name}/ota/{rest}"

    def report(self, *versions, kind="INIT"):
        channels = [{"channel": channel, "version": version} for channel, version in versions]
        said = {"msgId": "0", "time": 1, "data": {"bizType": kind, "pid": "p", "otaChannel": channels}}
        self.connection.tell(self.topic("firmware/report"), said)

    def progress(self, **said):
        self.connection.tell(self.topic("progress/report"), said)

    def ask(self):
        self.connection.say(self.topic("get"), {"msgId": "45", "data": {}}, qos=0)
        found = self.connection.message()
        assert found.topic == self.topic("get_response")
        assert (found.json["msgId"], found.json["code"]) == ("45", 0)
        return found.json["data"]


@pytest.fixture
def board(client, node):
    bring("p", "dev1", SECRET)
    with contextlib.ExitStack() as stack:

        def connect():
            connection = stack.enter_context(Client(node.port))
            assert connection.connect(tuya("dev1", SECRET)) == 0
            return Board(connection, "dev1")

        yield connect


SIGNED = {"FirmwareSign": "0" * 32, "SignMethod": "MD5"}


def test_an_update_from_the_first_report_to_the_last(board, rollout, states):
    device = board()
    device.report((0, "1.0"), (9, "1.0"))
    job = rollout(package=SIGNED)
    told = device.connection.message()
    data = told.json["data"]
    assert told.topic == device.topic("issue")
    assert (data["channel"], data["version"], data["size"], data["md5"]) == (0, "2.0", "7", "0" * 32)
    assert data["url"] == data["cdnUrl"] == data["httpsUrl"] == "https://files.test/x.bin"
    device.connection.ack(told)
    assert states(job) == {"dev1": "NOTIFIED"}
    device.progress(channel=0, progress=0)
    device.progress(data={"channel": 0, "progress": 100})
    assert states(job) == {"dev1": "IN_PROGRESS"}
    device.report((0, "2.0"), kind="UPDATE")
    assert states(job) == {"dev1": "SUCCEEDED"}


def test_a_channel_is_a_module_by_its_number(board, client, rollout):
    device = board()
    device.report((0, "1.0"), (9, "1.0"))
    client.ok("CreateOTAModule", ProductKey="p", ModuleName="9")
    rollout(package={**SIGNED, "ModuleName": "9"})
    assert device.connection.message().json["data"]["channel"] == 9


@pytest.mark.parametrize("module", ["mcu", "09", "0", "256", "9" * 64])
def test_a_module_that_is_no_channel_is_not_told(board, client, rollout, states, looked, module):
    device = board()
    device.report((0, "1.0"))
    client.ok("CreateOTAModule", ProductKey="p", ModuleName=module)
    job = rollout(package={**SIGNED, "ModuleName": module})
    looked()
    assert device.connection.messages() == []
    assert states(job) == {"dev1": "QUEUED"}


def test_what_has_no_md5_is_not_told(board, rollout, states, looked):
    device = board()
    device.report((0, "1.0"))
    job = rollout()
    looked()
    assert device.connection.messages() == []
    assert device.ask() == {}
    assert states(job) == {"dev1": "QUEUED"}


def test_a_device_may_ask_as_often_as_it_likes(board, rollout):
    device = board()
    assert device.ask() == {}
    device.report((0, "1.0"))
    rollout(package=SIGNED)
    device.connection.message()
    assert [device.ask()["version"] for _ in range(2)] == ["2.0", "2.0"]


@pytest.mark.parametrize("code", [40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, "42"])
def test_a_code_is_a_failure_that_says_why(board, client, rollout, states, code):
    device = board()
    device.report((0, "1.0"))
    job = rollout(package=SIGNED)
    device.connection.message()
    device.progress(channel=0, errorCode=code, errorMsg="no flash")
    assert states(job) == {"dev1": "FAILED"}
    (task,) = client.ok("ListOTATaskByJob", JobId=job)["Data"]["SimpleOTATaskInfo"]
    assert f"({code}): no flash" in task["TaskDesc"]


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("firmware/report", {}),
        ("firmware/report", {"data": []}),
        ("firmware/report", {"data": {"otaChannel": []}}),
        ("firmware/report", {"data": {"otaChannel": [1]}}),
        ("firmware/report", {"data": {"otaChannel": [{"channel": -1, "version": "2.0"}]}}),
        ("firmware/report", {"data": {"otaChannel": [{"channel": 0}]}}),
        ("firmware/report", {"data": {"otaChannel": [{"channel": 0, "version": "2.0"}] * 51}}),
        ("progress/report", {"channel": 0, "progress": 101}),
        ("progress/report", {"channel": "x", "progress": 1}),
        ("progress/report", {"channel": 0, "errorCode": "x"}),
        ("progress/report", b"\xff"),
        ("nothing/of/this", {"progress": 50}),
    ],
)
def test_what_cannot_be_read_is_acknowledged_and_changes_nothing(board, rollout, states, topic, said):
    device = board()
    device.report((0, "1.0"))
    job = rollout(package=SIGNED)
    device.connection.message()
    device.connection.tell(device.topic(topic), said)
    assert states(job) == {"dev1": "NOTIFIED"}


def test_a_late_report_changes_nothing(board, rollout, states):
    device = board()
    device.report((0, "1.0"))
    job = rollout(package=SIGNED)
    device.connection.message()
    device.report((0, "2.0"), kind="UPDATE")  # before any progress
    assert states(job) == {"dev1": "SUCCEEDED"}
    device.progress(channel=0, progress=100)
    device.progress(channel=0, errorCode=42, errorMsg="no flash")
    device.report((0, "2.0"), kind="UPDATE")
    assert states(job) == {"dev1": "SUCCEEDED"}


def test_100_percent_and_the_old_version_are_no_success(board, rollout, states):
    device = board()
    device.report((0, "1.0"))
    job = rollout(package=SIGNED)
    device.connection.message()
    device.progress(channel="0", progress="100", errorCode=0)
    device.report((0, "1.0"), kind="UPDATE")
    assert states(job) == {"dev1": "IN_PROGRESS"}
    device.report((0, "1.5"), kind="UPDATE")  # neither what it had nor what it was to get
    assert states(job) == {"dev1": "FAILED"}


def test_progress_of_another_channel_is_not_of_this_one(board, rollout, states):
    device = board()
    device.report((0, "1.0"), (9, "1.0"))
    job = rollout(package=SIGNED)
    device.connection.message()
    device.progress(channel=9, progress=50)
    device.progress(channel=9, errorCode=40)
    device.report((9, "2.0"))
    assert states(job) == {"dev1": "NOTIFIED"}


def test_nothing_is_told_twice_on_a_connection_and_again_on_a_new_one(board, rollout, looked):
    device = board()
    device.report((0, "1.0"))
    rollout(package=SIGNED)
    first = device.connection.message()
    device.connection.ack(first)
    device.report((0, "1.0"))
    looked()
    assert device.connection.messages() == []
    device = board()
    device.report((0, "1.0"))
    again = device.connection.message()
    assert again.json["data"]["ctId"] == first.json["data"]["ctId"]
    device.report((0, "1.0"))
    assert device.connection.messages() == []


def test_on_a_new_connection_a_device_is_told_again_of_the_channels_that_it_reports(board, client, rollout):
    device = board()
    device.report((0, "1.0"), (9, "1.0"))
    client.ok("CreateOTAModule", ProductKey="p", ModuleName="9")
    rollout(package=SIGNED)
    rollout(package={**SIGNED, "ModuleName": "9"})
    for _ in range(2):
        device.connection.ack(device.connection.message())
    device = board()
    device.report((9, "1.0"))
    assert [message.json["data"]["channel"] for message in device.connection.messages()] == [9]
    device.report((9, "1.0"), (0, "1.0"))
    assert [message.json["data"]["channel"] for message in device.connection.messages()] == [0]


def test_a_channel_too_many_loses_nothing_of_the_others(board, rollout, refusals, states):
    device = board()
    device.report(*((channel, "1.0") for channel in range(50)))
    job = rollout(package=SIGNED)
    device.connection.ack(device.connection.message())
    device = board()
    device.report((0, "1.0"), (50, "1.0"))
    assert "'limit': 50" in refusals()[-1]
    assert device.connection.messages() == []
    device.report((0, "1.0"))
    assert device.connection.message().json["data"]["version"] == "2.0"
    assert states(job) == {"dev1": "NOTIFIED"}


@pytest.mark.parametrize(
    ("topic", "said", "name"),
    [
        ("firmware/report", {"data": {"bizType": "INIT"}}, "otaChannel"),
        ("firmware/report", {"data": {"otaChannel": ["1.0"]}}, "otaChannel[0]"),
        ("firmware/report", {"data": {"otaChannel": [{"channel": 0, "version": "2 0"}]}}, "version"),
        ("firmware/report", {"data": {"otaChannel": [{"channel": 256, "version": "2.0"}]}}, "channel"),
        ("progress/report", {"data": "x"}, "data"),
        ("progress/report", {"channel": 0, "progress": -1}, "progress"),
        ("progress/report", {"channel": 0, "progress": True}, "progress"),
        ("progress/report", {"channel": [0], "progress": 1}, "channel"),
        ("progress/report", {"channel": 0, "errorCode": {}}, "errorCode"),
        ("progress/report", {"channel": 0, "errorCode": 42, "errorMsg": 42}, "errorMsg"),
    ],
)
def test_a_refusal_names_the_field(board, rollout, states, refusals, topic, said, name):
    device = board()
    device.report((0, "1.0"))
    job = rollout(package=SIGNED)
    device.connection.message()
    device.connection.tell(device.topic(topic), said)
    (why,) = refusals()
    assert f"'{name}'" in why
    assert states(job) == {"dev1": "NOTIFIED"}
