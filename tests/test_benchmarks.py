"""Every benchmark runs to its end, and what it measures succeeds: small here, since no figure of it is looked at."""

import subprocess
import sys

import pytest

from benchmarks.__main__ import PARTS
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
    "engines": ["--postgres", POSTGRES],
    "rollout": ["--devices", "30000"],
    "simulated": ["--simulated", "20"],
}


@pytest.mark.parametrize("part", PARTS)
def test_a_benchmark_runs_and_nothing_in_it_fails(part, tmp_path):
    words = SMALL[part]
    if part == "files":
        need("nginx")
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
