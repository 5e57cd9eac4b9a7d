"""Huawei's devices: asked for their version, told by event, and each report for what it is."""

import contextlib
import hashlib

import pytest

from otagw.files import links
from tests.mqtt.client import Client, huawei
from tests.mqtt.fleets import bring

SECRET = "devsecret123"
CONTENT = b"firmware " * 100


class Board:
    """A device as Huawei's SDKs have it."""

    def __init__(self, stack, port, name="dev1"):
        self._stack, self._port, self.name, self.id = stack, port, name, f"p_{name}"
        bring("p", name, SECRET)

    @property
    def up(self):
        return f"$oc/devices/{self.id}/sys/events/up"

    def connect(self):
        found = self._stack.enter_context(Client(self._port))
        assert found.connect(huawei(self.id, SECRET)) == 0
        return found

    def say(self, connection, event, paras, **service):
        services = [{"service_id": "$ota", "event_type": event, "event_time": "", "paras": paras, **service}]
        connection.tell(self.up, {"object_device_id": self.id, "services": services})

    def versions(self, connection, **versions):
        self.say(connection, "version_report", versions or {"fw_version": "1.0"})

    def progress(self, connection, code, version, progress=None, **more):
        paras = {
            "result_code": code,
            "version": version,
            **({} if progress is None else {"progress": progress}),
            **more,
        }
        self.say(connection, "upgrade_progress_report", paras)


@pytest.fixture
def board(client, node):
    with contextlib.ExitStack() as stack:
        yield lambda name="dev1": Board(stack, node.port, name)


def event(message):
    """Return the one event of a message, by its type, and the whole."""
    (service,) = message.json["services"]
    assert service["service_id"] == "$ota"
    return service["event_type"], service["paras"]


@pytest.fixture
def told(board, rollout):
    """A device that has been told of an update, its connection, the job, and what it was told."""
    device = board()
    connection = device.connect()
    device.versions(connection)
    job = rollout()
    message = connection.message()
    connection.ack(message)
    return device, connection, job, event(message)


def test_a_device_is_asked_for_its_version_before_it_is_told(board, rollout, states, looked):
    device = board()
    connection = device.connect()
    job = rollout()
    message = connection.message()
    assert message.topic == f"$oc/devices/{device.id}/sys/events/down"
    assert message.json["object_device_id"] == device.id
    assert event(message) == ("version_query", {})
    looked()
    assert connection.messages() == []  # it is asked once
    assert states(job) == {"dev1": "QUEUED"}
    device.versions(connection, fw_version="1.0", sw_version="7")
    kind, paras = event(connection.message())
    assert (kind, paras["version"], paras["url"]) == ("firmware_upgrade_v2", "2.0", "https://files.test:443/x.bin?")
    assert (paras["file_name"], paras["file_size"], paras["expires"]) == ("x.bin", 7, 86400)
    assert states(job) == {"dev1": "NOTIFIED"}


def test_a_device_without_software_may_say_so_by_an_empty_version(board, rollout):
    device = board()
    connection = device.connect()
    device.versions(connection, fw_version="1.0", sw_version="")
    rollout()
    assert event(connection.message())[0] == "firmware_upgrade_v2"


def test_a_device_that_has_the_version_succeeds_at_once(board, rollout, states):
    device = board()
    connection = device.connect()
    job = rollout()
    connection.message()
    device.versions(connection, fw_version="2.0")
    assert states(job) == {"dev1": "SUCCEEDED"}


def test_success_is_code_0_with_the_target_version(told, states):
    device, connection, job, _ = told
    device.progress(connection, 0, "1.0", 50)
    assert states(job) == {"dev1": "IN_PROGRESS"}
    device.progress(connection, 0, "2.0", 60)  # it says what it installs, and is at it
    assert states(job) == {"dev1": "IN_PROGRESS"}
    device.progress(connection, 0, "2.0", 100)
    assert states(job) == {"dev1": "SUCCEEDED"}
    device.progress(connection, 0, "2.0", 100)
    device.progress(connection, 255, "2.0")
    assert states(job) == {"dev1": "SUCCEEDED"}


@pytest.mark.parametrize("paras", [{"result_code": 0, "version": "2.0"}, {"result_code": "3", "version": "2.0"}])
def test_progress_may_be_left_out_and_the_newest_version_is_one(told, states, paras):
    device, connection, job, _ = told
    device.say(connection, "upgrade_progress_report", paras)
    assert states(job) == {"dev1": "SUCCEEDED"}


