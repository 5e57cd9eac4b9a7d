"""A refusal names the cause: what was seen in a body or a value, and where, in every front that reads such."""

import gzip
import json
from types import SimpleNamespace

import pytest

from otagw import clock
from tests import signer
from tests.conftest import KEY, Client
from tests.ddi.conftest import Device as DdiDevice
from tests.device import signer as device_signer
from tests.iotda import signer as iotda_signer
from tests.iotda.conftest import PACKAGES, Iotda, package

BOM = b"\xef\xbb\xbf"
GZIP = gzip.compress(b"{}", mtime=0)


@pytest.fixture
def fronts(app, client):
    """Return what sends a body of JSON to each front that takes such."""
    secret = client.ok("RegisterDevice", ProductKey="p", DeviceName="dev1")["Data"]["DeviceSecret"]
    iotda, ddi = Iotda(app), DdiDevice(client.http, "dev1", f"TargetToken {secret}")

    def to_iotda(body, **headers):
        return iotda("POST", PACKAGES, body, **headers).json["error_msg"]

    def to_tokens(body, **headers):
        given = {"Content-Type": "application/json", **{n.replace("_", "-"): v for n, v in headers.items()}}
        return iotda.send("POST", "/v3/auth/tokens", given, body=body).json["error_msg"]

    def to_device(body, **headers):
        path = "/device/v1/p/dev1/update/progress"
        token = device_signer.token(secret, "POST", path, body, clock.now() // 1000)
        given = {"Authorization": f"Bearer {token}", **{n.replace("_", "-"): v for n, v in headers.items()}}
        return client.http.post(path, data=body, content_type="application/json", headers=given).json["message"]

    def to_ddi(body, **headers):
        given = {n.replace("_", "-"): v for n, v in headers.items()}
        return ddi.send("PUT", "/configData", body, **given).json["message"]

    return SimpleNamespace(iotda=to_iotda, tokens=to_tokens, device=to_device, ddi=to_ddi)


STRICT = ("iotda", "tokens", "device")
ALL = (*STRICT, "ddi")
CASES = [
    *((front, b'{"a":1,}', "a trailing comma, line 1, column 7") for front in ALL),
    *((front, b'{\n "a": [1,\n 2,\n]}', "a trailing comma, line 3, column 3") for front in ALL),
    *((front, GZIP, "the body is compressed with gzip: send it as it is") for front in ALL),
    *((front, b'{"a":NaN}', "the number NaN") for front in ALL),
    *((front, b'{"a":-1e999}', "the number -1e999") for front in ALL),
    *((front, b"{'a':1}", "expecting property name enclosed in double quotes, line 1, column 2") for front in ALL),
    *((front, b'{"a":1}{', "something behind its end, line 1, column 8") for front in ALL),
    *((front, b"[1]", "the body is a list, expected one JSON object") for front in ALL),
    *((front, b'{"a":' * 5000, "the body is nested too deep") for front in ("iotda", "ddi")),
    *((front, b'{"b":{"a":1,"a":2}}', "the name 'a' twice in one object") for front in STRICT),
    *((front, b'{"a":"\xff"}', "the body is not UTF-8: byte 7 begins no character") for front in STRICT),
    *((front, b'{"a":"\0"}', "a control character (U+0000) in a text, line 1, column 7") for front in STRICT),
]


@pytest.mark.parametrize(("front", "body", "cause"), CASES)
def test_a_body_that_is_no_json_is_told_why_and_where(fronts, front, body, cause):
    assert cause in getattr(fronts, front)(body)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br"])
@pytest.mark.parametrize("front", ALL)
def test_a_body_that_says_it_is_compressed_is_told_so(fronts, front, encoding):
    said = getattr(fronts, front)(b"{}", Content_Encoding=encoding)
    assert f"the body is compressed (Content-Encoding: {encoding.lower()}): send it as it is" in said


def test_a_form_that_is_compressed_is_told_so(client):
    params = signer.v1(KEY, "ListOTAFirmware", "POST", CurrentPage="1", PageSize="1")
    form = {"data": gzip.compress(signer.query(params).encode()), "content_type": "application/x-www-form-urlencoded"}
    response = client.http.post("/", **form, headers={"Content-Encoding": "gzip"})
    assert response.status_code == 400
    assert "the body is compressed (Content-Encoding: gzip)" in response.json["ErrorMessage"]


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_a_body_may_say_that_it_is_not_compressed(app, encoding):
    Iotda(app).ok("POST", PACKAGES, package(), status=201, Content_Encoding=encoding)


def test_a_body_may_begin_with_a_byte_order_mark(app, client, fronts):
    data = BOM + json.dumps(package()).encode()
    assert Iotda(app)("POST", PACKAGES, data).status_code == 201
    for front in ("device", "ddi", "tokens"):
        said = getattr(fronts, front)(BOM + b'{"x":1}')
        assert "JSON" not in said
        assert "byte order mark" not in said


VALUES = [
    ("FirmwareName", "a b", "; it has a space (character 2)"),
    ("FirmwareName", "a\\b", "; it has a backslash (character 2)"),
    ("FirmwareName", "ab/c", "; it has a slash (character 3)"),
    ("FirmwareName", "\ufeffab", "; it has a byte order mark (character 1)"),
    ("FirmwareName", "ab\u00a0", "; it has a no-break space (character 3)"),
    ("FirmwareName", "ab\n", "; it has a line feed (character 3)"),
    ("FirmwareName", "a" * 41, "; it has 41 characters"),
    ("FirmwareName", "-a", " first"),  # nothing but what was expected: no letter in its place would do
    ("FirmwareDesc", "a\0b", "; it has a NUL (character 2)"),
    ("DestVersion", "1 0", "; it has a space (character 2)"),
    ("ProductKey", "v5", "; it is a reserved word"),
    ("ProductKey", "OSS", "; it is a reserved word"),
    ("ProductKey", "a b", "; it has a space (character 2)"),
    ("FirmwareUrl", "https://a.example/x y", "; it has a space (character 20)"),
]


@pytest.mark.parametrize(("name", "value", "seen"), VALUES)
def test_a_value_of_an_action_is_told_what_was_seen(client, name, value, seen):
    given = {"FirmwareName": "package", "DestVersion": "1", name: value}
    _, code, text = client.refused("CreateOTAFirmware", **given)
    assert code == "InvalidParameter"
    assert name in text
    assert text.endswith(f"{seen}.")


def test_a_value_in_a_list_of_objects_is_told_what_was_seen(client):
    given = {"MultiFiles.2.Name": "a", "MultiFiles.2.Url": "https://a.example/x\ty"}
    _, _, text = client.refused("CreateOTAFirmware", FirmwareName="p", DestVersion="1", **given)
    assert "MultiFiles.2.Url" in text
    assert text.endswith("; it has a tab (character 20).")


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"version": "1 0"}, "; it has a space (character 2)"),
        ({"version": 1}, "; it is a number"),
        ({"version": True}, "; it is true or false"),
        ({"version": ["1"]}, "; it is a list"),
        ({"description": "a\0"}, "; it has a NUL (character 2)"),
        ({"description": "a" * 1025}, "; it has 1025 characters"),
        ({"support_source_versions": ["1.0", "1\\0"]}, "; it has a backslash (character 2)"),
        ({"file_location": {"obs_location": {**package()["file_location"]["obs_location"], "bucket_name": "A B"}}},
         "expected"),
    ],
)  # fmt: skip
def test_a_value_of_iotda_is_told_what_was_seen(app, changes, seen):
    status, code, text = Iotda(app).refused("POST", PACKAGES, package(**changes))
    assert (status, code) == (400, "IOTDA.000006")
    assert seen in text


def test_a_refusal_names_no_file_that_a_client_does_not_have(app, client):
    answers = [
        client("QueryOTAFirmware", Version="2018-01-20"),
        client("Nothing", Version="2018-01-20"),
        Client(app, (KEY[0], "wrong"))("ListOTAFirmware", Version="2018-01-20"),
        Iotda(app).send("GET", PACKAGES, {"Authorization": "SDK-HMAC-SHA256 x", "X-Sdk-Date": iotda_signer.stamp()}),
    ]
    for answer in answers:
        assert answer.status_code >= 400
        assert "docs/" not in answer.text
