"""The machine's clock is set forth or back while jobs run: nothing is done twice, lost, or stuck."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otagw import clock
from otagw.ota.devices import devices
from otagw.ota.updates import updates
from tests.conftest import NOW
from tests.ota import rollouts

MINUTE = 60_000
DAY = 1440 * MINUTE


@pytest.fixture(autouse=True)
def held(store):
    """A clock to be moved by hand."""

    class Held:
        now = NOW * 1000

    clock.hold(lambda: Held.now)
    return Held


@pytest.fixture
def device(account):
    rollouts.register(account, {"d": {"default": "1.0"}})
    return devices.named(account, "p", "d")


@pytest.fixture
def package(account):
    return rollouts.package(account, "a")


def job_of(job_id):
    return rollouts.rows("job")[job_id]


def test_a_job_that_began_goes_on_though_the_clock_is_back_before_its_time(account, held, device, package):
    job = rollouts.create(account, package, schedule_at=held.now + MINUTE)
    held.now += 2 * MINUTE
    rollouts.sweep_all()
    assert job_of(job)["state"] == "in_progress"
    held.now -= DAY
    rollouts.sweep_all()
    assert job_of(job)["state"] == "in_progress"
    assert updates.asked(device) is not None
    rollouts.check()


def test_a_job_that_ended_by_its_time_stays_ended(account, held, device, package):
    job = rollouts.create(account, package, finish_at=held.now + MINUTE)
    held.now += DAY
    rollouts.sweep_all()
    assert job_of(job)["state"] == "canceled"
    held.now -= DAY
    rollouts.sweep_all()
    assert job_of(job)["state"] == "canceled"
    assert updates.asked(device) is None
    rollouts.check()


def test_a_planned_job_waits_for_its_time_again_if_the_clock_goes_back(account, held, device, package):
    job = rollouts.create(account, package, schedule_at=held.now + 10 * MINUTE)
    held.now += 9 * MINUTE
    held.now -= 5 * MINUTE
    rollouts.sweep_all()
    assert job_of(job)["state"] == "planned"
    assert updates.asked(device) is None
    held.now += 6 * MINUTE
    rollouts.sweep_all()
    assert job_of(job)["state"] == "in_progress"


def test_an_update_succeeds_though_the_clock_goes_back_in_the_middle(account, held, device, package):
    job = rollouts.create(account, package)
    assert updates.asked(device) is not None
    held.now -= DAY
    assert updates.asked(device) is not None
    updates.reported_version(device, "2.0")
    rollouts.sweep_all()
    assert job_of(job)["state"] == "completed"
    rollouts.check()


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.tuples(st.integers(-3 * DAY, 3 * DAY), st.booleans()), min_size=1, max_size=8))
def test_whatever_the_clock_does_rows_and_counters_agree_and_sweeps_end(store, account, held, steps):
    rollouts.clean()
    held.now = NOW * 1000
    rollouts.register(account, {"d": {"default": "1.0"}})
    device = devices.named(account, "p", "d")
    package = rollouts.package(account, "a")
    rollouts.create(account, package, schedule_at=held.now + MINUTE, finish_at=held.now + DAY)
    for away, asks in steps:
        held.now += away
        if asks:
            updates.asked(device)
        rollouts.sweep_all()
        rollouts.check()
