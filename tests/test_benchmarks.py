"""Every benchmark runs to its end, and what it measures succeeds: small here, since no figure of it is looked at."""

import subprocess
import sys

import pytest

from benchmarks import calls, load
from benchmarks.__main__ import PARTS
from benchmarks.gateway import server
from tests.conftest import ROOT, need
from tests.engines import POSTGRES, postgres, redis
from tests.patience import HANG_SECONDS

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("bench")]
SMALL = {
    "actions": ["--all", "--workers", "1"],
    "crowd": [],
    "cpu": [],
    "rest": ["--workers", "1"],
    "history": ["--packages", "2000", "--nonces", "1000"],
    "process": [],
    "files": ["--megabytes", "2"],
    "moto": [],
    "double": [],
    "engines": ["--postgres", POSTGRES],
    "rollout": ["--devices", "30000"],
    "simulated": ["--simulated", "20"],
    "mqtt": ["--connections", "50"],
}


@pytest.mark.parametrize("part", PARTS)
def test_a_benchmark_runs_and_nothing_in_it_fails(part, tmp_path):
    words = SMALL[part]
    if part == "files":
        need("nginx")
    if part == "mqtt":
        need("mosquitto")
    if part == "engines":
        with postgres():
            words = [*words, "--redis", redis()]
    out = tmp_path / "RESULTS.md"
    command = [sys.executable, "-m", "benchmarks", part, *words, "--requests", "30", "--runs", "1", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=HANG_SECONDS)
    assert done.returncode == 0, done.stderr
    assert "failed" not in done.stdout
    results = out.read_text(encoding="utf-8")
    assert f"\n## {PARTS[part][0]}\n" in results
    assert results.count("\n| ") >= 2


def test_a_tree_is_compared_with_a_commit():
    words = ["HEAD", "--processes", "1", "--requests", "30", "--runs", "1"]
    command = [sys.executable, "-m", "benchmarks.against", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=HANG_SECONDS)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ")[1] for line in done.stdout.splitlines()[2:]]
    creates = ["create, V1", "create, V1, 32 clients"]
    assert sorted(rows) == [*creates, "list of 20", "poll, ddi", "poll, device", "query"]


def test_a_load_counts_a_refusal_with_status_200_as_a_failure(tmp_path):
    with server("otagw.wsgi:app", 1, str(tmp_path)) as port:
        calls.packages[port] = "1"
        assert load.run(port, calls.query(port, 5), 2).failures == 5
