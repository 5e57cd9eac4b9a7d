"""How gunicorn runs the gateway: its options, and the supervisor of ``otagw serve``."""

import contextlib
import ctypes
import logging
import os
import queue
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from otagw import extras, settings
from otagw.settings import Settings

log = logging.getLogger("otagw.serve")
GRACEFUL_SECONDS: Final = 30
# Longer than gunicorn needs to give up on a request, shorter than TimeoutStopSec in config/otagw.service.
STOP_SECONDS: Final = GRACEFUL_SECONDS + 5
_PR_SET_PDEATHSIG: Final = 1
# Where a process says that it is up, if its supervisor waits for that: the number of an open pipe.
_READY_FD: Final = "OTAGW_READY_FD"
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def options(chosen: Settings) -> dict[str, Any]:
    """Return gunicorn's settings: what ``config/gunicorn.conf.py`` holds."""
    return {
        "bind": chosen.bind,
        "workers": chosen.workers,
        "threads": chosen.threads,
        "worker_class": "otagw.server.edge.Worker",
        "logger_class": "otagw.server.edge.Log",
        "accesslog": None,
        "certfile": chosen.tls_cert or None,
        "keyfile": chosen.tls_key or None,
        # The edge limits the head as a whole; a line or a field may take all of it.
        "limit_request_line": 0,
        "limit_request_field_size": 256 * 1024,
        "limit_request_fields": 200,
        # An accelerator that happens to be installed has limits of its own.
        "http_parser": "python",
        # Whom to believe is said once, by trusted_proxies.
        "secure_scheme_headers": {},
        "forwarder_headers": "",
        "forwarded_allow_ips": "",
        # Also how long a new connection may say nothing. Half the file descriptors that Linux grants by default.
        "keepalive": 5,
        "worker_connections": 1000,
        "graceful_timeout": GRACEFUL_SECONDS,
        # How long one request may stop all others of a process. A database over a network is given up sooner, unless
        # it acknowledges and never answers.
        "timeout": 120,
        "control_socket_disable": True,
        "post_fork": pass_signals_on,
        "post_worker_init": say_ready,
        "worker_exit": write_what_was_heard,
    }


def pass_signals_on(arbiter: Any, worker: Any) -> None:
    """Give a process of gunicorn, just forked, what the handlers of its parent have taken for it since."""
    worker.early_signals = arbiter.SIG_QUEUE


def say_ready(_process: object = None) -> None:
    """Tell the supervisor that this process is up, where it waits for that; gunicorn calls this with its worker."""
    pipe = os.environ.get(_READY_FD)
    if pipe:
        with contextlib.suppress(OSError):  # full, after 65,536 restarts, or the supervisor is gone
            os.write(int(pipe), b".")


def write_what_was_heard(server: Any, worker: Any) -> None:
    """Let a process of gunicorn that ends forget nothing of which devices have asked."""
    application = getattr(worker, "wsgi", None)  # one that was stopped at its start has not loaded it
    if application:
        application.extensions["otagw"]["runtime"].close()


def command() -> list[str]:
    """Return the command line of gunicorn with these options.

    The configuration is a file, not a module, because gunicorn reads only a file anew on SIGHUP.
    """
    config = Path(__file__).with_name("gunicorn_config.py")
    return [sys.executable, "-m", "gunicorn", "-c", str(config), "otagw.wsgi:app"]


def worker_command() -> list[str]:
    """Return the command line of a worker."""
    return [sys.executable, "-m", "otagw", "worker"]


def metrics_command() -> list[str]:
    """Return the command line of the exporter of metrics."""
    return [sys.executable, "-m", "otagw", "metrics"]


def mqtt_command() -> list[str]:
    """Return the command line of the server of devices that speak MQTT."""
    return [sys.executable, "-m", "otagw", "mqtt"]


def check(chosen: Settings) -> None:
    """Raise `settings.SettingsError` for a package that is missing, and for a certificate that cannot be used.

    gunicorn would notice the certificate at the first request.
    """
    extras.check(chosen)
    if chosen.tls_cert:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(chosen.tls_cert, chosen.tls_key)
        except OSError as error:
            raise settings.SettingsError(f"tls_cert, tls_key: expected a readable pair ({error})") from None


