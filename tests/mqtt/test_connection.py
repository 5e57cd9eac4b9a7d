"""One connection: who is let in, for how long it may say nothing, what it may say, and when it is answered."""

import asyncio
import contextlib
import json
import socket
import ssl
import threading
import time

import pytest

from otagw.db import database
from otagw.ota.devices import connections, devices, presence
from tests.deploy import pki
from tests.mqtt import client as mqtt
from tests.mqtt.client import Client, Credentials, alibaba
from tests.patience import eventually

REFUSED = 4  # bad user name or password
NOT_AUTHORIZED = 5


def runs(client, device):
    """Return what a device is said to run, by module."""
    found = client.ok(
        "ListOTAModuleVersionsByDevice", ProductKey=device.product, DeviceName=device.name, CurrentPage=1, PageSize=50
    )
    return {module["ModuleName"]: module["ModuleVersion"] for module in found["Data"]["SimpleOTAModuleInfo"]}


# --- before CONNECT


def test_a_client_that_says_nothing_is_gone_when_its_time_is_over(make_node, device):
    port = make_node("strict", connect=0.3).port
    silent, slow, known = Client(port), Client(port), device.connect(port)
    slow.send(mqtt.connect(device.credentials())[:-1])
    assert (silent.rest(), slow.rest()) == ([], [])
    assert known.is_open, "the time is for CONNECT alone"
    silent.close(), slow.close()


def test_bytes_one_by_one_do_not_make_the_time_of_connect_longer(make_node, device):
    with Client(make_node("strict", connect=0.3).port) as slow:
        slow.socket.settimeout(0.05)
        for byte in mqtt.connect(device.credentials())[:-1]:
            with contextlib.suppress(TimeoutError):
                if slow.socket.recv(1) == b"":
                    return
            slow.send(bytes([byte]))
        pytest.fail("it is waited for")


def test_a_connect_in_pieces_is_taken(stranger, device):
    found = stranger()
    for byte in mqtt.connect(device.credentials()):
        found.send(bytes([byte]))
    assert found.expect(mqtt.CONNACK) == b"\0\0"


@pytest.mark.parametrize(
    "sent",
    [
        mqtt.packet(mqtt.PINGREQ),
        mqtt.publish("/ota/device/inform/p/dev1", {}),
        mqtt.packet(mqtt.DISCONNECT),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    ],
    ids=["ping", "publish", "disconnect", "http", "tls"],
)
def test_a_client_that_begins_with_something_else_is_closed_without_a_word(stranger, sent):
    found = stranger()
    found.send(sent)
    assert found.rest() == []


def test_a_long_connect_of_a_stranger_is_refused_at_its_length(stranger, device):
    given = device.credentials()
    found = stranger()
    found.send(mqtt.connect(given, will=("t", b"x" * 4096))[:4])
    assert found.rest() == []


def test_a_connect_of_four_kibibytes_is_taken(stranger, device):
    given = device.credentials()
    size = 4096 - (len(mqtt.connect(given, will=("t", b""))) - 3)
    assert stranger().connect(given, will=("t", b"x" * size)) == 0


@pytest.mark.parametrize(("level", "answer"), [(5, b"\x84\0"), (3, b"\1")])
def test_a_client_of_another_version_is_told_in_its_own_words(stranger, device, level, answer):
    found = stranger()
    found.send(mqtt.connect(device.credentials(), level=level, name="MQTT" if level == 5 else "MQIsdp"))
    assert found.rest() == [(mqtt.CONNACK, 0, b"\0" + answer)]


# --- who is let in


def mistakes(device, other):
    """Return credentials that are not believed, by what is wrong with them."""
    given = device.credentials()
    return {
        "a wrong password": given._replace(password="0" * 40),
        "no password": given._replace(password=""),
        "another device's secret": alibaba("p", "dev1", other.secret),
        "an unknown device": alibaba("p", "nobody", device.secret),
        "a device of another product": alibaba("p", other.name, other.secret),
        "an unknown product": alibaba("nothing", "dev1", device.secret),
        "an id that was not signed": given._replace(client_id=given.client_id.replace("p&dev1", "p&dev2")),
        "a time that was not signed": given._replace(client_id=given.client_id.replace("17000", "17001")),
    }


