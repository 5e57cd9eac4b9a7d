"""Minimum versions, on both engines: nothing below one is planned or offered, and one does not sink by itself."""

import pytest

from otagw import clock, errors
from otagw.db import database
from otagw.ota import accounts
from otagw.ota.devices.devices import find
from otagw.ota.packages import packages
from otagw.ota.products import minimum_versions, modules, products
from otagw.ota.rollouts import dry_run, job_control, jobs, tasks
from otagw.ota.rollouts.planning import JobDraft
from otagw.ota.rollouts.records import Rules
from otagw.ota.updates import reasons, updates
from tests.conftest import NOW
from tests.ota import rollouts
from tests.races import race

BELOW = "the version 2.0 is below 2.1, the minimum of the module default"


@pytest.fixture(autouse=True)
def fleet(account):
    rollouts.register(account, {"dev1": {"default": "1.0"}, "dev2": {"default": "3.0"}})


def of(device):
    (task,) = tasks.open_of(device.id) or [tasks.last_of(device.id)]
    return task


def device(name="dev1"):
    return find("p", name)


@pytest.mark.parametrize("kind", ["static", "dynamic", "verify", "dry"])
def test_what_is_below_is_not_planned(account, kind):
    package = rollouts.package(account, "fw", verify=kind == "verify")
    minimum_versions.set_(account, "p", "default", "2.1")
    more = {
        "static": {},
        "dry": {},
        "dynamic": {"selection": jobs.DYNAMIC, "rules": Rules(source_versions=("1.0",))},
        "verify": {"kind": jobs.VERIFY, "target": jobs.SPECIFIC, "rules": Rules(names=("dev1",))},
    }[kind]
    draft = JobDraft(package=package, product_key="p", **more)
    with pytest.raises(errors.BelowMinimum) as fault:
        dry_run.run(account, draft) if kind == "dry" else rollouts.create(account, package, **more)
    assert vars(fault.value) == {"version": "2.0", "minimum": "2.1", "module": "default"}
    assert rollouts.rows("job") == {}
    assert packages.get(account, package).status in (-1, 0)


@pytest.mark.parametrize("minimum", ["2.0", "v2", "2.0.0+9", "2.0-rc1", "1.9"])
def test_what_is_not_below_is_planned_and_offered_also_as_a_downgrade(account, minimum):
    minimum_versions.set_(account, "p", "default", minimum)
    rollouts.create(account, rollouts.package(account, "fw"))
    assert updates.asked(device()).task.version == "2.0"
    assert updates.asked(device("dev2")).task.version == "2.0"  # it runs 3.0


def test_the_minimum_of_another_module_or_product_is_nothing_to_it(account):
    modules.create(account, "p", "mcu", title=None, description=None)
    with database.write():
        products.require(account, "q")
    minimum_versions.set_(account, "p", "MCU", "9")
    minimum_versions.set_(account, "q", "default", "9")
    rollouts.create(account, rollouts.package(account, "fw"))
    assert updates.asked(device())
    below = rollouts.package(account, "fw2", module="mcu")
    with pytest.raises(errors.BelowMinimum):
        rollouts.create(account, below)


@pytest.mark.parametrize("at_work", [False, True])
def test_a_task_from_before_the_minimum_rose_fails_when_its_device_asks(account, at_work):
    rollouts.create(account, rollouts.package(account, "fw"))
    if at_work:
        assert updates.asked(device())
        updates.progress(device(), 40)
    minimum_versions.set_(account, "p", "default", "2.1")
    updates.reported_version(device(), "1.0")
    assert reasons.sentences(device()) == [f"default 2.0, job {of(device()).job_id}: not offered, because {BELOW}."]
    assert updates.asked(device()) is None
    ended = of(device())
    assert (ended.state, ended.note) == ("failed", BELOW)
    assert updates.asked(device()) is None
    (said,) = reasons.sentences(device())
    assert said.endswith(f"failed: {BELOW}.")
    rollouts.check()


