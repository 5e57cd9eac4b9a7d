"""Devices as a load: polls while there is nothing to do, and whole rollouts by `otagw simulate`."""

import contextlib
import hashlib
import hmac
import itertools
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import requests

from benchmarks import load
from benchmarks.gateway import HERE, Tree
from otagw.dialects.aliyun import client

PRODUCT = "benchfleet"
SIZE = 100_000
BEHAVIOUR = ("--ramp", "10", "--poll", "10", "--latency", "0.5", "--reboot", "1", "--fail", "0.02", "--break", "0.05")
HEAD = [
    "| protocol | devices | all ended | requests | per second | polls | p50 ms | p99 ms | errors |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
]
PROTOCOLS = ("device", "ddi")


class Server(Protocol):
    """What starts a gateway."""

    def __call__(self, application: str, workers: int, folder: str) -> AbstractContextManager[int]:
        """Serve; yield the port."""


def settle(folder: str, count: int, tree: Tree = HERE) -> None:
    """Import a fleet that has been at work for long: the first time that a device asks is another matter."""
    register(folder, count, tree)
    with contextlib.closing(_connect(folder)) as db, db:
        db.execute("UPDATE device SET activated = 1, seen = 1")


def _connect(folder: str) -> Any:
    if url := os.environ.get("OTAGW_DATABASE_URL"):
        import psycopg

        return psycopg.connect(url)
    return sqlite3.connect(Path(folder) / "otagw.db")


def register(folder: str, count: int, tree: Tree = HERE) -> None:
    """Import a fleet into a gateway's data."""
    path = Path(folder) / "fleet.csv"
    rows = "".join(f"{_name(number)},{_secret(number)},1.0.0\n" for number in range(count))
    path.write_text("DeviceName,DeviceSecret,FirmwareVersion\n" + rows, encoding="utf-8")
    words = ["devices", "import", str(path), "--product", PRODUCT]
    command, environ = [tree.python, "-m", "otagw", *words], {**_environ(folder), "PYTHONPATH": str(tree.path)}
    subprocess.run(command, env=environ, cwd=tree.path, check=True, capture_output=True)


def polls() -> dict[str, Callable[[int, int], list[bytes]]]:
    """Return what makes polls, by protocol; each poll is of another device, so that it has not been heard of lately."""
    turn = itertools.count()

    def several(poll: Callable[[int, int], bytes]) -> Callable[[int, int], list[bytes]]:
        return lambda port, count: [poll(port, next(turn)) for _ in range(count)]

    return {f"poll, {protocol}": several(POLLS[protocol]) for protocol in PROTOCOLS}


def roll_out(server: Server, protocol: str, count: int) -> str:
    """Return a table row for a rollout to so many simulated devices, on a gateway of 2 processes and a worker."""
    with tempfile.TemporaryDirectory() as folder, server("serve", 2, folder) as port:
        register(folder, count)
        _begin(f"http://127.0.0.1:{port}")
        words = ["simulate", "--protocol", protocol, "--fleet", str(Path(folder) / "fleet.csv"), "--product", PRODUCT]
        command = [
            sys.executable,
            "-m",
            "otagw",
            *words,
            *BEHAVIOUR,
            "--endpoint",
            f"http://127.0.0.1:{port}",
            "--json",
        ]
        done = subprocess.run(command, env=_environ(folder), check=False, stdout=subprocess.PIPE)
    told = json.loads(done.stdout)
    polls, sent = told["requests"]["poll"], sum(kind["count"] for kind in told["requests"].values())
    row = (
        f"| {protocol} | {count:,} | {told['seconds']:.1f} s | {sent:,} | {sent / told['seconds']:,.0f} "
        f"| {polls['count']:,} | {polls['p50_ms']:.1f} | {polls['p99_ms']:.1f} | {sum(told['errors'].values())} |"
    )
    print(row, flush=True)
    return row


def _begin(url: str) -> None:
    def call(action: str, **params: str) -> dict[str, str]:
        answer = requests.get(client.v1(url, "benchid", "benchsecret", {"Action": action, **params}).url, timeout=60)
        found: dict[str, str] = answer.json()["Data"]
        return found

    form = call("GenerateOTAUploadURL")
    fields = {"key": form["Key"], "policy": form["Policy"], "Signature": form["Signature"]}
    fields["OSSAccessKeyId"] = form["OSSAccessKeyID"]
    posted = requests.post(form["Host"], data=fields, files={"file": os.urandom(SIZE)}, timeout=60)
    posted.raise_for_status()
    package = {"FirmwareName": "bench", "DestVersion": "2.0.0", "ProductKey": PRODUCT, "NeedToVerify": "false"}
    made = call("CreateOTAFirmware", FirmwareUrl=form["FirmwareUrl"], **package)
    call("CreateOTAStaticUpgradeJob", FirmwareId=made["FirmwareID"], ProductKey=PRODUCT, TargetSelection="ALL")


def _poll_device(port: int, number: int) -> bytes:
    path, now = f"/device/v1/{PRODUCT}/{_name(number)}/update", str(int(time.time()))
    token = hmac.new(_secret(number).encode(), f"GET\n{path}\n{now}\n".encode(), hashlib.sha256).hexdigest()
    return load.get(port, path, {"Authorization": f"Bearer {now}.{token}"})


def _poll_ddi(port: int, number: int) -> bytes:
    path = f"/{PRODUCT}/controller/v1/{_name(number)}"
    return load.get(port, path, {"Authorization": f"TargetToken {_secret(number)}"})


def _name(number: int) -> str:
    return f"device-{number:07}"


def _secret(number: int) -> str:
    return f"secret-{number:07}"


def _environ(folder: str) -> dict[str, str]:
    return {**os.environ, "OTAGW_CONFIG": "/dev/null", "OTAGW_DATA_DIR": folder}


POLLS = {"device": _poll_device, "ddi": _poll_ddi}