def test_a_whole_report_of_the_old_version_is_no_success(told, states):
    device, connection, job, _ = told
    device.progress(connection, 0, "1.0", 100)
    assert states(job) == {"dev1": "IN_PROGRESS"}
    device.versions(connection, fw_version="2.0")
    assert states(job) == {"dev1": "SUCCEEDED"}


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 77, 255, 256, "7", -1, "-1"])
def test_other_codes_fail_and_say_why(told, client, states, code):
    device, connection, job, _ = told
    device.progress(connection, code, "1.0", description="in their words")
    assert states(job) == {"dev1": "FAILED"}
    (task,) = client.ok("ListOTATaskByJob", JobId=job)["Data"]["SimpleOTATaskInfo"]
    assert f"({code}): in their words" in task["TaskDesc"]


@pytest.mark.parametrize("version", ["V1.0 (build 3)", "", None, "x" * 5000])
def test_a_failure_is_not_lost_for_the_version_beside_it(told, states, version):
    device, connection, job, _ = told
    device.progress(connection, 7, version)
    assert states(job) == {"dev1": "FAILED"}


def test_the_newest_version_is_a_failure_if_it_is_not_the_target(told, states):
    device, connection, job, _ = told
    device.progress(connection, 3, "1.9", 100)
    assert states(job) == {"dev1": "FAILED"}


def test_a_device_that_was_told_nothing_can_only_mean_the_version_it_names(board, rollout, states):
    device = board()
    connection = device.connect()
    job = rollout()
    assert event(connection.message())[0] == "version_query"
    for code, version in ((5, "1.0"), (0, "1.0"), (255, None), (-1, "2.1")):
        device.progress(connection, code, version, 50)
        assert states(job) == {"dev1": "QUEUED"}
    device.progress(connection, 0, "2.0", 100)
    assert states(job) == {"dev1": "SUCCEEDED"}


def test_a_report_is_of_the_update_whose_version_it_names(board, client, rollout, states):
    device = board()
    connection = device.connect()
    device.versions(connection, fw_version="1.0", sw_version="1.0")
    client.ok("CreateOTAModule", ProductKey="p", ModuleName="software")
    firmware, software = rollout("2.0"), rollout("3.0", package={"ModuleName": "software"})
    for message in (connection.message(), connection.message()):
        connection.ack(message)
    device.progress(connection, 0, "2.0", 10)
    device.progress(connection, 10, "3.0")
    assert (states(firmware), states(software)) == ({"dev1": "IN_PROGRESS"}, {"dev1": "FAILED"})
    device.progress(connection, 0, "2.0", 100)
    assert states(firmware) == {"dev1": "SUCCEEDED"}


def test_a_report_without_an_update_changes_nothing(board, rollout, states):
    device = board()
    connection = device.connect()
    device.versions(connection, fw_version="1.0")
    for code in (0, 3, 255):
        device.progress(connection, code, "2.0", 100)
    job = rollout()
    assert event(connection.message())[0] == "firmware_upgrade_v2"
    assert states(job) == {"dev1": "NOTIFIED"}


def test_a_reinstallation_is_done_when_the_device_says_so(board, rollout, states):
    device = board()
    connection = device.connect()
    device.versions(connection, fw_version="2.0")
    job = rollout("2.0", Reinstall="true")
    connection.ack(connection.message())
    device.versions(connection, fw_version="2.0")
    assert states(job) == {"dev1": "NOTIFIED"}
    device.progress(connection, 0, "2.0", 100)
    assert states(job) == {"dev1": "SUCCEEDED"}


def test_nothing_is_told_twice_on_a_connection_and_again_on_a_new_one(told, looked, states):
    device, connection, job, _ = told
    device.versions(connection, fw_version="1.0")
    looked()
    assert connection.messages() == []
    connection = device.connect()
    assert connection.messages() == []  # it has not said what it runs
    device.versions(connection, fw_version="1.0")
    kind, paras = event(connection.message())
    assert (kind, paras["version"]) == ("firmware_upgrade_v2", "2.0")
    device.versions(connection, fw_version="1.0")
    assert connection.messages() == []
    assert states(job) == {"dev1": "NOTIFIED"}


def test_a_device_that_answers_when_the_minute_is_spent_is_told_in_the_next(board, rollout, looked, held_clock):
    crowd = [(device, device.connect()) for device in (board(f"dev{number}") for number in range(11))]
    rollout(MaximumPerMinute=10)
    for _, connection in crowd:
        assert event(connection.message())[0] == "version_query"
    looked()
    for device, connection in crowd[:10]:
        device.versions(connection)
        assert event(connection.message())[0] == "firmware_upgrade_v2"
    device, connection = crowd[10]
    device.versions(connection)
    looked()
    assert connection.messages() == []
    held_clock.seconds += 60
    assert event(connection.message())[0] == "firmware_upgrade_v2"


