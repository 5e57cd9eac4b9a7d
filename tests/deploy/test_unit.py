"""The systemd unit."""

import subprocess
import sys

from tests.conftest import ROOT, need


def test_systemd_finds_nothing_to_complain_about(tmp_path):
    text = (ROOT / "config/otagw.service").read_text(encoding="utf-8")
    assert text.count("/opt/otagw/bin/otagw ") >= 2
    unit = tmp_path / "otagw.service"
    unit.write_text(text.replace("/opt/otagw/bin/otagw ", f"{sys.executable} -m otagw "), encoding="utf-8")
    done = subprocess.run([need("systemd-analyze"), "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
