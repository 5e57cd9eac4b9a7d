"""TLS without a proxy: tls_cert and tls_key, judged by clients that trust only the test's authority."""

import socket
import ssl

import pytest

from tests import signer
from tests.conftest import KEY, Live, need
from tests.deploy import pki, servers
from tests.deploy.servers import assert_documented, parse, send
from tests.patience import HANG_SECONDS

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("tls")]


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    authority = pki.make(folder)
    gateway = Live(folder, tls_cert=folder / "tls.crt", tls_key=folder / "tls.key").prepare().start()
    gateway.ca = str(authority)
    yield gateway
    gateway.stop()


def test_curl_reaches_the_gateway_over_tls(secure):
    query = signer.query(signer.v1(KEY, "CreateOTAFirmware", FirmwareName="tls", DestVersion="1"))
    reply = servers.curl(need("curl"), f"{secure.url}/?{query}", "--cacert", secure.ca)
    assert reply.json["Success"] is True


def test_curl_without_the_authority_does_not_trust_the_gateway(secure):
    with pytest.raises(AssertionError, match="certificate"):
        servers.curl(need("curl"), secure.url)


def test_plain_http_to_the_tls_port_is_answered_with_an_envelope(secure):
    reply = parse(send(secure.port, b"GET /?Signature=secret HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert_documented(reply, 400, "InvalidRequest")
    assert "Signature=secret" not in secure.log()


def test_garbage_instead_of_a_handshake_ends_in_a_close(secure):
    answer = send(secure.port, b"\x16\x03\x01\x00\x05garbage" * 10)
    assert b"<html" not in answer
    assert "Traceback" not in secure.log()


def test_a_broken_request_over_tls_is_answered_with_an_envelope(secure):
    context = ssl.create_default_context(cafile=secure.ca)
    with (
        socket.create_connection(("127.0.0.1", secure.port), HANG_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=True) as connection,
    ):
        connection.sendall(b"garbage\r\n\r\n")
        assert_documented(parse(servers.read(connection)), 400, "InvalidRequest")


def test_a_handshake_that_stops_is_cut_off_in_time(secure, tmp_path):
    hurried = servers.Gunicorn(
        tmp_path, tls_cert=secure.environ["OTAGW_TLS_CERT"], tls_key=secure.environ["OTAGW_TLS_KEY"]
    ).prepare()
    hurried.start("tests/deploy/hurried.conf.py")
    try:
        assert send(hurried.port, b"\x16\x03\x01") == b""
        assert "Traceback" not in hurried.log()
    finally:
        hurried.stop()
