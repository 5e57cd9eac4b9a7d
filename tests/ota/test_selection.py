"""Whom a static job selects: the same as a model in plain Python does, whatever the size of its steps."""

import threading
import time
from contextvars import copy_context

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otagw import clock, errors
from otagw.db import database
from otagw.files.storage import Storage
from otagw.ota import states
from otagw.ota.devices import groups
from otagw.ota.devices.devices import named
from otagw.ota.packages import arrivals, stored_files
from otagw.ota.products import modules
from otagw.ota.rollouts import dry_run, jobs, planning, selection, skips
from otagw.ota.rollouts.planning import JobDraft
from otagw.ota.rollouts.records import Rules
from otagw.ota.updates import updates
from tests import door
from tests.conftest import NOW
from tests.ota import rollouts

CHUNKS = (1, 2, 7, 5000)
SETTINGS = settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# What a device runs, whether it is in the group, and what another job has it at: nothing, waiting, at work.
DEVICES = st.tuples(
    st.sampled_from([None, "1.0", "1.1", "2.0"]), st.booleans(), st.sampled_from([None, None, "waits", "at work"])
)


@pytest.fixture
def ticking(store):
    """A clock that moves by a millisecond each time it is asked: what is made later has the higher id."""
    ticks = iter(range(NOW * 1000, NOW * 2000))
    clock.hold(lambda: next(ticks))


def steps(job_id):
    while selection.step(job_id):
        pass


def selected(job_id):
    """Return the states of a job's tasks by device."""
    return {t["device_name"]: t["state"] for t in rollouts.rows("task").values() if t["job_id"] == job_id}


def again(job, monkeypatch, at_once):
    """Make a job anew as if nothing had happened, and fill it by steps of a size; return whom it selects."""
    with database.write():
        database.execute("DELETE FROM task WHERE job_id = ?", job.id)
        database.execute("DELETE FROM job WHERE id = ?", job.id)
        database.execute("DELETE FROM counter WHERE scope LIKE 'task/%'")
        jobs.insert(job)
    monkeypatch.setattr(selection, "AT_ONCE", at_once)
    steps(job.id)
    rollouts.check()
    return selected(job.id)


def fleet(account, drawn, module):
    """Register devices, some in a group and some busy with an older job; return their names by id, and the group."""
    rollouts.clean()
    names = [f"d{number:02}" for number in range(len(drawn))]
    ids = rollouts.register(
        account, {n: {module: runs} if runs else {} for n, (runs, _, _) in zip(names, drawn, strict=True)}
    )
    group = str(groups.create(account, groups.GroupDraft(name="g")).id)
    groups.add(account, group, [("p", n) for n, (_, inside, _) in zip(names, drawn, strict=True) if inside])
    modules.create(account, "p", "mcu", title=None, description=None)
    busy = tuple(n for n, (_, _, at) in zip(names, drawn, strict=True) if at)
    older = None
    if busy:
        package = rollouts.package(account, "older", "1.5", module)
        older = rollouts.create(account, package, target=jobs.SPECIFIC, rules=Rules(names=busy))
        for name, (_, _, at) in zip(names, drawn, strict=True):
            if at == "at work":
                updates.progress(named(account, "p", name), 10, "", module)
    return {name: ids[name] for name in sorted(names, key=lambda name: ids[name])}, group, older


