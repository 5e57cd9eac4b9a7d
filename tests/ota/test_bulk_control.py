"""Jobs that account for each device, how far they have come, and what is done to their devices; on every engine."""

import itertools

import pytest

from otagw import clock, errors
from otagw.db import database, schema
from otagw.ota import accounts, spaces, states
from otagw.ota.devices import devices, external_ids, groups
from otagw.ota.devices.devices import DeviceDraft
from otagw.ota.rollouts import bulk_control, device_lists, job_progress, jobs, planning, tasks
from otagw.ota.rollouts.records import Rules
from otagw.ota.updates.updates import asked, finished, reported_version
from tests.conftest import NOW
from tests.ota import rollouts

NEWEST = (1 << 63) - 1


@pytest.fixture(autouse=True)
def _ticks(store):
    ticks = itertools.count(NOW * 1000)
    clock.hold(lambda: next(ticks))


@pytest.fixture
def fleet(account):
    """Devices by name, and a package for them."""
    versions = {"a": "1.0", "b": "1.0", "c": "2.0", "d": "0.9"}
    rollouts.register(account, {name: {"default": version} for name, version in versions.items()})
    rollouts.register(account, {"e": {}})
    return rollouts.package(account, "fw", source_versions=("1.0",))


def make(account, package, *names, **rules):
    chosen = names or ("a", "b", "c", "d", "e")
    rules = Rules(inclusive=True, source_versions=("1.0",), names=chosen, **rules)
    return str(rollouts.create(account, package, target=jobs.SPECIFIC, rules=rules))


def found(account, key):
    """Return the states of a job's tasks by device, and its phase."""
    job, phase = job_progress.get(account, key)
    rows, count = tasks.below(job.id, NEWEST, 0, 50)
    assert count == len(rows)
    assert rollouts.counted() == rollouts.there()
    return {task.device_name: task.state for task in reversed(rows)}, phase


def device(name):
    return devices.find("p", name)


def test_each_device_is_accounted_for(account, fleet):
    expected = {"a": "queued", "b": "queued", "c": "succeeded", "d": "failed", "e": "queued"}
    key = make(account, fleet)
    assert found(account, key) == (expected, job_progress.RUNNING)
    rows, _ = tasks.below(int(key), NEWEST, 0, 50)
    assert {task.device_name: task.progress for task in rows} == {"a": 0, "b": 0, "c": 100, "d": 0, "e": 0}
    assert found(account, make(account, fleet, "a", "c")) == ({"a": "failed", "c": "succeeded"}, job_progress.MIXED)


def test_a_job_of_devices_that_have_the_version_has_succeeded(account, fleet):
    assert found(account, make(account, fleet, "c")) == ({"c": "succeeded"}, job_progress.SUCCEEDED)
    assert found(account, make(account, fleet, "d")) == ({"d": "failed"}, job_progress.FAILED)


def test_named_devices_are_stopped_and_retried_each_by_itself(account, fleet):
    key = make(account, fleet, "a", "b", "c")
    assert bulk_control.stop(account, key, ["a", "c", "x"]) == {
        "a": None,
        "c": "it is succeeded",
        "x": bulk_control.NO_TASK,
    }
    asked(device("b"))
    finished(device("b"), False)
    assert found(account, key) == ({"a": "canceled", "b": "failed", "c": "succeeded"}, job_progress.MIXED)
    assert bulk_control.retry(account, key, ["a", "c"]) == {"a": None, "c": "it is succeeded"}
    assert found(account, key)[1] == job_progress.RUNNING
    bulk_control.retry(account, key, None)
    assert found(account, key)[0] == {"a": "queued", "b": "queued", "c": "succeeded"}


def test_all_devices_are_stopped(account, fleet):
    key = make(account, fleet, "a", "b", "c")
    bulk_control.stop(account, key, None)
    assert found(account, key) == ({"a": "canceled", "b": "canceled", "c": "succeeded"}, job_progress.STOPPED)
    for act in (bulk_control.stop, bulk_control.retry, bulk_control.confirm):
        with pytest.raises(errors.WrongState):
            act(account, key, None)


