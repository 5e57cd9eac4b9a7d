"""Four clients that send at one moment, over connections shared out evenly among the two processes of a gateway."""

import contextlib
import http.client
import json
import socket
from dataclasses import dataclass, field
from pathlib import Path

from otagw.dialects.iotda.route import CREATE_TOKEN, routes
from tests import signer
from tests.conftest import KEY
from tests.contract.fronts import IotdaFront, pair
from tests.deploy import servers
from tests.iotda import signer as iotda_signer
from tests.patience import HANG_SECONDS, eventually

ALIYUN, IOTDA = "aliyun", "iotda"
CLIENTS = 4
ROUNDS = 60
PROCESSES = 2
ESTABLISHED = "01"  # as the system writes it; one that was closed may still be listed with the same ports


@dataclass(frozen=True)
class Ask:
    """A call that is to be made: of which front, which operation, with what."""

    front: str
    operation: str
    params: dict
    key: tuple = KEY
    project: str = iotda_signer.PROJECT

    def signed(self):
        """Return the bytes of a request, signed now with a nonce of its own."""
        return self._aliyun() if self.front == ALIYUN else self._iotda()

    def _aliyun(self):
        given = {name: str(value) for name, value in self.params.items()}
        query = signer.query(signer.v1(self.key, self.operation, **given))
        return f"GET /?{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode()

    def _iotda(self):
        route = routes.find(self.operation)
        path, params, body = IotdaFront.address(route, self.params, self.project)
        if self.operation == CREATE_TOKEN:
            data, headers = pair(self.key), {"Host": "a", "Content-Type": "application/json"}
        else:
            body, kind = iotda_signer.form(body) if route.is_form else (body, "application/json")
            data = iotda_signer.dump(body)
            options = {"project": self.project, "X_Nonce": signer.nonce(), "Content_Type": kind}
            headers = iotda_signer.headers(self.key, route.method, path, params, data, **options)
        target = f"{path}?{iotda_signer.query(params)}" if params else path
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{route.method} {target} HTTP/1.1\r\n{lines}Content-Length: {len(data)}\r\n\r\n".encode() + data


@dataclass(frozen=True)
class Answer:
    """What came of a call; two are the same but for their request ids."""

    status: int
    body: dict = field(hash=False)

    @property
    def is_success(self):
        return self.status < 300 and self.body.get("Success", True) is True

    @property
    def code(self):
        """Return the code of a refusal."""
        return self.body.get("Code") or self.body.get("error_code")


def _read(connection):
    with contextlib.closing(http.client.HTTPResponse(connection)) as response:
        response.begin()
        data = response.read()
    body = json.loads(data) if data else {}
    body.pop("RequestId", None)
    body.pop("RequestID", None)
    return Answer(response.status, body)


class Api:
    """One client that calls what must succeed, over one connection."""

    def __init__(self, gateway):
        self.connection, self.made = socket.create_connection(("127.0.0.1", gateway.port), HANG_SECONDS), {}

    def once(self, make, *given):
        """Return what a function makes with this API, which is made once for all rounds."""
        if (make, *given) not in self.made:
            self.made[make, *given] = make(self, *given)
        return self.made[make, *given]

    def close(self):
        self.connection.close()

    def __call__(self, front, operation, params, **options):
        data = Ask(front, operation, params, **options).signed()
        self.connection.sendall(data)
        answer = _read(self.connection)
        assert answer.is_success, (operation, params, answer)
        return answer.body

    def aliyun(self, operation, **params):
        return self(ALIYUN, operation, params)

    def iotda(self, operation, **params):
        return self(IOTDA, operation, params)


class Crowd:
    """Connections to a gateway, by turns to one and the other of its processes."""

    def __init__(self, gateway):
        self.gateway, self.stack = gateway, contextlib.ExitStack()
        self.processes = sorted(servers.children(gateway.process.pid))
        assert len(self.processes) == PROCESSES
        self._open()

    def _open(self):
        """Open connections, some at a time so that more than one process wakes, until each process has its share."""
        share = CLIENTS // PROCESSES
        by_process = {process: [] for process in self.processes}

        def have_all():
            opened = [socket.create_connection(("127.0.0.1", self.gateway.port), HANG_SECONDS) for _ in range(CLIENTS)]
            for connection in opened:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            for connection in opened:
                assert _read(connection).status == 200
                found = by_process[_owner(connection, self.processes)]
                if len(found) < share:
                    found.append(self.stack.enter_context(connection))
                else:
                    connection.close()
            return all(len(found) == share for found in by_process.values())

        eventually(have_all)
        rows = list(by_process.values())
        self.connections = [rows[n % PROCESSES][n // PROCESSES] for n in range(CLIENTS)]

    def close(self):
        self.stack.close()

    def owners(self):
        """Return which process has each connection."""
        return [_owner(connection, self.processes) for connection in self.connections]

    def at_once(self, requests):
        """Send prepared requests, one by each client, before any is answered; return the answers.

        One thread sends them: four calls of the system take less time than it takes to wake three threads.
        """
        for connection, request in zip(self.connections, requests, strict=True):
            connection.sendall(request)
        return [_read(connection) for connection in self.connections]


def _owner(connection, processes):
    """Return which process has the other end of a connection.

    While connections come and go, the system may list one twice, or leave it out.
    """
    here, there = (f"0100007F:{port:04X}" for _, port in (connection.getsockname(), connection.getpeername()))

    def found():
        rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()]
        wanted = {f"socket:[{row[9]}]" for row in rows if row[1:4] == [there, here, ESTABLISHED]}
        for process in processes:
            for handle in Path(f"/proc/{process}/fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(handle.readlink()) in wanted:
                        return process
        return None

    return eventually(found)
