"""The samples of docs/sdks.md, taken from the page itself, so that it cannot say what does not run."""

import re
import subprocess
import sys
from pathlib import Path

from tests import conftest
from tests.patience import HANG_SECONDS

PAGE = conftest.ROOT / "docs" / "sdks.md"
NODE = conftest.ROOT / "tests" / "node"
# A heading, and up to the next one the fenced block that stands under it.
_SECTION = re.compile(
    r"^## (?P<title>.+)\n(?:(?!^## |^```).*\n)*^```(?P<language>\w+)\n(?P<code>(?:.*\n)*?)^```$", re.M
)


def samples(language):
    """Return the page's code in a language, by heading."""
    page = PAGE.read_text(encoding="utf-8")
    return {found["title"]: found["code"] for found in _SECTION.finditer(page) if found["language"] == language}


def fit(code, host, key, name):
    """Put a real endpoint, key and firmware name where the page has its own."""
    for ours, real in (
        ("127.0.0.1:8686", host),
        ("YOUR_KEY_ID", key[0]),
        ("YOUR_KEY_SECRET", key[1]),
        ("door-lock-1", name),
    ):
        assert ours in code, f"the sample lacks {ours}"
        code = code.replace(ours, real)
    return code


def run(command, code, folder: Path = conftest.ROOT):
    """Run a sample in a process of its own; return what it prints."""
    done = subprocess.run(
        command, check=False, input=code, cwd=folder, capture_output=True, text=True, timeout=HANG_SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run_python(code):
    return run([sys.executable, "-W", "ignore", "-"], code)


def run_node(node, code):
    return run([node, "-"], code, NODE)
