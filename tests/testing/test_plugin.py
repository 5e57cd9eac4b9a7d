"""The pytest plugin, in projects of its users: each runs by pytest in a process of its own."""

import importlib.metadata
import os
import subprocess
import sys
import textwrap

import pytest

from tests.patience import HANG_SECONDS

FIVE_LINES = """
    import requests

    def test_release(otagw):
        url = otagw.sign("CreateOTAFirmware", FirmwareName="door-lock", DestVersion="2.0.0")
        assert requests.get(url).json()["Success"] is True
        otagw.calls.expect("CreateOTAFirmware", FirmwareName="door-lock").times(1)
"""


@pytest.fixture
def project(tmp_path):
    """Write a project, and run pytest in it; return its exit status and what it printed."""

    def run(*options, seed="0", **files):
        for name, text in files.items():
            path = tmp_path / (f"{name}.ini" if name == "pytest" else f"{name}.py")
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("OTAGW_", "PYTEST_"))}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
            cwd=tmp_path, env={**environ, "PYTHONHASHSEED": seed}, check=False,
            capture_output=True, text=True, timeout=HANG_SECONDS * 3,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return run


def test_it_is_registered_by_its_entry_point():
    (found,) = [one for one in importlib.metadata.entry_points(group="pytest11") if one.name == "otagw"]
    assert found.value == "otagw.testing.plugin"


def test_five_lines_are_a_test(project):
    status, text = project(test_release=FIVE_LINES)
    assert (status, "1 passed" in text) == (0, True), text


def test_a_run_that_does_not_use_it_loads_nothing_of_it(project):
    status, text = project(
        test_other="""
        import sys

        def test_modules():
            heavy = ("flask", "peewee", "marshmallow", "werkzeug", "sqlite3", "requests", "otagw.app")
            assert [name for name in heavy if name in sys.modules] == []
            assert "otagw.testing.plugin" in sys.modules
        """
    )
    assert status == 0, text


def test_many_tests_that_make_the_same_pass_in_random_order_on_four_workers(project):
    status, text = project(
        *("-n", "4"),
        conftest="""
        import random

        def pytest_collection_modifyitems(items):
            random.Random(7).shuffle(items)
        """,
        test_same="""
        import pytest, requests

        @pytest.mark.parametrize("number", range(300))
        def test_create(otagw, number):
            url = otagw.sign("CreateOTAFirmware", FirmwareName="the-same", DestVersion="1.0", ClientToken="t")
            assert requests.get(url).json()["Success"] is True
            assert otagw.call("ListOTAFirmware", CurrentPage=1, PageSize=10)["Total"] == 1
            assert len(otagw.calls) == 1
        """,
    )
    assert (status, "300 passed" in text) == (0, True), text[-3000:]


def test_a_fault_that_was_not_met_fails_its_test_by_name(project):
    status, text = project(
        test_unmet="""
        def test_first(otagw):
            otagw.faults.add("CreateOTAFirmware", code="Throttling.User", times=2)

        def test_second(otagw):
            assert len(otagw.faults) == 0

        def test_fails_already(otagw):
            otagw.faults.add("CreateOTAFirmware", status=503)
            assert 1 == 2
        """
    )
    assert (status, "2 failed, 1 passed" in text) == (1, True), text
    assert "CreateOTAFirmware code='Throttling.User' times=2" in text
    assert "assert 1 == 2" in text


def test_a_failure_shows_the_calls(project):
    status, text = project(
        test_calls="""
        import requests

        def test_fails(otagw):
            requests.get(otagw.sign("CreateOTAFirmware", FirmwareName="door-lock"))
            otagw.calls.expect("CreateOTAFirmware", DestVersion="2")
        """
    )
    assert status == 1
    assert "calls of otagw at" in text
    assert "CreateOTAFirmware(FirmwareName='door-lock') -> 400 MissingDestVersion" in text


def test_settings_of_the_marker_go_before_the_fixtures_and_these_before_the_files(project):
    status, text = project(
        pytest="""
        [pytest]
        otagw_settings =
            package_quota = 1
            spelling = "example"
        addopts = --strict-markers
        """,
        conftest="""
        import pytest

        @pytest.fixture(scope="session")
        def otagw_settings():
            return {"package_quota": 2}
        """,
        test_settings="""
        import pytest

        def total(otagw):
            for number in range(4):
                otagw.call("CreateOTAFirmware", FirmwareName=f"n{number}", DestVersion="1")
            answer = otagw.call("ListOTAFirmware", CurrentPage=1, PageSize=10)
            return answer.get("total", answer.get("Total"))

        def test_of_the_fixture(otagw):
            assert total(otagw) == 2
            assert "success" in otagw.call("ListOTAFirmware", CurrentPage=1, PageSize=10)

        @pytest.mark.otagw(package_quota=3, spelling="documented")
        class TestMarked:
            def test_of_the_marker(self, otagw):
                assert total(otagw) == 3

            @pytest.mark.otagw(package_quota=1)
            def test_of_the_nearest(self, otagw):
                assert total(otagw) == 1
                assert "Success" in otagw.call("ListOTAFirmware", CurrentPage=1, PageSize=10)

        def test_of_the_shared(otagw_shared):
            assert total(otagw_shared) == 2
        """,
    )
    assert (status, "4 passed" in text) == (0, True), text