def test_all_that_is_wrong_with_a_password_is_refused_the_same_way(stranger, register):
    device, other = register(), register("twin", "q")
    answers = {}
    for what, given in mistakes(device, other).items():
        found = stranger()
        found.send(mqtt.connect(given))
        answers[what] = found.rest()
    assert answers == {what: [(mqtt.CONNACK, 0, bytes([0, REFUSED]))] for what in answers}
    assert (stranger().connect(device.credentials()), stranger().connect(other.credentials())) == (0, 0)


def test_a_client_that_no_front_knows_is_told_so(stranger):
    assert stranger().connect(Credentials("any", "user", "password")) == 2
    assert stranger().connect(Credentials("", "", "")) == 2


def test_a_disabled_device_is_told_so_and_nobody_else_is(stranger, client, device):
    client.ok("DisableThing", ProductKey="p", DeviceName="dev1")
    assert stranger().connect(device.credentials()) == NOT_AUTHORIZED
    assert stranger().connect(device.credentials()._replace(password="0" * 40)) == REFUSED


def test_a_second_connect_ends_the_connection(device):
    connection = device.connect()
    connection.send(mqtt.connect(device.credentials()))
    assert connection.rest() == []


def test_a_kept_session_is_taken_and_never_there(device):
    for _ in range(2):
        device.connect(clean=False).close()  # `connect` sees to it that no session is there


def test_a_will_is_taken_and_sent_to_nobody(device, register):
    other = register("dev2").connect()
    device.connect(will=(f"/ota/device/upgrade/{device.product}/dev2", b"boom")).socket.shutdown(socket.SHUT_RDWR)
    assert other.messages() == []


# --- silence


def test_a_device_that_is_silent_for_half_more_than_its_keep_alive_is_gone(register):
    silent, talker = register("dev1").connect(keep_alive=1), register("dev2").connect(keep_alive=1)
    began = time.monotonic()
    silent.socket.settimeout(0.1)
    closed = False
    while not closed:
        talker.ping()
        try:
            closed = not silent._read()
        except TimeoutError:
            continue
    assert time.monotonic() - began >= 1.4
    assert talker.is_open, "pings keep a connection"


def test_a_device_without_keep_alive_has_a_longest_silence_too(make_node, device):
    port = make_node("strict", silence=0.3).port
    assert device.connect(port, keep_alive=0).rest() == []
    assert device.connect(port, keep_alive=65535).rest() == []


# --- room


def test_a_stranger_that_has_waited_longest_makes_room_and_devices_never_do(make_node, register):
    node = make_node("small", most=3)
    held = [register(f"dev{number}").connect(node.port) for number in range(2)]
    strangers = [Client(node.port)]
    eventually(lambda: node.inside(lambda found: len(found._connections)) == 3)
    held.append(register("dev2").connect(node.port))  # in the stranger's place
    assert strangers[0].rest() == []
    late = Client(node.port)
    assert late.rest() == [], "there is nobody to make room"
    assert all(connection.is_open for connection in held)
    held[0].close()
    register("dev3").connect(node.port)
    for each in (*strangers, late):
        each.close()


def test_an_address_has_so_many_connections(make_app, make_node, register):
    make_app(mqtt_connections_per_address=2)
    node = make_node("small")
    held = [register(f"dev{number}").connect(node.port) for number in range(2)]
    with Client(node.port) as third, Client(node.port, source="127.0.0.2") as elsewhere:
        assert third.rest() == []
        assert elsewhere.connect(register("dev3").credentials()) == 0
    assert all(connection.is_open for connection in held)
    held[0].close()
    eventually(lambda: node.inside(lambda found: found._addresses["127.0.0.1"]) == 1)
    register("dev4").connect(node.port)


# --- one device, one connection


def test_the_older_of_two_connections_is_closed(device):
    older = device.connect()
    newer = device.connect()
    assert older.rest() == []
    assert newer.is_open


def test_the_older_of_two_connections_to_two_nodes_is_closed(make_node, device, rollout):
    other = make_node("other", beat=0.05)
    older = device.connect(other.port)
    newer = device.connect()
    assert older.rest() == []
    device.report(newer)
    rollout()
    assert newer.message().topic == device.topic("upgrade")
    newest = device.connect(other.port)
    assert newer.rest() == []
    assert newest.is_open
    assert connections.of(device.id).node == "other"


def test_a_connection_that_ends_is_forgotten(device):
    connection = device.connect()
    assert connections.of(device.id).node == "node"
    connection.send(mqtt.packet(mqtt.DISCONNECT))
    assert connection.rest() == []
    eventually(lambda: connections.of(device.id) is None)


