"""What the log says of a client that is not let in: the one mistake that makes what it sent, and never a secret."""

import base64
import hashlib
import hmac

import pytest

from otagw.dialects.alink import mistakes as alink
from otagw.dialects.oc import mistakes as oc
from otagw.dialects.tylink import mistakes as tylink
from otagw.ota.products import products
from tests.conftest import ROOT
from tests.mqtt.client import Client, Credentials, alibaba, huawei, tuya
from tests.mqtt.fleets import bring
from tests.patience import eventually

PRODUCT, NAME, SECRET = "a1pk000001", "dev1", "0123456789abcdefedcba9876543210f"
ID, HOUR, TIME = f"{PRODUCT}_{NAME}", "2026112800", "1700000000000"
CLIENT = f"{PRODUCT}&{NAME}"
CONTENT = f"clientId{CLIENT}deviceName{NAME}productKey{PRODUCT}timestamp{TIME}"
TUYA = f"deviceId={NAME},timestamp=1700000000,secureMode=1,accessType=1"
PAGE = ROOT / "docs" / "wire" / "mqtt-mistakes.md"


def sha1(text, key=SECRET, digest="sha1"):
    return hmac.new(key.encode(), text.encode(), digest).hexdigest()


def sha256(text, key=SECRET):
    return sha1(text, key, "sha256")


def other(password):
    """Return Alibaba's credentials with another password."""
    return alibaba(PRODUCT, NAME, SECRET)._replace(password=password)


def hour(password):
    return huawei(ID, SECRET, HOUR)._replace(password=password)


def link(password):
    return tuya(NAME, SECRET)._replace(password=password)


RIGHT = alibaba(PRODUCT, NAME, SECRET)
HEX = sha1(CONTENT)
ALIBABA = {
    "time-left-out": other(sha1(CONTENT.partition("timestamp")[0])),
    "time-added": alibaba(PRODUCT, NAME, SECRET, timestamp=None)._replace(
        password=sha1(CONTENT.replace(TIME, "2524608000000"))
    ),
    "other-time": other(sha1(CONTENT.removesuffix("000"))),
    "whole-client-id": other(sha1(CONTENT.replace(CLIENT, RIGHT.client_id))),
    "other-client-id": other(sha1(CONTENT.replace(CLIENT, f"{PRODUCT}.{NAME}"))),
    "order": other(sha1(f"productKey{PRODUCT}deviceName{NAME}clientId{CLIENT}timestamp{TIME}")),
    "names-swapped": other(sha1(f"clientId{CLIENT}deviceName{PRODUCT}productKey{NAME}timestamp{TIME}")),
    "separators": other(sha1(f"clientId={CLIENT}&deviceName={NAME}&productKey={PRODUCT}&timestamp={TIME}")),
    "more-signed": other(
        sha1(f"clientId{CLIENT}deviceName{NAME}productKey{PRODUCT}securemode3signmethodhmacsha1timestamp{TIME}")
    ),
    "part-left-out": other(sha1(f"clientId{CLIENT}deviceName{NAME}timestamp{TIME}")),
    "text-case": other(sha1(CONTENT.lower())),
    "secret-with-ampersand": other(sha1(CONTENT, f"{SECRET}&")),
    "secret-with-blank": other(sha1(CONTENT, f"{SECRET}\n")),
    "secret-quoted": other(sha1(CONTENT, f'"{SECRET}"')),
    "secret-decoded": other(hmac.new(bytes.fromhex(SECRET), CONTENT.encode(), "sha1").hexdigest()),
    "secret-case": other(sha1(CONTENT, SECRET.upper())),
    "swapped": other(sha1(SECRET, CONTENT)),
    "other-hash": other(sha256(CONTENT)),
    "no-hmac": other(hashlib.sha1(f"{CONTENT}{SECRET}".encode()).hexdigest()),
    "base64-for-hex": other(base64.b64encode(bytes.fromhex(HEX)).decode()),
    "password-with-blank": other(f"{HEX}\n"),
}
HUAWEI = {
    "other-hour": hour(sha256(SECRET, "2026112808")),
    "client-id-for-hour": hour(sha256(SECRET, ID)),
    "swapped": hour(sha256(HOUR)),
    "secret-with-blank": hour(sha256(f"{SECRET} ", HOUR)),
    "other-hash": hour(sha1(SECRET, HOUR)),
    "no-hmac": hour(hashlib.sha256(f"{HOUR}{SECRET}".encode()).hexdigest()),
    "base64-for-hex": hour(base64.b64encode(bytes.fromhex(sha256(SECRET, HOUR))).decode()),
}
TYLINK = {
    "whole-secret": link(sha256(TUYA)),
    "last-bytes": link(sha256(TUYA, SECRET[16:])),
    "other-time": link(sha256(TUYA.replace("1700000000", TIME), SECRET[:16])),
    "order": link(sha256(f"accessType=1,deviceId={NAME},secureMode=1,timestamp=1700000000", SECRET[:16])),
    "separators": link(sha256(TUYA.replace(",", "&"), SECRET[:16])),
    "part-left-out": link(sha256(TUYA.removeprefix(f"deviceId={NAME},"), SECRET[:16])),
    "other-text": link(sha256(TUYA.replace(f"={NAME}", f"=tuyalink_{NAME}"), SECRET[:16])),
    "text-case": link(sha256(TUYA.lower(), SECRET[:16])),
    "swapped": link(sha256(SECRET[:16], TUYA)),
    "other-hash": link(sha1(TUYA, SECRET[:16])),
}
SCHEMES = {
    "Alibaba": (ALIBABA, alink.scheme(alink.credentials.read(RIGHT))),
    "Huawei": (HUAWEI, oc.SCHEME),
    "Tuya": (TYLINK, tylink.SCHEME),
}
TABLE = [
    pytest.param(given, next(m.sentence for m in scheme.mistakes if m.name == name), id=f"{vendor}: {name}")
    for vendor, (cases, scheme) in SCHEMES.items()
    for name, given in cases.items()
]