@pytest.mark.parametrize(
    ("line", "problem"),
    [("package_quota", "expected `name = value`"), ("package_quota = many", "with a value in JSON"),
     ("package_quotas = 1", "did you mean package_quota"), ("data_dir = \"x\"", "the double has its own data_dir")],
)  # fmt: skip
def test_settings_that_are_none_are_said(project, line, problem):
    status, text = project(
        pytest=f"[pytest]\notagw_settings =\n    {line}\n", test_any="def test_any(otagw):\n    pass\n"
    )
    assert status != 0
    assert problem in text


def test_a_marker_without_names_is_refused(project):
    status, text = project(
        test_marker="""
        import pytest

        @pytest.mark.otagw({"spelling": "alibaba"})
        def test_any(otagw):
            pass
        """
    )
    assert status != 0
    assert "expected settings as name=value" in text


def test_the_shared_gateway_is_not_reset(project):
    status, text = project(
        test_shared="""
        def test_one(otagw_shared, otagw):
            otagw_shared.packages.add("p", "1")
            assert otagw.call("ListOTAFirmware", CurrentPage=1, PageSize=10)["Total"] == 0

        def test_two(otagw_shared):
            assert otagw_shared.call("ListOTAFirmware", CurrentPage=1, PageSize=10)["Total"] == 1
        """
    )
    assert (status, "2 passed" in text) == (0, True), text


def test_a_fault_of_the_shared_gateway_that_was_never_met_is_an_error_at_the_end(project):
    status, text = project(
        test_shared="""
        def test_one(otagw_shared):
            otagw_shared.faults.add("ListOTAFirmware", status=503)
        """
    )
    assert (status, "1 passed, 1 error" in text) == (1, True), text
    assert "ListOTAFirmware status=503" in text


def test_nothing_of_its_users_is_changed(project):
    """Attributes of modules, the root of logging and the environment are the same before, within and after."""
    status, text = project(
        *("-p", "no:logging"),
        test_same="""
        import json, logging, os, random, socket, threading, time
        import requests, urllib3

        MODULES = (requests, requests.sessions.Session, requests.adapters.HTTPAdapter, socket, socket.socket, time,
                   logging, random, json, os, urllib3, threading)

        def state():
            found = {f"{one.__name__}.{name}": id(value) for one in MODULES for name, value in vars(one).items()
                     if callable(value)}
            environ = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
            root, ours = logging.getLogger(), logging.getLogger("otagw")
            logs = (root.level, list(root.handlers), ours.level, list(ours.handlers), ours.propagate)
            return found, environ, logs, random.getstate()

        before = state()

        def test_within(otagw):
            otagw.clock.freeze("2026-11-22T00:00Z")
            otagw.faults.add("ListOTAFirmware", status=503)
            requests.get(otagw.sign("ListOTAFirmware", CurrentPage=1, PageSize=10))
            assert state() == before

        def test_after():
            assert state() == before
        """,
    )
    assert (status, "2 passed" in text) == (0, True), text


STORY = """
    import requests

    def test_story(otagw):
        otagw.clock.freeze("2026-11-22T00:00Z")
        locks = otagw.devices.add("a1lock", 8)
        swus = otagw.devices.add("a1lock", 4, protocol="ddi", name="swu")
        hook = otagw.webhooks.capture("*")
        package = otagw.packages.add("p", "2.0", product="a1lock")
        job = otagw.rollouts.add(package, schedule="2026-11-22T01:00Z", timeout_minutes=30)
        otagw.devices.play(locks[2:] + swus, fail=0.3, crash=0.2, break_off=0.2)
        otagw.faults.add("device.update", status=503, probability=0.2)
        otagw.clock.advance(hours=2)
        locks[0].take()
        locks[1].vanish()
        otagw.run_until_idle()
        port = otagw.host.rpartition(":")[2]
        print(job.id, job.data, job.tasks())
        for call in otagw.calls:
            print("CALL", call, str(call.answer).replace(port, "PORT")[:2000])
        for one in hook.deliveries:
            print("EVENT", one)
        answer = otagw.call("ListOTATaskByJob", JobId=job.id, CurrentPage=1, PageSize=100)
        print("END", answer, otagw.clock)
"""


def test_a_story_is_the_same_in_each_process_and_for_each_hash_seed(project):
    """Ids, bodies and times of all calls and events are, and only the port is not; so are links, which it is in."""
    told = []
    for seed in ("1", "2"):
        status, text = project("-s", seed=seed, test_story=STORY)
        assert status == 0, text[-3000:]
        lines = [line for line in text.splitlines() if line.startswith(("CALL", "EVENT", "END"))]
        told.append(lines)
    assert len(told[0]) > 60
    assert told[0] == told[1]