def test_a_device_that_is_busy_or_gone_is_not_retried(account, fleet):
    key = make(account, fleet, "a", "b", "e")
    bulk_control.stop(account, key, ["a", "b"])
    make(account, fleet, "a")
    devices.delete(account, device("b"))
    problems = bulk_control.retry(account, key, ["a", "b"])
    assert problems == {"a": "the device has another update under way", "b": "its device is not there any more"}


def test_confirmation_of_all(account, fleet):
    key = make(account, fleet, "a", "b", need_confirm=True)
    assert found(account, key)[0] == {"a": "confirm", "b": "confirm"}
    bulk_control.confirm(account, key, None)
    assert found(account, key)[0] == {"a": "queued", "b": "queued"}


def test_a_job_that_runs_is_not_forgotten(account, fleet):
    key = make(account, fleet, "a")
    with pytest.raises(errors.WrongState):
        bulk_control.forget(account, key)
    with pytest.raises(errors.NotFound):
        bulk_control.forget(accounts.ensure("other"), key)
    assert found(account, key) == ({"a": "queued"}, job_progress.RUNNING)


def test_phases_are_filtered_by_as_they_are_shown(account, fleet):
    first, second, third = (make(account, fleet, name) for name in "abc")
    bulk_control.stop(account, second, None)
    planning.create(account, planning.JobDraft(package=fleet, product_key="p", front_data={"app_id": "x"}))
    every, count = job_progress.below(account, NEWEST, 0, 50, package_kind="firmware")
    assert count == 4
    assert [phase for _, phase in every] == [
        job_progress.FILLING,
        job_progress.SUCCEEDED,
        job_progress.STOPPED,
        job_progress.RUNNING,
    ]
    for job, phase in every:
        chosen, count = job_progress.below(account, NEWEST, 0, 50, package_kind="firmware", phase=phase)
        assert ([(each.id, now) for each, now in chosen], count) == ([(job.id, phase)], 1)
    assert [job.id for job, _ in job_progress.below(account, int(third), 1, 1, package_kind="firmware")[0]] == [
        int(first)
    ]
    assert job_progress.below(account, NEWEST, 0, 50, package_kind="firmware", front_data={"app_id": "y"})[1] == 3
    assert job_progress.below(account, NEWEST, 0, 50, package_kind="software") == ([], 0)
    assert job_progress.below(accounts.ensure("other"), NEWEST, 0, 50, package_kind="firmware") == ([], 0)


def test_tasks_that_wait_for_another_try_are_told_apart(account, fleet):
    key = make(account, fleet, "a", "b", retry_interval=5, retry_count=1)
    asked(device("a"))
    finished(device("a"), False)
    job = int(key)
    assert tasks.retrying(job) == {"notified": 1}
    assert [task.device_name for task in tasks.below(job, NEWEST, 0, 9, retrying=True)[0]] == ["a"]
    rest, count = tasks.below(job, NEWEST, 0, 9, among=states.OPEN, retrying=False)
    assert ([task.device_name for task in rest], count) == (["b"], 1)
    assert bulk_control.retry(account, key, ["a"]) == {"a": None}
    assert tasks.retrying(job) == {}


def test_software_is_a_module_of_its_own(account, fleet):
    package = rollouts.package(account, "sw", "7", kind="software")
    job = jobs.find(rollouts.create(account, package))
    assert (job.module, job.package_kind) == ("software", "software")
    reported_version(device("a"), "7", "software")
    assert asked(device("a"), "default") is None


def test_a_long_list_is_kept_as_a_file(account, store, fleet, monkeypatch):
    monkeypatch.setattr(device_lists, "HELD", 2)
    rules = device_lists.name(account, Rules(inclusive=True), ["a", "b", "c"])
    assert (rules.names, bool(rules.list_key)) == ((), True)
    key = str(rollouts.create(account, fleet, target=jobs.SPECIFIC, rules=rules))
    assert found(account, key)[0].keys() == {"a", "b", "c"}
    assert device_lists.name(account, Rules(), ["a", "b"]).names == ("a", "b")


