"""A gateway that stands for the cloud, a recorder before it, and clients whose key the cloud does not know."""

import contextlib
import json

import pytest
import requests

from otagw.testing import Gateway
from otagw.testing.clients import Clients, Place
from otagw.testing.recording import cassette, proxy, upstream
from otagw.testing.recording.front import Key
from otagw.testing.recording.replay import Replay
from otagw.testing.server import Server
from tests import signer
from tests.iotda import signer as iotda_signer
from tests.patience import HANG_SECONDS

REAL = Key("LTAI5tRealKeyOfTheCloud1", "real-secret-of-the-cloud-0123456789")
CLIENT = Key("LTAI5tKeyOfTheClient0002", "secret-of-the-client-9876543210")


class Program:
    """Requests to a server, signed by the tests' own signers; what was secret in them is kept in ``secrets``."""

    def __init__(self, url, key=CLIENT):
        self.url, self.key, self.secrets = url, key, set()
        self.sdk = Clients(lambda: Place(url, None), key)

    def send(self, method, path, **options):
        return requests.request(method, self.url + path, allow_redirects=False, timeout=HANG_SECONDS, **options)

    def get(self, action, **params):
        """Call an Action by V1 in the query."""
        signed = signer.v1(self.key, action, Version="2018-01-20", **params)
        self.secrets |= {signed[name] for name in ("AccessKeyId", "SignatureNonce", "Signature")}
        return self.send("GET", f"/?{signer.query(signed)}")

    def post(self, action, **params):
        """Call an Action by V1 in a form."""
        signed = signer.v1(self.key, action, "POST", Version="2018-01-20", **params)
        self.secrets |= {signed[name] for name in ("AccessKeyId", "SignatureNonce", "Signature")}
        return self.send("POST", "/", data=signed)

    def ok(self, action, **params):
        found = self.get(action, **params).json()
        assert found["Success"] is True, found
        return found

    def iotda(self, method, path, body=None, params=None, **headers):
        """Call an operation of IoTDA, below its project."""
        path = f"/v5/iot/{iotda_signer.PROJECT}{path}"
        data = iotda_signer.dump(body)
        signed = iotda_signer.headers(self.key, method, path, params, data, **headers)
        self.secrets |= {self.key.id, signed["Authorization"].rpartition("=")[2]}
        query = f"?{iotda_signer.query(params)}" if params else ""
        return self.send(method, path + query, headers=signed, data=data)


class Recorder(Program):
    """A recorder under way."""

    def __init__(self, to, file, keys=None):
        self.file, self._writer = file, cassette.Writer(file)
        chosen = {"aliyun": REAL, "iotda": REAL} if keys is None else keys
        self.application = proxy.Recorder(upstream.Server(to), chosen, self._writer)
        self._server = Server(self.application)
        super().__init__(self._server.url)

    def close(self):
        self._server.close()
        self._writer.close()

    @property
    def entries(self):
        """The exchanges in the file, as they stand there."""
        return [json.loads(line) for line in self.file.read_text(encoding="utf-8").splitlines()[1:]]


@pytest.fixture
def cloud():
    """A gateway that knows the real key."""
    with Gateway() as gateway:
        gateway.accounts.add("company", key_id=REAL.id, secret=REAL.secret)
        yield gateway


@pytest.fixture
def make_recorder(tmp_path):
    with contextlib.ExitStack() as stack:

        def make(to, **options):
            recorder = Recorder(to, tmp_path / "cloud.jsonl", **options)
            stack.callback(recorder.close)
            return recorder

        yield make


@pytest.fixture
def recorder(cloud, make_recorder):
    return make_recorder(cloud.url)


@pytest.fixture
def replay():
    """Answer from the file of a recorder."""
    with contextlib.ExitStack() as stack:

        def start(recorder):
            server = stack.enter_context(contextlib.closing(Server(Replay(cassette.read(recorder.file)))))
            return Program(server.url, Key("some-key", "some-secret"))

        yield start