def test_a_node_that_stops_forgets_its_connections(make_node, device):
    other = make_node("other")
    connection = device.connect(other.port)
    other.stop()
    assert connection.rest() == []
    assert connections.of(device.id) is None
    assert database.execute("SELECT COUNT(*) FROM mqtt_node WHERE id = 'other'").fetchone() == (0,)


# --- what a device says


def test_pings_are_answered_and_subscriptions_granted(device):
    connection = device.connect()
    connection.ping()
    assert connection.subscribe("a", "b/#", device.topic("upgrade"), qos=2) == [1, 1, 1]
    connection.send(mqtt.packet(mqtt.UNSUBSCRIBE, b"\0\5" + mqtt.text("a"), 2))
    assert connection.expect(mqtt.UNSUBACK) == b"\0\5"


def test_qos_2_ends_the_connection_and_says_why_in_the_log(device, log_lines):
    connection = device.connect()
    connection.send(mqtt.publish(device.topic("inform"), {"params": {"version": "1"}}, number=1, qos=2))
    assert connection.rest() == []
    (line,) = [line for line in log_lines() if line["message"] == "a packet was refused"]
    assert (line["device"], line["problem"]) == ("p/dev1", "PUBLISH: QoS 2, expected 0 or 1")


def test_a_packet_of_more_than_64_kibibytes_ends_the_connection(device):
    connection = device.connect()
    fits = b"x" * (65536 - len(mqtt.text("/any")) - 2)
    connection.tell("/any", fits)
    connection.say("/any", fits + b"x")
    assert connection.rest() == []


def test_unknown_topics_are_acknowledged_and_do_nothing(client, device):
    connection = device.connect()
    for topic in ("/any", "/sys/p/dev1/thing/event/property/post", "ota/device/inform/p/dev1", "$SYS/broker"):
        connection.tell(topic, {"params": {"version": "9.9"}})
    assert runs(client, device) == {}


def test_a_topic_of_another_device_does_nothing(client, register):
    device, other = register("dev1"), register("dev2")
    connection, others = device.connect(), other.connect()
    other.report(others, "1.0")
    connection.tell(other.topic("inform"), {"params": {"version": "6.6.6"}})
    connection.tell(f"/sys/p/{other.name}/thing/ota/firmware/get", {"params": {}})
    connection.tell("/ota/device/inform/q/dev1", {"params": {"version": "6.6.6"}})
    assert (runs(client, device), runs(client, other)) == ({}, {"default": "1.0"})
    assert (connection.messages(), others.messages()) == ([], [])


@pytest.mark.parametrize(
    "payload",
    [b"\xff\xfe", b"{", b"[]", b"null", b'{"params":[]}', b'{"params":{"version":"' + b"x" * 5000 + b'"}}'],
    ids=["no text", "half", "a list", "null", "params of a list", "a long version"],
)
def test_a_message_that_is_refused_is_acknowledged(client, device, payload):
    connection = device.connect()
    connection.tell(device.topic("inform"), payload)
    assert runs(client, device) == {}
    device.report(connection)
    assert runs(client, device) == {"default": "1.0"}


def test_a_retained_or_repeated_message_is_taken_as_any(client, device):
    connection = device.connect()
    connection.tell(device.topic("inform"), {"params": {"version": "1.1"}}, retain=True)
    connection.tell(device.topic("inform"), {"params": {"version": "1.2"}}, repeated=True)
    assert runs(client, device) == {"default": "1.2"}


def test_messages_are_done_in_the_order_in_which_they_came(client, device):
    connection = device.connect()
    numbers = [connection.say(device.topic("inform"), {"params": {"version": f"1.{at}"}}) for at in range(20)]
    assert [int.from_bytes(connection.expect(mqtt.PUBACK), "big") for _ in numbers] == numbers
    assert runs(client, device) == {"default": "1.19"}


@pytest.mark.parametrize("how", ["DisableThing", "DeleteDevice"])
def test_a_device_that_was_disabled_or_deleted_is_closed_at_its_next_word(client, device, how):
    connection = device.connect()
    client.ok(how, ProductKey="p", DeviceName="dev1")
    connection.say(device.topic("inform"), {"params": {"version": "1.0"}})
    assert connection.rest() == [], "it is not acknowledged"


def test_a_device_with_a_new_secret_is_to_connect_anew(client, device):
    connection = device.connect()
    client.ok("DeleteDevice", ProductKey="p", DeviceName="dev1")
    client.ok("RegisterDevice", ProductKey="p", DeviceName="dev1")
    connection.say(device.topic("inform"), {"params": {"version": "1.0"}})
    assert connection.rest() == []


