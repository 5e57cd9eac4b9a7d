"""The samples of docs/sdks.md, taken from the page itself, so that it cannot say what does not run."""

import json
import re
import subprocess
import sys

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


LOOP = """
import contextlib, io, json, sys, traceback
for line in sys.stdin:
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            exec(compile(json.loads(line), "sample", "exec"), {"__name__": "__main__"})
    except BaseException:
        said = io.StringIO(traceback.format_exc())
    print(json.dumps(said.getvalue()), flush=True)
"""


class Python:
    """One process that runs samples one after another: the SDKs are imported once."""

    def __enter__(self):
        command = [sys.executable, "-W", "ignore", "-c", LOOP]
        self.process = subprocess.Popen(
            command, cwd=conftest.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_):
        self.process.communicate(timeout=HANG_SECONDS)

    def run(self, code):
        """Run a sample; return what it prints."""
        self.process.stdin.write(json.dumps(code) + "\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        assert "Traceback" not in said, said
        return said.strip()


def run_node(node, code):
    """Run a sample in a process of its own; return what it prints."""
    done = subprocess.run(
        [node, "-"], check=False, input=code, cwd=NODE, capture_output=True, text=True, timeout=HANG_SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
