"""The systemd unit."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT, need

pytestmark = pytest.mark.live


def test_systemd_finds_nothing_to_complain_about(tmp_path):
    text = (ROOT / "config/otagw.service").read_text(encoding="utf-8")
    assert text.count("/opt/otagw/bin/otagw ") >= 2
    unit = tmp_path / "otagw.service"
    unit.write_text(text.replace("/opt/otagw/bin/otagw ", f"{sys.executable} -m otagw "), encoding="utf-8")
    done = subprocess.run([need("systemd-analyze"), "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_finds_nothing_to_complain_about_in_the_backup(tmp_path):
    text = (ROOT / "config/otagw-backup.service").read_text(encoding="utf-8")
    assert " backup " in text
    (tmp_path / "otagw-backup.service").write_text(text, encoding="utf-8")
    timer = (ROOT / "config/otagw-backup.timer").read_text(encoding="utf-8")
    (tmp_path / "otagw-backup.timer").write_text(timer, encoding="utf-8")
    units = [tmp_path / "otagw-backup.service", tmp_path / "otagw-backup.timer"]
    done = subprocess.run([need("systemd-analyze"), "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
