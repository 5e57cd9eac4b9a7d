"""The nearest stand-in for a cloud's rollouts, beside ours: moto's AWS IoT, of the development dependencies."""

import contextlib
import itertools
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app

number = itertools.count()


def app(environ: dict[str, Any], start_response: Any) -> Any:
    """Answer as moto does; its backends are made by the first request."""
    return _moto(environ, start_response)


_moto = DomainDispatcherApplication(create_backend_app)


def create_job(port: int, count: int) -> list[bytes]:
    """Return requests that each create a job; moto reads the service from Authorization and checks no signature."""
    scope = "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/iot/aws4_request, SignedHeaders=host, Signature=0"
    target = "arn:aws:iot:us-east-1:123456789012:thing/bench"
    body = json.dumps({"targets": [target], "document": json.dumps({"firmware": "1.2.3"})})
    return [
        (
            f"PUT /jobs/bench-{next(number)} HTTP/1.1\r\nHost: iot.us-east-1.amazonaws.com\r\n"
            f"Authorization: {scope}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Connection: close\r\n\r\n{body}"
        ).encode()
        for _ in range(count)
    ]


@contextlib.contextmanager
def server() -> Iterator[int]:
    """Run moto's own server; yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                time.sleep(0.1)
            yield port
        finally:
            process.terminate()
