"""What the tests share: a gateway in process, one under gunicorn, keys, and callers that sign by themselves."""

import atexit
import contextlib
import io
import json
import logging
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import hypothesis
import pytest
import requests

from otagw import clock, parts, settings
from otagw.app import create_app
from otagw.db import schema
from otagw.dialects.aliyun import codes
from otagw.dialects.aliyun.action import actions
from otagw.ops import log
from tests import door, signer
from tests.kept import Kept
from tests.patience import HANG_SECONDS
from tests.ports import free_port
from tests.web import Web

pytest_plugins = ["tests.ownership"]
# No test passes or fails by how long one of its examples takes.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

ROOT = Path(__file__).parent.parent
REQUIRED = os.environ.get("OTAGW_TEST_REQUIRE", "")
ENGINE = os.environ.get("OTAGW_TEST_ENGINE", "sqlite")  # of the gateways in process: or postgresql
KEY = ("testid", "testsecret")
OTHER = ("otherid", "othersecret")
NOW = 1_795_000_000
# A migrated database with two keys, made in one process.
PREPARE = f"""
from otagw.cli import main
for words in (
    ["migrate"],
    ["keys", "create", "--id", {KEY[0]!r}, "--secret", {KEY[1]!r}],
    ["keys", "create", "--id", {OTHER[0]!r}, "--secret", {OTHER[1]!r}, "--account", "other"],
):
    main(words, standalone_mode=False)
"""


# Debian's packages of those programs that are called otherwise.
PACKAGES = {
    "node": "nodejs",
    "javac": "default-jdk-headless",
    "java": "default-jdk-headless",
    "psql": "postgresql-client",
    "pg_dump": "postgresql-client",
}


def need(program):
    """Return the path of a program; without it skip, or fail where all of them are required."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if not found:
        message = f"needs {program}: install the package {PACKAGES.get(program, program)}"
        pytest.fail(message) if REQUIRED == "all" else pytest.skip(message)
    return found


# Fixtures that start servers; a test that has one is of the live tier without saying so.
SERVERS = {"live", "make_live", "object_store"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Put each test into its tier."""
    for item in items:
        if SERVERS & set(item.fixturenames):
            item.add_marker(pytest.mark.live)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Fail what is skipped although it needs nothing: `make test` runs all that it names."""
    report = yield
    needs = any(item.get_closest_marker(name) for name in ("live", "postgres"))
    if report.skipped and not needs and ENGINE == "sqlite" and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"a test of the first tier was skipped: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """Let no setting of the machine that runs the tests get into them."""
    for name in list(os.environ):
        if name.startswith("OTAGW_") and not name.startswith("OTAGW_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def at_the_door(tmp_path):
    """Let every test run for a gateway, whose parts are made as they are used."""
    with door.of_a_test({"OTAGW_CONFIG": "/dev/null", "OTAGW_DATA_DIR": str(tmp_path / "nowhere")}) as found:
        yield found


@pytest.fixture
def environment(request, tmp_path, engine_url):
    """The settings of a test's own gateway, as an environment; its data folder is there if it has a gateway."""
    has_gateway = "make_app" in request.fixturenames
    folder = request.getfixturevalue("kept_gateway").folder if has_gateway else tmp_path / "data"
    return _environ(folder, engine_url)


def _environ(folder, engine_url):
    chosen = {"OTAGW_CONFIG": "/dev/null", "OTAGW_DATA_DIR": str(folder), "OTAGW_LOG_FORMAT": "json"}
    return {**chosen, "OTAGW_DATABASE_URL": engine_url} if engine_url else chosen


