"""A device is told of what jobs have for it: when, when not, and how often."""


def test_a_device_that_subscribes_to_nothing_is_updated(device, rollout, states):
    connection = device.connect()
    device.report(connection)
    job = rollout()
    told = connection.message()
    assert (told.topic, told.json["data"]["version"]) == (device.topic("upgrade"), "2.0")
    connection.ack(told)
    assert states(job) == {"dev1": "NOTIFIED"}
    device.progress(connection, 0)
    assert states(job) == {"dev1": "IN_PROGRESS"}
    device.report(connection, "2.0")
    assert states(job) == {"dev1": "SUCCEEDED"}


def test_a_job_whose_devices_are_to_ask_is_not_pushed(device, rollout, looked):
    connection = device.connect()
    device.report(connection)
    rollout(NeedPush="false")
    looked()
    assert connection.messages() == []
    assert device.ask(connection)["version"] == "2.0"


def test_a_task_that_follows_another_is_told_when_that_has_ended(device, rollout, states):
    connection = device.connect()
    device.report(connection)
    first = rollout("2.0")
    connection.ack(connection.message())
    device.progress(connection, 10)
    second = rollout("3.0", AtWork="WAIT")
    assert states(second) == {"dev1": "QUEUED"}
    device.report(connection, "2.0")
    assert states(first) == {"dev1": "SUCCEEDED"}
    told = connection.message()
    assert told.json["data"]["version"] == "3.0"