def spread(places, taken, total):
    """Assert that so many of so many places in a circle are taken, and lie as evenly as can be."""
    assert len(places) == taken
    gaps = {(b - a) % total or total for a, b in zip(places, [*places[1:], *places[:1]], strict=True)}
    assert gaps <= {total // taken, -(-total // taken)}


@SETTINGS
@given(
    drawn=st.lists(DEVICES, min_size=1, max_size=12),
    target=st.sampled_from([jobs.ALL, jobs.SPECIFIC, jobs.GRAY, jobs.GROUP]),
    sources=st.sampled_from([(), ("1.0",), ("1.0", "1.1", "9")]),
    overwrite=st.booleans(),
    module=st.sampled_from(["default", "mcu"]),
    percent=st.sampled_from([1, 33_333, 50_000, 99_999, 100_000]),
    at_once=st.sampled_from(CHUNKS),
    data=st.data(),
)
def test_the_selected_are_those_of_the_model(
    store, account, ticking, drawn, target, sources, overwrite, module, percent, at_once, data
):
    ids, group, older = fleet(account, drawn, module)
    about = dict(zip(sorted(ids), drawn, strict=True))
    listed = tuple(data.draw(st.lists(st.sampled_from(sorted(ids)), min_size=1, unique=True)))
    rules = Rules(
        source_versions=sources,
        overwrite=overwrite,
        names=listed if target == jobs.SPECIFIC else (),
        percent=percent if target == jobs.GRAY else None,
    )
    package = rollouts.package(account, "new", "2.0", module)
    draft = {"target": target, "rules": rules, "group": group if target == jobs.GROUP else None}
    meant = [
        name for name in ids if (target != jobs.SPECIFIC or name in listed) and (target != jobs.GROUP or about[name][1])
    ]
    fitting = [n for n in meant if about[n][0] != "2.0" and (not sources or about[n][0] in sources)]
    dry = dry_run.run(account, JobDraft(package=package, product_key="p", **draft))
    before = rollouts.rows("task")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "AT_ONCE", at_once)
        job = rollouts.create(account, package, **draft)
    rollouts.check()
    found = selected(job)
    taken = set(fitting)
    if target == jobs.GRAY and fitting:
        wanted = max(1, len(fitting) * percent // 100_000)
        spread([place for place, name in enumerate(fitting) if name in found], wanted, len(fitting))
        taken = set(found)
    assert taken <= set(fitting)
    keeping = {"at work"} if overwrite else {"waits", "at work"}
    assert found == {n: "failed" if about[n][2] in keeping else "queued" for n in taken}
    lost = {n for n in taken if overwrite and about[n][2] == "waits"}
    after = rollouts.rows("task")
    for key, task in before.items():
        assert after[key]["state"] == ("canceled" if task["device_name"] in lost else task["state"])
        assert task["job_id"] == older
    reasons = {
        skips.SAME: sum(about[n][0] == "2.0" for n in meant),
        skips.OTHER: sum(bool(sources) and about[n][0] not in (None, "2.0", *sources) for n in meant),
        skips.UNKNOWN: sum(bool(sources) and about[n][0] is None for n in meant),
        skips.NOT_CHOSEN: len(fitting) - len(taken),
        selection.BUSY: sum(state == "failed" for state in found.values()),
    }
    kept = {skipped["reason"]: skipped["count"] for skipped in jobs.find(job).skipped}
    assert kept == {reason: count for reason, count in reasons.items() if count and reason != selection.BUSY}
    shown = {skipped["reason"]: skipped["count"] for skipped in dry["skipped"]}
    if target == jobs.GRAY:  # which of the devices a job takes a share of follows from the job
        assert dry["selected"] + shown.pop(selection.BUSY, 0) == len(taken)
        del reasons[selection.BUSY]
    else:
        assert dry["selected"] == sum(state == "queued" for state in found.values())
    assert shown == {reason: count for reason, count in reasons.items() if count}


@pytest.mark.parametrize(("size", "percent"), [(1, 1), (10, 19_999), (97, 33_333), (100, 1_000), (250, 99_000)])
def test_a_share_is_exact_and_even_whatever_the_steps_are(account, ticking, monkeypatch, size, percent):
    runs = {f"d{n:03}": {"default": "2.0" if n % 5 == 0 and n else "1.0"} for n in range(size)}
    ids = rollouts.register(account, runs)
    fitting = [n for n in sorted(ids, key=lambda name: ids[name]) if runs[n]["default"] == "1.0"]
    package = rollouts.package(account, "new")
    draft = JobDraft(package=package, product_key="p", target=jobs.GRAY, rules=Rules(percent=percent))
    job, _ = planning.draft(account, draft)
    found = [again(job, monkeypatch, at_once) for at_once in CHUNKS]
    assert all(one == found[0] for one in found)
    places = [place for place, name in enumerate(fitting) if name in found[0]]
    spread(places, max(1, len(fitting) * percent // 100_000), len(fitting))
    assert found[0].keys() <= set(fitting)


def test_jobs_for_a_small_share_do_not_take_the_same_devices(account, ticking):
    rollouts.register(account, {f"d{n:03}": {"default": "1.0"} for n in range(100)})
    package = rollouts.package(account, "new")
    found = set()
    for _ in range(20):
        job = rollouts.create(account, package, target=jobs.GRAY, rules=Rules(percent=1_000, overwrite=True))
        found |= set(selected(job))
    assert len(found) > 5


def listed(account, store, content):
    """Keep a list of names as an upload would; return its key."""
    key = stored_files.announce(account, "list/", "csv")
    arrival = arrivals.Arrival(key)
    arrival.write(content)
    arrival.keep()
    return key


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"d1", {"d1"}),
        (b"d1,d2\nd3\r\n", {"d1", "d2", "d3"}),
        ("\ufeffd1, d2 ,,\n\n  \nd1,unknown,d2".encode(), {"d1", "d2"}),
        (b"\xff\xfe,d3,D3", {"d3"}),
        (b'"DeviceName"\r\n"d1"\r\n"d2"\r\n', {"d1", "d2"}),
        (b'"d1","d2"\n"d3"', {"d1", "d2", "d3"}),
        (b"d1;d2\n d3 ;d4", {"d1", "d2", "d3", "d4"}),
        (b"d1\nd2\td3", {"d1", "d2", "d3"}),
        (b"Device Name\tNickname\nd1\td2\n\td3", {"d1"}),
        (b'nickname;device_name\r\n"d1;d2";d3\r\nd4', {"d3"}),
        (b"ProductKey,DeviceName\np,d1\nother,d2\n,d3", {"d1", "d3"}),
        (b'd1\n"d2\nd3' + b"," + b"x" * 200_000, {"d1", "d2"}),
    ],
)
def test_a_list_is_read_however_it_is_written(store, account, ticking, content, names):
    rollouts.register(account, {f"d{n}": {"default": "1.0"} for n in range(1, 5)})
    key = listed(account, store, content)
    draft = {"target": jobs.SPECIFIC, "rules": Rules(list_key=key)}
    package = rollouts.package(account, "new")
    dry = dry_run.run(account, JobDraft(package=package, product_key="p", **draft))
    assert dry["selected"] == len(names)
    assert set(selected(rollouts.create(account, package, **draft))) == names
    rollouts.check()


