"""The systemd units: systemd reads them, and the gateway runs on the system calls and the memory that they allow."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT, Live, free_port, need
from tests.deploy.servers import Store

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


@pytest.mark.parametrize("name", ["otagw", "otagw-backup"])
def test_systemd_finds_little_exposed(name):
    unit = ROOT / f"config/{name}.service"
    done = subprocess.run(
        [need("systemd-analyze"), "security", "--offline=true", "--threshold=15", unit],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()


def confined(name, *words):
    """Return what runs a command of otagw under the system calls that a unit allows."""
    need("systemd-analyze")
    return [sys.executable, "-m", "tests.deploy.confined", str(ROOT / f"config/{name}.service"), *words]


@pytest.mark.parametrize(
    ("unit", "code"),
    [
        ("otagw", "import os; os.setpriority(os.PRIO_PROCESS, 0, 1)"),
        ("otagw", "import os; os.chown('.', -1, -1)"),
        ("otagw-backup", "import os; os.chroot('/')"),
        ("otagw-backup", "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)"),
    ],
)
def test_the_units_deny_what_the_gateway_does_not_need(unit, code):
    done = subprocess.run(confined(unit, sys.executable, "-c", code), cwd=ROOT, capture_output=True, check=False)
    assert b"PermissionError" in done.stderr


def test_a_gateway_and_its_backup_run_on_what_the_units_allow(tmp_path):
    gateway = Live(tmp_path, workers=2, metrics_bind=f"127.0.0.1:{free_port()}").prepare()
    otagw = (sys.executable, "-m", "otagw")
    with open(tmp_path / "log", "ab") as log:
        gateway.process = subprocess.Popen(
            confined("otagw", *otagw, "serve"), cwd=ROOT, env=gateway.environ, stderr=log, start_new_session=True
        )
    try:
        gateway.wait()
        store = Store(gateway, gateway.url)
        (tmp_path / "firmware.bin").write_bytes(b"content")
        assert store.get(store.upload(tmp_path / "firmware.bin")).content == b"content"
        command = confined("otagw-backup", *otagw, "backup", str(tmp_path / "b.tar"))
        done = subprocess.run(command, cwd=ROOT, env=gateway.environ, capture_output=True, text=True, check=False)
        assert (done.returncode, "1 file." in done.stderr) == (0, True), done.stderr
    finally:
        gateway.stop()
    assert "PermissionError" not in gateway.log()
