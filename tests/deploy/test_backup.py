"""A backup of a gateway that is busy: what was acknowledged before it began is in it, and it is whole."""

import subprocess
import sys
import threading

import pytest

from tests.conftest import Live
from tests.deploy.servers import ALONE

pytestmark = pytest.mark.live


def test_a_backup_under_write_load_is_whole(make_live, tmp_path):
    gateway = make_live(workers=2).start(ALONE)
    made, failed, stop = [], [], threading.Event()

    def write(thread):
        number = 0
        while not stop.is_set():
            name = f"t{thread}-{number}"
            answer = gateway.get("CreateOTAFirmware", FirmwareName=name, DestVersion="1", ProductKey="lock").json()
            (made if answer["Success"] else failed).append((name, answer.get("Data", {}).get("FirmwareID")))
            number += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    backups = []
    try:
        for number in range(3):
            before = list(made)
            gateway.cli("backup", str(tmp_path / f"{number}.tar"), "--with-master-key")
            backups.append((tmp_path / f"{number}.tar", before, len(made)))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    file, before, after = backups[-1]
    assert after > len(before)  # others went on writing meanwhile
    (tmp_path / "elsewhere").mkdir()
    restored = Live(tmp_path / "elsewhere")
    restored.cli("restore", str(file))
    restored.cli("migrate")
    restored.start(ALONE)
    try:
        listed = restored.get("ListOTAFirmware", CurrentPage="1", PageSize="1").json()
        assert len(before) <= listed["Total"] <= after + 4
        for name, identity in [before[0], before[len(before) // 2], before[-1]]:
            found = restored.get("QueryOTAFirmware", FirmwareId=identity).json()
            assert found["FirmwareInfo"]["FirmwareName"] == name
        said = restored.cli("audit", "--operation", "CreateOTAFirmware").stderr
        assert f", {listed['Total']} in all." in said  # each change with its trace, neither without the other
    finally:
        restored.stop()


def test_a_restore_that_is_killed_leaves_nothing_that_could_run(make_live, tmp_path):
    gateway = make_live()
    gateway.cli("backup", str(tmp_path / "b.tar"))
    (tmp_path / "elsewhere").mkdir()
    restored = Live(tmp_path / "elsewhere")
    kill = "import os, otagw.ops.restore as r; r._put = lambda *a: os._exit(9); from otagw.cli import main; main()"
    command = [sys.executable, "-c", kill, "restore", str(tmp_path / "b.tar")]
    assert subprocess.run(command, env=restored.environ, check=False).returncode == 9
    assert not (restored.folder / "data/otagw.db").exists()
    assert "is not empty" in restored.cli("restore", str(tmp_path / "b.tar"), check=False).stderr
