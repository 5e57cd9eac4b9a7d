"""A device is told of what jobs have for it: when, when not, and how often."""

import time

import pytest

from otagw.db import database
from otagw.mqtt.connection import Seconds
from tests import patience
from tests.mqtt import client as mqtt
from tests.mqtt.client import Client


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


def test_nothing_is_told_twice_on_one_connection(device, rollout, looked):
    connection = device.connect()
    device.report(connection)
    rollout()
    connection.ack(connection.message())
    looked()
    device.report(connection)
    device.report(connection)
    assert connection.messages() == []


@pytest.mark.parametrize("is_acknowledged", [False, True])
def test_a_new_connection_that_reports_the_old_version_is_told_again(device, rollout, looked, is_acknowledged):
    first = device.connect()
    device.report(first)
    rollout()
    told = first.message()
    if is_acknowledged:
        first.ack(told)
        looked()
    second = device.connect()
    device.report(second)
    again = second.message()
    assert again.json["data"]["version"] == told.json["data"]["version"] == "2.0"
    second.ack(again)
    looked()
    device.report(second)
    assert second.messages() == []


def test_what_was_not_acknowledged_is_told_again_without_a_word_of_the_device(device, rollout):
    first = device.connect()
    device.report(first)
    rollout()
    told = first.message()
    second = device.connect()
    assert second.message().json["data"] == told.json["data"]


def test_what_was_acknowledged_is_not_told_again_before_the_device_says_something(device, rollout, looked):
    first = device.connect()
    device.report(first)
    rollout()
    first.ack(first.message())
    first.send(mqtt.packet(mqtt.DISCONNECT))  # at once: what is acknowledged is not lost with its connection
    assert first.rest() == []
    second = device.connect()
    looked()
    assert second.messages() == []


def test_a_device_that_has_the_new_version_is_told_nothing(device, rollout, states, looked):
    first = device.connect()
    device.report(first)
    job = rollout()
    first.message()
    second = device.connect()
    second.message()
    device.report(second, "2.0")
    looked()
    assert (second.messages(), states(job)) == ([], {"dev1": "SUCCEEDED"})


def test_a_device_that_was_away_is_told_when_it_comes(device, rollout, states):
    before = device.connect()
    device.report(before)
    before.close()
    job = rollout()
    assert states(job) == {"dev1": "QUEUED"}
    connection = device.connect()
    assert connection.message().topic == device.topic("upgrade")
    assert states(job) == {"dev1": "NOTIFIED"}


def test_an_operators_restart_is_told_on_the_same_connection(client, device, rollout):
    connection = device.connect()
    device.report(connection)
    job = rollout()
    connection.ack(connection.message())
    device.progress(connection, -1, "no room")
    (task,) = client.ok("ListOTATaskByJob", JobId=job)["Data"]["SimpleOTATaskInfo"]
    assert task["TaskStatus"] == "FAILED"
    client.ok("ReupgradeOTATask", JobId=job, **{"TaskId.1": task["TaskID"]})
    assert connection.message().json["data"]["version"] == "2.0"


def test_a_device_that_is_to_try_again_is_told_when_its_time_has_come(device, rollout, looked, held_clock):
    connection = device.connect()
    device.report(connection)
    rollout(RetryInterval=10, RetryCount=2, **{"SrcVersion.1": "1.0"})
    connection.ack(connection.message())
    for _ in range(2):
        device.progress(connection, 10)
        device.progress(connection, -2)
        looked()
        held_clock.seconds += 9 * 60
        looked()
        assert connection.messages() == []
        held_clock.seconds += 60
        connection.ack(connection.message())
        looked()
        assert connection.messages() == []


def test_a_job_tells_as_many_devices_in_a_minute_as_it_may(register, rollout, looked, held_clock):
    crowd = [register(f"dev{number}") for number in range(13)]
    connections = [device.connect() for device in crowd]
    for device, connection in zip(crowd, connections, strict=True):
        device.report(connection)
    rollout(MaximumPerMinute=10)
    looked()
    told = [len(connection.messages()) for connection in connections]
    assert (sum(told), max(told)) == (10, 1)
    held_clock.seconds += 60
    for connection, before in zip(connections, told, strict=True):
        if not before:
            connection.message()
    looked()
    assert [len(connection.messages()) for connection in connections] == [0] * 13


