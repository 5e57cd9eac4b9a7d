"""What the deployment tests start and look at: gunicorn and nginx by our configuration, raw requests, processes."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import requests

from tests import signer
from tests.conftest import KEY, ROOT, Live, free_port, need
from tests.deploy import pki
from tests.oss.conftest import fields_of
from tests.patience import HANG_SECONDS, eventually

# What most tests need of a gateway: each process more takes a second to start.
ALONE = ("serve", "--no-worker")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


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


def child(pid, word):
    """Return the child of a process whose command line has a word; wait until there is one."""

    def found():
        with contextlib.suppress(OSError):
            return [
                each
                for each in children(pid)
                if word.encode() in Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0")
            ]

    return eventually(found)[0]


def gunicorn_of(gateway):
    return child(gateway.process.pid, "gunicorn")


def worker_of(gateway):
    return child(gateway.process.pid, "worker")


def ignores(number, pid):
    """Return whether a process ignores a signal: our workers leave SIGINT to the master as soon as they are set up."""
    mask = re.search(r"SigIgn:\s*([0-9a-f]+)", Path(f"/proc/{pid}/status").read_text())
    return bool(mask and int(mask[1], 16) >> (number - 1) & 1)


class Gunicorn(Live):
    """A gateway under gunicorn alone, by a configuration file."""

    def start(self, config="config/gunicorn.conf.py", *options):
        command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / config), *options, "otagw.wsgi:app"]
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


def send(port, data, seconds=HANG_SECONDS):
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


def fill(connection, data):
    """Send again and again until nobody takes any more."""
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while connection.send(data):
            pass


def curl(program, url, *options):
    """Return curl's answer."""
    command = [program, "-sS", "-i", "--max-time", f"{HANG_SECONDS:g}", "-H", "Expect:", *options, url]
    done = subprocess.run(command, capture_output=True, check=False, timeout=HANG_SECONDS)
    assert done.returncode == 0, done.stderr
    return parse(done.stdout)


def assert_documented(reply, status, code):
    """Check that an answer is a refusal in the documented spelling, its request id in body and header."""
    assert (reply.status, reply.json["Code"]) == (status, code)
    hint = {"Recommend"} if code == "SignatureDoesNotMatch" else set()
    assert set(reply.json) == {"Code", "ErrorMessage", "RequestID", "Success", *hint}
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
    """The real nginx by config/nginx.conf, but for ports, paths and ``changes``. ``upstream`` is a port, or several."""

    def __init__(self, program, folder, upstream, changes=(), user="root"):
        self.program, self.folder, self.port = program, folder, free_port()
        self.user = f"user {user}; " if os.geteuid() == 0 else ""  # only root can choose
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"https://{self.host}"
        several = upstream if isinstance(upstream, list) else []
        servers = [f"server 127.0.0.1:{port} fail_timeout=2s;" for port in several] or [f"server 127.0.0.1:{upstream};"]
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = (ROOT / "config/nginx.conf").read_text(encoding="utf-8")
        for old, new in (
            ("listen 8686 ssl ", f"listen 127.0.0.1:{self.port} ssl "),
            ("server 127.0.0.1:8687;", "\n".join(servers)),
            ("/etc/otagw/tls.crt", str(folder / "tls.crt")),
            ("/etc/otagw/tls.key", str(folder / "tls.key")),
            ("alias /var/lib/otagw/files/;", f"alias {folder}/data/files/;"),
            ("pid /run/nginx.pid;", f"pid {folder}/pid;"),
            ("/var/log/nginx/error.log", str(folder / "error.log")),
            ("/var/log/nginx/access.log", str(folder / "access.log")),
            ("http {\n", "http {\n" + temporary),
            *changes,
        ):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        self.process = None

    def command(self, *words):
        return [
            self.program,
            "-p",
            self.folder,
            "-c",
            self.folder / "nginx.conf",
            "-g",
            self.user + "daemon off;",
            *words,
        ]

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
        self.process.wait(HANG_SECONDS)

    def log(self, name="access.log"):
        return (self.folder / name).read_text(encoding="utf-8")


class Site:
    """nginx, the gateway behind it, and a curl that trusts it."""

    def __init__(self, folder, upstream, gateway=None, changes=(), user="root"):
        self.ca = str(pki.make(folder))
        self.nginx = Nginx(need("nginx"), folder, upstream, changes, user)
        self.gateway, self.host, self.url = gateway, self.nginx.host, self.nginx.url

    def curl(self, path, *options):
        return curl(need("curl"), self.url + path, "--path-as-is", "--cacert", self.ca, *options)

    def line(self, reply):
        """Return the gateway's log line of a request."""
        identity = reply.headers["x-request-id"]
        return eventually(lambda: [line for line in self.gateway.log().splitlines() if identity in line])[0]


class Store:
    """Call Actions at an address, upload with curl, and download with requests."""

    def __init__(self, gateway, url, ca=None):
        self.gateway, self.url, self.ca = gateway, url, ca

    def call(self, action, **params):
        query = signer.query(signer.v1(KEY, action, **params))
        return requests.get(f"{self.url}/?{query}", verify=self.ca, timeout=HANG_SECONDS).json()

    def announce(self):
        return self.call("GenerateOTAUploadURL")["Data"]

    def post(self, data, path, *options, **changes):
        """Return curl's command line that uploads a file by the form."""
        fields = {**fields_of(data), **changes}
        words = [word for name, value in fields.items() for word in ("-F", f"{name}={value}")]
        trust = ["--cacert", self.ca] if self.ca else []
        return [
            need("curl"),
            "-sS",
            "-i",
            *trust,
            "-H",
            "Expect:",
            *options,
            *words,
            "-F",
            f"file=@{path}",
            data["Host"],
        ]

    def upload(self, path):
        """Upload a file; return the link that it has then."""
        data = self.announce()
        done = subprocess.run(self.post(data, path), capture_output=True, check=True, timeout=HANG_SECONDS)
        assert parse(done.stdout).status == 204, done.stdout
        url = data["FirmwareUrl"]
        made = self.call("CreateOTAFirmware", FirmwareName=data["Key"][-40:-4], DestVersion="1", FirmwareUrl=url)
        found = self.call("QueryOTAFirmware", FirmwareId=made["Data"]["FirmwareID"])["FirmwareInfo"]
        assert found["FirmwareSize"] == path.stat().st_size
        return found["FirmwareUrl"]

    def get(self, link, method="GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(method, link, headers=headers, verify=self.ca, timeout=HANG_SECONDS)

    def lines(self, response):
        """Return the gateway's own log lines of an answer."""
        identity = response.headers["X-Request-Id"]
        return eventually(lambda: [line for line in self.gateway.log().splitlines() if identity in line])

    def stored(self):
        return {path for path in (self.gateway.folder / "data/files").rglob("*") if path.is_file()}
