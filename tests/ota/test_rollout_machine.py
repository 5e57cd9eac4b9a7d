"""The core of rollouts under whatever happens in whatever order: it does not lie, and nothing gets stuck."""

import collections
import random
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from otagw import clock, errors
from otagw.ota import accounts, states
from otagw.ota.devices import devices, groups
from otagw.ota.packages import packages
from otagw.ota.products import modules
from otagw.ota.rollouts import bulk_control, due_work, job_control, job_steps, jobs, planning, selection
from otagw.ota.rollouts.planning import JobDraft
from otagw.ota.rollouts.records import Rules
from otagw.ota.updates import updates
from tests import door
from tests.conftest import NOW
from tests.ota import rollouts

MINUTE = 60_000
# Package by name: its module, its version, whether it has to be verified.
PACKAGES = {
    "a": ("default", "2.0", False),
    "b": ("default", "3.0", False),
    "m": ("mcu", "2.0", False),
    "v": ("default", "4.0", True),
}
VERSIONS = ("1.0", "1.1", "2.0", "3.0", "4.0", "foreign")
SHARES = st.sampled_from([1, 30_000, 50_000, 100_000])


@st.composite
def rules(draw):
    """Draw by what rules a job goes about its devices."""
    with_retries = draw(st.booleans())
    return {
        "timeout": draw(st.sampled_from([None, 1, 90])),
        "per_minute": draw(st.sampled_from([1, 2, 10_000])),
        "need_confirm": draw(st.integers(0, 3)) == 0,
        "overwrite": draw(st.booleans()),
        "source_versions": ("1.0", "1.1") if with_retries or draw(st.integers(0, 4)) == 0 else (),
        "retry_interval": 10 if with_retries else None,
        "retry_count": 2 if with_retries else 0,
        "guard_percent": draw(st.sampled_from([None, None, 50])),
        "guard_count": draw(st.sampled_from([None, None, 2])),
        "guard_minimum": draw(st.integers(1, 2)),
    }


class Patient(clock.Clock):
    """A clock by which a request has all the time it needs: how far one comes in a second depends on the machine."""

    def elapsed(self):
        return 0.0


def is_ended(job):
    return job["state"] in ("completed", "canceled")


