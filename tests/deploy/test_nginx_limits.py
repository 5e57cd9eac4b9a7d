"""What nginx by config/nginx.conf lets one address do, and how each front tells a client that it was too much."""

import contextlib
import http.client
import os
import socket
import ssl

import pytest

from tests.deploy import servers
from tests.deploy.fronts import FRONTS
from tests.patience import HANG_SECONDS, eventually

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("limits")]
OTHER = ("--interface", "127.0.0.2")
# The shipped burst and number of connections; rates that give nothing back while a test runs.
BURST, CONNECTIONS = 1000, 200
NOTHING_BACK = ("rate=200r/s;", "rate=1r/m;")
PATIENT = ("client_body_timeout 30s;", "client_body_timeout 1h;")
# nginx answers 100 when it waits for the body: the connection is counted then.
HELD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    gateway = servers.Gunicorn(tmp_path_factory.mktemp("limited"), trusted_proxies=1).prepare().start()
    yield gateway
    gateway.stop()


@contextlib.contextmanager
def behind(folder, gateway, *changes):
    """nginx before the gateway."""
    site = servers.Site(folder, gateway.port, gateway, changes)
    site.nginx.start()
    try:
        yield site
    finally:
        site.nginx.stop()


@contextlib.contextmanager
def held(site):
    """A request under way; yield the first line of what nginx answers to its head."""
    trust = ssl.create_default_context(cafile=site.ca)
    with (
        socket.create_connection(("127.0.0.1", site.nginx.port), HANG_SECONDS) as plain,
        trust.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall(HELD)
        yield secure.recv(65536).split(b"\r\n")[0]


def statuses(site, count):
    """Return the statuses of so many requests, one after the other."""
    trust = ssl.create_default_context(cafile=site.ca)
    found = []
    with contextlib.closing(http.client.HTTPSConnection(site.host, context=trust, timeout=HANG_SECONDS)) as connection:
        for _ in range(count):
            connection.request("GET", "/healthz")
            with connection.getresponse() as response:
                response.read()
                found.append(response.status)
    return found


@pytest.fixture(scope="module")
def spent(tmp_path_factory, gateway):
    """A site where an address has had its burst; ``served`` are the statuses."""
    with behind(tmp_path_factory.mktemp("spent"), gateway, NOTHING_BACK) as site:
        site.served = statuses(site, BURST + 1)
        yield site


@pytest.fixture(scope="module")
def crowded(tmp_path_factory, gateway):
    """A site where an address holds as many connections as it may."""
    with (
        behind(tmp_path_factory.mktemp("crowded"), gateway, PATIENT) as site,
        contextlib.ExitStack() as stack,
    ):
        site.held = [stack.enter_context(held(site)) for _ in range(CONNECTIONS)]
        yield site


def refuse(site):
    """Ask until the address has nothing left: a very slow run may have given one request back."""
    eventually(lambda: site.curl("/healthz").status == 429)


def test_an_address_may_ask_a_burst_at_once(spent):
    assert spent.served == [200] * (BURST + 1)


@pytest.mark.parametrize("name", FRONTS)
def test_beyond_the_rate_each_front_refuses_in_its_own_words(spent, name):
    refuse(spent)
    front = FRONTS[name]
    reply = spent.curl(front.path, *front.options)
    assert (reply.status, front.code(reply)) == (front.limited, front.codes["limit"])
    assert reply.headers["retry-after"] == "5"
    assert reply.headers.get("x-acs-retry-after") == ("5000" if name.startswith("actions") else None)


def test_beyond_the_rate_another_address_is_served(spent):
    refuse(spent)
    assert spent.curl("/healthz", *OTHER).status == 200


def test_a_request_that_nginx_refuses_for_another_reason_keeps_that_reason(spent, tmp_path):
    refuse(spent)
    large = tmp_path / "large"
    large.write_bytes(bytes(4 * 1024 * 1024 + 1))
    servers.assert_documented(spent.curl("/", "--data-binary", f"@{large}"), 413, "RequestEntityTooLarge")


def test_the_newer_sdk_of_alibaba_knows_the_refusal_as_throttling(spent):
    from alibabacloud_iot20180120 import models
    from alibabacloud_iot20180120.client import Client
    from alibabacloud_tea_openapi.exceptions import ThrottlingException
    from alibabacloud_tea_openapi.models import Config

    refuse(spent)
    config = Config(access_key_id="a", access_key_secret="b", endpoint=spent.host, ca=spent.ca)
    with pytest.raises(ThrottlingException) as refused:
        Client(config).create_otafirmware(models.CreateOTAFirmwareRequest(firmware_name="a", dest_version="1"))
    assert (refused.value.code, refused.value.retry_after) == ("Throttling", 5000)


def test_an_address_may_hold_as_many_connections_as_shipped(crowded):
    assert crowded.held == [b"HTTP/1.1 100 Continue"] * CONNECTIONS


@pytest.mark.parametrize("name", FRONTS)
def test_a_connection_too_many_is_refused_in_the_words_of_each_front(crowded, name):
    front = FRONTS[name]
    reply = crowded.curl(front.path, *front.options)
    assert (reply.status, front.code(reply)) == (front.limited, front.codes["limit"])
    assert reply.headers["retry-after"] == "5"


def test_beside_the_connections_of_one_address_another_is_served(crowded):
    assert crowded.curl("/healthz").status == 429
    assert crowded.curl("/healthz", *OTHER).status == 200


def test_a_connection_that_ends_makes_room(tmp_path, gateway):
    with behind(tmp_path, gateway, PATIENT, ("limit_conn connections 200;", "limit_conn connections 1;")) as site:
        with held(site):
            assert site.curl("/healthz").status == 429
        eventually(lambda: site.curl("/healthz").status == 200)


def test_behind_a_load_balancer_its_clients_are_told_apart(tmp_path, gateway):
    changes = [
        ("#     set_real_ip_from 10.0.0.1;", "set_real_ip_from 127.0.0.1;"),
        ("#     real_ip_header X-Forwarded-For;", "real_ip_header X-Forwarded-For;"),
        ("burst=1000 nodelay", "burst=1 nodelay"),
        NOTHING_BACK,
    ]
    with behind(tmp_path, gateway, *changes) as site:

        def ask(address, *options):
            return site.curl("/nowhere", "-H", f"X-Forwarded-For: {address}", *options)

        eventually(lambda: ask("192.0.2.1").status == 429)
        served = ask("192.0.2.2")
        assert served.status == 404
        assert '"client": "192.0.2.2"' in site.line(served)
        # Another client than the balancer may claim any address: it is not believed.
        assert '"client": "127.0.0.2"' in site.line(ask("192.0.2.1", *OTHER))


def test_there_is_a_process_for_each_processor(crowded):
    eventually(lambda: len(servers.children(crowded.nginx.process.pid)) == os.sysconf("SC_NPROCESSORS_ONLN"))
