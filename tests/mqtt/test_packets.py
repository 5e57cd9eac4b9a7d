"""The codec, against a client that shares none of its code: all bytes, in pieces of all sizes."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otagw.mqtt import packets
from tests.mqtt import client
from tests.mqtt.client import Credentials

WHO = Credentials("p&dev1|securemode=3,signmethod=hmacsha1|", "dev1&p", "00ff")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
TOPICS = TEXTS.map(lambda text: text.replace("#", "").replace("+", "")).filter(bool)
NUMBERS = st.integers(1, 65535)
PAYLOADS = st.binary(max_size=300)
WELL_FORMED = st.one_of(
    st.builds(
        lambda a, b, c, k: client.connect(Credentials(a, b, c), keep_alive=k), *[TEXTS] * 3, st.integers(0, 65535)
    ),
    st.builds(client.publish, TOPICS, PAYLOADS),
    st.builds(lambda topic, payload, n: client.publish(topic, payload, number=n), TOPICS, PAYLOADS, NUMBERS),
    NUMBERS.map(lambda number: client.packet(client.PUBACK, number.to_bytes(2, "big"))),
    st.just(client.packet(client.PINGREQ)),
    st.just(client.packet(client.DISCONNECT)),
    st.just(client.packet(client.SUBSCRIBE, b"\0\1" + client.text("a/#") + b"\1", 2)),
    st.just(client.packet(client.UNSUBSCRIBE, b"\0\1" + client.text("a/#"), 2)),
)


def decoded(pieces, longest=packets.LONGEST):
    """Return the packets in some bytes, and at their end what they are refused with, if they are."""
    decoder, found = packets.Decoder(longest), []
    try:
        for piece in pieces:
            decoder.feed(piece)
            while (packet := decoder.take()) is not None:
                found.append(packet)
    except packets.Malformed as problem:
        found.append(str(problem))
    return found


def one(data):
    (found,) = decoded([data])
    return found


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(st.lists(WELL_FORMED, max_size=5).map(b"".join) | st.binary(max_size=200), st.lists(st.integers(0, 2000)))
def test_bytes_mean_the_same_in_any_pieces(data, places):
    assert decoded(cut(data, places)) == decoded([data]) == decoded([data[at : at + 1] for at in range(len(data))])


@given(st.lists(WELL_FORMED, min_size=1, max_size=5))
def test_each_packet_is_read(sent):
    found = decoded([b"".join(sent)])
    assert len(found) == len(sent)
    assert not any(isinstance(each, str) for each in found)


@settings(max_examples=300)
@given(WELL_FORMED, st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4), st.integers(0, 400))
def test_a_mutated_packet_is_read_or_refused(data, changes, cut_off):
    mutant = bytearray(data[: max(len(data) - cut_off, 1)])
    for place, value in changes:
        mutant[place % len(mutant)] = value
    for found in decoded([bytes(mutant)]):  # whatever else it raises fails the test
        assert isinstance(found, (str, tuple))


@given(TEXTS, TEXTS, TEXTS, st.integers(0, 65535), st.booleans(), st.none() | st.tuples(TOPICS, PAYLOADS))
def test_connect_says_what_was_said(client_id, user, password, keep_alive, clean, will):
    sent = client.connect(Credentials(client_id, user, password), keep_alive=keep_alive, clean=clean, will=will)
    assert one(sent) == packets.Connect(client_id, user, password, keep_alive, clean)


@given(TOPICS, PAYLOADS, st.none() | NUMBERS, st.booleans(), st.booleans())
def test_publish_says_what_was_said(topic, payload, number, retain, repeated):
    repeated = repeated and number is not None
    sent = client.publish(topic, payload, number=number, retain=retain, repeated=repeated)
    assert one(sent) == packets.Publish(topic, payload, number or 0, repeated)


@given(TOPICS, st.binary(max_size=300) | st.sampled_from([b"x" * 127, b"x" * 16384]), st.none() | NUMBERS)
def test_a_client_reads_what_is_published(topic, payload, number):
    (found,), left = client.split(packets.publish(topic, payload, number or 0))
    assert (left, client.message(found)) == (b"", client.Message(topic, payload, number, False))


@given(NUMBERS, st.integers(1, 9))
def test_a_client_reads_the_answers(number, topics):
    answers = packets.puback(number) + packets.unsuback(number) + packets.pingresp()
    answers += packets.suback(packets.Subscribe(number, topics)) + packets.connack(5)
    found, left = client.split(answers)
    bare = number.to_bytes(2, "big")
    assert left == b""
    assert found == [
        (client.PUBACK, 0, bare),
        (client.UNSUBACK, 0, bare),
        (client.PINGRESP, 0, b""),
        (client.SUBACK, 0, bare + b"\1" * topics),
        (client.CONNACK, 0, b"\0\5"),
    ]


@pytest.mark.parametrize("size", [0, 127, 128, 16383, 16384, packets.LONGEST - 5])
def test_the_length_takes_as_many_bytes_as_it_needs(size):
    payload = b"x" * (size - min(size, 3))
    assert one(client.publish("t", payload)).payload == payload


def test_a_packet_may_be_as_long_as_it_may_be_and_no_longer():
    longest = client.publish("t", b"x" * (packets.LONGEST - 3))
    assert len(one(longest).payload) == packets.LONGEST - 3
    longer = client.publish("t", b"x" * (packets.LONGEST - 2))
    assert one(longer[:5]) == "packet of 65537 bytes, expected 65536 at most", "refused before it has come"


def test_a_length_of_five_bytes_is_refused_with_its_fourth():
    assert one(b"\x30\xff\xff\xff\xff") == "the length of a packet takes more than four bytes"


LEVELS = {
    3: ("MQIsdp", b"\x20\2\0\1"),
    4: ("MQIsdp", b"\x20\2\0\1"),
    5: ("MQTT", b"\x20\3\0\x84\0"),
    6: ("MQTT", b"\x20\2\0\1"),
}


@pytest.mark.parametrize("level", LEVELS)
def test_another_version_is_answered_in_its_own_words(level):
    name, answer = LEVELS[level]
    decoder = packets.Decoder()
    decoder.feed(client.connect(WHO, level=level, name=name))
    with pytest.raises(packets.WrongVersion, match=f"CONNECT: protocol level {level}, expected 4") as refusal:
        decoder.take()
    assert refusal.value.answer == answer


REFUSED = {
    "reserved type 0": (b"\0\0", "packet type 0 with flags 0 is not taken"),
    "reserved type 15": (b"\xf0\0", "packet type 15 with flags 0 is not taken"),
    "what a server says": (b"\x20\2\0\0", "packet type 2 with flags 0 is not taken"),
    "PUBREC": (b"\x50\2\0\1", "packet type 5 with flags 0 is not taken"),
    "PUBREL": (b"\x62\2\0\1", "packet type 6 with flags 2 is not taken"),
    "flags of CONNECT": (b"\x11\0", "packet type 1 with flags 1 is not taken"),
    "flags of SUBSCRIBE": (b"\x80\6\0\1\0\1a\1", "packet type 8 with flags 0 is not taken"),
    "flags of PINGREQ": (b"\xc1\0", "packet type 12 with flags 1 is not taken"),
    "a long PINGREQ": (b"\xc0\1x", "PING: 1 bytes too many"),
    "a long DISCONNECT": (b"\xe0\1x", "DISCONNECT: 1 bytes too many"),
    "PUBACK of nothing": (b"\x40\2\0\0", "PUBACK: packet identifier 0"),
    "a short PUBACK": (b"\x40\1\1", "a packet ends before what it announces"),
    "QoS 2": (client.publish("t", b"x", number=1, qos=2), "PUBLISH: QoS 2, expected 0 or 1"),
    "QoS 3": (client.publish("t", b"x", number=1, qos=3), "PUBLISH: QoS 3, expected 0 or 1"),
    "QoS 1 without a number": (client.publish("t", b"x", number=0), "PUBLISH: packet identifier 0"),
    "no topic": (client.publish("", b"x"), "PUBLISH: expected a topic without wildcards"),
    "wildcard #": (client.publish("a/#", b"x"), "PUBLISH: expected a topic without wildcards"),
    "wildcard +": (client.publish("a/+/b", b"x"), "PUBLISH: expected a topic without wildcards"),
    "NUL in a topic": (client.publish("a\0b", b"x"), "a text has NUL in it"),
    "no UTF-8": (client.packet(client.PUBLISH, client.text(b"\xff")), "a text is not UTF-8"),
    "half a character": (client.packet(client.PUBLISH, client.text(b"\xed\xa0\x80")), "a text is not UTF-8"),
    "SUBSCRIBE to nothing": (b"\x82\2\0\1", "SUBSCRIBE: no topic"),
    "SUBSCRIBE to an empty topic": (b"\x82\5\0\1\0\0\1", "SUBSCRIBE: an empty topic"),
    "SUBSCRIBE with QoS 3": (b"\x82\6\0\1\0\1a\3", "SUBSCRIBE: expected QoS 0, 1 or 2"),
    "UNSUBSCRIBE from nothing": (b"\xa2\2\0\1", "UNSUBSCRIBE: no topic"),
    "another protocol": (client.connect(WHO, name="HTTP"), "CONNECT: expected the protocol MQTT"),
    "bytes behind CONNECT": (client.packet(1, client.connect(WHO)[2:] + b"x"), "CONNECT: 1 bytes too many"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_standard_forbids_or_we_do_not_speak_is_refused(what):
    data, problem = REFUSED[what]
    assert one(data) == problem


@pytest.mark.parametrize("flags", [0x01, 0x40, 0x08, 0x20, 0x1C, 0xC3])
def test_flags_of_connect_that_do_not_go_together_are_refused(flags):
    sent = bytearray(client.connect(WHO))
    sent[9] = flags
    assert one(bytes(sent)) == f"CONNECT: flags {flags:#04x} do not go together"


def test_a_password_that_is_no_text_is_no_reason_to_refuse_the_packet():
    assert one(client.connect(Credentials("id", "user", b"\xff\xfe"))).password == "��"
