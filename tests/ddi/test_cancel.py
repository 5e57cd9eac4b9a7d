"""A device learns that what it was shown is canceled, and agrees or goes on; nothing it says then is an update."""

from functools import partial

import pytest
from click.testing import CliRunner

from otagw import settings
from otagw.cli import main
from otagw.ota.rollouts import due_work
from tests import door
from tests.ddi.conftest import Device, refusal
from tests.races import race


@pytest.fixture
def canceled(device, rollout, cancel):
    """A job whose task the device had begun when it was canceled; return the job and the action."""
    job = rollout()
    action = device.deployment()["id"]
    device.tell(action, "proceeding")
    cancel(job)
    return job, action


def test_a_cancellation_that_the_device_agrees_to(device, canceled, task):
    job, action = canceled
    assert device.links() == {"cancelAction": f"http://localhost{device.base}/cancelAction/{action}"}
    assert device.poll()["config"]["polling"]["sleep"] == "00:00:05"
    assert refusal(device.send("GET", f"/deploymentBase/{action}")) == (410, "ended")
    found = device.send("GET", f"/cancelAction/{action}")
    assert (found.status_code, found.json) == (200, {"id": action, "cancelAction": {"stopId": action}})
    assert device.tell(action, "proceeding", kind="cancelAction").status_code == 200
    assert device.links().keys() == {"cancelAction"}
    assert device.tell(action, "closed", "success", "Update canceled.", kind="cancelAction").status_code == 200
    assert device.links() == {}
    assert task(job)["TaskStatus"] == "CANCELED"
    assert refusal(device.tell(action, "closed", "success", kind="cancelAction")) == (410, "ended")
    assert refusal(device.send("GET", f"/cancelAction/{action}")) == (410, "ended")


def test_a_cancellations_feedback_is_never_a_success(device, canceled, task, runs):
    job, action = canceled
    device.tell(action, "closed", "success", kind="cancelAction")
    assert (task(job)["TaskStatus"], runs()) == ("CANCELED", {"default": "1.0"})


def test_a_cancellation_that_the_device_refuses_is_shown_no_more(device, canceled, task, runs):
    job, action = canceled
    for _ in range(2):
        assert device.tell(action, "rejected", "success", "no", kind="cancelAction").status_code == 200
        assert device.links() == {}
    assert device.tell(action, "proceeding").status_code == 200
    assert device.tell(action, "closed", "success").status_code == 200
    assert (task(job)["TaskStatus"], runs()) == ("CANCELED", {"default": "2.0"})


def test_a_success_before_the_device_knows_keeps_the_version(device, canceled, task, runs):
    job, action = canceled
    for _ in range(2):
        assert device.tell(action, "closed", "success").status_code == 200
        assert (task(job)["TaskStatus"], runs()) == ("CANCELED", {"default": "2.0"})
    assert "cancelAction" not in device.links()


ENDS = [("closed", "success"), ("closed", "failure"), ("closed", "none"), ("canceled", "none"), ("canceled", "success")]


@pytest.mark.parametrize(("execution", "finished"), ENDS)
def test_a_device_that_ends_its_canceled_action_gets_the_next(device, canceled, rollout, task, execution, finished):
    job, action = canceled
    rollout("3.0")
    assert device.tell(action, execution, finished).status_code == 200
    assert device.deployment()["deployment"]["chunks"][0]["version"] == "3.0"
    assert refusal(device.send("GET", f"/cancelAction/{action}")) == (410, "ended")
    assert task(job)["TaskStatus"] == "CANCELED"


@pytest.mark.parametrize(("kind", "answer"), [("deploymentBase", "canceled"), ("cancelAction", "closed")])
def test_a_success_after_the_answer_sets_the_version(device, canceled, task, runs, kind, answer):
    job, action = canceled
    device.tell(action, answer, kind=kind)
    assert refusal(device.tell(action, "proceeding")) == (410, "ended")
    assert refusal(device.tell(action, "closed", "failure")) == (410, "ended")
    assert device.tell(action, "closed", "success").status_code == 200
    assert (task(job)["TaskStatus"], runs()) == ("CANCELED", {"default": "2.0"})


def test_a_success_said_again_after_a_newer_update_changes_nothing(device, canceled, rollout, task, runs):
    _, action = canceled
    device.tell(action, "closed", "success")
    newer = rollout("3.0")
    next_action = device.deployment()["id"]
    device.tell(next_action, "proceeding")
    assert refusal(device.tell(action, "closed", "success")) == (410, "ended")
    assert task(newer)["TaskStatus"] == "IN_PROGRESS"
    device.tell(next_action, "closed", "success")
    assert refusal(device.tell(action, "closed", "success")) == (410, "ended")
    assert runs() == {"default": "3.0"}


def test_a_cancellation_that_is_never_answered_ends_by_itself(held_clock, device, canceled, rollout):
    _, action = canceled
    rollout("3.0")
    held_clock.seconds += 86399
    assert device.links().keys() == {"cancelAction"}
    held_clock.seconds += 1
    assert device.deployment()["deployment"]["chunks"][0]["version"] == "3.0"
    assert refusal(device.send("GET", f"/cancelAction/{action}")) == (410, "ended")


