"""MQTT over TLS, beside MQTT without it."""

import contextlib
import ssl

import pytest

from tests.conftest import free_port
from tests.deploy import pki
from tests.mqtt import client as mqtt
from tests.mqtt.client import Client, alibaba
from tests.mqtt.test_nodes import MqttProcess

pytestmark = pytest.mark.live
NOBODY = alibaba("p", "nobody", "secret")


@pytest.fixture
def process(make_live, tmp_path):
    pki.make(tmp_path)
    port = free_port()
    given = {"tls_cert": tmp_path / "tls.crt", "tls_key": tmp_path / "tls.key"}
    found = MqttProcess(make_live(mqtt_tls_bind=f"127.0.0.1:{port}", **given), 0)
    found.tls_port, found.ca = port, tmp_path / "ca.pem"
    yield found
    found.stop()


def test_tls_is_served_beside_plain_tcp(process):
    with Client(process.port) as plain:
        assert plain.connect(NOBODY) == 4
    with Client(process.tls_port, context=ssl.create_default_context(cafile=process.ca)) as secure:
        assert secure.connect(NOBODY) == 4
        assert secure.rest() == []


def test_what_is_no_tls_is_closed_without_an_answer_of_mqtt(process):
    with Client(process.tls_port) as plain:
        plain.send(mqtt.connect(NOBODY))
        assert {found.kind for found in plain.rest()} <= {1}  # an alert of TLS
    with contextlib.closing(Client(process.port)) as client, pytest.raises((ssl.SSLError, ConnectionError)):
        ssl.create_default_context(cafile=process.ca).wrap_socket(client.socket, server_hostname="127.0.0.1")
