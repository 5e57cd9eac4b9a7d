"""What the deployment tests start and look at: gunicorn and nginx by our configuration, raw requests, processes."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT, Live, free_port

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def eventually(condition, seconds=15):
    """Wait until a condition holds; return what it returned."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
    return result


def session(leader):
    """Return the processes of a session that have not ended."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if fields[0] not in "ZX" and int(fields[3]) == leader:
                found.add(int(status.parent.name))
    return found


def children(pid):
    return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def ignores(number, pid):
    """Return whether a process ignores a signal: our workers leave SIGINT to the master as soon as they are set up."""
    mask = re.search(r"SigIgn:\s*([0-9a-f]+)", Path(f"/proc/{pid}/status").read_text())
    return bool(mask and int(mask[1], 16) >> (number - 1) & 1)


class Gunicorn(Live):
    """A gateway under gunicorn alone, by a configuration file."""

    def start(self, config="config/gunicorn.conf.py"):
        command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / config), "otagw.wsgi:app"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environ, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )
        self.wait()
        return self


@dataclass
class Reply:
    """An HTTP answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def parse(data):
    """Read one answer; None if the connection was closed without one."""
    if not data:
        return None
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Reply(int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}, body)


def send(port, data, seconds=10):
    """Send bytes; return what comes back until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
        return read(connection)


def read(connection):
    """Return what comes until the other side closes."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65536):
            found += chunk
    return found


def curl(program, url, *options):
    """Return curl's answer."""
    command = [program, "-sS", "-i", "--max-time", "20", "-H", "Expect:", *options, url]
    done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    return parse(done.stdout)


def assert_documented(reply, status, code):
    """Check that an answer is a refusal in the documented spelling, its request id in body and header."""
    assert (reply.status, reply.json["Code"]) == (status, code)
    assert set(reply.json) == {"Code", "ErrorMessage", "RequestID", "Success"}
    _assert_identified(reply, reply.json["RequestID"])


def assert_alibaba(reply, status, code):
    """Check that an answer is a refusal as Alibaba's SDKs read it."""
    assert (reply.status, reply.json["Code"]) == (status, code)
    assert set(reply.json) == {"Code", "Message", "RequestId", "HostId", "Recommend"}
    _assert_identified(reply, reply.json["RequestId"])


def _assert_identified(reply, identity):
    assert UUID.fullmatch(identity)
    assert reply.headers["x-request-id"] == identity
    assert reply.headers["content-type"] == "application/json;charset=utf-8"


class Nginx:
    """The real nginx by config/nginx.conf; only ports and paths are of the test."""

    def __init__(self, program, folder, upstream):
        self.program, self.folder, self.port = program, folder, free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"https://{self.host}"
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = (ROOT / "config/nginx.conf").read_text(encoding="utf-8")
        for old, new in (
            ("listen 8686 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
            ("server 127.0.0.1:8687;", f"server 127.0.0.1:{upstream};"),
            ("/etc/otagw/tls.crt", str(folder / "tls.crt")),
            ("/etc/otagw/tls.key", str(folder / "tls.key")),
            ("pid /run/nginx.pid;", f"pid {folder}/pid;"),
            ("/var/log/nginx/error.log", str(folder / "error.log")),
            ("/var/log/nginx/access.log", str(folder / "access.log")),
            ("http {\n", "http {\n" + temporary),
        ):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        self.process = None

    def command(self, *words):
        user = "user root; " if os.geteuid() == 0 else ""  # the folders of the tests belong to who runs them
        return [self.program, "-p", self.folder, "-c", self.folder / "nginx.conf", "-g", user + "daemon off;", *words]

    def start(self):
        self.process = subprocess.Popen(self.command(), stderr=subprocess.DEVNULL)
        eventually(self._answers)
        return self

    def _answers(self):
        assert self.process.poll() is None, self.log("error.log")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    def log(self, name="access.log"):
        return (self.folder / name).read_text(encoding="utf-8")