class Client:
    """Call Actions of a gateway in process, signed by the tests' own signer."""

    def __init__(self, app, key=KEY):
        self.app, self.key, self.http = app, key, app.test_client()

    def by(self, key):
        return Client(self.app, key)

    def send(self, params, method="GET", **options):
        """Send parameters as they are, in the query."""
        return self.http.open("/?" + signer.query(params), method=method, **options)

    def __call__(self, action, method="GET", seconds=None, **params):
        """Call an Action with V1, at the time of the clock unless told; return the response."""
        seconds = clock.now() // 1000 if seconds is None else seconds
        params = {name: value if value is None else str(value) for name, value in params.items()}
        response = self.send(signer.v1(self.key, action, method, seconds, **params), method)
        operation, code = actions.find(action), (response.json or {}).get("Code", "")
        if operation and code.startswith("iot."):
            assert code in (*operation.codes, *codes.ALIBABA.values()), (
                f"{action} does not say that it may be refused with {code}"
            )
        return response

    def v3(self, action, **params):
        """Call an Action with V3; return the response."""
        headers = signer.v3(self.key, action, "gateway.test:8686", **params)
        environ = {"HTTP_HOST": headers.pop("host")}
        return self.http.post("/?" + signer.query(params), headers=headers, environ_overrides=environ)

    def ok(self, action, **params):
        """Call an Action that must succeed; return the envelope."""
        response = self(action, **params)
        assert response.json["Success"] is True, response.json
        return response.json

    def refused(self, action, **params):
        """Call an Action that must be refused; return status, code and text."""
        response = self(action, **params)
        assert response.json["Success"] is False, response.json
        return response.status_code, response.json["Code"], response.json["ErrorMessage"]

    def make(self, name="package", version="1.0.0", **params):
        """Create a firmware; return its id."""
        return self.ok("CreateOTAFirmware", FirmwareName=name, DestVersion=version, **params)["Data"]["FirmwareID"]


@pytest.fixture(scope="session")
def engine_url():
    """The PostgreSQL database of all gateways in process, or nothing, when each has a SQLite file of its own."""
    from tests import engines

    with engines.postgres() if ENGINE == "postgresql" else contextlib.nullcontext("") as url:
        yield url


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, engine_url):
    """A data folder with a migrated database and two keys, for the gateways in process to begin with."""
    folder = tmp_path_factory.mktemp("prepared") / "data"
    environ = {"OTAGW_CONFIG": "/dev/null", "OTAGW_DATA_DIR": str(folder), "OTAGW_DATABASE_URL": engine_url}
    chosen = settings.load(environ)
    with parts.opened(chosen) as gateway:
        schema.migrate(chosen)
        for (key_id, secret), account in ((KEY, "main"), (OTHER, "other")):
            gateway.keys.create(key_id=key_id, secret=secret, account=account)
    return folder


@pytest.fixture(scope="session")
def kept_gateway(tmp_path_factory, prepared, engine_url):
    """The gateway in process that tests share, one after another."""
    from tests import engines

    folder = tmp_path_factory.mktemp("kept") / "data"
    restore = engines.snapshot(engine_url) if engine_url else None
    # That a commit reaches the disk is a matter of the live tests.
    environ = {**_environ(folder, engine_url), "OTAGW_SQLITE_SYNCHRONOUS": "NORMAL"}
    with contextlib.closing(Kept(prepared, folder, environ, restore)) as found:
        yield found


@pytest.fixture
def make_app(environment, kept_gateway, engine_url):
    """Make gateways in process: the kept one, or one of other settings, on the same data unless these say otherwise."""
    kept = kept_gateway
    kept.reset()
    with contextlib.ExitStack() as stack:
        made = []

        def make(**changes):
            if not made and not changes:
                made.append(kept.application())
                stack.callback(door.enter(kept.gateway).close)
                return made[0]
            changes = {"database_url": engine_url, **changes}
            chosen = settings.load({**environment, **{f"OTAGW_{k.upper()}": str(v) for k, v in changes.items()}})
            if not chosen.data_path.exists():
                shutil.copytree(kept.prepared, chosen.data_path)
            app = create_app(chosen)
            made.append(app)
            gateway = door.enter(app.extensions["otagw"]["runtime"])
            stack.callback(gateway.close)
            return app

        yield make


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def client(app):
    return Client(app)


@pytest.fixture
def states(client):
    """Return the states of a job's tasks by device."""

    def states(job):
        found = client.ok("ListOTATaskByJob", JobId=job, PageSize=100)["Data"]["SimpleOTATaskInfo"]
        return {task["DeviceName"]: task["TaskStatus"] for task in found}

    return states


