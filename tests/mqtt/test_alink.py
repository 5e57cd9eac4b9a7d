"""Alibaba's devices: each report for what it is, in any order."""

import pytest


@pytest.fixture
def told(device, rollout):
    """A device that has been told of an update, its connection, the job, and the data that it was told."""
    connection = device.connect()
    device.report(connection)
    job = rollout()
    message = connection.message()
    connection.ack(message)
    return device, connection, job, message.json["data"]


def task_of(client, job):
    (task,) = client.ok("ListOTATaskByJob", JobId=job)["Data"]["SimpleOTATaskInfo"]
    return task


def test_step_0_begins_the_update_and_100_does_not_end_it(told, states):
    device, connection, job, _ = told
    device.progress(connection, 0)
    assert states(job) == {"dev1": "IN_PROGRESS"}
    device.progress(connection, 100)
    device.report(connection, "1.0")  # it has rebooted into what it had
    assert states(job) == {"dev1": "IN_PROGRESS"}
    device.report(connection, "2.0")
    assert states(job) == {"dev1": "SUCCEEDED"}


def test_the_version_may_come_before_progress_and_ends_the_update(told, states):
    device, connection, job, _ = told
    device.report(connection, "2.0")
    assert states(job) == {"dev1": "SUCCEEDED"}
    for step in (100, 0, -1, 50):
        device.progress(connection, step)
    device.report(connection, "2.0")
    assert states(job) == {"dev1": "SUCCEEDED"}


def test_another_version_at_work_is_a_failure(told, states):
    device, connection, job, _ = told
    device.progress(connection, 10)
    device.report(connection, "1.5")
    assert states(job) == {"dev1": "FAILED"}


def test_the_same_said_twice_is_said_once(told, client, states):
    device, connection, job, _ = told
    for step in (0, 0, 30, 30, 20, 0):
        device.progress(connection, step)
    assert (task_of(client, job)["Progress"], states(job)) == ("30", {"dev1": "IN_PROGRESS"})


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (-1, "the update failed"),
        (-2, "the download failed"),
        (-3, "the check failed"),
        (-4, "flashing failed"),
        (-5, "the update failed"),
        (-100, "the update failed"),
    ],
)
def test_a_negative_step_is_a_failure_that_says_why(told, client, step, words):
    device, connection, job, _ = told
    device.progress(connection, step)
    assert (task_of(client, job)["TaskStatus"], task_of(client, job)["TaskDesc"]) == ("FAILED", words)


def test_a_devices_own_words_come_first(told, client):
    device, connection, job, _ = told
    device.progress(connection, -3, "digest differs")
    assert task_of(client, job)["TaskDesc"] == "digest differs"


@pytest.mark.parametrize("step", [50, "50", " 50"])
def test_a_step_is_a_number_or_a_text(told, client, step):
    device, connection, job, _ = told
    connection.tell(device.topic("progress"), {"id": "7", "params": {"step": step}})
    assert task_of(client, job)["Progress"] == "50"


@pytest.mark.parametrize(
    ("kind", "params", "name"),
    [
        ("inform", {}, "version"),
        ("inform", {"version": None}, "version"),
        ("inform", {"version": 2}, "version"),
        ("inform", {"version": "2 0"}, "version"),
        ("inform", {"version": "2" * 300}, "version"),
        ("inform", {"version": "2.0", "module": "a b"}, "module"),
        ("inform", {"version": "2.0", "module": "m" * 65}, "module"),
        ("inform", {"version": "2.0", "module": ["default"]}, "module"),
        ("inform", ["2.0"], "params"),
        ("inform", "2.0", "params"),
        ("progress", {}, "step"),
        ("progress", {"step": ""}, "step"),
        ("progress", {"step": "done"}, "step"),
        ("progress", {"step": 101}, "step"),
        ("progress", {"step": -101}, "step"),
        ("progress", {"step": True}, "step"),
        ("progress", {"step": [50]}, "step"),
        ("progress", {"step": "9" * 4000}, "step"),
        ("progress", {"step": 50, "desc": {}}, "desc"),
        ("progress", {"step": 50, "module": ""}, "module"),
    ],
)
def test_a_refusal_names_the_field_and_changes_nothing(told, states, refusals, kind, params, name):
    device, connection, job, _ = told
    connection.tell(device.topic(kind), {"id": 1, "params": params})
    (why,) = refusals()
    assert f"'{name}'" in why
    assert states(job) == {"dev1": "NOTIFIED"}


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"1", b"null", b"\xff", b"[" * 60_000, b'{"params":' * 5000])
def test_what_is_no_message_is_refused_and_changes_nothing(told, states, refusals, payload):
    device, connection, job, _ = told
    connection.tell(device.topic("inform"), payload)
    assert len(refusals()) == 1
    assert states(job) == {"dev1": "NOTIFIED"}


def test_progress_of_another_module_is_not_of_this_one(told, states):
    device, connection, job, _ = told
    for step in (50, -1):
        connection.tell(device.topic("progress"), {"id": 1, "params": {"step": step, "module": "mcu"}})
    assert states(job) == {"dev1": "NOTIFIED"}


def test_what_a_device_asks_for_is_as_what_it_is_told(told):
    device, connection, _, data = told
    assert [device.ask(connection) for _ in range(2)] == [data, data]


def test_there_is_no_answer_but_an_empty_one_where_there_is_nothing(device, client):
    connection = device.connect()
    assert device.ask(connection) == {}
    topic = "/sys/p/dev1/thing/ota/firmware/get"
    for identity in (None, [], 1.5, "x" * 33, 1 << 64, "\ud800"):
        connection.say(topic, {"id": identity}, qos=0)
        assert connection.message().json == {"id": 0, "code": 200, "data": {}}


@pytest.mark.parametrize(
    ("package", "method"),
    [
        ({"FirmwareSign": "A" * 32, "SignMethod": "MD5"}, "Md5"),
        ({"FirmwareSign": "B" * 64, "SignMethod": "SHA256"}, "SHA256"),
    ],
)
def test_a_digest_is_spelled_as_all_sdks_take_it(device, rollout, package, method):
    connection = device.connect()
    device.report(connection)
    rollout(package=package)
    data = connection.message().json["data"]
    sign = package["FirmwareSign"].lower()
    assert (data["signMethod"], data["sign"], data["size"], data["module"]) == (method, sign, 7, "default")
    assert data.get("md5") == (sign if method == "Md5" else None)