def test_a_device_is_asked_on_each_connection(board, rollout):
    device = board()
    rollout()
    for _ in range(2):
        assert event(device.connect().message()) == ("version_query", {})


def test_what_is_refused_in_a_message_loses_nothing_of_the_rest(board, rollout, states):
    device = board()
    connection = device.connect()
    job = rollout()
    assert event(connection.message())[0] == "version_query"
    own = {"service_id": "$ota", "event_type": "version_report", "paras": {"fw_version": "1.0"}}
    bad = {"service_id": "$ota", "event_type": "upgrade_progress_report", "paras": {}}
    connection.tell(device.up, {"services": [own, bad]})
    assert connection.messages() == []
    assert states(job) == {"dev1": "QUEUED"}
    connection.tell(device.up, {"services": [own]})
    assert event(connection.message())[0] == "firmware_upgrade_v2"


@pytest.mark.parametrize(
    ("event_type", "paras", "name"),
    [
        ("version_report", {"fw_version": "2 0"}, "fw_version"),
        ("version_report", {"fw_version": 2}, "fw_version"),
        ("version_report", {"fw_version": "1.0", "sw_version": "\u0000"}, "sw_version"),
        ("upgrade_progress_report", {"version": "2.0"}, "result_code"),
        ("upgrade_progress_report", {"result_code": True}, "result_code"),
        ("upgrade_progress_report", {"result_code": 0, "progress": 101}, "progress"),
        ("upgrade_progress_report", {"result_code": 0, "progress": -1}, "progress"),
        ("upgrade_progress_report", {"result_code": 0, "progress": "half"}, "progress"),
        ("upgrade_progress_report", {"result_code": 0, "version": 2}, "version"),
        ("upgrade_progress_report", {"result_code": 1, "description": ["x"]}, "description"),
        ("upgrade_progress_report", "x", "services[0].paras"),
    ],
)
def test_a_refusal_names_the_field(told, states, refusals, event_type, paras, name):
    device, connection, job, _ = told
    device.say(connection, event_type, paras)
    (why,) = refusals()
    assert f"'{name}'" in why
    assert states(job) == {"dev1": "NOTIFIED"}


def test_a_message_of_too_many_services_is_refused_as_a_whole(told, states, refusals):
    device, connection, job, _ = told
    one = {"service_id": "$ota", "event_type": "version_report", "paras": {"fw_version": "2.0"}}
    connection.tell(device.up, {"services": [one] * 51})
    (why,) = refusals()
    assert "'services'" in why
    assert states(job) == {"dev1": "NOTIFIED"}
    connection.tell(device.up, {"services": [one] * 50})
    assert states(job) == {"dev1": "SUCCEEDED"}


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"services": {}},
        {"services": ["x"]},
        {"services": [{"service_id": "$ota", "event_type": "upgrade_progress_report", "paras": []}]},
        {"services": [{"service_id": "$ota", "event_type": "upgrade_progress_report", "paras": {}}]},
        {"services": [{"service_id": "$ota", "event_type": "upgrade_progress_report", "paras": {"result_code": "x"}}]},
        {"services": [{"service_id": "$ota", "event_type": "upgrade_progress_report", "paras": {"result_code": None}}]},
        {"services": [{"service_id": "$ota", "event_type": "version_report", "paras": {"fw_version": ["2.0"]}}]},
        {"services": [{"service_id": "$ota", "event_type": "version_report", "paras": {"fw_version": "2 0"}}]},
        {"services": [{"service_id": "$ota", "event_type": "version_report", "paras": {"fw_version": "x" * 257}}]},
        {"services": [{"service_id": "$log", "event_type": "log_report", "paras": {"content": "up"}}]},
        {"services": [{"service_id": "$ota", "event_type": "of another version", "paras": {"fw_version": "2.0"}}]},
        {"services": [{"service_id": "$ota", "event_type": None, "paras": None}]},
        b"no JSON",
        b"[1]",
    ],
)
def test_what_cannot_be_read_is_acknowledged_and_changes_nothing(told, states, said):
    device, connection, job, _ = told
    connection.tell(device.up, said)
    assert states(job) == {"dev1": "NOTIFIED"}