@pytest.fixture
def log_lines(app):
    """Read what the gateway in process logged since, line by line."""
    stream = io.StringIO()
    log.configure(app.extensions["otagw"]["runtime"].settings)
    logging.getLogger("otagw").handlers[0].setStream(stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def held_clock():
    """A clock that stands still; set ``seconds`` to move it."""

    class Held:
        seconds = NOW

    clock.hold(lambda: int(Held.seconds * 1000))
    yield Held
    clock.hold(None)


class Live:
    """A gateway under the real gunicorn, in a process of its own."""

    first = None

    def __init__(self, folder, **changes):
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.folder = folder
        self.environ = {
            **os.environ,
            "OTAGW_CONFIG": "/dev/null",
            "OTAGW_DATA_DIR": str(folder / "data"),
            "OTAGW_BIND": self.host,
            "OTAGW_LOG_FORMAT": "json",
            **{f"OTAGW_{name.upper()}": str(value) for name, value in changes.items()},
        }
        scheme = "https" if "tls_cert" in changes else "http"
        self.url = f"{scheme}://{self.host}"
        self.process = None

    def cli(self, *words, check=True):
        """Run an otagw command on this gateway's data."""
        command = [sys.executable, "-m", "otagw", *words]
        return subprocess.run(
            command, env=self.environ, check=check, capture_output=True, text=True, timeout=HANG_SECONDS
        )

    def prepare(self):
        """Make a migrated database with two keys; the first of a process is copied for others on SQLite."""
        data, is_plain = self.folder / "data", not {"OTAGW_DATABASE_URL", "OTAGW_MASTER_KEY"} & self.environ.keys()
        if is_plain and Live.first and not data.exists():
            shutil.copytree(Live.first, data)
            return self
        subprocess.run([sys.executable, "-c", PREPARE], env=self.environ, check=True, timeout=HANG_SECONDS)
        if is_plain and not Live.first:
            folder = tempfile.mkdtemp()
            atexit.register(shutil.rmtree, folder)
            Live.first = Path(shutil.copytree(data, Path(folder) / "data"))
        return self

    def launch(self, *command):
        """Begin a command that goes on, whether it answers or not."""
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "otagw", *command], env=self.environ, stderr=log, start_new_session=True
            )

    def start(self, command=("serve",)):
        self.launch(*command)
        self.wait()
        return self

    def start_with_room(self, size):
        """Serve where no file may grow beyond so many bytes: the system refuses to write, as on a full disk."""
        limited = f"ulimit -f {size // 1024}; exec {shlex.quote(sys.executable)} -m otagw serve"
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", limited], env=self.environ, stderr=log, start_new_session=True
            )
        self.wait()
        return self

    def wait(self):
        """Wait until the gateway answers, whatever; the port is there before those who answer are."""
        address = ("127.0.0.1", self.port)
        deadline = time.monotonic() + HANG_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log()
            with contextlib.suppress(OSError), socket.create_connection(address, HANG_SECONDS) as client:
                client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                if client.recv(1):
                    return
            time.sleep(0.02)
        raise AssertionError(self.log())

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(HANG_SECONDS)

    def kill(self):
        """End every process of the gateway at once, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(HANG_SECONDS)
        deadline = time.monotonic() + HANG_SECONDS
        while time.monotonic() < deadline:  # the last of the group may still hold the port
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except ConnectionRefusedError:
                return
            except OSError:  # it was about to let go of it
                pass
            time.sleep(0.02)

    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8")

    def get(self, action, key=KEY, **params):
        """Call an Action with V1 over the network; return the response."""
        return requests.get(f"{self.url}/?{signer.query(signer.v1(key, action, **params))}", timeout=HANG_SECONDS)


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    """One gateway under gunicorn for all tests that only talk to it."""
    gateway = Live(tmp_path_factory.mktemp("live")).prepare().start()
    yield gateway
    gateway.stop()


@pytest.fixture
def make_live(tmp_path):
    """Make gateways under gunicorn that a test may stop, kill and start again."""
    with contextlib.ExitStack() as stack:

        def make(**changes):
            gateway = Live(tmp_path, **changes).prepare()
            stack.callback(gateway.stop)
            return gateway

        yield make


@pytest.fixture
def web():
    """Another host, on loopback."""
    with contextlib.closing(Web()) as found:
        yield found


@pytest.fixture
def names(monkeypatch):
    """Names that resolve as a test says, ``names[NAME] = [ADDRESS, ...]``, and no others; ``asked`` keeps count."""

    class Names(dict):
        asked = []

    table, resolve = Names(), socket.getaddrinfo

    def look_up(host, port, *_, **__):
        table.asked = [*table.asked, host]
        if host not in table:
            return resolve(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        kind = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(kind[":" in ip], socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (ip, port)) for ip in table[host]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


@pytest.fixture(scope="session")
def object_store():
    """A server that speaks S3, on loopback."""
    moto = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "x")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "y")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        client = boto3.client("s3")
        client.create_bucket(Bucket="ota")
        yield client
        client.close()
    server.stop()