def test_a_planned_job_tells_nobody_before_its_time(device, rollout, looked, held_clock):
    connection = device.connect()
    device.report(connection)
    rollout(ScheduleTime=(held_clock.seconds + 3600) * 1000)
    looked()
    held_clock.seconds += 3599
    looked()
    assert connection.messages() == []
    held_clock.seconds += 1
    assert connection.message().json["data"]["version"] == "2.0"


def test_a_task_that_waits_for_somebody_is_told_once_it_is_confirmed(client, device, rollout, looked):
    connection = device.connect()
    device.report(connection)
    job = rollout(NeedConfirm="true")
    looked()
    device.report(connection)
    assert connection.messages() == []
    (task,) = client.ok("ListOTATaskByJob", JobId=job)["Data"]["SimpleOTATaskInfo"]
    client.ok("ConfirmOTATask", **{"TaskId.1": task["TaskID"]})
    connection.message()


def test_a_paused_job_tells_nobody_until_it_goes_on(client, register, rollout, looked):
    first, second = register("dev1"), register("dev2")
    one, other = first.connect(), second.connect()
    first.report(one)
    second.report(other)
    other.send(mqtt.packet(mqtt.DISCONNECT))
    assert other.rest() == []
    job = rollout()
    one.message()
    client.ok("PauseOTAJob", JobId=job)
    again = second.connect()
    looked()
    second.report(again)
    assert again.messages() == []
    client.ok("ResumeOTAJob", JobId=job)
    again.message()


def test_a_job_that_its_guard_has_paused_tells_nobody(register, rollout, looked):
    first, second = register("dev1"), register("dev2")
    for device in (first, second):
        with Client(device.port) as before:
            assert before.connect(device.credentials()) == 0
            device.report(before)
    rollout(FailureThresholdCount=1)
    connection = first.connect()
    connection.message()
    first.progress(connection, -1)
    late = second.connect()
    looked()
    second.report(late)
    assert late.messages() == []


def test_a_canceled_job_tells_nobody(client, device, rollout, looked):
    with Client(device.port) as before:
        assert before.connect(device.credentials()) == 0
        device.report(before)
    job = rollout()
    client.ok("CancelOTATaskByJob", JobId=job, CancelQueuedTask="true")
    connection = device.connect()
    looked()
    assert connection.messages() == []


def test_a_node_looks_often_enough(make_node, register, rollout):
    usual = Seconds()
    node = make_node("usual", look=usual.look, longest_look=usual.longest_look)
    crowd = [register(f"dev{number}") for number in range(5)]
    connections = [device.connect(node.port) for device in crowd]
    for device, connection in zip(crowd, connections, strict=True):
        device.report(connection)
    rollout()
    began = time.monotonic()
    for connection in connections:
        connection.message()
    assert time.monotonic() - began < patience.seconds(2)


def test_each_node_tells_the_devices_that_it_has(make_node, register, rollout):
    other = make_node("other")
    here, there = register("dev1"), register("dev2")
    connections = [here.connect(), there.connect(other.port)]
    for device, connection in zip((here, there), connections, strict=True):
        device.report(connection)
    rollout()
    for device, connection in zip((here, there), connections, strict=True):
        assert connection.message().topic == device.topic("upgrade")


def test_modules_are_told_one_by_one(device, rollout):
    connection = device.connect()
    device.report(connection, module="mcu")
    device.report(connection)
    rollout("3.0", package={"ModuleName": "mcu"})
    told = connection.message().json["data"]
    assert (told["module"], told["version"]) == ("mcu", "3.0")
    rollout("2.0")
    told = connection.message().json["data"]
    assert (told["module"], told["version"]) == ("default", "2.0")


def test_an_offer_that_cannot_be_put_into_words_costs_its_device_nothing_else(device, rollout, states, caplog):
    job = rollout()
    with database.write():
        database.execute("UPDATE package SET files = ?", '[{"of": "a later version"}]')
    connection = device.connect()
    device.report(connection)
    assert connection.messages() == []
    assert states(job) == {"dev1": "QUEUED"}
    assert "cannot be put into words" in caplog.text
