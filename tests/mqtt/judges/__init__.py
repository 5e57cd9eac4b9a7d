"""Devices with the vendors' own SDKs, each in a process; what they need is installed into build/, once."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv

import pytest

from tests.conftest import REQUIRED, ROOT, need
from tests.patience import HANG_SECONDS

FOLDER = ROOT / "tests/mqtt/judges"
BUILD = ROOT / "build/judges"


def _missing(what, why):
    message = f"needs {what}: {why}"
    pytest.fail(message) if REQUIRED == "all" else pytest.skip(message)


@contextlib.contextmanager
def _made_once(*locks):
    """Give a folder for what these files say, and whether it is complete; only one process of tests has it."""
    digest = hashlib.sha256(b"".join((FOLDER / lock).read_bytes() for lock in locks)).hexdigest()[:12]
    folder = BUILD / f"{locks[0].partition('.')[0]}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder, folder / "done"


def _run(what, *command, **options):
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=HANG_SECONDS, **options)
    if done.returncode:
        _missing(what, f"{done.stderr[-500:]}")


def python():
    """Return the Python that has Alibaba's SDK of devices."""
    with _made_once("requirements.lock") as (folder, done):
        path = folder / "venv/bin/python"
        if not done.exists():
            shutil.rmtree(folder / "venv", ignore_errors=True)
            venv.create(folder / "venv", with_pip=True)
            pip = [path, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--require-hashes"]
            _run(
                "Alibaba's Python SDK of devices, which pip could not install", *pip, "-r", FOLDER / "requirements.lock"
            )
            done.touch()
    return path


def node():
    """Return the path of Node, and where its modules are."""
    path, npm = need("node"), need("npm")
    with _made_once("package.json", "package-lock.json") as (folder, done):
        if not done.exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(FOLDER / name, folder)
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            _run("Alibaba's Node SDK of devices, which npm could not install", *command, cwd=folder)
            done.touch()
    return path, folder / "node_modules"


class Judge:
    """A device with an SDK, in a process of its own."""

    def __init__(self, language, **given):
        environ = dict(os.environ)
        if language == "python":
            command = [python(), FOLDER / "alibaba.py"]
        else:
            path, modules = node()
            command = [path, FOLDER / "alibaba.js"]
            environ["NODE_PATH"] = str(modules)
        self.process = subprocess.Popen(
            [*command, json.dumps(given)],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.stdout.close()
        self.process.wait(HANG_SECONDS)

    def hear(self):
        """Return what happens next to it."""
        line = self.process.stdout.readline()
        assert line, "the device has ended"
        return json.loads(line)
