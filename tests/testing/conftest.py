"""What tests of the double share: a caller of the control API, and the signals of a shell."""

import contextlib
import json
import signal

import pytest
import requests

from otagw.testing.control import Control
from otagw.testing.server import Server


@pytest.fixture
def control(otagw):
    """Ask the control API; the answer has to be of a status."""
    application = Control(otagw)
    server = Server(application)
    application.serve_as(server.netloc, server.port)

    def ask(method, path, body=None, status=200, **options):
        data = json.dumps(body) if isinstance(body, dict | list) else body
        answer = requests.request(method, f"{server.url}/_otagw{path}", data=data, **options)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.status_code == status, answer.text
        return answer.json()

    ask.server, ask.application = server, application
    with contextlib.closing(application), contextlib.closing(server):
        yield ask


@pytest.fixture(autouse=True)
def signals_as_in_a_shell():
    """Let children begin as a shell's do in front: one in the background has them ignore SIGINT, as nohup does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
