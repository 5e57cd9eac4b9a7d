"""Tasks by number and the presence of devices, several at once, on both engines."""

import json

import pytest

from otagw import clock, errors
from otagw.db import database
from otagw.ota import states
from otagw.ota.devices import attributes, devices, presence
from otagw.ota.packages import insertion
from otagw.ota.packages.records import PackageDraft
from otagw.ota.products import products
from otagw.ota.rollouts import job_control, planning, selection, tasks
from otagw.ota.updates import numbered_tasks
from tests.conftest import NOW
from tests.ota.rollouts import check
from tests.races import race

COUNT = 6
FACTS = {"size": 1, "md5": "m", "sha1": "s", "sha256": "t", "format": None}
ENDED = errors.WrongState


@pytest.fixture
def fleet(account, store):
    """Devices that have asked once."""
    with database.write():
        products.require(account, "p")
        devices.add(account, "p", [devices.DeviceDraft(f"d{number}") for number in range(COUNT)])
    found = [devices.named(account, "p", f"d{number}") for number in range(COUNT)]
    for device in found:
        numbered_tasks.shown(device, "192.0.2.1")
    return [devices.named(account, "p", device.name) for device in found]


@pytest.fixture
def job(account, fleet):
    """A job for all of them, whose package is measured."""
    draft = PackageDraft(name="fw", version="2", product_key="p", needs_verification=False, url="https://files.test/x")
    package, _ = insertion.create(account, draft)
    database.execute("UPDATE package SET facts = ?", json.dumps([FACTS]))
    made = planning.create(account, planning.JobDraft(package=str(package), product_key="p"))
    selection.begin(made)
    return made


def fetched(device):
    """Return the number of the action that a device is shown, and fetches."""
    offer = numbered_tasks.shown(device, None).offer
    return str(numbered_tasks.fetch(device, str(offer.task.action)).task.action)


def cancel(account, job, *wanted):
    return lambda: job_control.cancel_states(account, str(job.id), wanted or states.OPEN)


def test_who_looks_and_fetches_at_once_sees_one_action(fleet, job):
    for device in fleet:
        found = race(*[lambda device=device: fetched(device)] * 4)
        assert len(found) == 4
        assert len(set(found)) == 1
    assert {task.state for device in fleet for task in tasks.open_of(device.id)} == {states.NOTIFIED}


def test_a_success_and_a_cancellation_at_once(account, fleet, job):
    numbers = {device.id: fetched(device) for device in fleet}
    reports = [
        lambda device=device: numbered_tasks.succeeded(device, numbers[device.id], "", None) or "noted"
        for device in fleet
    ]
    outcomes = race(cancel(account, job), *reports)
    assert outcomes.count("noted") == COUNT
    for device in fleet:
        assert devices.versions(device) == [("default", "2")]
        task = tasks.by_action(device.id, int(numbers[device.id]))
        assert (task.state, task.recall) in ((states.SUCCEEDED, None), (states.CANCELED, None))
    check()


def test_a_failure_and_a_cancellation_at_once(account, fleet, job):
    numbers = {device.id: fetched(device) for device in fleet}
    reports = [
        lambda device=device: numbered_tasks.failed(device, numbers[device.id], "x") or "noted" for device in fleet
    ]
    assert race(cancel(account, job), *reports).count("noted") == COUNT
    assert {tasks.last_of(device.id).state for device in fleet} <= {states.FAILED, states.CANCELED}
    check()


def test_progress_and_a_success_at_once_end_in_success(fleet, job):
    for device in fleet:
        number = fetched(device)
        works = [lambda p=p, d=device, n=number: numbered_tasks.progress(d, n, p, "") or "noted" for p in (10, 50)]
        found = race(lambda d=device, n=number: numbered_tasks.succeeded(d, n, "", None), *works)
        assert set(found) <= {None, "noted", ENDED}
        assert tasks.by_action(device.id, int(number)).state == states.SUCCEEDED
    check()


def test_an_agreement_and_a_refusal_at_once_are_one_of_them(account, fleet, job):
    numbers = {device.id: fetched(device) for device in fleet}
    cancel(account, job)()
    for device in fleet:
        number = numbers[device.id]
        assert numbered_tasks.shown(device, None).recalled.action == int(number)
        race(
            lambda d=device, n=number: numbered_tasks.agreed(d, n, ""),
            lambda d=device, n=number: numbered_tasks.refused(d, n, ""),
        )
        assert tasks.by_action(device.id, int(number)).recall is None
        assert numbered_tasks.shown(device, None) == (None, None)


def test_a_deadline_that_passes_between_look_and_fetch(account, fleet, job):
    device = fleet[0]
    number = fetched(device)
    numbered_tasks.progress(device, number, 1, "")
    database.execute("UPDATE task SET due = ? WHERE device_id = ?", clock.now(), device.id)
    with pytest.raises(errors.NotFound):
        numbered_tasks.fetch(device, number)
    with pytest.raises(ENDED):
        numbered_tasks.fetch(device, number)
    assert numbered_tasks.shown(device, None) == (None, None)


def test_tasks_that_were_never_shown_have_no_number(account, fleet, job):
    cancel(account, job)()
    assert database.execute("SELECT COUNT(action), COUNT(recall) FROM task").fetchone() == (0, 0)


def test_what_was_heard_is_written_in_one_statement(store, fleet):
    clock.hold(lambda: (NOW + 100) * 1000)
    for number, device in enumerate(fleet[1:]):
        presence.heard(device, f"192.0.2.{number}" if number else None)
    presence.flush()
    found = dict(database.execute("SELECT name, seen FROM device").fetchall())
    assert found == {"d0": NOW * 1000, **{f"d{n}": (NOW + 100) * 1000 for n in range(1, COUNT)}}
    kept = database.execute("SELECT address FROM device ORDER BY id").fetchall()
    assert [address for (address,) in kept[:3]] == ["192.0.2.1", "192.0.2.1", "192.0.2.1"]


def test_what_is_heard_is_written_while_jobs_select(account, fleet, job):
    clock.hold(lambda: (NOW + 100) * 1000)
    for device in fleet:
        presence.heard(device, None)
    works = [lambda device=device: fetched(device) for device in fleet]
    race(presence.flush, *works)
    presence.flush()
    assert database.execute("SELECT DISTINCT seen FROM device").fetchall() == [((NOW + 100) * 1000,)]


def test_attributes_that_come_at_once_are_merged(fleet):
    device = fleet[0]
    works = [lambda n=n: attributes.report(device, "merge", {f"a{n}": "x"}, (), None) for n in range(6)]
    race(*works)
    assert set(attributes.of(device.id)) == {f"a{n}" for n in range(6)}