def test_ids_of_devices(account, fleet):
    made = external_ids.register(account, "p_q", DeviceDraft("x_y"), None, {"app_id": "1"})
    chosen = external_ids.register(account, "p", DeviceDraft("z"), "my-own", {})
    assert external_ids.find(account, "p_q_x_y").id == made.id
    assert external_ids.find(account, "my-own").id == chosen.id
    assert external_ids.find(account, "p_a").id == device("a").id
    for taken in ((DeviceDraft("new"), "my-own"), (DeviceDraft("z"), "new"), (DeviceDraft("q_x_y"), None)):
        with pytest.raises(errors.AlreadyExists):
            external_ids.register(account, "p", *taken, {})
    assert device("new") is None
    other = accounts.ensure("other")
    for key in ("my-own", "p_a", "p_nobody", "p", ""):
        with pytest.raises(errors.NotFound):
            external_ids.find(other, key)
    assert external_ids.names(account, "p", ["p_a", "my-own", "p_nobody", "p_q_x_y"]) == {"p_a": "a", "my-own": "z"}
    assert external_ids.shown("p", ["z", "a", "gone"]) == ["my-own", "p_a", "p_gone"]
    other = device("a").id
    assert external_ids.of([made.id, other]) == {
        made.id: external_ids.Registration(made.id, None, {"app_id": "1"}),
        other: external_ids.Registration(other),
    }
    devices.delete(account, chosen)
    assert database.execute("SELECT COUNT(*) FROM device_origin").fetchone() == (1,)


def test_devices_are_listed_by_what_was_noted(account, fleet):
    external_ids.register(account, "q", DeviceDraft("x", "nick"), None, {"app_id": "1", "gateway_id": "g"})
    external_ids.register(account, "q", DeviceDraft("y"), None, {"app_id": "2"})

    def listed(**filters):
        rows, count = external_ids.below(account, NEWEST, 0, 50, **filters)
        assert count == len(rows)
        return sorted(each.name for each in rows)

    assert listed() == ["a", "b", "c", "d", "e", "x", "y"]
    assert listed(product_key="q") == ["x", "y"]
    assert listed(front_data={"app_id": "1"}) == ["a", "b", "c", "d", "e", "x"]
    assert listed(own_front_data={"gateway_id": "g"}) == listed(nickname="nick") == ["x"]
    assert listed(since=NOW * 2000) == listed(name="nobody") == []
    assert [each.name for each in external_ids.below(account, NEWEST, 1, 1)[0]] == ["x"]


def test_names_of_several_groups(account, fleet):
    keys = []
    for names in ("ab", "bc"):
        keys.append(str(groups.create(account, groups.GroupDraft(name=names)).id))
        groups.add(account, keys[-1], [("p", name) for name in names])
    assert sorted(groups.names(account, keys, "p")) == ["a", "b", "c"]
    assert groups.names(account, keys, "q") == []


def test_an_account_has_one_space_by_default(account):
    default = spaces.default(account)
    made = spaces.create(account, "two")
    assert spaces.every(account) == [default, made]
    assert spaces.get(account, made.id) == made
    with pytest.raises(errors.AlreadyExists):
        spaces.create(account, "two")
    with pytest.raises(errors.NotFound):
        spaces.get(accounts.ensure("other"), made.id)


def test_the_migration_fills_in_what_jobs_are_of_and_goes_back(account, store, fleet):
    job = rollouts.create(account, rollouts.package(account, "m", module="mcu"))
    migrator = schema.migrator()
    migrator.down("0012_batch_tasks")
    columns = [name for (name, *_) in database.execute("SELECT * FROM job").description]
    assert "package_kind" not in columns
    schema.migrate(store)
    assert jobs.find(job).package_kind == "module"