# --- durability and room for what waits


@contextlib.contextmanager
def busy():
    """Let nobody write what devices run, and let what would be written wait until the block ends."""
    with database.write():
        if not database.is_sqlite():  # which has one writer
            database.execute("LOCK TABLE device_version IN EXCLUSIVE MODE")
        yield


def test_a_message_is_acknowledged_after_its_commit(client, device):
    connection = device.connect()
    device.report(connection)
    with busy():
        number = connection.say(device.topic("inform"), {"params": {"version": "1.1"}})
        connection.ping()
        assert connection._found == []
        assert runs(client, device) == {"default": "1.0"}
    assert connection.expect(mqtt.PUBACK) == number.to_bytes(2, "big")
    assert runs(client, device) == {"default": "1.1"}


def test_trouble_of_the_database_ends_the_connection_without_a_word(client, device):
    connection = device.connect()
    device.report(connection)
    database.execute("ALTER TABLE device_version RENAME TO gone")
    try:
        connection.say(device.topic("inform"), {"params": {"version": "1.1"}})
        assert connection.rest() == []
    finally:
        database.execute("ALTER TABLE gone RENAME TO device_version")
    again = device.connect()
    device.report(again, "1.1")
    assert runs(client, device) == {"default": "1.1"}


def test_trouble_of_the_database_at_connect_is_said_as_such(stranger, device):
    database.execute("ALTER TABLE mqtt_session RENAME TO gone")
    try:
        assert stranger().connect(device.credentials()) == 3
    finally:
        database.execute("ALTER TABLE gone RENAME TO mqtt_session")
    device.connect()


def test_no_more_is_read_of_a_device_while_32_of_its_messages_wait(device):
    connection = device.connect()
    inform = {"params": {"version": "1.0"}}
    with busy():
        for _ in range(30):
            connection.say(device.topic("inform"), inform)
        connection.ping()  # it is read at once
        for _ in range(30):
            connection.say(device.topic("inform"), inform)
        connection.send(mqtt.packet(mqtt.PINGREQ))
    connection.expect(mqtt.PINGRESP)
    assert len(connection._found) >= 60 - 32, "the second ping was read before"
    assert {found.kind for found in connection._found} == {mqtt.PUBACK}


def test_a_device_that_says_much_at_once_lets_others_have_their_turn(node, register):
    loud, other = register("loud").connect(), register("dev1").connect()
    held, go_on = threading.Event(), threading.Event()

    async def turn():
        held.set()
        go_on.wait(60)  # nothing is read meanwhile
        for _ in range(2):  # until the loop has gone round once
            await asyncio.sleep(0)
        loud.socket.settimeout(0.2)
        answered = 0
        with contextlib.suppress(TimeoutError):
            while answered < 20_000:
                answered += len(loud.socket.recv(1 << 16))
        return answered

    found = asyncio.run_coroutine_threadsafe(turn(), node._loop)
    held.wait(60)
    loud.send(mqtt.packet(mqtt.PINGREQ) * 10_000)
    other.send(mqtt.packet(mqtt.PINGREQ))
    go_on.set()
    assert 0 < found.result(60) <= 2048, "so many bytes of it are answered in one turn"
    other.expect(mqtt.PINGRESP)


def test_a_device_that_reads_nothing_costs_others_nothing(register, client):
    deaf, other = register("deaf"), register("dev1")
    stuck, connection = deaf.connect(keep_alive=1), other.connect()
    ask = mqtt.packet(mqtt.SUBSCRIBE, b"\0\1" + (mqtt.text("a") + b"\1") * 16000, 2)
    stuck.socket.settimeout(0.2)
    with pytest.raises((TimeoutError, ConnectionError)):  # nothing more is read of it
        stuck.send(ask * 1000)
    other.report(connection)
    assert runs(client, other) == {"default": "1.0"}
    stuck.socket.settimeout(60)
    eventually(lambda: connections.of(deaf.id) is None)  # its silence ends it
    assert connection.is_open


