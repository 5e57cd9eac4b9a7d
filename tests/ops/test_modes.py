"""Who may read what the gateway keeps on disk, whatever the umask of its processes is."""

import os
import shutil
import stat

import pytest
from click.testing import CliRunner

from otagw.cli import main
from otagw.ops import metrics
from tests.conftest import KEY, Client
from tests.oss.conftest import link_of

PRIVATE = {"file": 0o600, "folder": 0o700}
SHARED_WITH_THE_GROUP = {"file": 0o640, "folder": 0o750}


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def otagw(environment, monkeypatch):
    """Run a command in process."""

    def run(*words, **changes):
        for name, value in {**environment, **{f"OTAGW_{k.upper()}": str(v) for k, v in changes.items()}}.items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(main, [str(word) for word in words])
        assert result.exit_code == 0, (words, result.output)

    return run


def wrong(folder, expected):
    """Return what below a folder, itself included, has another mode."""
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    return {
        path.name: oct(mode) for path, mode in found.items() if mode != expected["folder" if path.is_dir() else "file"]
    }


def test_commands_make_private_files(umask, otagw, tmp_path):
    otagw("migrate", data_dir=tmp_path / "new")
    otagw("keys", "create", data_dir=tmp_path / "new")
    otagw("backup", tmp_path / "b.tar", "--with-master-key", data_dir=tmp_path / "new")
    assert {"master.key", "migrate.lock"} < {path.name for path in (tmp_path / "new").iterdir()}
    assert wrong(tmp_path / "new", PRIVATE) == {}
    otagw("restore", tmp_path / "b.tar", data_dir=tmp_path / "restored")
    assert wrong(tmp_path / "restored", PRIVATE) == {}
    assert wrong(tmp_path / "b.tar", PRIVATE) == {}


def test_a_gateway_keeps_private_files_and_shares_those_of_packages_with_its_group(umask, otagw, make_app, tmp_path):
    data = tmp_path / "new"
    otagw("migrate", data_dir=data)
    otagw("keys", "create", "--id", KEY[0], "--secret", KEY[1], data_dir=data)
    client = Client(make_app(data_dir=data, metrics_bind="127.0.0.1:1"))
    link_of(client, b"content")
    metrics.count("otagw_upload_bytes_total", by=5)
    files = data / "files"
    assert len([path for path in files.rglob("*") if path.is_file()]) == 1
    assert wrong(files, SHARED_WITH_THE_GROUP) == {}
    assert {path.name.partition("_")[0] for path in (data / "metrics").iterdir()} == {"counter", "histogram"}
    shutil.rmtree(files)
    assert wrong(data, PRIVATE) == {}


def test_a_database_of_before_is_made_private(otagw, tmp_path):
    otagw("migrate", data_dir=tmp_path / "new")
    file = tmp_path / "new/otagw.db"
    file.chmod(0o644)
    otagw("keys", "list", data_dir=tmp_path / "new")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