def test_it_is_not_retried_and_not_restarted_before_the_minimum_allows_it(account):
    rules = Rules(source_versions=("1.0",), retry_interval=10, retry_count=5)
    job = rollouts.create(account, rollouts.package(account, "fw"), rules=rules)
    minimum_versions.set_(account, "p", "default", "2.1")
    assert updates.asked(device()) is None
    task = of(device())
    assert (task.state, task.attempts) == ("failed", 0)
    with pytest.raises(errors.WrongState) as fault:
        job_control.restart(account, str(job), [str(task.id)])
    assert fault.value.state == BELOW
    minimum_versions.set_(account, "p", "default", "2.0", lower=True)
    job_control.restart(account, str(job), [str(task.id)])
    assert updates.asked(device()).task.id == task.id


@pytest.mark.parametrize("how", ["reports", "asks"])
def test_a_dynamic_job_below_selects_nobody_and_an_older_one_may(account, how):
    rules = Rules(source_versions=("1.0",))
    rollouts.create(account, rollouts.package(account, "high", "2.2"), selection=jobs.DYNAMIC, rules=rules)
    low = rollouts.create(account, rollouts.package(account, "low"), selection=jobs.DYNAMIC, rules=rules)
    minimum_versions.set_(account, "p", "default", "2.1")
    if how == "reports":
        updates.reported_version(device(), "1.0")
    assert updates.asked(device()).task.version == "2.2"
    minimum_versions.set_(account, "p", "default", "9")
    assert updates.asked(device()) is None
    assert of(device()).state == "failed"
    updates.reported_version(device(), "1.0")
    assert tasks.open_of(device().id) == []
    said = reasons.sentences(device())
    reason = "the version 2.0 is below 9, the minimum of the module default"
    assert f"Job {low} selects no device, because {reason}." in said
    assert len(said) == 3


def test_a_minimum_does_not_sink_by_itself(account):
    minimum_versions.set_(account, "p", "default", "2.1")
    for lower in ("2.0.9", "2.1-rc.9", "1"):
        with pytest.raises(errors.InvalidParameter) as fault:
            minimum_versions.set_(account, "p", "default", lower)
        assert fault.value.expected.startswith("2.1, ")
        assert minimum_versions.find("p", "default") == "2.1"
    minimum_versions.set_(account, "p", "default", "2.1.0")
    minimum_versions.set_(account, "p", "default", "2.0", lower=True)
    assert minimum_versions.every(["p"]) == [("p", "default", "2.0")]


def test_of_several_that_raise_it_at_once_the_highest_stays(account):
    minimum_versions.set_(account, "p", "default", "1")
    rising = [lambda n=n: minimum_versions.set_(account, "p", "default", f"1.{n}") for n in range(2, 12)]
    outcomes = race(*rising)
    assert set(outcomes) <= {None, errors.InvalidParameter}
    assert minimum_versions.find("p", "default") == "1.11"


@pytest.mark.parametrize("version", ["", " ", "1 0", "1\n", "1\0", "9" * 257, "\ud800"])
def test_what_is_no_version_is_refused(account, version):
    with pytest.raises(errors.InvalidParameter):
        minimum_versions.set_(account, "p", "default", version)
    assert minimum_versions.every(["p"]) == []


def test_what_is_not_there_has_no_minimum(account):
    other = accounts.ensure("other")
    minimum_versions.set_(account, "p", "default", "1")
    for act in (
        lambda: minimum_versions.set_(account, "none", "default", "1"),
        lambda: minimum_versions.set_(account, "p", "none", "1"),
        lambda: minimum_versions.set_(other, "p", "default", "9"),
        lambda: minimum_versions.clear(other, "p", "default"),
        lambda: minimum_versions.clear(account, "p", "none"),
    ):
        with pytest.raises(errors.NotFound):
            act()
    minimum_versions.clear(account, "p", "default")
    assert minimum_versions.find("p", "default") is None


def test_it_goes_with_its_product_and_not_with_its_module(account):
    clock.hold(lambda: NOW * 1000)
    with database.write():
        products.require(account, "q")
    modules.create(account, "q", "Mcu", title=None, description=None)
    minimum_versions.set_(account, "q", "mcu", "2")
    modules.delete(account, "q", "mcu")
    assert minimum_versions.every(["q"]) == [("q", "Mcu", "2")]
    products.delete(account, "q")
    assert minimum_versions.every(["q"]) == []
