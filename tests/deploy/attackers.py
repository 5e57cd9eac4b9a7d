"""Clients that hold up a server: each attack opens its connections, and leaves them as they are until it is over."""

import contextlib
import itertools
import socket
import ssl

from otagw.dialects.iotda.route import routes
from tests import signer
from tests.conftest import KEY
from tests.contract.fronts import IotdaFront
from tests.deploy import servers
from tests.iotda import signer as iotda_signer
from tests.oss.conftest import BOUNDARY, body_of, fields_of
from tests.patience import HANG_SECONDS

KIB = 1024
MIB = 1024 * KIB
# A process has places for 1,000.
CROWD = 1040
# What one of them reads by itself before anybody asks it to.
SMALL = 4 * KIB
FORM = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
JSON = b" HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
MULTIPART = b"POST /oss HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=%s\r\n"
FOREIGN = (KEY[0], "not the secret of this key")


class Front:
    """Where a gateway listens: a port or a unix socket, in the clear or with TLS; and the address that clients have."""

    def __init__(self, address, ca=None, source=None):
        self.address, self._source = address, source
        self._trust = ssl.create_default_context(cafile=ca) if ca else None

    def raw(self, buffer=None):
        """Return a connection over which nothing has been sent; ``buffer`` bounds what the system takes for it."""
        connection = socket.socket(socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET)
        if buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.settimeout(HANG_SECONDS)
        if self._source:
            connection.bind((self._source, 0))
        connection.connect(self.address)
        return connection

    def connect(self, buffer=None):
        """Return a connection that requests can be sent over."""
        connection = self.raw(buffer)
        return self._trust.wrap_socket(connection, server_hostname="127.0.0.1") if self._trust else connection

    def ask(self, request):
        """Return the answer to a request that ends with its connection."""
        with self.connect() as connection:
            connection.sendall(request)
            return servers.parse(servers.read(connection))


class Attack:
    """So many clients that each send one of some requests, and then neither send nor read.

    One that ``hangs`` keeps its connections; the others are answered at once today.
    """

    def __init__(self, count, *requests, reads=None, hangs=True):
        self.count, self._requests, self._buffer, self.hangs = count, requests, reads, hangs

    def begin(self, target, front, stack, most=2 * CROWD):
        """Open the connections, ``most`` at most, which the stack closes."""
        made = [request(target) if callable(request) else request for request in self._requests]
        for _, request in zip(range(min(self.count, most)), itertools.cycle(made), strict=False):
            connection = stack.enter_context(front.connect(self._buffer))
            connection.settimeout(0.5)
            # The server may cut off what is too much, or stop to read it.
            with contextlib.suppress(ConnectionError, TimeoutError, ssl.SSLError):
                connection.sendall(request)