def test_a_device_that_says_too_much_waits_and_others_do_not(make_app, make_node, register, held_clock):
    make_app(throttle="generous")
    node = make_node("strict")
    device, other = register("dev1"), register("dev2")
    loud, connection = device.connect(node.port), other.connect(node.port)
    known = "/sys/p/dev1/thing/ota/firmware/get"
    for _ in range(201):
        loud.say(known, b"{}")
    for _ in range(200):
        loud.expect(mqtt.PUBACK)
    other.report(connection)
    assert not [found for found in loud._found if found.kind == mqtt.PUBACK]
    held_clock.seconds += 1
    loud.expect(mqtt.PUBACK)


def test_a_device_that_is_about_to_be_let_in_makes_no_room_for_strangers(make_node, device):
    node = make_node("small", most=1)
    with Client(node.port) as first, Client(node.port) as second:
        assert first.rest() == [], "a stranger makes room"
        with busy():
            second.send(mqtt.connect(device.credentials()))
            eventually(lambda: node.inside(lambda found: not any(c.is_stranger for c in found._connections.values())))
            with Client(node.port) as third:
                assert third.rest() == []
        assert second.expect(mqtt.CONNACK) == b"\0\0"


# --- pushes on one connection


def test_eight_pushes_are_unacknowledged_at_most(device, rollout, looked):
    connection = device.connect()
    for number in range(10):
        module = f"m{number}"
        rollout(package={"ModuleName": module}, TargetSelection="ALL")
    for number in range(10):
        device.report(connection, module=f"m{number}")
    looked()
    found = connection.messages()
    assert len(found) == 8
    connection.ack(found[3])
    ninth = connection.message()
    looked()
    assert connection.messages() == []
    connection.ack(ninth)
    tenth = connection.message()
    modules = [json.loads(one.payload)["data"]["module"] for one in (*found, ninth, tenth)]
    assert sorted(modules) == sorted({f"m{number}" for number in range(10)})
    assert len({one.number for one in (*found, ninth, tenth)}) == 10


def test_a_device_that_says_nothing_is_online_as_long_as_it_is_connected(make_node, register, client, held_clock):
    served = make_node("seen", seen=0.0)
    device = register()
    connection = device.connect(served.port)
    held_clock.seconds += 3600
    eventually(lambda: presence.flush() or devices.find("p", "dev1").seen == held_clock.seconds * 1000)
    assert client.ok("QueryDeviceDetail", ProductKey="p", DeviceName="dev1")["Data"]["Status"] == "ONLINE"
    connection.ping()


# --- over TLS


@pytest.fixture
def contexts(tmp_path):
    """Return the server's context and a client's."""
    pki.make(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    return server, ssl.create_default_context(cafile=tmp_path / "ca.pem")


def test_a_device_over_tls_is_updated_as_any_other(make_node, register, rollout, contexts):
    ours, theirs = contexts
    served, device = make_node("tls", context=ours), register()
    with Client(served.port, context=theirs) as connection:
        assert connection.connect(device.credentials()) == 0
        device.report(connection)
        rollout()
        assert connection.message().json["data"]["version"] == "2.0"


def test_one_that_has_said_all_with_its_handshake_is_answered_over_tls(make_node, register, contexts):
    ours, theirs = contexts
    served, device = make_node("tls", context=ours), register()
    with Client(served.port, context=theirs) as connection:
        connection.send(mqtt.connect(device.credentials()) + mqtt.packet(mqtt.PINGREQ))
        assert connection.expect(mqtt.CONNACK) == b"\0\0"
        assert connection.expect(mqtt.PINGRESP) == b""


def test_a_handshake_that_hangs_counts_and_is_over_with_the_time_of_connect(make_node, register, contexts):
    ours, theirs = contexts
    served, device = make_node("tls", context=ours, most=2, connect=30.0), register()
    silent = [Client(served.port) for _ in range(2)]
    with Client(served.port, context=theirs) as connection:
        assert connection.connect(device.credentials()) == 0
        assert silent[0].rest() == [], "the stranger that has waited longest makes room"
    strict = make_node("strict", context=ours, connect=0.3)
    with Client(strict.port) as late, Client(strict.port) as slow:
        slow.send(b"\x16\x03\x01")  # as a handshake begins
        assert (late.rest(), slow.rest()) == ([], [])
    for one in silent:
        one.close()


@pytest.mark.parametrize("said", [b"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 64])
def test_what_is_no_tls_is_closed_without_an_answer_of_mqtt(make_node, contexts, said):
    served = make_node("tls", context=contexts[0])
    with Client(served.port) as plain:
        plain.send(said)
        assert {found.kind for found in plain.rest()} <= {1}  # an alert of TLS
    eventually(lambda: not served.inside(lambda node: node._connections))