@pytest.mark.parametrize("content", [b",\n,", b"DeviceName\n", b"ProductKey,DeviceName\nother,d1\n"])
def test_a_list_that_names_no_device_of_the_product_makes_no_job(store, account, ticking, content):
    rollouts.register(account, {"d1": {"default": "1.0"}})
    draft = {"target": jobs.SPECIFIC, "rules": Rules(list_key=listed(account, store, content))}
    package = rollouts.package(account, "new")
    for make in (dry_run.run, planning.create):
        with pytest.raises(errors.NotFound) as caught:
            make(account, JobDraft(package=package, product_key="p", **draft))
        assert caught.value.key == planning.NO_NAMES
    assert jobs.of_package(account, package, 1, 10).total == 0


def test_a_list_of_five_thousand_names_is_taken_in_steps(store, account, ticking):
    rollouts.register(account, {f"d{n}": {} for n in range(0, 5000, 2)})
    key = listed(account, store, ",".join(f"d{n}" for n in range(5000)).encode())
    draft = {"target": jobs.SPECIFIC, "rules": Rules(list_key=key)}
    package = rollouts.package(account, "new")
    dry = dry_run.run(account, JobDraft(package=package, product_key="p", **draft))
    assert dry == {
        "selected": 2500,
        "skipped": [{"reason": skips.ABSENT, "count": 2500, "examples": [f"d{n}" for n in (1, 3, 5, 7, 9)]}],
    }
    job = planning.create(account, JobDraft(package=package, product_key="p", **draft))
    taken = 1
    while selection.step(job.id):
        taken += 1
    assert taken == 5
    assert list(jobs.find(job.id).skipped) == dry["skipped"]
    assert set(selected(job.id)) == {f"d{n}" for n in range(0, 5000, 2)}
    rollouts.check()


