"""The wheel and the sdist: what they hold, and that they work without the tree that they were made from."""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT
from tests.patience import HANG_SECONDS

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("packaging")]

EPOCH = "1795000000"
# Files beside the repository's own that an earlier build may have read or written.
NOT_KEPT = (".git", ".venv", "var", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")
FIRST_TEST = """
def test_a_package_is_created(otagw):
    assert otagw.call("CreateOTAFirmware", FirmwareName="door-lock", DestVersion="2.0.0")["Success"]
    assert otagw.call("ListOTAFirmware", PageSize=10, CurrentPage=1)["Total"] == 1
"""


def run(*words, cwd, **environ):
    """Run Python, and return what it printed."""
    environ = {**os.environ, **{name: str(value) for name, value in environ.items()}}
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with an sdist and a wheel of it, and one below with a wheel of the tree."""
    folder = tmp_path_factory.mktemp("built")
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, symlinks=True, ignore=shutil.ignore_patterns(*NOT_KEPT, "node_modules"))
    build = ("-m", "build", "--no-isolation")  # asks no registry
    run(*build, "--outdir", folder, tree, cwd=folder, SOURCE_DATE_EPOCH=EPOCH)
    run(*build, "--wheel", "--outdir", folder / "again", tree, cwd=folder, SOURCE_DATE_EPOCH=EPOCH)
    return folder


def only(folder, pattern):
    (found,) = folder.glob(pattern)
    return found


@pytest.fixture(scope="module")
def wheel(built):
    """The wheel, unpacked."""
    with zipfile.ZipFile(only(built, "*.whl")) as archive:
        archive.extractall(built / "wheel")
    return built / "wheel"


@pytest.fixture(scope="module")
def sdist(built):
    """The sdist, unpacked."""
    with tarfile.open(only(built, "*.tar.gz")) as archive:
        archive.extractall(built / "sdist", filter="data")
    return only(built / "sdist", "*")


def test_the_wheel_of_the_sdist_is_that_of_the_tree_byte_for_byte(built):
    one, other = only(built, "*.whl"), only(built / "again", "*.whl")
    assert one.name == other.name
    assert one.read_bytes() == other.read_bytes()


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel):
    def files(root):
        found = (p for p in (root / "otagw").rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        return {str(p.relative_to(root)) for p in found}

    assert files(wheel) == files(ROOT)
    assert {"otagw/py.typed", "otagw/ops/templates/nginx.conf", "otagw/ops/locks/requirements.lock"} <= files(wheel)
    assert {path.suffix for path in wheel.iterdir()} == {"", ".dist-info"}
    assert not any(path.is_symlink() for path in wheel.rglob("*"))


def test_the_wheel_prints_the_files_that_an_operator_installs(wheel, tmp_path):
    def otagw(*words):
        return run("-m", "otagw", "config", *words, cwd=tmp_path, PYTHONPATH=wheel)

    assert run("-c", "import otagw; print(otagw.__file__)", cwd=tmp_path, PYTHONPATH=wheel).startswith(str(wheel))
    assert otagw("nginx") == (ROOT / "config/nginx.conf").read_text(encoding="utf-8")
    assert otagw("lock") == (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_the_wheel_makes_a_new_database(wheel, tmp_path):
    every = sorted(file.stem for file in (ROOT / "otagw/db/migrations").glob("[0-9]*.py"))
    said = run("-m", "otagw", "migrate", cwd=tmp_path, PYTHONPATH=wheel, OTAGW_DATA_DIR=tmp_path)
    assert said == f"Applied {', '.join(every)}.\n"


def test_the_wheel_upgrades_what_an_older_version_wrote(wheel, tmp_path):
    kept = ROOT / "tests/upgrades/709e9f6/sqlite"
    shutil.copy(kept / "master.key", tmp_path)
    (tmp_path / "master.key").chmod(0o600)
    with contextlib.closing(sqlite3.connect(tmp_path / "otagw.db")) as opened:
        opened.executescript((kept / "otagw.sql").read_text(encoding="utf-8"))

    def otagw(*words):
        return run("-m", "otagw", *words, cwd=tmp_path, PYTHONPATH=wheel, OTAGW_DATA_DIR=tmp_path)

    otagw("migrate")
    assert otagw("migrate") == "The database is up to date.\n"
    assert "testid" in otagw("keys", "list")


def test_the_sdist_holds_the_tests_and_they_run_from_it(sdist):
    for name in ("config", "docs", "Makefile", "MANIFEST.in", "CHANGELOG.md", *(p.name for p in ROOT.glob("*.lock"))):
        assert (sdist / name).exists(), name
    tests = (
        "tests/test_layers.py",
        "tests/test_settings.py",
        "tests/cli/test_config.py",
        "tests/ops/test_templates.py",
    )
    assert " passed" in run("-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *tests, cwd=sdist, PYTHONPATH=sdist)


def needed(wheel, extra):
    """Return the installed distributions that a wheel needs with an extra."""
    found = {}
    todo = [(metadata.Distribution.at(only(wheel, "*.dist-info")), extra)]
    while todo:
        distribution, extra = todo.pop()
        wanted = [Requirement(text) for text in distribution.requires or ()]
        names = {one.name.lower() for one in wanted if not one.marker or one.marker.evaluate({"extra": extra})}
        new = {name: metadata.distribution(name) for name in names - found.keys()}
        found |= new
        todo += [(one, "") for one in new.values()]
    return list(found.values())


def test_a_first_test_passes_with_the_wheel_and_pytest_alone(built, wheel, tmp_path):
    """The environment holds what the extra `test` needs, and no registry is asked."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv/bin/python"
    pip = ("-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps")
    run(*pip, only(built, "*.whl"), cwd=tmp_path)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(tmp_path / "venv")}))
    for distribution in needed(wheel, "test"):
        for name in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            with contextlib.suppress(FileExistsError):  # a namespace that several share
                (packages / name).symlink_to(distribution.locate_file(name))
    (tmp_path / "test_first.py").write_text(FIRST_TEST, encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    command = [python, "-m", "pytest", "-W", "error", "test_first.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^plugins: otagw-[^ ,]+$", done.stdout, re.M)  # and no other, as in these tests' environment
    assert "1 passed" in done.stdout
