"""What the tests of the simulator share: a clock that leaps, and a gateway of a few lines that says what it is told."""

import contextlib
import hashlib
import hmac
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from otagw.simulator import ddi, device
from otagw.simulator.devices import Behaviour, Device
from otagw.simulator.fleet import Fleet
from otagw.simulator.report import Report
from otagw.simulator.transport import Transport

SECRET = "s3cret"
CONTENT = bytes(range(256)) * 400


class Clock:
    """A clock that stands still, until whoever waits makes it leap."""

    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return self.seconds

    def pause(self, seconds):
        self.seconds += seconds


@pytest.fixture
def leaping():
    return Clock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self):
        length = self.headers.get("Content-Length")
        body = self.rfile.read(int(length)) if length else b""
        status, headers, data = self.server.gateway.answer(self.command, self.path, self.headers, body)
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):  # devices break off
            self.wfile.write(data)

    do_GET = do_PUT = do_POST = answer

    def log_message(self, *_):
        pass


class Gateway:
    """Offer one update to one device until it has ended, and keep what was said; ``next`` has other answers.

    Its keys are a method and the last word of a path.
    """

    def __init__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.gateway = self
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.said, self.ranges, self.next = [], [], {}
        self.content = CONTENT
        self.size, self.sha256 = len(CONTENT), hashlib.sha256(CONTENT).hexdigest()
        self.file_url, self.tokens = f"{self.url}/file", []
        self.is_over = False

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method, path, headers, body):
        prepared = self.next.get((method, path.split("/")[-1].split("?")[0]))
        if prepared:
            return prepared.pop(0)
        if path == "/file":
            return self.file(headers)
        if path.startswith("/device/"):
            return self.device(method, path, headers, body)
        return self.ddi(method, path, headers, json.loads(body) if body else None)

    def file(self, headers):
        wanted = headers.get("Range")
        self.ranges.append(wanted)
        self.tokens.append(headers.get("Authorization"))
        if wanted and headers.get("If-Range") == '"tag"':
            first = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
            last = len(self.content) - 1
            return 206, {"Content-Range": f"bytes {first}-{last}/{last + 1}"}, self.content[first:]
        return 200, {"ETag": '"tag"'}, self.content

    def device(self, method, path, headers, body):
        now, _, token = headers["Authorization"].removeprefix("Bearer ").partition(".")
        text = f"{method}\n{path}\n{now}\n".encode() + body
        assert token == hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
        data = json.loads(body) if body else {}
        if method == "PUT":
            self.said.append(("runs", data["version"]))
            self.is_over |= data["version"] == "2.0"
            return 200, {}, data
        if method == "POST":
            self.said.append((data["percent"], data["message"]))
            self.is_over |= data["percent"] < 0
            return 200, {}, {"task": "7", "state": "failed" if data["percent"] < 0 else "in_progress"}
        return (204, {}, b"") if self.is_over else self.offer()

    def offer(self):
        """Return the answer that has the update, as the device API spells it."""
        file = {"url": self.file_url, "size": self.size, "sign": self.sha256, "sha256": self.sha256}
        offer = {"task": "7", "module": "default", "version": "2.0", "sign_method": "SHA256", "files": []}
        return 200, {}, {**offer, **file}

    def ddi(self, method, path, headers, data):
        assert headers["Authorization"] == f"TargetToken {SECRET}"
        base = "/p/controller/v1/dev"
        if (method, path) == ("GET", base):
            links = {"configData": {"href": f"{self.url}{base}/configData"}}
            if not self.is_over:
                links["deploymentBase"] = {"href": f"{self.url}{base}/deploymentBase/17?c=1"}
            return 200, {}, {"config": {"polling": {"sleep": "00:01:30"}}, "_links": links}
        if (method, path) == ("GET", f"{base}/deploymentBase/17?c=1"):
            hashes = {name: hashlib.new(name, CONTENT).hexdigest() for name in ("sha1", "md5")}
            artifact = {"filename": "x.swu", "size": self.size, "hashes": {**hashes, "sha256": self.sha256}}
            artifact["_links"] = {"download-http": {"href": self.file_url}}
            chunk = {"part": "os", "version": "2.0", "name": "fw", "artifacts": [artifact]}
            return 200, {}, {"id": "17", "deployment": {"download": "forced", "update": "forced", "chunks": [chunk]}}
        if (method, path) == ("PUT", f"{base}/configData"):
            self.said.append(("runs", data["data"]["fw.version"]))
            return 200, {}, b""
        assert (method, path, data["id"]) == ("POST", f"{base}/deploymentBase/17/feedback", 17)
        status = data["status"]
        self.is_over |= status["execution"] == "closed"
        progress = status["result"]["progress"]
        self.said.append((status["execution"], status["result"]["finished"], progress["cnt"], progress["of"]))
        return 200, {}, b""


@pytest.fixture
def gateway():
    with contextlib.closing(Gateway()) as found:
        yield found


@pytest.fixture
def simulate(gateway, leaping):
    """Run one device for some minutes, which take no time; return the figures."""

    def simulate(protocol="device", minutes=2, version="1.0", **behaviour):
        report = Report(1, leaping.now)
        transport = Transport(report)
        speak = {"device": device.Device, "ddi": ddi.Device}[protocol]
        speaker = speak(transport, gateway.url, "p", "dev", SECRET)
        one = Device("dev", version, speaker, Behaviour(**behaviour), transport)
        end = leaping.now() + minutes * 60
        Fleet([one.live()], 1, now=leaping.now, pause=leaping.pause).run(lambda: leaping.now() >= end)
        return report.summary()

    return simulate
