"""The story of ``make demo``: the commands that a newcomer would run, and the gateway's answers.

Signals raise nothing here: the story asks ``go_on`` between two steps and while it waits, so that every process that it
has started has ended when it ends.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
import requests

PRODUCT: Final = "a1demo"
DEVICES: Final = 50
SIZE: Final = 300_000
BEHAVIOUR: Final = (
    *("--poll", "3", "--ramp", "4", "--latency", "1.5", "--reboot", "2"),
    *("--fail", "0.08", "--break", "0.2", "--crash", "0.1", "--concurrency", "8"),
)
READY_SECONDS: Final = 30
# How long at most until a signal is noticed while a command runs.
TICK: Final = 0.1


class Wrong(Exception):
    """Say which step of the demo failed."""


class Stopped(Exception):
    """Say that a signal ends the story."""


def tell(folder: Path, go_on: Callable[[], bool]) -> None:
    """Tell the story with its files in a folder; raise `Stopped` when ``go_on`` says no, `Wrong` if it goes wrong."""
    story = Story(folder, go_on)
    try:
        with story.gateway():
            job = story.prepare()
            story.simulate()
            story.judge(job)
    except (Wrong, requests.RequestException) as error:
        # A signal to a whole group also ends a command that has been started but has no session of its own yet.
        if not go_on():
            raise Stopped from None
        raise Wrong(error) from None


class Story:
    """A gateway of its own, on a free port, with all it keeps in one folder."""

    def __init__(self, folder: Path, go_on: Callable[[], bool]) -> None:
        self.folder, self.go_on = folder, go_on
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            bind = f"127.0.0.1:{probe.getsockname()[1]}"
        self.url = f"http://{bind}"
        given = {name: value for name, value in os.environ.items() if not name.startswith(("OTAGW_", "ALIBABA_CLOUD_"))}
        own = {"OTAGW_CONFIG": os.devnull, "OTAGW_DATA_DIR": str(folder / "data"), "OTAGW_BIND": bind}
        self.environ: Mapping[str, str] = {**given, **own}

    @contextmanager
    def gateway(self) -> Iterator[None]:
        """Serve while the block runs."""
        self.otagw("migrate")
        self.otagw("keys", "create")
        with (
            open(self.folder / "log", "wb") as log,
            subprocess.Popen(  # noqa: S603 - our own command
                _command("serve"), env=self.environ, stdout=log, stderr=log, start_new_session=True
            ) as process,
        ):
            try:
                self._wait_until_ready(process)
                click.echo(f"A gateway serves on {self.url}, with an empty database.")
                yield
            finally:
                process.terminate()
                process.wait()

    def prepare(self) -> str:
        """Upload a package and make a rollout of it to a whole product; return the job's id."""
        form = self.call("GenerateOTAUploadURL", FileSuffix="bin")
        fields = {"key": form["Key"], "policy": form["Policy"], "Signature": form["Signature"]}
        fields["OSSAccessKeyId"] = form["OSSAccessKeyID"]
        answer = requests.post(form["Host"], data=fields, files={"file": secrets.token_bytes(SIZE)}, timeout=30)
        answer.raise_for_status()
        click.echo(f"GenerateOTAUploadURL, and {SIZE:,} bytes of firmware uploaded by its form.")
        named = {"FirmwareName": "door-lock", "DestVersion": "2.0.0", "ProductKey": PRODUCT, "NeedToVerify": "false"}
        package = self.call("CreateOTAFirmware", FirmwareUrl=form["FirmwareUrl"], **named)["FirmwareID"]
        click.echo(f"CreateOTAFirmware: package {package}, version 2.0.0.")
        rows = "".join(f"lock-{number:04},{secrets.token_hex(16)},1.0.0\n" for number in range(1, DEVICES + 1))
        self._fleet.write_text("DeviceName,DeviceSecret,FirmwareVersion\n" + rows, encoding="utf-8")
        self.otagw("devices", "import", str(self._fleet), "--product", PRODUCT)
        click.echo(f"otagw devices import: {DEVICES} locks, which run 1.0.0.")
        target = {"FirmwareId": package, "ProductKey": PRODUCT, "TargetSelection": "ALL"}
        job = str(self.call("CreateOTAStaticUpgradeJob", **target)["JobID"])
        click.echo(f"CreateOTAStaticUpgradeJob: job {job}, for all of them.\n")
        return job

    def simulate(self) -> None:
        """Run the devices; the bar is theirs, and the figures are kept for `judge`."""
        words = ("simulate", "--fleet", str(self._fleet), "--product", PRODUCT, *BEHAVIOUR, "--json")
        status, out, _ = self._run(words, stderr=None)
        if status:
            raise Wrong(f"devices got answers that are not as they should be: {out}")
        self.figures = json.loads(out)

    def judge(self, job: str) -> None:
        """Show how it went by the gateway's own answers, and compare them with what the devices went through."""
        state = self.call("QueryOTAJob", JobId=job)["JobStatus"]
        tasks = self.call("ListOTATaskByJob", JobId=job, PageSize="100", CurrentPage="1")["SimpleOTATaskInfo"]
        states = Counter(task["TaskStatus"] for task in tasks)
        said = Counter(task["TaskDesc"] for task in tasks if task["TaskStatus"] == "FAILED")
        click.echo(f"\nQueryOTAJob: the job is {state}. ListOTATaskByJob:\n")
        for name, number in states.most_common():
            click.echo(f"  {name:<10}{number:>5}")
        for text, number in said.most_common():
            click.echo(f"  {'':<10}{number:>5}  {text}")
        figures, polls = self.figures, self.figures["requests"]["poll"]
        click.echo(
            f"\n{figures['resumed']} downloads broke off and were resumed, {figures['crashes']} devices crashed and"
            f" came back.\n{polls['count']} polls, half of them answered within {polls['p50_ms']:.0f} ms."
        )
        wanted = Counter({"SUCCEEDED": figures["succeeded"], "FAILED": figures["failed"]})
        if state != "COMPLETED" or +wanted != states or sum(states.values()) != DEVICES:
            raise Wrong(f"the devices tell it otherwise: {+wanted}")

    def call(self, action: str, **params: str) -> dict[str, Any]:
        """Call an Action by `otagw call`, which signs as the vendors' SDKs do; return its data."""
        answer = json.loads(self.otagw("call", action, *(f"{name}={value}" for name, value in params.items())))
        found: dict[str, Any] = answer["Data"]
        return found

    def otagw(self, *words: str) -> str:
        """Run a command of this gateway's; return what it prints."""
        status, out, problem = self._run(words, stderr=subprocess.PIPE)
        if status:
            raise Wrong(f"otagw {' '.join(words[:2])}: {out}{problem}")
        return out

    def _run(self, words: Sequence[str], stderr: int | None) -> tuple[int, str, str]:
        """Run a command to its end, or kill it when a signal comes; return its status, output and errors.

        In a session of its own no command gets the Ctrl-C of a terminal: this process alone ends them.
        """
        self._check()
        with subprocess.Popen(  # noqa: S603 - our own commands
            _command(*words), env=self.environ, stdout=subprocess.PIPE, stderr=stderr, text=True, start_new_session=True
        ) as process:
            try:
                while True:
                    try:
                        out, problem = process.communicate(timeout=TICK)
                        return process.returncode, out, problem or ""
                    except subprocess.TimeoutExpired:
                        self._check()
            finally:
                process.kill()

    def _check(self) -> None:
        if not self.go_on():
            raise Stopped

    @property
    def _fleet(self) -> Path:
        return self.folder / "fleet.csv"

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + READY_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            self._check()
            try:
                if requests.get(f"{self.url}/readyz", timeout=5).ok:
                    return
            except (requests.ConnectionError, requests.Timeout):
                time.sleep(TICK)
        raise Wrong((self.folder / "log").read_text(encoding="utf-8"))


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "otagw", *words]
