"""A thousand clients that hold their connections: behind nginx nobody notices; alone, the gateway recovers."""

import contextlib
import socket
import ssl

import pytest

from tests.deploy import servers
from tests.patience import HANG_SECONDS, eventually

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("slow")]
MANY = 1000
# They wait for their clients for ever: whoever is answered beside those who hold on was not held up by them.
PATIENT = "tests/deploy/patient.conf.py"
NGINX_WAITS = [(f"client_{part}_timeout 30s;", f"client_{part}_timeout 1h;") for part in ("header", "body")]
PAGE = {"CurrentPage": "1", "PageSize": "1"}
# A head that breaks off, a body that does, and a client that says nothing at all.
HELD = (
    b"GET /?Action=ListOTAFirmware&Signature=",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nAc",
    b"",
)


@contextlib.contextmanager
def held(port, wrap=lambda connection: connection, source="127.0.0.1"):
    """A thousand connections of one address, each of which is waited for."""
    with contextlib.ExitStack() as stack:
        for number in range(MANY):
            connection = socket.create_connection(("127.0.0.1", port), HANG_SECONDS, (source, 0))
            stack.enter_context(connection)
            secure = wrap(connection)
            stack.enter_context(secure)
            with contextlib.suppress(ConnectionError):  # what is too much may be closed at once
                secure.sendall(HELD[number % len(HELD)])
        yield


def test_behind_nginx_service_goes_on(tmp_path):
    gateway = servers.Gunicorn(tmp_path, workers=2, trusted_proxies=1).prepare().start(PATIENT)
    site = servers.Site(tmp_path, gateway.port, gateway, NGINX_WAITS)
    site.nginx.start()
    trust = ssl.create_default_context(cafile=site.ca)
    store = servers.Store(gateway, site.url, site.ca)
    try:

        def wrap(connection):
            return trust.wrap_socket(connection, server_hostname="127.0.0.1")

        # nginx lets one address have 200 requests under way, fewer than these: those who are served have another.
        with held(site.nginx.port, wrap, "127.0.0.2"):
            for _ in range(20):
                assert store.call("ListOTAFirmware", **PAGE)["Success"]
    finally:
        site.nginx.stop()
        gateway.stop()


def test_alone_the_gateway_recovers(tmp_path):
    gateway = servers.Gunicorn(tmp_path, workers=2).prepare()
    gateway.start("tests/deploy/hurried.conf.py")  # whoever is waited for has a second
    try:
        processes = eventually(lambda: len(found := servers.children(gateway.process.pid)) == 2 and found)
        with held(gateway.port):
            pass
        eventually(lambda: gateway.get("ListOTAFirmware", **PAGE).json()["Success"])
        assert servers.children(gateway.process.pid) == processes
        assert "Traceback" not in gateway.log()
    finally:
        gateway.stop()


def test_alone_whoever_comes_with_a_whole_request_is_served_beside_those_who_hold_on(tmp_path):
    gateway = servers.Gunicorn(tmp_path, workers=2).prepare().start(PATIENT)
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(200):  # far more than there are threads
                slow = stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), HANG_SECONDS))
                slow.sendall(HELD[1])
            for _ in range(20):
                assert gateway.get("ListOTAFirmware", **PAGE).json()["Success"]
    finally:
        gateway.stop()
