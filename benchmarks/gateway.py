"""The servers that are measured, each in a folder of its own."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import load

ROOT = Path(__file__).parent.parent
KEY = ("benchid", "benchsecret")
GUNICORN = ["-m", "gunicorn", "-c", "config/gunicorn.conf.py"]
# What shares are of, and the same route by the gateway's own edge.
YARDSTICK, BARE = "bare Flask route", "the same by our edge"


@dataclass(frozen=True)
class Tree:
    """A checkout of the project, and the Python that runs it."""

    path: Path = ROOT
    python: str = sys.executable


HERE = Tree()


def free_port() -> int:
    """Return a port of this machine that nobody serves on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Return when somebody serves on a port, or half a minute later."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.05)


def prepare(workers: int, folder: str, tree: Tree = HERE) -> tuple[int, dict[str, str]]:
    """Make a migrated database with a key in a folder; return a free port, and the environment to serve it in."""
    port = free_port()
    environ = {
        **os.environ,
        "OTAGW_CONFIG": "/dev/null",
        "OTAGW_DATA_DIR": folder,
        "OTAGW_BIND": f"127.0.0.1:{port}",
        "OTAGW_WORKERS": str(workers),
        "PYTHONPATH": str(tree.path),
    }
    otagw = [tree.python, "-m", "otagw"]
    subprocess.run([*otagw, "migrate"], env=environ, cwd=tree.path, check=True, capture_output=True)
    key = ["keys", "create", "--id", KEY[0], "--secret", KEY[1]]
    subprocess.run([*otagw, *key], env=environ, cwd=tree.path, check=False, capture_output=True)
    return port, environ


@contextlib.contextmanager
def server(
    application: str, workers: int, folder: str, pids: list[int] | None = None, tree: Tree = HERE
) -> Iterator[int]:
    """Serve an application with the gateway's own gunicorn settings, or "serve" as operators do.

    The yardstick is served by gunicorn's sync worker, as gunicorn comes. Yield the port, and note the process in
    ``pids``.
    """
    port, environ = prepare(workers, folder, tree)
    plain = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", str(workers)]
    command = {
        "serve": [tree.python, "-m", "otagw", "serve"],
        YARDSTICK: [*plain, "--no-control-socket", "benchmarks.bare:app"],
    }.get(application, [tree.python, *GUNICORN, application])
    with (
        open(Path(folder) / f"{port}.log", "wb") as log,
        subprocess.Popen(command, env=environ, cwd=tree.path, stderr=log, stdout=log) as master,
    ):
        if pids is not None:
            pids.append(master.pid)
        try:
            wait_for(port)
            load.run(port, [load.get(port, "/")] * 50, 4)
            yield port
        finally:
            master.terminate()
            master.wait(30)
