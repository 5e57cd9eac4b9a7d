"""What holds for every Action, the ones of tomorrow included: this runs over the table itself."""

import re
from pathlib import Path

import pytest

import otagw.dialects.aliyun.actions  # noqa: F401 - fills the table
from otagw import errors
from otagw.cli import reference
from otagw.dialects.aliyun import fields, spelling
from otagw.dialects.aliyun.action import actions
from tests import signer
from tests.conftest import KEY, OTHER, Client
from tests.contract.pairs import ids, some

ROOT = Path(__file__).parent.parent.parent
OPERATIONS = sorted(actions, key=lambda operation: operation.name)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)


def example(field):
    """Return a value that a field takes."""
    match field:
        case fields.Integer():
            return str(max(field.low, 1))
        case fields.Id():
            return "1"
        case fields.Boolean():
            return "true"
        case fields.Choice():
            return field.expected.split()[-1]
        case fields.Url():
            return "https://example.com/x.bin"
        case fields.Text():
            return next(text for text in ("a1", "a123", "0" * 32, "0" * 64) if _takes(field, text))
    raise AssertionError(f"an example for {field!r} is wanted here")


def _takes(field, text):
    try:
        return bool(field.read(text))
    except ValueError:
        return False


def required(operation, **given):
    """Return parameters that satisfy a schema, no more than it requires, one field because of another included."""
    found = {**mandatory(operation), **given}
    while True:
        try:
            operation.schema.read(found)
        except errors.MissingParameter as fault:
            field = operation.schema.fields[operation.schema.wire_names[fault.name.removesuffix(".1")]]
            found[fault.name] = example(field.inner if isinstance(field, fields.List) else field)
        else:
            return found


def mandatory(operation):
    """Return parameters for those fields that are required whatever the others say."""
    found = {}
    for name, field in operation.schema.fields.items():
        wire = spelling.alibaba(name)
        if field.required and isinstance(field, fields.List):
            found[f"{wire}.1"] = example(field.inner)
        elif field.required and not isinstance(field, fields.Objects):
            found[wire] = example(field)
    return found


def v1_query(client, params, method="GET"):
    return client.send(params, method)


def v1_form(client, params):
    return client.http.post("/", data=signer.query(params), content_type="application/x-www-form-urlencoded")


def assert_refusal(response, *expected):
    body = response.json
    assert response.content_type.startswith("application/json")
    assert body.get("Success") in (False, None)
    assert "Data" not in body
    assert body["Code"] in expected, body
    assert UUID.fullmatch(body.get("RequestID") or body.get("RequestId"))
    assert response.headers["X-Request-Id"] == (body.get("RequestID") or body.get("RequestId"))
    assert response.status_code >= 400


