"""How gunicorn runs the gateway: its options, and the supervisor of ``otagw serve``."""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any, Final

from otagw.settings import Settings

STOP_SECONDS: Final = 30


def options(settings: Settings) -> dict[str, Any]:
    """Return gunicorn's settings: what ``config/gunicorn.conf.py`` holds."""
    return {
        "bind": settings.bind,
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": "gthread",
        "limit_request_line": 0,
        "control_socket_disable": True,
        "accesslog": None,
        "certfile": settings.tls_cert or None,
        "keyfile": settings.tls_key or None,
    }


def command() -> list[str]:
    """Return the command line of gunicorn with these options."""
    return [sys.executable, "-m", "gunicorn", "-c", "python:otagw.gunicorn_config", "otagw.wsgi:app"]


def supervise(commands: Sequence[Sequence[str]]) -> int:
    """Run the commands until one of them ends, then stop the others; return the first one's exit status.

    SIGTERM, SIGINT and SIGHUP are passed on to all.
    """
    children = [subprocess.Popen(command) for command in commands]  # noqa: S603 - our own command lines

    def forward(number: int, _: FrameType | None) -> None:
        for child in children:
            if child.poll() is None:
                child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, forward)
    while all(child.poll() is None for child in children):
        time.sleep(0.2)
    status = next(child.returncode for child in children if child.returncode is not None)
    forward(signal.SIGTERM, None)
    for child in children:
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
    return status
