"""The packets of an SDK that is in no registry, as it was seen to send them, from its CONNECT to its new version."""

from tests.mqtt.client import Client
from tests.mqtt.fleets import bring
from tests.mqtt.test_credentials import ALIBABA_C, PK, SECRET

INFORM, PROGRESS = f"/ota/device/inform/{PK}/dev-c", f"/ota/device/progress/{PK}/dev-c"
UPGRADE, GET = f"/ota/device/upgrade/{PK}/dev-c", f"/sys/{PK}/dev-c/thing/ota/firmware/get"


def say(connection, topic, payload):
    """Publish as the SDK does, with QoS 0: it is done before what comes after it."""
    connection.say(topic, payload, qos=0)


def test_alibabas_c_sdk_is_updated_by_push_and_by_request(node, rollout, states):
    bring(PK, "dev-c", SECRET)
    with Client(node.port) as connection:
        assert connection.connect(ALIBABA_C, keep_alive=1200) == 0  # a constant time, an upper-case password
        say(connection, INFORM, b'{"id":1, "params":{"version":"1.0.0"}}')
        connection.tell("/sync", b"")
        job = rollout("2.0.0", package={"ProductKey": PK}, ProductKey=PK)
        told = connection.message()
        assert (told.topic, told.json["data"]["version"]) == (UPGRADE, "2.0.0")
        connection.ack(told)
        say(connection, GET, b'{"id":1, "params":{}}')
        answer = connection.message()
        assert (answer.topic, answer.number) == (f"{GET}_reply", None)
        assert answer.json["data"] == told.json["data"]
        say(connection, PROGRESS, b'{"id":2, "params":{"step":"0","desc":""}}')
        say(connection, PROGRESS, b'{"id":3, "params":{"step":"100","desc":""}}')
        connection.tell("/sync", b"")
        assert states(job) == {"dev-c": "IN_PROGRESS"}
        say(connection, INFORM, b'{"id":4, "params":{"version":"2.0.0"}}')
        connection.tell("/sync", b"")
        assert states(job) == {"dev-c": "SUCCEEDED"}


def test_alibabas_c_sdk_says_that_a_digest_is_wrong(node, rollout, states):
    bring(PK, "dev-c", SECRET)
    with Client(node.port) as connection:
        assert connection.connect(ALIBABA_C, keep_alive=1200) == 0
        say(connection, INFORM, b'{"id":1, "params":{"version":"1.0.0"}}')
        connection.tell("/sync", b"")
        job = rollout("2.0.0", package={"ProductKey": PK}, ProductKey=PK)
        connection.ack(connection.message())
        say(connection, PROGRESS, b'{"id":2, "params":{"step":"-3","desc":""}}')
        connection.tell("/sync", b"")
        assert states(job) == {"dev-c": "FAILED"}