def test_how_long_an_answer_is_waited_for_is_a_setting(make_app, held_clock, client, device, rollout, cancel):
    client.http = device.http = make_app(cancel_answer_seconds=60).test_client()
    job = rollout()
    device.deployment()
    cancel(job)
    held_clock.seconds += 60
    assert due_work.end_tasks() == 1  # also where the device asks no more
    assert due_work.end_tasks() == 0
    events = client.ok("QueryOTADeviceTimeline", ProductKey="p", DeviceName="dev1")["Data"]["Event"]
    assert events[0]["Detail"] == "the device did not answer its cancellation in time"
    assert "cancelAction" not in device.links()


def test_an_answer_waits_for_no_time_any_more(held_clock, client, device, canceled, task):
    """A task that is restarted by the number it has is not at the end of its time."""
    job, action = canceled
    client.ok("ReupgradeOTATask", JobId=job, **{"TaskId.1": task(job)["TaskID"]})
    held_clock.seconds += 86400
    assert due_work.end_tasks() == 0
    assert device.deployment()["id"] == action


def test_a_cancellation_is_forced_by_the_operator(device, canceled, rollout, environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    rollout("3.0")
    command = ["devices", "force-cancel", "p", "dev1"]
    done = CliRunner().invoke(main, command)
    assert (done.exit_code, done.output) == (0, "dev1 is told of no cancellation any more\n")
    again = CliRunner().invoke(main, command)
    assert (again.exit_code, again.output) == (1, "Error: dev1 has no cancellation to answer\n")
    door.enter(settings.load(environment))  # the command leaves the process without one
    assert device.deployment()["deployment"]["chunks"][0]["version"] == "3.0"


def test_a_cancellation_that_is_scheduled_is_asked_for_at_the_normal_interval(device, canceled):
    _, action = canceled
    assert device.tell(action, "scheduled", kind="cancelAction").status_code == 200
    assert device.poll()["config"]["polling"]["sleep"] >= "00:04:30"
    assert device.links().keys() == {"cancelAction"}


def test_a_failure_before_the_device_knows_is_noted(device, canceled, task, runs):
    job, action = canceled
    assert device.tell(action, "closed", "failure", "too bad").status_code == 200
    assert (task(job)["TaskStatus"], task(job)["TaskDesc"], runs()) == ("CANCELED", "too bad", {"default": "1.0"})


def test_canceled_on_the_deployment_is_an_agreement_too(device, canceled, task):
    job, action = canceled
    assert device.tell(action, "canceled", "none").status_code == 200
    assert device.links() == {}
    assert task(job)["TaskStatus"] == "CANCELED"


def test_what_was_never_shown_needs_no_telling(device, rollout, cancel):
    job = rollout()
    cancel(job)
    assert device.links() == {}


def test_what_was_only_shown_is_told(device, rollout, cancel):
    job = rollout()
    action = device.action()
    cancel(job)
    assert device.links()["cancelAction"].endswith(f"/{action}")


def test_an_open_action_has_no_cancellation(device, rollout):
    rollout()
    action = device.deployment()["id"]
    assert refusal(device.send("GET", f"/cancelAction/{action}")) == (404, "no_action")
    for execution in ("closed", "rejected", "proceeding"):
        assert refusal(device.tell(action, execution, "success", kind="cancelAction")) == (404, "no_action")
    assert device.action() == action


def test_the_next_action_waits_until_the_cancellation_is_answered(device, canceled, rollout):
    _, action = canceled
    rollout("3.0")
    assert device.links().keys() == {"cancelAction"}
    device.tell(action, "closed", "success", kind="cancelAction")
    assert device.deployment()["deployment"]["chunks"][0]["version"] == "3.0"


def test_a_newer_job_that_takes_the_device_is_a_cancellation(device, rollout, task):
    old = rollout()
    action = device.action()
    rollout("3.0", OverwriteMode=2)
    assert task(old)["TaskStatus"] == "CANCELED"
    assert device.links()["cancelAction"].endswith(f"/{action}")


@pytest.mark.parametrize(("answer", "same"), [(None, True), ("rejected", True), ("closed", False)])
def test_a_restart_goes_on_by_the_number_of_who_does_not_know(client, device, canceled, task, answer, same):
    job, action = canceled
    if answer:
        device.tell(action, answer, "success", kind="cancelAction")
    client.ok("ReupgradeOTATask", JobId=job, **{"TaskId.1": task(job)["TaskID"]})
    assert (device.deployment()["id"] == action) is same


def test_a_cancellation_and_a_success_at_once(client, register, rollout, cancel, task, runs):
    """Whichever comes first, the version is kept, and the task has ended once."""
    names = [f"dev{number}" for number in range(6)]
    fleet = [register(name, "1.0") for name in names]
    job = rollout()
    actions = {device.name: device.deployment()["id"] for device in fleet}

    def report(device):
        own = Device(client.app.test_client(), device.name, device.authorization)
        return own.tell(actions[own.name], "closed", "success").status_code

    *codes, _ = race(*(partial(report, device) for device in fleet), partial(cancel, job))
    assert codes == [200] * len(fleet)
    for device in fleet:
        state = task(job, device.name)["TaskStatus"]
        assert (state in ("SUCCEEDED", "CANCELED"), runs(device.name)) == (True, {"default": "2.0"})
        assert "cancelAction" not in device.links()