def check_free(chosen: Settings) -> None:
    """Raise `settings.SettingsError` if nobody can listen on the addresses; gunicorn would try for five seconds."""
    for bind in filter(None, (chosen.bind, chosen.metrics_bind, chosen.mqtt_bind, chosen.mqtt_tls_bind)):
        _check_free(bind)


def _check_free(bind: str) -> None:
    host, _, port = bind.rpartition(":")
    if host == "unix":
        return
    host = host.strip("[]")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise settings.SettingsError(f"cannot serve on {bind}: {error.strerror}") from None


def can_reload(check: Callable[[Settings], None] = check) -> bool:
    """Return whether the settings can be loaded anew; if not, log why, and what runs goes on as it is."""
    try:
        check(settings.load())
    except settings.SettingsError as error:
        log.error("the settings stay as they are: %s", error)
        return False
    return True


@dataclass(frozen=True)
class Greeting:
    """What to do once so many processes have called `say_ready`."""

    processes: int
    say: Callable[[], None]


def supervise(
    commands: Sequence[Sequence[str]],
    can_reload: Callable[[], bool] = can_reload,
    greeting: Greeting | None = None,
) -> int:
    """Run the commands until one of them ends or a signal says so, then stop all; return the exit status.

    SIGTERM and SIGINT stop, which is status 0. SIGHUP is passed on, unless ``can_reload`` says no. A command that ends
    by itself is a failure, whatever its own status. If this process is killed, Linux stops the commands.
    """
    received = signals()
    ready, told = os.pipe()  # open until the end: a process that is started anew tells it again
    os.set_blocking(ready, False)
    os.set_blocking(told, False)
    environ = {**os.environ, _READY_FD: str(told)} if greeting else None
    passed = [told] if greeting else []
    children = [
        subprocess.Popen(command, preexec_fn=_begin, env=environ, pass_fds=passed)  # noqa: S603, PLW1509 - our own commands, and no threads
        for command in commands
    ]
    status = _watch(children, received, can_reload, _greeter(greeting, ready))
    _stop(children)
    os.close(ready)
    os.close(told)
    return status


def _greeter(greeting: Greeting | None, ready: int) -> Callable[[], None]:
    """Return what looks at a pipe and greets, once, when enough processes are up."""
    waiting = [greeting] if greeting else []
    seen = 0

    def look() -> None:
        nonlocal seen
        with contextlib.suppress(BlockingIOError):
            seen += len(os.read(ready, 64)) if waiting else 0
        if waiting and seen >= waiting[0].processes:
            waiting.pop().say()

    return look


def signals() -> "queue.SimpleQueue[int]":
    """Return where SIGTERM, SIGINT and SIGHUP arrive from now on; unlike other queues, a handler may fill this one."""
    received: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in _SIGNALS:
        signal.signal(number, lambda number, _: received.put(number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    return received


def restart(command: Sequence[str], received: "queue.SimpleQueue[int]") -> None:
    """Replace this process by a command that begins with `signals`; return if it has been told to stop.

    What arrives from now on waits until then: a process that is being replaced keeps its blocked signals.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    while not received.empty():
        if received.get() in (signal.SIGTERM, signal.SIGINT):
            return
    os.execv(command[0], list(command))  # noqa: S606 - a command of our own


def _watch(
    children: Sequence[subprocess.Popen[bytes]],
    received: queue.SimpleQueue[int],
    can_reload: Callable[[], bool],
    look: Callable[[], None],
) -> int:
    """Return when it is time to stop, with the exit status; ``look`` is called five times a second."""
    while all(child.poll() is None for child in children):
        look()
        try:
            number = received.get(timeout=0.2)
        except queue.Empty:
            continue
        if number != signal.SIGHUP:
            return 0
        if can_reload():
            for child in children:
                child.send_signal(signal.SIGHUP)
    child = next(child for child in children if child.returncode is not None)
    log.error("a process ended by itself, with status %s", child.returncode, extra={"command": _words(child)})
    return 128 - child.returncode if child.returncode < 0 else child.returncode or 1


def _stop(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        try:
            child.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _words(child: subprocess.Popen[bytes]) -> str:
    return shlex.join(str(word) for word in cast("list[str]", child.args)[1:])


def _begin() -> None:
    """Let a child end with its parent, and wait for the parent's word until it has its own handlers."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