class Rollouts(RuleBasedStateMachine):
    """Operators, devices, a worker that may be down, and time.

    What every device was told and said is kept here: ``runs`` its versions, ``offers`` how often each job offered
    something anew in each minute, ``closed`` the tasks that ended as they were then, ``ended`` the jobs that did.
    """

    def __init__(self):
        super().__init__()
        rollouts.clean()
        self.now = NOW * 1000
        door.replace(chance=random.Random(0), clock=Patient())  # the devices of a share follow from ids
        clock.hold(lambda: self.now)
        self.account = accounts.ensure("main")
        self.runs, self.offers, self.closed, self.ended = {}, collections.Counter(), {}, set()
        self.count = 0

    @initialize(fleet=st.lists(st.sampled_from(["1.0", "1.1", "2.0", None]), min_size=2, max_size=5))
    def begin(self, fleet):
        self.group = str(groups.create(self.account, groups.GroupDraft(name="g")).id)
        for version in fleet:
            self.register(version, True)
        modules.create(self.account, "p", "mcu", title=None, description=None)
        self.packages = {
            name: rollouts.package(self.account, name, version, module, verify)
            for name, (module, version, verify) in PACKAGES.items()
        }

    # --- the fleet

    @rule(version=st.sampled_from(["1.0", None]), grouped=st.booleans())
    def register(self, version, grouped):
        if len(self.runs) < 8:
            self.count += 1
            name = f"d{self.count}"
            rollouts.register(self.account, {name: {"default": version, "mcu": "1.0"} if version else {}})
            self.runs[name] = {"default": version, "mcu": "1.0"} if version else {}
            if grouped:
                groups.add(self.account, self.group, [("p", name)])

    @precondition(lambda self: len(self.runs) > 1)
    @rule(data=st.data())
    def delete_device(self, data):
        name = data.draw(st.sampled_from(sorted(self.runs)))
        gone = self.device(name)
        job_control.delete_device(self.account, gone)
        del self.runs[name]
        assert not [task for task in self.open_tasks() if task["device_id"] == gone.id]
        updates.reported_version(gone, "1.0")  # it was looked up before
        assert updates.asked(gone) is None
        assert not [task for task in self.open_tasks() if task["device_id"] == gone.id]

    # --- operators

    @rule(
        chosen_by=st.sampled_from([jobs.ALL, jobs.SPECIFIC, jobs.GRAY, jobs.GROUP]),
        name=st.sampled_from(sorted(PACKAGES)),
        by=rules(),
        percent=SHARES,
        times=st.sampled_from([(None, None), (None, None), (5, None), (5, 60), (None, 3), (90, 120)]),
        steps=st.sampled_from([0, 1, 2, 50]),
        at_once=st.sampled_from([1, 2, 5000]),
        data=st.data(),
    )
    def create_static(self, chosen_by, name, by, percent, times, steps, at_once, data):
        target = chosen_by
        if target == jobs.SPECIFIC:
            by["names"] = tuple(data.draw(st.lists(st.sampled_from(sorted(self.runs)), min_size=1, unique=True)))
        chosen = Rules(**by, percent=percent if target == jobs.GRAY else None)
        begin, finish = (self.now + minutes * MINUTE if minutes else None for minutes in times)
        group = self.group if target == jobs.GROUP else None
        with mock.patch.object(selection, "AT_ONCE", at_once):
            draft = {"target": target, "rules": chosen, "group": group, "schedule_at": begin, "finish_at": finish}
            self.create(name, steps, **draft)

    @rule(name=st.sampled_from(sorted(PACKAGES)), by=rules(), mode=st.sampled_from([1, 2]), grouped=st.booleans())
    def create_dynamic(self, name, by, mode, grouped):
        by["source_versions"] = by["source_versions"] or ("1.0",)
        group = self.group if grouped else None
        self.create(name, 0, selection=jobs.DYNAMIC, rules=Rules(**by, mode=mode), group=group)

    @rule(data=st.data(), steps=st.sampled_from([0, 50]), need_confirm=st.booleans())
    def verify(self, data, steps, need_confirm):
        names = data.draw(st.lists(st.sampled_from(sorted(self.runs)), min_size=1, max_size=2, unique=True))
        chosen = Rules(names=tuple(names), timeout=90, need_confirm=need_confirm)
        self.create("v", steps, kind=jobs.VERIFY, target=jobs.SPECIFIC, rules=chosen)

    def create(self, name, steps, **draft):
        """Make a job and take some steps of its selection: fewer than there are, where the process is killed."""
        try:
            job = planning.create(self.account, JobDraft(package=self.packages[name], product_key="p", **draft))
        except errors.WrongState:
            status = packages.get(self.account, self.packages[name]).status
            assert status not in (states.VERIFIABLE if draft.get("kind") == jobs.VERIFY else states.ROLLED_OUT)
        except errors.AlreadyExists:
            assert [j for j in self.jobs_of(name) if j["selection"] == jobs.DYNAMIC and not j["stopped"]]
        except errors.NotFound:
            assert int(self.packages[name]) not in rollouts.rows("package")
        else:
            for _ in range(steps):
                if not selection.step(job.id):
                    break

    @precondition(lambda self: self.open_tasks("confirm"))
    @rule(data=st.data())
    def confirm(self, data):
        task = data.draw(st.sampled_from(self.open_tasks("confirm")))
        try:
            job_control.confirm(self.account, [str(task["id"])])
        except errors.WrongState:
            job = rollouts.rows("job")[task["job_id"]]
            assert job["state"] == "planned" or {"confirm", "queued"} & set(job["cancel"].split())
        else:
            assert rollouts.rows("task")[task["id"]]["state"] == "queued"

    @precondition(lambda self: rollouts.rows("job"))
    @rule(data=st.data(), wanted=st.sets(st.sampled_from(states.OPEN)))
    def cancel_job(self, data, wanted):
        job = self.draw_job(data)
        job_control.cancel_states(self.account, str(job["id"]), sorted(wanted))
        if not rollouts.rows("job")[job["id"]]["filling"]:
            assert not [t for t in self.open_tasks() if t["job_id"] == job["id"] and t["state"] in wanted]

    @precondition(lambda self: rollouts.rows("job"))
    @rule(data=st.data())
    def retry_job(self, data):
        """Restart what can be of a static job, as `restart` does with one task."""
        job, before = self.draw_job(data), rollouts.rows("task")
        try:
            bulk_control.retry(self.account, str(job["id"]), None)
        except (errors.WrongState, errors.NotFound):
            assert rollouts.rows("task") == before
            return
        after = rollouts.rows("task")
        again = {key for key, task in before.items() if task["state"] != after[key]["state"]}
        assert all(before[key]["job_id"] == job["id"] for key in again)
        assert {before[key]["state"] for key in again} <= {"failed", "canceled"}
        for key in again:
            del self.closed[key]
        self.ended.discard(job["id"])

    @rule(data=st.data(), package=st.sampled_from(sorted(PACKAGES)))
    def cancel_device(self, data, package):
        names = data.draw(st.lists(st.sampled_from(sorted(self.runs)), min_size=1, unique=True))
        try:
            job_control.cancel_devices(self.account, self.packages[package], "p", names)
        except errors.NotFound:
            assert int(self.packages[package]) not in rollouts.rows("package")
        else:
            left = [t for t in self.open_tasks() if t["package_id"] == int(self.packages[package])]
            assert all(t["state"] == "in_progress" for t in left if t["device_name"] in names)

    @precondition(lambda self: self.closed)
    @rule(data=st.data())
    def restart(self, data):
        task = self.closed[data.draw(st.sampled_from(sorted(self.closed)))]
        busy = [t for t in self.open_tasks() if t["device_id"] == task["device_id"] and t["module"] == task["module"]]
        try:
            job_control.restart(self.account, str(task["job_id"]), [str(task["id"])])
        except errors.WrongState:
            job = rollouts.rows("job")[task["job_id"]]
            gone = task["device_id"] not in rollouts.rows("device") or task["package_id"] not in rollouts.rows(
                "package"
            )
            verified = job["kind"] == jobs.VERIFY and is_ended(job)
            canceled = {"confirm", "queued"} & set(job["cancel"].split())
            assert busy or gone or verified or canceled or task["state"] == "succeeded"
        else:
            assert not busy
            del self.closed[task["id"]]
            self.ended.discard(task["job_id"])
            job = rollouts.rows("job")[task["job_id"]]
            assert job["state"] in ("planned", "in_progress") or job["stopped"]

    @precondition(lambda self: rollouts.rows("job"))
    @rule(data=st.data())
    def pause(self, data):
        job = self.draw_job(data)
        try:
            job_control.pause(self.account, str(job["id"]), "by hand")
        except errors.WrongState:
            assert is_ended(job)
        else:
            assert rollouts.rows("job")[job["id"]]["paused"]

    @precondition(lambda self: [job for job in rollouts.rows("job").values() if job["paused"]])
    @rule(data=st.data())
    def resume(self, data):
        paused = [str(job["id"]) for job in rollouts.rows("job").values() if job["paused"]]
        job_control.resume(self.account, data.draw(st.sampled_from(paused)))

    @precondition(lambda self: rollouts.rows("job"))
    @rule(data=st.data())
    def stop(self, data):
        job = self.draw_job(data)
        try:
            job_control.stop(self.account, str(job["id"]))
        except errors.WrongState:
            assert job["selection"] == jobs.STATIC

    @rule(name=st.sampled_from(sorted(PACKAGES)))
    def delete_package(self, name):
        key = int(self.packages[name])
        used = any(not is_ended(j) for j in self.jobs_of(name)) or any(
            t["package_id"] == key for t in self.open_tasks()
        )
        try:
            packages.delete(self.account, self.packages[name])
        except errors.InUse:
            assert used
        except errors.NotFound:
            assert key not in rollouts.rows("package")
        else:
            assert not used

    # --- devices

    @rule(data=st.data(), version=st.sampled_from(VERSIONS), module=st.sampled_from(["default", "MCU"]))
    def report(self, data, version, module):
        self.say(data.draw(st.sampled_from(sorted(self.runs))), version, module)

    @rule(data=st.data(), module=st.sampled_from(["default", "mcu"]))
    def report_what_it_was_to_get(self, data, module):
        name = data.draw(st.sampled_from(sorted(self.runs)))
        task = self.task_of(name, module)
        self.say(name, task["version"] if task else "2.0", module)

    def say(self, name, version, module):
        """Report a version; what comes of it follows from what the device was told and said before."""
        task, before = self.task_of(name, module), self.runs[name].get(module.lower())
        is_canceled = bool(task) and self.is_canceled(task)
        updates.reported_version(self.device(name), version, module)
        self.runs[name][module.lower()] = version
        if task is None:
            return
        after = rollouts.rows("task")[task["id"]]
        if is_canceled:
            assert after["state"] == "canceled"
            return
        is_foreign = task["state"] == "in_progress" and before and version not in (task["source_version"], before)
        if self.is_over(task):
            assert (after["state"], after["note"]) == ("failed", "timeout")
        elif version == task["version"]:
            assert (after["state"], after["progress"]) == ("succeeded", 100)
        elif is_foreign and not self.waits(task):
            assert after["state"] == "failed" or after["attempts"] == task["attempts"] + 1
        else:
            assert after == task

    def is_canceled(self, task):
        """Tell whether a task is canceled with all of its job, though its turn may not have come."""
        return task["state"] in rollouts.rows("job")[task["job_id"]]["cancel"].split()

    def is_over(self, task):
        """Tell whether a task's time is over, which whoever looks at it next makes a failure."""
        return task["due"] is not None and task["due"] <= self.now

    def waits(self, task):
        """Tell whether a device that failed is to wait: what it says of the failure meanwhile is said again."""
        return (task["retry_at"] or 0) > self.now

    @rule(data=st.data(), module=st.sampled_from([None, "default", "mcu"]))
    def ask(self, data, module):
        self.asks(data.draw(st.sampled_from(sorted(self.runs))), module)

    def asks(self, name, module=None):
        """Ask, and check that nothing is offered that must not be, and nothing withheld that may be."""
        before = {t["id"]: t for t in self.open_tasks() if t["device_name"] == name}
        before = {key: t for key, t in before.items() if module in (None, t["module"])}
        allowed = {key for key, task in before.items() if self.may_be_offered(task)}
        offer = updates.asked(self.device(name), module)
        if offer is None:
            assert not allowed, before
            return None
        task = rollouts.rows("task")[offer.task.id]
        assert task["device_name"] == name
        assert offer.task.id in allowed or (offer.task.id not in before and not allowed)
        assert task["state"] in ("notified", "in_progress")
        if before.get(offer.task.id, {"state": "queued"})["state"] == "queued":
            self.offers[task["job_id"], self.now // MINUTE] += 1
        return offer

    def may_be_offered(self, task):
        """Tell whether a task is to be offered now."""
        job, now = rollouts.rows("job")[task["job_id"]], self.now
        begun = job["started"] is not None or job["schedule_at"] is None or job["schedule_at"] <= now
        over = job["finish_at"] is not None and job["finish_at"] <= now and task["state"] != "in_progress"
        waits = self.waits(task) or self.is_over(task)
        used = self.offers[task["job_id"], now // MINUTE]
        rate = task["state"] != "queued" or used < job["rules"]["per_minute"]
        hindered = job["paused"] or task["state"] in job["cancel"].split() or task["state"] == "confirm"
        return bool(begun and rate) and not (over or waits or hindered)

    @rule(data=st.data(), percent=st.sampled_from([0, 10, 50, 100]), module=st.sampled_from(["default", "mcu"]))
    def progress(self, data, percent, module):
        name = data.draw(st.sampled_from(sorted(self.runs)))
        task = self.task_of(name, module)
        is_canceled = bool(task) and self.is_canceled(task)
        updates.progress(self.device(name), percent, "", module)
        if task:
            after = rollouts.rows("task")[task["id"]]
            if is_canceled:
                assert after["state"] == "canceled"
            elif task["state"] == "confirm":
                assert after == task
            elif self.is_over(task):
                assert (after["state"], after["note"]) == ("failed", "timeout")
            else:
                assert after["state"] == "in_progress"
                assert after["progress"] == max(task["progress"], percent)
                assert after["started"] == (task["started"] or self.now)
                minutes = rollouts.rows("job")[task["job_id"]]["rules"]["timeout"]
                assert after["due"] == (after["started"] + minutes * MINUTE if minutes else None)

    @rule(
        data=st.data(), how=st.sampled_from([-1, -2, -3, -4, True, False]), module=st.sampled_from(["default", "mcu"])
    )
    def finish(self, data, how, module):
        name = data.draw(st.sampled_from(sorted(self.runs)))
        task = self.task_of(name, module)
        is_canceled = bool(task) and self.is_canceled(task)
        if isinstance(how, bool):
            updates.finished(self.device(name), how, "", module)
        else:
            updates.progress(self.device(name), how, "", module)
        if task and task["state"] != "confirm":
            after, by = rollouts.rows("task")[task["id"]], rollouts.rows("job")[task["job_id"]]["rules"]
            retried = by["retry_interval"] and task["attempts"] < by["retry_count"]
            if is_canceled:
                assert after["state"] == "canceled"
            elif self.is_over(task):
                assert (after["state"], after["note"]) == ("failed", "timeout")
            elif how is True:
                assert after["state"] == "succeeded"
            elif self.waits(task):
                assert after == task
            elif retried:
                assert (after["state"], after["attempts"]) == (task["state"], task["attempts"] + 1)
                assert after["retry_at"] == self.now + by["retry_interval"] * MINUTE
            else:
                assert after["state"] == "failed"

    # --- time, and the worker

    @rule(by=st.sampled_from([1, 1_000, 30_000, MINUTE, 10 * MINUTE, 60 * MINUTE, 240 * MINUTE]))
    def time_goes_on(self, by):
        self.now += by

    @rule(steps=st.sampled_from([1, 2, 400]), at_once=st.sampled_from([1, 5000]))
    def the_worker_sweeps(self, steps, at_once):
        with (
            mock.patch.object(selection, "AT_ONCE", at_once),
            mock.patch.object(job_steps, "AT_ONCE", at_once),
        ):
            for _ in range(steps):
                if due_work.advance_jobs() + due_work.end_tasks() == 0:
                    self.nothing_is_due()
                    return
        assert steps != 400, "the sweep finds no end"

    def nothing_is_due(self):
        found = [*rollouts.rows("job").values(), *rollouts.rows("task").values()]
        assert not [row for row in found if row["due"] is not None and row["due"] <= self.now]

    # --- what holds at any time

    @invariant()
    def counters_and_states_follow_from_the_tasks(self):
        self.now += 1  # ids sort by time: what comes next is newer
        rollouts.check()

    @invariant()
    def what_has_ended_stays_as_it_is(self):
        tasks = rollouts.rows("task")
        for key, task in self.closed.items():
            assert tasks[key] == task
        self.closed |= {key: task for key, task in tasks.items() if task["state"] in states.CLOSED}
        jobs_now = rollouts.rows("job")
        assert all(is_ended(jobs_now[key]) for key in self.ended)
        self.ended |= {key for key, job in jobs_now.items() if is_ended(job)}
        assert all((job["ended"] is not None) == is_ended(job) for job in jobs_now.values())

    @invariant()
    def no_job_is_ahead_of_its_rate(self):
        found = rollouts.rows("job")
        for (job_id, _), count in self.offers.items():
            assert count <= found[job_id]["rules"]["per_minute"]
        noted = [event for event in rollouts.rows("device_event").values() if event["kind"] == "offered"]
        assert collections.Counter((e["job_id"], e["at"] // MINUTE) for e in noted) == +self.offers

    @invariant()
    def the_times_of_tasks_go_with_their_states(self):
        found = rollouts.rows("job")
        for task in rollouts.rows("task").values():
            job = found[task["job_id"]]
            if task["state"] == "in_progress":
                assert task["started"] is not None
                assert (task["due"] is not None) == bool(job["rules"]["timeout"])
            else:
                assert task["due"] is None
            if task["state"] in states.WAITING:
                assert (task["started"], task["progress"]) == (None, 0)
                assert task["device_id"] in rollouts.rows("device")
            if task["state"] in states.CLOSED:
                assert task["retry_at"] is None
            assert task["state"] != "succeeded" or task["progress"] == 100

    @invariant()
    def a_worker_will_look_at_what_has_to_go_on(self):
        waiting = {task["job_id"] for task in self.open_tasks() if task["state"] in states.WAITING}
        for job in rollouts.rows("job").values():
            if job["filling"] or job["cancel"]:
                assert job["due"] is not None
                assert job["due"] <= self.now
            elif job["state"] == "planned":
                assert job["due"] is not None
                assert job["due"] <= max(job["schedule_at"], self.now)
            elif job["finish_at"] and job["id"] in waiting:
                assert job["due"] is not None
                assert job["due"] <= job["finish_at"]

    @invariant()
    def a_package_is_as_its_verification_went(self):
        found = rollouts.rows("package").get(int(getattr(self, "packages", {"v": 0})["v"]))
        if not found:
            return
        verifying = [job for job in self.jobs_of("v") if job["kind"] == jobs.VERIFY]
        running = [job for job in verifying if not is_ended(job)]
        assert (found["status"] == states.VERIFYING) == bool(running)
        assert len(running) <= 1
        if verifying and not running:
            last = max(verifying, key=lambda job: (job["ended"], job["id"]))
            outcomes = {t["state"] for t in rollouts.rows("task").values() if t["job_id"] == last["id"]}
            assert found["status"] == (states.VERIFIED if outcomes == {"succeeded"} else states.UNFIT)

    # --- the end

    def teardown(self):
        try:
            self.everything_ends()
        finally:
            clock.hold(None)

    def everything_ends(self):
        """Let everything go on: each open task is offered in the end, and each job ends."""
        if self.runs:
            self.now += 300 * MINUTE
            for job in rollouts.rows("job").values():
                if job["selection"] == jobs.DYNAMIC:
                    job_control.stop(self.account, str(job["id"]))
            for _ in range(60):
                rollouts.sweep_all()
                self.let_go_on()
                if not self.open_tasks():
                    break
                for name in sorted(self.runs):
                    while offer := self.asks(name):
                        self.say(name, offer.task.version, offer.task.module)
                rollouts.check()
                self.no_job_is_ahead_of_its_rate()
                self.now += MINUTE
            rollouts.sweep_all()
            assert not self.open_tasks()
            assert all(is_ended(job) for job in rollouts.rows("job").values())
            assert all(row["due"] is None for row in rollouts.rows("job").values())
            rollouts.check()

    def let_go_on(self):
        for job in rollouts.rows("job").values():
            if job["paused"]:
                job_control.resume(self.account, str(job["id"]))
        for task in self.open_tasks("confirm"):
            job_control.confirm(self.account, [str(task["id"])])

    # --- help

    def device(self, name):
        return devices.named(self.account, "p", name)

    def draw_job(self, data):
        return data.draw(st.sampled_from(list(rollouts.rows("job").values())))

    def jobs_of(self, name):
        return [job for job in rollouts.rows("job").values() if job["package_id"] == int(self.packages[name])]

    def open_tasks(self, *wanted):
        return [task for task in rollouts.rows("task").values() if task["state"] in (wanted or states.OPEN)]

    def task_of(self, name, module):
        found = [t for t in self.open_tasks() if (t["device_name"], t["module"]) == (name, module.lower())]
        return found[0] if found else None


def run(examples, steps):
    health = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    chosen = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=health, database=None
    )
    run_state_machine_as_test(Rollouts, settings=chosen)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_rollouts_neither_lie_nor_get_stuck(store):
    run(80, 30)


@pytest.mark.postgres
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_rollouts_neither_lie_nor_get_stuck_on_a_server(store):
    run(60, 30)
