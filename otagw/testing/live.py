"""The real gateway for tests: its own processes, as `otagw serve` starts them, on a folder of its own."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import requests

from otagw.ota.webhooks.webhooks import SECRET_LENGTH
from otagw.simulator.transport import Transport
from otagw.testing import seeds, wsgi
from otagw.testing.api import Account, Api, Key
from otagw.testing.clients import Clients, Place, environment
from otagw.testing.double import KEY_ID, SECRET
from otagw.testing.fleet import Devices
from otagw.testing.releases import Packages, Rollouts
from otagw.testing.webhooks import Webhooks

START_SECONDS: Final = 60
STOP_SECONDS: Final = 30
_TICK: Final = 0.05
_PREPARE: Final = f"""
from otagw.cli import main
main(["migrate"], standalone_mode=False)
main(["keys", "create", "--id", {KEY_ID!r}, "--secret", {SECRET!r}], standalone_mode=False)
"""


class Failed(RuntimeError):
    """Say what a command of the gateway said when it failed."""


class Accounts:
    """The accounts that a test makes beside ``main``."""

    def __init__(self, gateway: "LiveGateway") -> None:
        self._gateway = gateway

    def add(
        self, name: str, grants: Sequence[str] = ("*",), *, key_id: str | None = None, secret: str | None = None
    ) -> Account:
        """Make a key for an account, which is made where it is new; return both."""
        key = Key(key_id or f"{name}id", secret or f"{name}secret")
        given = [word for grant in grants for word in ("--grant", grant)]
        self._gateway.run("keys", "create", "--id", key.id, "--secret", key.secret, "--account", name, *given)
        return Account(name, key, self._gateway.api(key))


class LiveGateway:
    """A gateway under gunicorn: url, keys, seed and devices, but no clock, faults, calls or snapshot.

    ``folder`` has its data and its log. Raises `Failed` with the log's end where it does not start.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.key: Final = Key(KEY_ID, SECRET)
        self.ca: Path | None = None
        self._given = {name: value for name, value in (settings or {}).items() if name not in ("tls", "seed")}
        self._process: subprocess.Popen[bytes] | None = None
        self._http = requests.Session()
        self._http.trust_env = False
        self.host = ""
        main = self.api(self.key)
        self.accounts = Accounts(self)
        self.clients = Clients(lambda: Place(self.url, None), self.key)
        self.packages, self.rollouts = Packages(main), Rollouts(main)
        self.devices = Devices(self, lambda: self.url, Transport)
        self.webhooks = Webhooks(self._webhook, lambda: os.urandom(SECRET_LENGTH // 2).hex())

    def __enter__(self) -> Self:
        """Start it."""
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()

    def close(self) -> None:
        """End its processes; what is being answered is finished."""
        self.webhooks.clear()
        self._http.close()
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @property
    def url(self) -> str:
        """Return its URL, without a slash at its end."""
        return f"http://{self.host}"

    @property
    def threads(self) -> list[threading.Thread]:
        """Return the threads that it has started, for tests that look whether one is left behind."""
        return self.webhooks.threads

    @property
    def env(self) -> dict[str, str]:
        """Return what a program of its own process needs in its environment to find the gateway and its key."""
        return environment(self.url, self.key)

    def api(self, key: Key) -> Api:
        """Return the Actions of the gateway for a key."""
        return Api(lambda: self.url, key, self._send)

    def call(self, action: str, /, *, key: Key | None = None, **params: Any) -> dict[str, Any]:
        """Call an Action and return the envelope of its answer, be it a refusal."""
        return self.api(key or self.key).call(action, **params)

    def sign(self, action: str, /, *, key: Key | None = None, **params: Any) -> str:
        """Return a URL that calls an Action once, for any client."""
        return self.api(key or self.key).sign(action, **params)

    def seed(self, what: Mapping[str, Any] | str | Path) -> seeds.Seeded:
        """Make what a TOML file or a mapping says; see `otagw.testing.gateway.Gateway.seed`."""
        return seeds.sow(self, seeds.read(what))

    def run(self, *words: str) -> str:
        """Run a command of otagw on the data of this gateway; return what it printed, or raise `Failed`."""
        return self._run([sys.executable, "-m", "otagw", *words])

    def product(self, key: str, name: str | None = None, account: str = "main") -> None:
        """Make a product of a key."""
        self.run("products", "create", name or key, "--key", key, "--account", account)

    def register(self, product: str, names: Sequence[str], version: str, account: str) -> Mapping[str, str]:
        """Register devices, of a product that is made where it is new; return their secrets by name."""
        secrets = {name: f"{name}-secret".ljust(32, "0")[:64] for name in names}
        rows = ["ProductKey,DeviceName,DeviceSecret,FirmwareVersion"]
        rows += [f"{product},{name},{secrets[name]},{version}" for name in names]
        with tempfile.NamedTemporaryFile("w", suffix=".csv", dir=self.folder) as file:
            file.write("\n".join(rows) + "\n")
            file.flush()
            self.run("devices", "import", file.name, "--account", account)
        return secrets

    def log(self) -> str:
        """Return what the gateway has logged."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def _start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.host = f"127.0.0.1:{_free_port()}"
        self._run([sys.executable, "-c", _PREPARE])
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "otagw", "serve"],
                env=self._environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise Failed(f"otagw serve ended at its start:\n{self.log()[-2000:]}")
            with contextlib.suppress(requests.RequestException):
                if self._http.get(f"{self.url}/readyz", timeout=START_SECONDS).ok:
                    return
            time.sleep(_TICK)
        raise Failed(f"otagw serve did not answer within {START_SECONDS} s:\n{self.log()[-2000:]}")

    @property
    def _environ(self) -> dict[str, str]:
        outer = {name: value for name, value in os.environ.items() if not name.startswith("OTAGW_")}
        own = {"config": os.devnull, "data_dir": str(self.folder / "data"), "bind": self.host, "throttle": "off"}
        given = {**own, **self._given}
        return outer | {f"OTAGW_{name.upper()}": _text(value) for name, value in given.items()}

    def _run(self, command: Sequence[str]) -> str:
        done = subprocess.run(  # noqa: S603 - our own commands
            command, check=False, env=self._environ, capture_output=True, text=True, timeout=START_SECONDS
        )
        if done.returncode:
            raise Failed(f"{' '.join(command[2:4])} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> wsgi.Response:
        answer = self._http.request(
            method, url, headers=dict(headers), data=body, allow_redirects=False, timeout=START_SECONDS
        )
        return wsgi.Response(answer.status_code, dict(answer.headers), answer.content)

    def _webhook(self, url: str, events: Sequence[str], secret: str | None, account: str) -> str:
        given = [word for event in events for word in ("--event", event)]
        chosen = ["--secret", secret] if secret else []
        return self.run("webhooks", "create", url, *given, *chosen, "--account", account)


def _text(value: Any) -> str:
    """Return a setting as the environment has it."""
    return value if isinstance(value, str) else json.dumps(list(value) if isinstance(value, tuple) else value)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