@pytest.fixture
def fleet(app):
    """The device that the clients say that they are, and another."""
    bring(PRODUCT, NAME, SECRET)
    bring(PRODUCT, "dev2", "f" * 32)


@pytest.fixture
def hint(node, log_lines):
    """Be refused; return what the log says of it, which has no secret in it."""

    def hint(given, code=4):
        before = len(log_lines())
        with Client(node.port) as client:
            assert client.connect(given) == code
        (line,) = eventually(lambda: [one for one in log_lines()[before:] if one["message"] == "a client was refused"])
        assert SECRET not in str(line)
        assert SECRET[:16] not in str(line)
        return line.get("hint")

    return hint


@pytest.mark.parametrize(("given", "sentence"), TABLE)
def test_a_mistake_is_named(fleet, hint, given, sentence):
    assert hint(given) == sentence


def test_every_mistake_has_its_line_in_the_docs():
    page = PAGE.read_text(encoding="utf-8")
    missing = {m.name for _, scheme in SCHEMES.values() for m in scheme.mistakes if f"`{m.name}`" not in page}
    assert not missing


def test_a_wrong_password_without_a_known_mistake_has_no_hint(fleet, hint):
    for given in (RIGHT, huawei(ID, SECRET), tuya(NAME, SECRET)):
        assert hint(given._replace(password="ab" * 32)) is None


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("", "There is no password."),
        (SECRET, "The password is the secret itself: sign with it, and never send it."),
        (
            hashlib.md5(SECRET.encode()).hexdigest(),
            "The password is a digest of the secret alone: make an HMAC with it.",
        ),
    ],
)
def test_a_password_that_is_not_signed_is_named(fleet, hint, password, sentence):
    for given in (RIGHT, huawei(ID, SECRET), tuya(NAME, SECRET)):
        assert hint(given._replace(password=password)) == sentence


def test_the_secret_of_the_product_is_named(client, hint, register):
    register("dev1", PRODUCT)
    secret = products.secret(PRODUCT)
    for given in (alibaba(PRODUCT, NAME, secret), huawei(ID, secret), tuya(NAME, secret)):
        assert hint(given) == "The secret of the product was used: take that of the device."


def test_the_secret_of_another_device_is_named(fleet, hint):
    said = "The secret of device dev2 of product a1pk000001 was used, which is another device."
    for given in (alibaba(PRODUCT, NAME, "f" * 32), huawei(ID, "f" * 32), tuya(NAME, "f" * 32)):
        assert hint(given) == said


def test_a_device_of_another_product_is_named(fleet, hint):
    said = f"There is no device {NAME} of product p: the secret that was used is that of device {NAME} of product "
    assert hint(alibaba("p", NAME, SECRET)) == f"{said}{PRODUCT}."


def test_a_device_that_is_not_there_is_named(hint):
    assert hint(RIGHT) == f"There is no device {NAME} of product {PRODUCT}."
    assert hint(huawei(ID, SECRET)) == f"There is no device with the id {ID}."
    assert hint(tuya(NAME, SECRET)) == f"There is no device with the name or id {NAME}."


def test_a_disabled_device_is_named(fleet, client, hint):
    client.ok("DisableThing", ProductKey=PRODUCT, DeviceName=NAME)
    assert hint(RIGHT, code=5) == "The device is disabled."


def test_a_user_name_the_wrong_way_round_is_named(fleet, hint):
    said = "The user name is the wrong way round: send DeviceName&ProductKey."
    assert hint(RIGHT._replace(user_name=f"{PRODUCT}&{NAME}")) == said


@pytest.mark.parametrize(
    ("given", "code", "sentence"),
    [
        (
            RIGHT._replace(client_id=RIGHT.client_id.replace("hmacsha1", "sha1")),
            4,
            "signmethod is unknown here: expected one of hmacmd5, hmacsha1, hmacsha256.",
        ),
        (
            RIGHT._replace(user_name=NAME),
            2,
            "The user name is not DeviceName&ProductKey: the client id is one of Alibaba's.",
        ),
        (
            huawei(ID, SECRET)._replace(user_name="dev1"),
            4,
            "The user name is not the device id with which the client id begins.",
        ),
        (
            huawei(ID, SECRET, "20261128"),
            2,
            "The client id does not end as DEVICE_ID_0_0_YYYYMMDDHH, with an hour of ten digits.",
        ),
        (
            Credentials(ID, ID, "0" * 64),
            2,
            "The client id is the device id alone: append _0_0_ and the hour, YYYYMMDDHH in UTC.",
        ),
        (tuya(NAME, SECRET)._replace(client_id=NAME), 2, "The client id does not begin with tuyalink_."),
        (
            tuya(NAME, SECRET)._replace(user_name=NAME),
            2,
            "The user name lacks what is signed: append |signMethod=…,timestamp=…,secureMode=1,accessType=1.",
        ),
    ],
)
def test_names_of_another_form_are_named(fleet, hint, given, code, sentence):
    assert hint(given, code) == sentence


def test_names_of_no_vendor_have_no_hint(hint):
    assert hint(Credentials("mosq-123", "", ""), 2) is None


def test_hints_pause_for_a_client_that_is_refused_too_often(fleet, held_clock, hint):
    said = [hint(HUAWEI["swapped"]) for _ in range(31)]
    assert said[:30] == [oc.SCHEME.signings[0].sentence] * 30
    assert said[30] is None
    held_clock.seconds += 1
    assert hint(HUAWEI["swapped"]) == said[0]
