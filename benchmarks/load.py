"""A load generator that is light enough to share the machine with what it measures: one process, one poll loop."""

import selectors
import socket
import time
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SUCCESSES = (b"HTTP/1.1 200", b"HTTP/1.1 204")


@dataclass(frozen=True)
class Run:
    """What one run came to; latencies are seconds."""

    seconds: float
    latencies: list[float]
    failures: int

    @property
    def rate(self) -> float:
        """Return answers per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Return the latency in milliseconds that so many percent stay below."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)] * 1000


def run(port: int, requests: Sequence[bytes], clients: int) -> Run:
    """Send every request on a connection of its own, so many at a time; count the failures.

    A success has status 200 or 204 and no `"Success":false`: some refusals of Actions have status 200.
    """
    selector, latencies, failures, sent = selectors.DefaultSelector(), [], 0, 0
    started = time.perf_counter()

    def begin() -> None:
        nonlocal sent
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(requests[sent])
        selector.register(connection, selectors.EVENT_READ, [time.perf_counter(), b""])
        sent += 1

    for _ in range(min(clients, len(requests))):
        begin()
    while len(latencies) < len(requests):
        for key, _ in selector.select():
            connection, state = key.fileobj, key.data
            data = connection.recv(65536)
            state[1] += data
            if not data:
                latencies.append(time.perf_counter() - state[0])
                failures += not state[1].startswith(SUCCESSES) or b'"Success":false' in state[1]
                selector.unregister(connection)
                connection.close()
                if sent < len(requests):
                    begin()
    return Run(time.perf_counter() - started, latencies, failures)


def get(port: int, target: str, headers: Mapping[str, str] = types.MappingProxyType({})) -> bytes:
    """Return a GET request that asks for its connection to be closed."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}Connection: close\r\n\r\n".encode()


def post(port: int, target: str, headers: dict[str, str]) -> bytes:
    """Return a POST request without a body; ``headers`` hold the Host."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {target} HTTP/1.1\r\n{lines}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