def test_several_services_in_one_message_are_all_taken(told, states):
    device, connection, job, _ = told
    others = {"service_id": "$log", "event_type": "log_report", "paras": {}}
    own = {"service_id": "$ota", "event_type": "version_report", "paras": {"fw_version": "2.0", "sw_version": None}}
    connection.tell(device.up, {"services": [others, own]})
    assert states(job) == {"dev1": "SUCCEEDED"}


def test_the_topic_of_another_device_does_nothing(board, told, states):
    device, _, job, _ = told
    other = board("dev2").connect()
    other.tell(device.up, {"services": [{"service_id": "$ota", "event_type": "version_report",
                                         "paras": {"fw_version": "2.0"}}]})  # fmt: skip
    assert states(job) == {"dev1": "NOTIFIED"}


def test_what_the_gateway_holds_is_told_by_the_first_event_and_fetched_with_its_token(board, client, rollout, upload):
    device = board()
    connection = device.connect()
    device.versions(connection)
    rollout(package={"FirmwareUrl": upload(CONTENT), "FirmwareSize": None})
    kind, paras = event(connection.message())
    assert (kind, paras["sign"]) == ("firmware_upgrade", hashlib.sha256(CONTENT).hexdigest())
    assert (paras["file_size"], "?" in paras["url"], len(paras["url"]) <= 255) == (len(CONTENT), False, True)
    path = paras["url"].removeprefix("http://127.0.0.1:8686")
    found = client.http.get(path, headers={"Authorization": f"Bearer {paras['access_token']}", "Range": "bytes=0-"})
    assert (found.status_code, found.data) == (206, CONTENT)
    assert f"filename={paras['file_name']};" in found.headers["Content-Disposition"]
    assert len(paras["file_name"]) <= 19  # the C SDK 1.0 has room for no more
    assert paras["file_name"].endswith(".bin")


def test_the_longest_name_of_a_file_by_token_has_19_characters(client):
    suffixes = ("bin", "mender", "tar.gz", "raucb")
    keys = [client.ok("GenerateOTAUploadURL", FileSuffix=suffix)["Data"]["Key"] for suffix in suffixes]
    assert {len(links.short_name(key)) for key in keys} == {16, 18, 19}


def test_a_token_is_good_for_its_file_and_its_time_alone(board, client, rollout, upload, held_clock):
    device = board()
    connection = device.connect()
    device.versions(connection)
    rollout(package={"FirmwareUrl": upload(CONTENT), "FirmwareSize": None})
    _, paras = event(connection.message())
    path, token = paras["url"].removeprefix("http://127.0.0.1:8686"), paras["access_token"]
    other = upload(b"another")
    other_path = other.removeprefix("http://127.0.0.1:8686").partition("?")[0]

    def get(path, authorization):
        found = client.http.get(path, headers={"Authorization": authorization} if authorization else {})
        assert found.content_type == ("application/xml" if found.status_code >= 400 else "application/octet-stream")
        return found.status_code

    assert get(path, f"bearer {token}") == 200
    assert get(path, None) == 403
    assert get(other_path, f"Bearer {token}") == 403
    expires, _, signature = token.partition(".")
    for wrong in ("", "x", ".", f"{int(expires) + 1}.{signature}", f"{expires}.", f"{expires}.{signature[:-1]}", "é.é"):
        assert get(path, f"Bearer {wrong}") == 403
    assert get(path, f"Basic {token}") == 403
    held_clock.seconds += 86_401
    assert get(path, f"Bearer {token}") == 403


def test_an_address_with_an_empty_port_gets_the_one_of_its_scheme(board, rollout):
    device = board()
    connection = device.connect()
    device.versions(connection)
    rollout(package={"FirmwareUrl": "https://files.test:/x.bin"})
    assert event(connection.message())[1]["url"] == "https://files.test:443/x.bin?"


def test_software_is_an_event_of_its_own(board, client, rollout):
    device = board()
    connection = device.connect()
    device.versions(connection, fw_version="1.0", sw_version="1.0")
    client.ok("CreateOTAModule", ProductKey="p", ModuleName="software")
    rollout(package={"ModuleName": "software"})
    kind, paras = event(connection.message())
    assert (kind, paras["version"]) == ("software_upgrade_v2", "2.0")


def test_a_package_of_another_module_is_not_told(board, client, rollout, states, looked):
    device = board()
    connection = device.connect()
    device.versions(connection)
    client.ok("CreateOTAModule", ProductKey="p", ModuleName="mcu")
    job = rollout(package={"ModuleName": "mcu"})
    looked()
    assert connection.messages() == []
    assert states(job) == {"dev1": "QUEUED"}
