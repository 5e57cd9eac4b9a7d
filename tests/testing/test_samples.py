"""The samples of docs/testing for other languages, as they stand there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REQUIRED, ROOT, need
from tests.patience import HANG_SECONDS
from tests.test_readme import blocks

pytestmark = pytest.mark.live
SAMPLES = ROOT / "docs" / "testing"
JARS = Path("/usr/share/java")
NEEDED = (
    *("junit-jupiter-api", "junit-jupiter-engine", "junit-platform-console", "junit-platform-commons"),
    *("junit-platform-engine", "junit-platform-launcher", "junit-platform-reporting", "opentest4j", "apiguardian-api"),
    *("picocli", "univocity-parsers"),
)


@pytest.fixture
def run(tmp_path):
    """Run a command with otagw on the path; return its exit status and what it printed."""

    def run(*command):
        environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        environ["PYTHONPATH"] = str(ROOT)
        done = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_node(run):
    status, text = run(need("node"), "--test", str(SAMPLES / "node"))
    assert (status, "# pass 3" in text) == (0, True), text


def test_shell(run):
    need("curl")
    status, text = run("bash", str(SAMPLES / "shell" / "release_test.sh"))
    assert (status, "all held" in text) == (0, True), text


def test_java(run, tmp_path):
    compiler, java = need("javac"), need("java")
    jars = [JARS / f"{name}.jar" for name in NEEDED]
    if not all(jar.exists() for jar in jars):
        message = "needs JUnit 5: install the package junit5"
        pytest.fail(message) if REQUIRED == "all" else pytest.skip(message)
    path = os.pathsep.join(map(str, jars))
    status, text = run(compiler, "-d", "out", "-cp", path, str(SAMPLES / "java" / "ReleaseTest.java"))
    assert status == 0, text
    launcher = "org.junit.platform.console.ConsoleLauncher"
    status, text = run(java, "-cp", f"out{os.pathsep}{path}", launcher, "--select-class", "ReleaseTest")
    assert (status, "3 tests successful" in text) == (0, True), text


def test_the_block_of_the_page(run):
    need("curl")
    (block,) = blocks("docs/testing/other-languages.md", "bash")
    status, text = run("bash", "-euo", "pipefail", "-c", block)
    assert status == 0, text
    assert "throttled, as it should be" in text
