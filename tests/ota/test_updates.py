"""What a device does, several times at once, on both engines."""

import pytest

from otagw.db import database
from otagw.ota import states
from otagw.ota.devices import devices
from otagw.ota.packages import insertion
from otagw.ota.packages.records import PackageDraft
from otagw.ota.products import products
from otagw.ota.rollouts import jobs, planning, selection, tasks
from otagw.ota.rollouts.records import Rules
from otagw.ota.updates import updates
from tests.races import race

COUNT = 10


@pytest.fixture
def fleet(account, store):
    """Devices that have reported the version 1."""
    with database.write():
        products.require(account, "p")
        devices.add(account, "p", [devices.DeviceDraft(f"d{number}") for number in range(COUNT)])
    found = [devices.named(account, "p", f"d{number}") for number in range(COUNT)]
    for device in found:
        updates.reported_version(device, "1")
    return found


@pytest.fixture
def make_job(account):
    def make(kind, version="2"):
        draft = PackageDraft(
            name=f"fw{version}", version=version, product_key="p", needs_verification=False, url="https://files.test/x"
        )
        package, _ = insertion.create(account, draft)
        rules = Rules(source_versions=("1",))
        asked = planning.JobDraft(package=str(package), product_key="p", selection=kind, rules=rules)
        return planning.create(account, asked)

    return make


def counts(account, job):
    return {state: number for state, number in tasks.counts(account.id, job.id).items() if number}


def test_devices_that_ask_twice_at_once_get_one_task(account, fleet, make_job):
    job = make_job(jobs.DYNAMIC)
    for device in fleet:
        outcomes = race(*[lambda device=device: updates.asked(device)] * 4)
        assert len(outcomes) == 4
        assert any(outcomes)
        assert len(tasks.open_of(device.id)) == 1
    assert counts(account, job) == {states.NOTIFIED: COUNT}


def test_devices_that_report_while_a_job_selects_them_get_one_task(account, fleet, make_job):
    chosen, dynamic = make_job(jobs.STATIC), make_job(jobs.DYNAMIC, "3")
    reports = [lambda device=device: updates.reported_version(device, "1") for device in fleet]
    race(lambda: selection.begin(chosen), *reports)
    for device in fleet:
        assert len(tasks.open_of(device.id)) == 1
    every = tasks.counts(account.id, chosen.id), tasks.counts(account.id, dynamic.id)
    assert sum(found[states.QUEUED] for found in every) == COUNT


def test_progress_and_the_version_at_once_are_a_success(account, fleet, make_job):
    job = make_job(jobs.STATIC)
    selection.begin(job)
    for device in fleet:
        updates.progress(device, 10)
        (task,) = tasks.open_of(device.id)
        percents = [lambda device=device, percent=percent: updates.progress(device, percent) for percent in (90, 20)]
        race(lambda device=device: updates.reported_version(device, "2"), *percents)
        ended = tasks.find(task.id)
        assert (ended.state, ended.progress, ended.retry_at) == (states.SUCCEEDED, 100, None)
    assert counts(account, job) == {states.SUCCEEDED: COUNT}


def test_the_furthest_of_reports_at_once_counts(fleet, make_job):
    selection.begin(make_job(jobs.STATIC))
    for device in fleet:
        updates.progress(device, 10)
        reports = [lambda device=device, percent=percent: updates.progress(device, percent) for percent in (90, 20, 50)]
        race(*reports)
        (task,) = tasks.open_of(device.id)
        assert task.progress == 90
