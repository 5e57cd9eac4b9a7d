"""The guide to recordings: its blocks for a shell do what they say."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.patience import HANG_SECONDS
from tests.testing.recording.conftest import REAL

GUIDE = (ROOT / "docs/testing/recording.md").read_text(encoding="utf-8")
RECORD, REPLAY, COMPARE = re.findall(r"^```bash\n(.*?)^```$", GUIDE, re.M | re.S)


@pytest.fixture
def paste(cloud, tmp_path):
    """Run a block of the guide in a folder, with a gateway for the cloud; return both of its outputs."""
    program = tmp_path / "otagw"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m otagw "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    environ |= {"REAL_KEY_ID": REAL.id, "REAL_KEY_SECRET": REAL.secret}

    def run(block):
        script = block.replace("https://iot.cn-shanghai.aliyuncs.com", cloud.url)
        done = subprocess.run(
            ["bash", "-euc", script], check=False, cwd=tmp_path, env=environ,
            capture_output=True, text=True, timeout=HANG_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    return run


@pytest.mark.live
def test_the_blocks_for_a_shell_do_what_they_say(paste):
    shown, said = paste(RECORD)
    assert shown.count('"Success": true') == 2
    assert "2 exchanges in cloud.jsonl; 0 passed on unrecorded." in said
    shown, _ = paste(REPLAY)
    assert '"Success": true' in shown
    assert paste(COMPARE)[0] == "2 requests: 2 equal, 0 differ; 0 differences.\n"


def test_the_guide_shows_lines_of_a_report_as_they_are_written():
    (report,) = re.findall(r"^```text\n(.*?)^```$", GUIDE, re.M | re.S)
    *lines, summary = report.splitlines()
    assert all(re.fullmatch(r"line \d+ \w+: \w+ [\w.\[\]]+: recorded .+, here .+", line) for line in lines)
    assert re.fullmatch(r"\d+ requests: \d+ equal, \d+ differ; \d+ differences\.", summary)
