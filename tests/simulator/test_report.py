"""What the figures say."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from otagw.simulator import report
from otagw.simulator.report import Report


@pytest.fixture
def found(leaping):
    return Report(1000, leaping.now)


def test_the_last_word_of_a_device_counts(found):
    for state in (report.AT_WORK, report.FAILED, report.AT_WORK, report.SUCCEEDED):
        found.note("a", state)
    found.note("b", report.AT_WORK)
    found.note("c", report.FAILED, "verify")
    found.note("d", report.FAILED, "verify")
    found.note("e", report.FAILED, "install")
    told = found.summary()
    assert (told["succeeded"], told["failed"], told["at_work"], told["never_offered"]) == (1, 3, 1, 995)
    assert told["failed_by"] == {"install": 1, "verify": 2}
    assert found.take()[0] == 4


def test_percentiles_and_rates_are_by_kind_of_request(found, leaping):
    for milliseconds in range(1000):
        found.took("poll", milliseconds / 1000)
    found.took("report", 0.25)
    leaping.seconds = 50
    told = found.summary()["requests"]
    assert told["poll"] == {"count": 1000, "per_second": 20, "p50_ms": 500, "p99_ms": 990}
    assert told["report"] == {"count": 1, "per_second": 0.02, "p50_ms": 250, "p99_ms": 250}


def test_idle_is_how_long_nobody_has_been_at_work(found, leaping):
    leaping.seconds = 5
    assert found.take() == (0, 5)
    found.note("a", report.AT_WORK)
    leaping.seconds = 100
    assert found.take() == (0, 0)
    found.note("a", report.SUCCEEDED)
    leaping.seconds = 107
    assert found.take() == (1, 7)


def test_nothing_is_lost_between_threads(found):
    def work(number):
        for _ in range(500):
            found.took("poll", 0.001)
            found.error("500")
            found.loaded(10)
            found.note(f"device-{number}", report.SUCCEEDED)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    told = found.summary()
    assert (told["requests"]["poll"]["count"], told["errors"], told["bytes"]) == (4000, {"500": 4000}, 40_000)
    assert told["succeeded"] == 8


def test_the_table_shows_what_went_wrong_first_by_how_often(found):
    for number in range(20):
        for _ in range(number + 1):
            found.error(f"poll: 5{number:02}")
    lines = list(report.table(found.summary()))
    at = next(number for number, line in enumerate(lines) if line.startswith("errors"))
    assert lines[at].split() == ["errors", "210"]
    assert lines[at + 1].strip() == "20 x poll: 519"
    assert len(lines) == at + 11


def test_figures_of_a_run_that_ended_at_once_can_be_shown(found):
    assert json.loads(json.dumps(found.summary()))["errors"] == {}
    assert [line.split()[0] for line in report.table(found.summary()) if line][:3] == ["devices", "succeeded", "failed"]