class Watched(Storage):
    """The gateway's storage, which notes what is opened, and whether others wait for the transaction meanwhile."""

    def open(self, path):
        self.opened.append((path, database.db.in_transaction()))
        return super().open(path)


def test_lists_of_jobs_that_take_turns_are_read_once_each_and_outside_of_transactions(store, account, ticking):
    rollouts.register(account, {f"d{n}": {"default": "1.0"} for n in range(6000)})
    storage = Watched(door.here().settings.storage)
    storage.opened = []
    door.replace(storage=storage)
    made = []
    for first in (0, 3000):
        key = listed(account, store, "\n".join(f"d{n}" for n in range(first, first + 3000)).encode())
        draft = JobDraft(
            package=rollouts.package(account, f"p{first}"),
            product_key="p",
            target=jobs.SPECIFIC,
            rules=Rules(list_key=key),
        )
        assert dry_run.run(account, draft)["selected"] == 3000
        made.append(planning.create(account, draft).id)
    while any([selection.step(job) for job in made]):  # noqa: C419 - each of them takes its step
        pass
    assert [len(selected(job)) for job in made] == [3000, 3000]
    assert len({path for path, _ in storage.opened}) == len(storage.opened) == 2
    assert not any(is_inside for _, is_inside in storage.opened)


def test_a_job_that_overwrites_takes_nothing_from_a_newer_one(account, ticking, monkeypatch):
    rollouts.register(account, {f"d{n}": {"default": "1.0"} for n in range(4)})
    first, second = rollouts.package(account, "a", "2.0"), rollouts.package(account, "b", "3.0")
    monkeypatch.setattr(selection, "AT_ONCE", 2)
    older = planning.create(account, JobDraft(package=first, product_key="p", rules=Rules(overwrite=True)))
    selection.step(older.id)
    newer = rollouts.create(account, second, rules=Rules(overwrite=True))
    steps(older.id)
    assert selected(newer) == {f"d{n}": "queued" for n in range(4)}
    assert selected(older.id) == {"d0": "canceled", "d1": "canceled", "d2": "failed", "d3": "failed"}
    rollouts.check()


@pytest.mark.postgres
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_device_that_gets_a_task_in_between_is_busy(account, ticking):
    rollouts.register(account, {"d0": {"default": "1.0"}, "d1": {"default": "1.0"}})
    rules = Rules(source_versions=("1.0",), mode=2)
    dynamic = planning.create(
        account,
        JobDraft(package=rollouts.package(account, "b", "3.0"), product_key="p", selection=jobs.DYNAMIC, rules=rules),
    )
    job = planning.create(account, JobDraft(package=rollouts.package(account, "a"), product_key="p"))
    made, waits = threading.Event(), "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

    def report():
        with database.write():
            updates.reported_version(named(account, "p", "d0"), "1.0")
            made.set()
            until = time.monotonic() + 30
            while time.monotonic() < until and not database.execute(waits).fetchone():
                pass
        database.disconnect()

    thread = threading.Thread(target=copy_context().run, args=(report,))
    thread.start()
    assert made.wait(30)
    steps(job.id)
    thread.join()
    assert selected(job.id) == {"d0": "failed", "d1": "queued"}
    assert selected(dynamic.id) == {"d0": "queued"}
    rollouts.check()
    assert all(task["state"] in states.TASK_STATES for task in rollouts.rows("task").values())