class Handshakes(Attack):
    """Clients that break off before or in the middle of a TLS handshake."""

    def begin(self, target, front, stack, most=2 * CROWD):
        """Send nothing, a first byte, half a first message, or all of it."""
        hello = ssl.MemoryBIO()
        client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="a")
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        first = hello.read()
        for number in range(min(self.count, most)):
            connection = stack.enter_context(front.raw())
            with contextlib.suppress(ConnectionError):
                connection.sendall((b"", first[:1], first[: len(first) // 2], first)[number % 4])


def create(name):
    """Return a signed create."""
    return get("/?" + signer.query(signer.v1(KEY, "CreateOTAFirmware", FirmwareName=name, DestVersion="1")))


def get(target):
    """Return a request that ends with its connection."""
    return f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()


def sized(head, length, sent):
    """Return a request with more body announced than sent."""
    return head + b"Content-Length: %d\r\n\r\n" % length + b" " * sent


def believable(length, sent):
    """Return the head of a call of IoTDA whose signature can be judged by its body alone, and some of that."""
    path, _, _ = IotdaFront.address(routes.find("CreateBatchTask"), {})
    headers = iotda_signer.headers(KEY, "POST", path, {}, b"", **{"X_Nonce": signer.nonce()})
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name.lower() != "content-length")
    return sized(f"POST {path} HTTP/1.1\r\n{lines}".encode(), length, sent)


def refused(size):
    """Return a request whose refusal repeats more than ``size`` bytes of it."""
    params = signer.v1(FOREIGN, "ListOTAFirmware", CurrentPage="1", PageSize="1", Pad="%" * (size // 5))
    body = signer.query(params).encode()
    return FORM + b"Content-Length: %d\r\n\r\n" % len(body) + body


def upload(data, sent=b""):
    """Return the beginning of an upload by an announced form."""
    body = body_of(fields_of(data), b"")
    return (
        MULTIPART % BOUNDARY.encode()
        + b"Content-Length: %d\r\n\r\n" % (len(body) + MIB)
        + body.partition(b"\r\n--" + BOUNDARY.encode() + b"--")[0]
        + sent
    )


DRIPPED = (
    sized(FORM, 100, 2),
    sized(b"POST /v5/iot/p/batchtasks" + JSON, 100, 1),
    sized(b"POST /v3/auth/tokens" + JSON, 100, 1),
    sized(b"PUT /device/v1/p/d/versions/default" + JSON, 100, 1),
    sized(b"POST /main/controller/v1/d/deploymentBase/1/feedback" + JSON, 100, 1),
    sized(MULTIPART % b"b", 100, 1),
)
BLANKS = (
    b"GET /main/controller/v1/d HTTP/1.1\r\nHost: a\r\nAuthorization: TargetToken" + b" " * 240 * KIB + b"a\r\n\r\n"
)
CHUNKED = FORM + b"Transfer-Encoding: chunked\r\n\r\n"
EXPECTING = FORM + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"


# All attacks by name. A function makes the request for a target, with its announced upload and the link of a file.
ATTACKS = {
    "one byte": Attack(CROWD, b"G"),
    "one byte, twice as many": Attack(2 * CROWD, b"G"),
    "nothing": Attack(CROWD, b""),
    "12 bodies": Attack(12, *DRIPPED),
    "200 bodies": Attack(198, *DRIPPED),
    "heads": Attack(CROWD, b"GET / HTTP/1.1\r\nHost: a\r\n", b"GET /?" + b"a" * 200),
    "large heads": Attack(CROWD, b"GET / HTTP/1.1\r\nA: " + b"a" * 200 * KIB),
    "large first lines": Attack(CROWD, b"GET /?" + b"a" * 200 * KIB),
    "large bodies": Attack(300, believable(12 * MIB, 1020 * KIB)),
    "larger bodies": Attack(60, believable(12 * MIB, 11 * MIB)),
    "forms": Attack(300, sized(FORM, 4 * MIB, 1020 * KIB)),
    "chunks": Attack(300, CHUNKED + b"f0000\r\n" + b" " * 900 * KIB),
    "small chunks": Attack(100, CHUNKED + b"1\r\na\r\n" * 20_000),
    "the size of a chunk": Attack(CROWD, CHUNKED + b"1;a=" + b"a" * 200 * KIB),
    "a trailer": Attack(CROWD, CHUNKED + b"0\r\nA: " + b"a" * 200 * KIB),
    "100-continue": Attack(200, EXPECTING),
    "uploads": Attack(100, lambda made: upload(made.form, b" " * 900 * KIB)),
    "a preamble": Attack(100, MULTIPART % BOUNDARY.encode() + b"Content-Length: %d\r\n\r\n" % MIB + b"a" * 900 * KIB),
    "a long boundary": Attack(20, sized(MULTIPART % (b"b" * 32 * KIB), MIB, 256 * KIB)),
    "larger tokens": Attack(20, sized(b"POST /v3/auth/tokens" + JSON, 12 * MIB, 11 * MIB)),
    "blanks": Attack(20, BLANKS),
    "a name in a form": Attack(100, lambda made: upload(made.form)[:-40]),
    "refusals of 320 kB": Attack(40, refused(320_000), reads=SMALL),
    "many refusals of 320 kB": Attack(400, refused(320_000), reads=SMALL),
    "refusals of 5 MB": Attack(40, refused(5_000_000), reads=SMALL),
    "downloads": Attack(40, lambda made: get(made.link), reads=SMALL),
    "many downloads": Attack(CROWD, lambda made: get(made.link), reads=SMALL),
    "downloads below //": Attack(40, lambda made: get("/" + made.link), reads=SMALL, hangs=False),
    "pipelined": Attack(60, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 2000, reads=SMALL),
    "pipelined refusals": Attack(60, refused(60_000) * 20, reads=SMALL),
}