def tampered(action, params, defect):
    """Return V1 parameters with one thing wrong, and the codes that may say so."""
    right = signer.v1(KEY, action, **params)
    match defect:
        case "nothing":
            return {"Action": action, **params}, "MissingAccessKeyId"
        case "forged":
            return {**right, "Signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}, "SignatureDoesNotMatch"
        case "unsigned parameter":
            return {**right, "Extra": "1"}, "SignatureDoesNotMatch"
        case "unknown key":
            return signer.v1(("nobody", "testsecret"), action, **params), "InvalidAccessKeyId.NotFound"
        case "another's secret":
            return signer.v1((KEY[0], OTHER[1]), action, **params), "SignatureDoesNotMatch"
        case "expired":
            return signer.v1(KEY, action, seconds=1_600_000_000, **params), "InvalidTimeStamp.Expired"
        case "from the future":
            return signer.v1(KEY, action, seconds=4_000_000_000, **params), "InvalidTimeStamp.Expired"
        case "bad timestamp":
            return signer.v1(KEY, action, Timestamp="2026-01-02 03:04:05", **params), "InvalidTimeStamp.Format"
        case "other method":
            return signer.v1(KEY, action, SignatureMethod="HMAC-SHA256", **params), "InvalidSignatureMethod"
        case _:
            name = defect.removeprefix("no ")
            return {k: v for k, v in right.items() if k != name}, f"Missing{name}"


V1_DEFECTS = [
    *("nothing", "forged", "unsigned parameter", "unknown key", "another's secret", "expired", "from the future"),
    *("bad timestamp", "other method", "no AccessKeyId", "no SignatureMethod", "no SignatureNonce", "no Timestamp"),
    "no Signature",
]


@pytest.mark.parametrize(("operation", "defect"), some(OPERATIONS, V1_DEFECTS), ids=ids)
def test_v1_refuses_a_stranger(client, operation, defect):
    params, code = tampered(operation.name, required(operation), defect)
    assert_refusal(v1_query(client, params), code)


@pytest.mark.parametrize("defect", V1_DEFECTS)
def test_v1_in_a_form_refuses_a_stranger(client, defect):
    operation = OPERATIONS[0]
    params, code = tampered(operation.name, required(operation), defect)
    assert_refusal(v1_form(client, params), code)


V3_DEFECTS = {
    "forged": "SignatureDoesNotMatch",
    "unsigned parameter": "SignatureDoesNotMatch",
    "unknown key": "InvalidAccessKeyId.NotFound",
    "another's secret": "SignatureDoesNotMatch",
    "expired": "InvalidTimeStamp.Expired",
    "other host": "SignatureDoesNotMatch",
    "other action": "SignatureDoesNotMatch",
    "other body": "ContentSHA256NotMatched",
    "unreadable": "IncompleteSignature",
    "other algorithm": "InvalidSignatureMethod",
    "basic": "InvalidSignatureMethod",
    "two schemes": "ConflictingCredentials",
    "two keys": "ConflictingCredentials",
    "two tokens": "ConflictingCredentials",
    "no x-acs-date": "MissingTimestamp",
    "no x-acs-signature-nonce": "MissingSignatureNonce",
    "no x-acs-content-sha256": "MissingContentSha256",
    "no x-acs-action": "MissingAction",
    **{f"unsigned {name}": "IncompleteSignature" for name in ("host", "x-acs-date", "x-acs-action", "x-acs-version")},
    "unsigned x-acs-signature-nonce": "IncompleteSignature",
    "unsigned x-acs-content-sha256": "IncompleteSignature",
}


def v3_call(client, operation, defect):
    """Send a V3 request with one thing wrong."""
    params, query = required(operation), {}
    key = {"unknown key": ("nobody", KEY[1]), "another's secret": (KEY[0], OTHER[1])}.get(defect, KEY)
    seconds = 1_600_000_000 if defect == "expired" else None
    headers = signer.v3(key, operation.name, "gateway.test", seconds=seconds, **params)
    body = b""
    match defect.split(" ", 1):
        case ["forged"]:
            headers["Authorization"] = re.sub(r"Signature=.*", "Signature=" + "0" * 64, headers["Authorization"])
        case ["unsigned", "parameter"]:
            query = {"Extra": "1"}
        case ["unsigned", name]:
            headers["Authorization"] = headers["Authorization"].replace(f"{name};", "").replace(f";{name}", "")
        case ["no", name]:
            del headers[name]
        case ["other", "host"]:
            headers["host"] = "elsewhere.test"
        case ["other", "action"]:
            other = next(o.name for o in OPERATIONS if o is not operation)
            headers["x-acs-action"] = other
        case ["other", "body"]:
            body, headers["content-type"] = b"Extra=1", "application/x-www-form-urlencoded"
        case ["other", "algorithm"]:
            headers["Authorization"] = headers["Authorization"].replace("HMAC-SHA256", "HMAC-SM3")
        case ["unreadable"]:
            headers["Authorization"] = "ACS3-HMAC-SHA256 nonsense"
        case ["basic"]:
            headers["Authorization"] = "Basic dGVzdGlkOnRlc3RzZWNyZXQ="
        case ["two", "schemes"]:
            query = {"Signature": "x"}
        case ["two", "keys"]:
            query = {"AccessKeyId": OTHER[0]}
        case ["two", "tokens"]:
            query, headers["x-acs-security-token"] = {"SecurityToken": "a"}, "b"
    environ = {"HTTP_HOST": headers.pop("host")}
    url = "/?" + signer.query({**params, **query})
    return client.http.post(url, data=body, headers=headers, environ_overrides=environ)


@pytest.mark.parametrize(("operation", "defect"), some(OPERATIONS, list(V3_DEFECTS)), ids=ids)
def test_v3_refuses_a_stranger(client, operation, defect):
    assert_refusal(v3_call(client, operation, defect), V3_DEFECTS[defect])


@every_operation
def test_a_request_is_accepted_once(client, operation):
    params = signer.v1(KEY, operation.name, **required(operation))
    client.send(params)
    assert_refusal(client.send(params), "SignatureNonceUsed")


@every_operation
def test_a_v3_request_is_accepted_once(client, operation):
    params = required(operation)
    headers = signer.v3(KEY, operation.name, "gateway.test", **params)
    environ = {"HTTP_HOST": headers.pop("host")}
    url = "/?" + signer.query(params)
    client.http.post(url, headers=headers, environ_overrides=environ)
    assert_refusal(client.http.post(url, headers=headers, environ_overrides=environ), "SignatureNonceUsed")


def checked(operation):
    """Return an ill-formed value for each parameter of an operation that can be ill-formed."""
    found = {}
    for name, field in operation.schema.fields.items():
        inner = field.inner if isinstance(field, fields.List) else field
        if not isinstance(inner, (fields.Id, fields.Objects)):
            wire = spelling.alibaba(name) + (".1" if isinstance(field, fields.List) else "")
            found[wire] = "x" * (inner.longest + 1) if isinstance(inner, fields.Text) else "\u0661 "
    return found


@pytest.mark.parametrize("operation", [found for found in OPERATIONS if checked(found)], ids=ids)
def test_an_ill_formed_parameter_is_named_with_what_was_expected(client, operation):
    for name, bad in checked(operation).items():
        status, code, text = client.refused(operation.name, **{**required(operation), name: bad})
        assert (status, code) == (400, "InvalidParameter")
        assert text.startswith(f"The specified parameter {name} is not valid: expected ")


@every_operation
def test_every_id_may_be_spelled_in_two_ways_but_not_both_at_once(client, operation):
    for name in operation.schema.fields:
        one, two = spelling.alibaba(name), spelling.documented(name)
        if one != two:
            params = {**required(operation), one: "1", two: "1"}
            assert client.refused(operation.name, **params)[1] == "InvalidParameter"


def test_it_says_whose_api_has_it():
    tuya = (
        "GenerateOTAUploadURL CreateOTAFirmware ModifyOTAFirmware DeleteOTAFirmware ListOTAFirmware QueryOTAFirmware "
        "CreateOTAModule UpdateOTAModule DeleteOTAModule ListOTAModuleByProduct CreateOTAVerifyJob "
        "CreateOTAStaticUpgradeJob QueryOTAJob CancelOTATaskByJob CancelOTATaskByDevice ConfirmOTATask "
        "ListOTAJobByFirmware ListOTAJobByDevice ListOTATaskByJob ListOTAUnfinishedTaskByDevice "
        "ListOTAModuleVersionsByDevice QueryProduct QueryDeviceDetail"
    )
    ours = "PauseOTAJob ResumeOTAJob QueryOTADeviceTimeline ListAuditEvents"
    wanted = {operation.name: "Alibaba" for operation in OPERATIONS}
    wanted |= dict.fromkeys(tuya.split(), "Tuya and Alibaba") | dict.fromkeys(ours.split(), "otagw alone")
    assert {operation.name: operation.origin for operation in OPERATIONS} == wanted


@pytest.mark.parametrize(
    ("path", "made"),
    [
        ("docs/actions.md", reference.actions_page),
        ("docs/codes.md", reference.codes_page),
        ("docs/iotda-api.md", reference.iotda_page),
        ("docs/states.md", reference.states_page),
        ("otagw/db/schema.sql", reference.schema_text),
    ],
)
def test_generated_pages_are_up_to_date(path, made):
    assert (ROOT / path).read_text(encoding="utf-8") == made(), "run `make docs`"


@pytest.mark.parametrize("spelled", ["documented", "alibaba", "example"])
@pytest.mark.parametrize("xml", [False, True])
def test_every_answer_is_an_envelope_in_every_spelling(make_app, spelled, xml):
    client = Client(make_app(spelling=spelled))
    name = "requestId" if spelled == "example" else "RequestI"
    for operation in OPERATIONS:
        _assert_envelopes(client, operation, {"Format": "XML"} if xml else {}, name)


def _assert_envelopes(client, operation, more, name):
    """Check an answer of the operation, and a refusal before it."""
    params, xml = {**required(operation), **more}, bool(more)
    for response in (client(operation.name, **params), client(operation.name, Timestamp="x", **params)):
        assert response.content_type == ("text/xml;charset=utf-8" if xml else "application/json;charset=utf-8")
        assert name in response.text
        assert "<html" not in response.text.lower()
